//! Buyers who ask the company, as their bank, for their money back.

use super::{ChargeState, Provider, Refusal};
use crate::money::Money;
use crate::payment::DisputeAnswer;
use crate::port::{Claim, DisputeStanding};
use crate::sandbox::wire::{ClaimTerms, Event, EventKind};
use crate::time::{DAY, Timestamp};

/// How long a merchant has to answer.
const ANSWERED_WITHIN: i64 = 7 * DAY;

/// A buyer's complaint as the company has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub dispute_no: String,
    pub trade_no: String,
    pub amount: Money,
    pub reason: String,
    pub due_at: Timestamp,
    pub state: ComplaintState,
    /// What the merchant has shown.
    pub evidence: String,
    /// When it began, or was decided.
    pub changed_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ComplaintState {
    /// The merchant is to answer.
    Open,
    UnderReview,
    MerchantWon,
    BuyerWon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    MerchantWins,
    BuyerWins,
}

impl ComplaintState {
    /// In the words of the port.
    pub fn standing(self) -> DisputeStanding {
        match self {
            Self::Open => DisputeStanding::Open,
            Self::UnderReview => DisputeStanding::UnderReview,
            Self::MerchantWon => DisputeStanding::Won,
            Self::BuyerWon => DisputeStanding::Lost,
        }
    }

    pub fn is_decided(self) -> bool {
        matches!(self, Self::MerchantWon | Self::BuyerWon)
    }
}

impl Complaint {
    /// In the words of the port; none if the payment is not one of a shop of ours.
    pub fn claim(&self) -> Option<Claim> {
        Some(Claim {
            payment: self.trade_no.parse().ok()?,
            channel_no: self.dispute_no.clone(),
            amount: self.amount,
            reason: self.reason.clone(),
            due_at: self.due_at,
            standing: self.state.standing(),
        })
    }
}

impl Provider {
    /// A buyer wants money back.
    pub fn complain(
        &mut self,
        trade_no: &str,
        amount: Money,
        reason: &str,
        now: Timestamp,
    ) -> Result<Complaint, Refusal> {
        let charge = self.charges.get(trade_no).ok_or(Refusal::Unheard)?;
        if charge.state != ChargeState::Paid {
            return Err(Refusal::WrongState(charge.state));
        }
        if charge.amount.currency() != amount.currency() {
            return Err(Refusal::OtherCurrency);
        }
        if amount.minor() <= 0 || amount.minor() > self.left(charge).minor() {
            return Err(Refusal::TooMuch);
        }
        let complaint = Complaint {
            dispute_no: self.number("D"),
            trade_no: trade_no.to_owned(),
            amount,
            reason: reason.to_owned(),
            due_at: now.plus_micros(ANSWERED_WITHIN),
            state: ComplaintState::Open,
            evidence: String::new(),
            changed_at: now,
        };
        self.complaints.insert(complaint.dispute_no.clone(), complaint.clone());
        self.tell_of(&complaint, EventKind::DisputeOpened, now);
        Ok(complaint)
    }

    /// The merchant says what it has to say, once.
    pub fn answer(
        &mut self,
        dispute_no: &str,
        answer: DisputeAnswer,
        evidence: &str,
        now: Timestamp,
    ) -> Result<ComplaintState, Refusal> {
        let complaint = self.complaints.get_mut(dispute_no).ok_or(Refusal::Unheard)?;
        if complaint.state != ComplaintState::Open {
            return Ok(complaint.state);
        }
        if complaint.due_at < now {
            return Err(Refusal::Expired);
        }
        evidence.clone_into(&mut complaint.evidence);
        match answer {
            DisputeAnswer::Contest => complaint.state = ComplaintState::UnderReview,
            DisputeAnswer::Accept => return self.decide(dispute_no, Verdict::BuyerWins, now),
        }
        Ok(ComplaintState::UnderReview)
    }

    /// The company decides, once.
    pub fn decide(&mut self, dispute_no: &str, verdict: Verdict, now: Timestamp) -> Result<ComplaintState, Refusal> {
        let complaint = self.complaints.get_mut(dispute_no).ok_or(Refusal::Unheard)?;
        if complaint.state.is_decided() {
            return Ok(complaint.state);
        }
        let (state, kind) = match verdict {
            Verdict::MerchantWins => (ComplaintState::MerchantWon, EventKind::DisputeWon),
            Verdict::BuyerWins => (ComplaintState::BuyerWon, EventKind::DisputeLost),
        };
        complaint.state = state;
        complaint.changed_at = now;
        let decided = complaint.clone();
        self.tell_of(&decided, kind, now);
        Ok(state)
    }

    pub fn complaint(&self, dispute_no: &str) -> Option<&Complaint> {
        self.complaints.get(dispute_no)
    }

    pub fn complaints_since(&self, since: Timestamp) -> impl Iterator<Item = &Complaint> {
        self.complaints.values().filter(move |complaint| complaint.changed_at >= since)
    }

    pub fn complaints(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.values()
    }

    fn tell_of(&mut self, complaint: &Complaint, kind: EventKind, now: Timestamp) {
        let Some(charge) = self.charges.get(&complaint.trade_no) else { return };
        let url = charge.notify_url.clone();
        let event = Event {
            event_id: self.number("E"),
            kind,
            merchant: self.merchant.clone(),
            no: complaint.trade_no.clone(),
            channel_no: complaint.dispute_no.clone(),
            amount: complaint.amount,
            at: now,
            claim: Some(ClaimTerms { reason: complaint.reason.clone(), due_at: complaint.due_at }),
        };
        self.tell(&url, event, now);
    }
}
