//! Disputes: a buyer asks the bank, not the shop, for the money back. What a dispute does to the money is what a refund does,
//! only that the channel decides: the money is set aside when it begins, gone when it is lost, there again when it is won.

use super::{Payment, PaymentError, PaymentId, Refund, RefundId, RefundState, Tab};
use crate::id::{Entity, Id};
use crate::ledger::AccountKind;
use crate::money::Money;
use crate::order::OrderId;
use crate::port::{Claim, DisputeStanding, FeeOnRefund};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct Dispute {
    pub id: DisputeId,
    pub order: OrderId,
    pub payment: PaymentId,
    /// What it does to the money.
    pub refund: RefundId,
    pub channel: String,
    /// The channel's own number of it.
    pub channel_no: String,
    pub amount: Money,
    pub reason: String,
    pub state: DisputeState,
    /// What the shop says to it, once it has decided.
    pub answer: Option<DisputeAnswer>,
    /// What the shop shows to prove it, as JSON.
    pub evidence: String,
    /// Why the channel would not take the answer.
    pub failure: String,
    /// Until then the channel waits for an answer.
    pub due_at: Timestamp,
    /// When the answer is to be handed over, while it has to be.
    pub check_at: Option<Timestamp>,
    pub checks: u32,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub type DisputeId = Id<Dispute>;

impl Entity for Dispute {
    const PREFIX: &'static str = "dsp";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum DisputeState {
    /// Waits for the shop's answer.
    Open,
    /// The answer is to be handed over.
    Answering,
    /// The channel has the answer and decides.
    UnderReview,
    /// The shop keeps the money.
    Won,
    Lost,
}

impl DisputeState {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisputeAnswer {
    /// The buyer has no claim; the evidence shows why.
    Contest,
    /// The buyer is right.
    Accept,
}

/// Why the refund that a dispute is came to nothing.
const WON: &str = "the shop won the dispute";

impl Dispute {
    pub(crate) fn id_of(claim: &Claim) -> DisputeId {
        Id::following(claim.payment, &format!("dispute/{}", claim.channel_no))
    }

    pub(crate) fn refund_of(id: DisputeId) -> RefundId {
        Id::following(id, "refund")
    }

    fn new(claim: &Claim, payment: &Payment, now: Timestamp) -> Self {
        let id = Self::id_of(claim);
        let state = match claim.standing {
            DisputeStanding::Open | DisputeStanding::AnswerRefused { .. } => DisputeState::Open,
            DisputeStanding::UnderReview => DisputeState::UnderReview,
            DisputeStanding::Won => DisputeState::Won,
            DisputeStanding::Lost => DisputeState::Lost,
        };
        Self {
            id,
            order: payment.order,
            payment: payment.id,
            refund: Self::refund_of(id),
            channel: payment.channel.clone(),
            channel_no: claim.channel_no.clone(),
            amount: claim.amount,
            reason: claim.reason.chars().take(200).collect(),
            state,
            answer: None,
            evidence: String::new(),
            failure: String::new(),
            due_at: claim.due_at,
            check_at: None,
            checks: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the channel now says the opposite of what it had decided.
    fn contradicts(&self, standing: &DisputeStanding) -> bool {
        matches!(
            (self.state, standing),
            (DisputeState::Won, DisputeStanding::Lost) | (DisputeState::Lost, DisputeStanding::Won)
        )
    }

    /// Where it stands after what the channel says; none if that is nothing new.
    fn state_after(&self, standing: &DisputeStanding) -> Option<DisputeState> {
        match (self.state, standing) {
            (DisputeState::Won | DisputeState::Lost, _) => None,
            (_, DisputeStanding::Won) => Some(DisputeState::Won),
            (_, DisputeStanding::Lost) => Some(DisputeState::Lost),
            (DisputeState::Open | DisputeState::Answering, DisputeStanding::UnderReview) => {
                Some(DisputeState::UnderReview)
            }
            (DisputeState::Answering, DisputeStanding::AnswerRefused { .. }) => Some(DisputeState::Open),
            _ => None,
        }
    }

    /// Whether there is nothing to hear: neither news nor a contradiction.
    pub(crate) fn stands_as(&self, claim: &Claim) -> bool {
        claim.amount == self.amount && !self.contradicts(&claim.standing) && self.state_after(&claim.standing).is_none()
    }

    /// The shop has decided what to say.
    pub(crate) fn say(&mut self, answer: DisputeAnswer, evidence: String, now: Timestamp) {
        self.state = DisputeState::Answering;
        self.answer = Some(answer);
        self.evidence = evidence;
        self.failure.clear();
        self.checks = 0;
        self.check_at = Some(now);
        self.touch(now);
    }

    fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}

impl Tab {
    /// A dispute is heard of for the first time: the money is set aside, or whatever was decided meanwhile has happened. None
    /// while a refund of the same money is on its way, because only one of the two can have it; which, the channel will say.
    pub(crate) fn dispute(&mut self, claim: &Claim) -> Result<Option<Dispute>, PaymentError> {
        let place = self.payments.iter().position(|payment| payment.id == claim.payment);
        let place = place.ok_or(PaymentError::UnknownPayment)?;
        let payment = &self.payments[place];
        let dispute = Dispute::new(claim, payment, self.now);
        let refund = Refund {
            state: match dispute.state {
                DisputeState::Won => RefundState::Failed,
                DisputeState::Lost => RefundState::Refunded,
                DisputeState::Open | DisputeState::Answering | DisputeState::UnderReview => RefundState::Processing,
            },
            // What no order has earned yet goes back before what this one has.
            source: match payment.deposited.minor() >= claim.amount.minor() {
                true => AccountKind::Deposits,
                false => AccountKind::Merchant,
            },
            reason: dispute.reason.clone(),
            channel_no: claim.channel_no.clone(),
            ..Refund::new(dispute.refund, payment, claim.amount, self.now)
        };
        if dispute.state == DisputeState::Won {
            self.refunds.push(Refund { failure: WON.to_owned(), ..refund });
            return Ok(Some(dispute));
        }
        let left = payment.refundable();
        left.checked_sub(claim.amount)?;
        if claim.amount.minor() <= 0 || claim.amount.minor() > left.minor() {
            let could_be = (1..=payment.amount.minor()).contains(&claim.amount.minor());
            let mismatch = PaymentError::AmountMismatch { expected: left, got: claim.amount };
            return if could_be && !payment.refunding.is_zero() { Ok(None) } else { Err(mismatch) };
        }
        self.give(place, refund)?;
        Ok(Some(dispute))
    }

    /// What a channel says of a dispute that is known. `false` if that was known already.
    pub(crate) fn hear_of(
        &mut self,
        dispute: &mut Dispute,
        refund: &mut Refund,
        claim: &Claim,
    ) -> Result<bool, PaymentError> {
        if claim.amount != dispute.amount {
            return Err(PaymentError::AmountMismatch { expected: dispute.amount, got: claim.amount });
        }
        if dispute.contradicts(&claim.standing) {
            return Err(PaymentError::RefundContradicted { state: refund.state });
        }
        let Some(state) = dispute.state_after(&claim.standing) else { return Ok(false) };
        match state {
            // What a dispute costs a shop is never given back by its channel.
            DisputeState::Lost => drop(self.refunded(refund, &claim.channel_no, claim.amount, FeeOnRefund::Kept)?),
            DisputeState::Won => drop(self.refund_failed(refund, WON)?),
            DisputeState::Open | DisputeState::Answering | DisputeState::UnderReview => {}
        }
        if let DisputeStanding::AnswerRefused { reason } = &claim.standing {
            reason.clone_into(&mut dispute.failure);
        }
        dispute.state = state;
        dispute.check_at = None;
        dispute.touch(self.now);
        Ok(true)
    }
}
