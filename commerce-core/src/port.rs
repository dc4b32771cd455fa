//! What the shop needs from outside and others provide.

use crate::money::{Money, Rate};
use crate::payment::{DisputeAnswer, PaymentId, RefundId};
use crate::time::Timestamp;
use std::pin::Pin;

/// An answer that is awaited through a `dyn` trait.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChannelError>> + Send + 'a>>;

/// A way to take money: a payment company, as this shop is connected to it.
///
/// Every request carries our own id, and a channel does nothing twice under one id; that is what makes it safe to ask
/// again after an answer got lost.
pub trait PaymentChannel: Send + Sync {
    fn terms(&self) -> &Terms;

    /// Opens a payment: the shopper can pay from now on.
    fn create<'a>(&'a self, request: &'a PaymentRequest) -> Answer<'a, Started>;

    fn query(&self, payment: PaymentId) -> Answer<'_, Standing>;

    /// Sees to it that nobody can pay any more; says how the payment stands then.
    fn close(&self, payment: PaymentId) -> Answer<'_, Standing>;

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Answer<'a, RefundStanding>;

    fn query_refund(&self, refund: RefundId) -> Answer<'_, RefundStanding>;

    /// Hands over what the shop says to a dispute; says how that stands then.
    fn answer_dispute<'a>(&'a self, reply: &'a DisputeReply) -> Answer<'a, DisputeStanding>;

    /// All disputes that began or were decided since then.
    fn disputes(&self, since: Timestamp) -> Answer<'_, Vec<Claim>>;

    /// Checks who speaks, then reads what is said. Nothing of a message that fails the check may be used.
    fn read_notification(&self, message: &RawNotification, now: Timestamp) -> Result<Notification, Forged>;

    /// The statement of one day (`20261121`), as the channel's file.
    fn statement<'a>(&'a self, day: &'a str) -> Answer<'a, Vec<u8>>;
}

/// What was agreed with a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The name by which orders, accounts and statements know the channel: `sandbox`.
    pub code: String,
    /// Who the shop is to the channel.
    pub merchant: String,
    pub fee: Rate,
    pub fee_on_refund: FeeOnRefund,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeOnRefund {
    Kept,
    /// In proportion to what is refunded.
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    pub payment: PaymentId,
    pub amount: Money,
    /// What the shopper reads on the payment page.
    pub subject: String,
    pub expires_at: Timestamp,
}

/// An open payment: where the shopper goes to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub channel_no: String,
    pub pay_url: String,
}

/// How a payment stands at its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The channel has never heard of it.
    Unheard,
    Open,
    Paid(Receipt),
    Failed {
        reason: String,
    },
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub channel_no: String,
    pub merchant: String,
    pub amount: Money,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    pub refund: RefundId,
    pub payment: PaymentId,
    pub amount: Money,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStanding {
    Unheard,
    Processing,
    Refunded { channel_no: String, amount: Money },
    Failed { reason: String },
}

/// A buyer wants money back from the bank: what the channel says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub payment: PaymentId,
    /// The channel's number of the dispute.
    pub channel_no: String,
    pub amount: Money,
    pub reason: String,
    /// Until then the channel waits for the shop's answer.
    pub due_at: Timestamp,
    pub standing: DisputeStanding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeStanding {
    /// The channel waits for an answer.
    Open,
    /// The answer was not taken; another one may be.
    AnswerRefused {
        reason: String,
    },
    /// The channel has the answer and decides.
    UnderReview,
    /// The shop keeps the money.
    Won,
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeReply {
    pub channel_no: String,
    pub answer: DisputeAnswer,
    /// What the shop knows about the order, as JSON.
    pub evidence: String,
}

/// Takes what the shop tells to those who asked to be told.
pub trait Courier: Send + Sync {
    /// Hands over a letter once and says what came of it, within half a minute: after a minute somebody else may send it again.
    ///
    /// The address was given by somebody of the shop, and may be meant for the courier's own neighbours. So a courier
    /// resolves the name itself, refuses every address that is not on the open internet (private, loopback, link-local,
    /// multicast, metadata services), connects to the very address that it looked at, follows no redirect and uses no proxy.
    fn deliver<'a>(&'a self, letter: &'a Letter) -> Handover<'a>;
}

pub type Handover<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A POST request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// What came of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `body` is how the answer begins, 1 KiB at most: for people who look into it.
    Answered { status: u16, body: String },
    /// It may or may not have arrived.
    NoAnswer { reason: String },
}

/// A message as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawNotification {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl RawNotification {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A message that its channel really sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The channel's own id of the message: the same message may come any number of times.
    pub event_id: String,
    pub news: News,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Payment { payment: PaymentId, standing: Standing },
    Refund { refund: RefundId, standing: RefundStanding },
    Dispute(Claim),
}

impl News {
    /// What a buyer claims, if that is what it is about.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Dispute(claim) => Some(claim),
            Self::Payment { .. } | Self::Refund { .. } => None,
        }
    }
}

/// Why a message is not believed. Such a message leaves no trace but a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the signature is missing or wrong")]
    Signature,
    #[error("the message is too old or from the future")]
    Stale,
    #[error("the message cannot be read")]
    Unreadable,
}

/// Why a channel did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// No answer: it may or may not have happened. Ask again under the same id.
    #[error("the payment channel did not answer ({0})")]
    NoAnswer(String),
    /// A clear no: it has not happened and will not.
    #[error("the payment channel refused: {0}")]
    Refused(String),
}
