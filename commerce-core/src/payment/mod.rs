//! Payments and refunds: what was tried, what came in, what goes back.
//!
//! An order may be paid by several payments (gift cards and one channel at a time), and now and then it is paid twice. The
//! rule for all of it is in [`Tab`]: what comes in is kept as long as the order needs it, and what it does not need goes
//! back the way it came.

mod dispute;
mod error;
mod tab;

pub use dispute::{Dispute, DisputeAnswer, DisputeId, DisputeState};
pub use error::PaymentError;
pub(crate) use tab::Cause;
pub use tab::Tab;

use crate::after_sale::CaseId;
use crate::id::{Entity, Id};
use crate::ledger::{Account, AccountKind, Purpose, Transfer};
use crate::money::Money;
use crate::order::OrderId;
use crate::port::Terms;
use crate::time::{MINUTE, SECOND, Timestamp};

/// Money handed over outside every channel: cash, a bank transfer.
pub const COUNTER: &str = "counter";
pub const GIFT_CARD: &str = "gift_card";
/// Money that a platform took before the order came to us.
pub const ELSEWHERE: &str = "elsewhere";

/// One attempt to pay for an order, by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub channel: String,
    pub card: Option<GiftCardId>,
    pub state: PaymentState,
    pub amount: Money,
    /// On its way back.
    pub refunding: Money,
    /// Arrived back.
    pub refunded: Money,
    /// Captured, and not earned by the order (yet).
    pub deposited: Money,
    pub fee: Money,
    pub fee_returned: Money,
    /// The channel's own number of it.
    pub channel_no: String,
    pub pay_url: String,
    pub failure: String,
    pub expires_at: Timestamp,
    /// When the channel is to be asked how it stands, while that is open.
    pub check_at: Option<Timestamp>,
    pub checks: u32,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub type PaymentId = Id<Payment>;

impl Entity for Payment {
    const PREFIX: &'static str = "pay";
}

/// `FAILED`, `CLOSED` and `REFUNDED` are left by nothing; what was paid is never unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// Ours; the channel may not know it yet.
    Unpaid,
    /// The channel waits for the shopper, or a gift card for the rest of the money.
    Paying,
    Paid,
    PartiallyRefunded,
    Refunded,
    Failed,
    Closed,
}

impl PaymentState {
    /// Nothing is decided yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unpaid | Self::Paying)
    }

    pub fn is_captured(self) -> bool {
        matches!(self, Self::Paid | Self::PartiallyRefunded | Self::Refunded)
    }
}

impl Payment {
    pub fn new(id: PaymentId, order: OrderId, channel: &str, amount: Money, now: Timestamp) -> Self {
        let zero = Money::zero(amount.currency());
        Self {
            id,
            order,
            channel: channel.to_owned(),
            card: None,
            state: PaymentState::Unpaid,
            amount,
            refunding: zero,
            refunded: zero,
            deposited: zero,
            fee: zero,
            fee_returned: zero,
            channel_no: String::new(),
            pay_url: String::new(),
            failure: String::new(),
            expires_at: now,
            check_at: None,
            checks: 0,
            version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether money goes in and out by our own books alone, without asking anybody.
    pub fn is_our_own(&self) -> bool {
        matches!(self.channel.as_str(), COUNTER | GIFT_CARD | ELSEWHERE)
    }

    /// What could still be given back.
    pub fn refundable(&self) -> Money {
        let left = self.amount.minor() - self.refunding.minor() - self.refunded.minor();
        let is_captured = self.state.is_captured();
        Money::from_minor(if is_captured { left } else { 0 }, self.amount.currency())
    }

    /// Where the money of this payment lies: with its channel, or on a gift card.
    pub fn account(&self) -> Account {
        match self.card {
            Some(card) => AccountKind::GiftCard.of(card),
            None => AccountKind::Clearing.of(&self.channel),
        }
    }

    /// The pending transfer by which a gift card promises its part.
    pub(crate) fn authorisation(&self) -> Transfer {
        let id = Id::following(self.id, "authorise");
        Transfer::single(id, self.account(), AccountKind::Deposits.own(), self.amount, Purpose::Authorise)
            .about(self.id, self.created_at)
            .pending(None)
    }

    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}

/// Money on its way back to a shopper, by the way it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    pub id: RefundId,
    pub order: OrderId,
    pub payment: PaymentId,
    pub state: RefundState,
    pub amount: Money,
    /// Taken from what the shop earned, or from what no order earned.
    pub source: AccountKind,
    pub reason: String,
    /// The after-sale case it belongs to.
    pub case: Option<CaseId>,
    /// Who asked for it, where a second person has to look at it first.
    pub asked_by: String,
    pub channel_no: String,
    pub failure: String,
    pub check_at: Option<Timestamp>,
    pub checks: u32,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub type RefundId = Id<Refund>;

impl Entity for Refund {
    const PREFIX: &'static str = "ref";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// Waits for a second pair of eyes.
    #[strum(serialize = "REFUND_REQUESTED")]
    Requested,
    /// To be sent to the channel.
    #[strum(serialize = "REFUND_APPROVED")]
    Approved,
    /// Sent; what became of it is asked until it is known.
    #[strum(serialize = "REFUND_PROCESSING")]
    Processing,
    Refunded,
    #[strum(serialize = "REFUND_FAILED")]
    Failed,
}

impl RefundState {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refunded | Self::Failed)
    }
}

impl Refund {
    /// One that the channel is to be asked for.
    pub(crate) fn new(id: RefundId, payment: &Payment, amount: Money, now: Timestamp) -> Self {
        Self {
            id,
            order: payment.order,
            payment: payment.id,
            state: RefundState::Approved,
            amount,
            source: AccountKind::Merchant,
            reason: String::new(),
            case: None,
            asked_by: String::new(),
            channel_no: String::new(),
            failure: String::new(),
            check_at: None,
            checks: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The pending transfer that sets the money aside until the channel has given it back.
    pub(crate) fn reservation(&self, to: Account) -> Transfer {
        Transfer::single(Id::following(self.id, "refund"), self.source.own(), to, self.amount, Purpose::Refund)
            .about(self.id, self.created_at)
            .pending(None)
    }

    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}

/// A gift card; what it is worth stands in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct GiftCard {
    pub id: GiftCardId,
    /// The last characters of its code, to tell cards apart.
    pub tail: String,
    pub amount: Money,
    pub expires_at: Timestamp,
}

pub type GiftCardId = Id<GiftCard>;

impl Entity for GiftCard {
    const PREFIX: &'static str = "gft";
}

/// How a shopper wants to pay. Several gift cards may pay a part each, one channel pays the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    GiftCard { code: String },
    Channel { code: String },
}

/// How an order as a whole is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum PaymentStatus {
    Unpaid,
    Paying,
    Paid,
    Failed,
    Closed,
    PartiallyRefunded,
    Refunded,
}

/// What a channel takes for a payment of `amount`.
pub(crate) fn fee(terms: &Terms, amount: Money) -> Result<Money, crate::money::MoneyError> {
    terms.fee.of(amount, crate::money::Round::HalfUp)
}

/// How long to wait before asking for the so-many-eth time: soon at first, never longer than ten minutes.
pub(crate) fn patience(checks: u32) -> i64 {
    match checks {
        0 => 10 * SECOND,
        1 => 30 * SECOND,
        2 => MINUTE,
        3 => 3 * MINUTE,
        _ => 10 * MINUTE,
    }
}

#[cfg(test)]
mod tests;
