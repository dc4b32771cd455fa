//! A payment company to practise with: it keeps its own books, signs what it says, does nothing twice under one id, and
//! misbehaves on demand. `zhanggui sandbox-pay` puts it on the network; the simulation talks to it directly.

mod channel;
mod dispute;
mod outbox;
pub mod wire;

pub use channel::{SandboxChannel, refund_standing_of, standing_of};
pub use dispute::{Complaint, ComplaintState, Verdict};
pub use outbox::Undelivered;

use crate::money::{Money, Rate, Round};
use crate::time::{DAY, Timestamp};
use outbox::Outbox;
use std::collections::{BTreeMap, VecDeque};
use wire::{Event, EventKind, Keys};

/// The code under which shops know the sandbox.
pub const SANDBOX: &str = "sandbox";

/// The company and everything it knows.
pub struct Provider {
    merchant: String,
    fee: Rate,
    keys: Keys,
    charges: BTreeMap<String, Charge>,
    returns: BTreeMap<String, Return>,
    complaints: BTreeMap<String, Complaint>,
    outbox: Outbox,
    faults: Vec<(Op, VecDeque<Fault>)>,
    sequence: u64,
}

/// A payment as the company has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub trade_no: String,
    pub channel_no: String,
    pub amount: Money,
    pub description: String,
    pub expires_at: Timestamp,
    pub state: ChargeState,
    pub paid_at: Timestamp,
    /// Where to tell the merchant.
    pub notify_url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ChargeState {
    Open,
    Paid,
    Closed,
}

/// A refund as the company has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    pub refund_no: String,
    pub trade_no: String,
    pub channel_no: String,
    pub amount: Money,
    pub done_at: Timestamp,
    /// Why not, if it was not done.
    pub failure: String,
}

/// A message on its way to a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub event_id: String,
    pub url: String,
    pub message: crate::port::RawNotification,
    pub due: Timestamp,
    pub tries: u32,
}

/// What the company can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Op {
    Create,
    Query,
    Close,
    Refund,
    QueryRefund,
    AnswerDispute,
    QueryDisputes,
    /// Telling the merchant.
    Notify,
}

/// How it can misbehave when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Fault {
    /// Does it, and the answer is lost.
    TimeoutAfterSuccess,
    /// The question is lost: nothing happens.
    Timeout,
    /// Answers 5xx; nothing happens.
    ServerError,
    /// Says no.
    Refuse,
    /// Tells the merchant five times.
    Duplicate,
    /// Tells the merchant an hour later.
    Late,
    /// Never tells the merchant.
    Silent,
    /// Somebody else tells the merchant, in its name.
    Forged,
    WrongAmount,
    WrongCurrency,
    WrongMerchant,
}

/// Why the company says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this number was used for another payment")]
    OtherContents,
    #[error("there is no such payment")]
    Unheard,
    #[error("the payment is {0}")]
    WrongState(ChargeState),
    #[error("the payment is over")]
    Expired,
    #[error("more than was paid")]
    TooMuch,
    #[error("another currency than was paid")]
    OtherCurrency,
    #[error("the sandbox was told to refuse")]
    OnDemand,
}

impl Provider {
    pub fn new(merchant: &str, fee: Rate, keys: Keys) -> Self {
        Self {
            merchant: merchant.to_owned(),
            fee,
            keys,
            charges: BTreeMap::new(),
            returns: BTreeMap::new(),
            complaints: BTreeMap::new(),
            outbox: Outbox::default(),
            faults: Vec::new(),
            sequence: 0,
        }
    }

    pub fn merchant(&self) -> &str {
        &self.merchant
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Misbehaves so the next times it does `op`.
    pub fn misbehave(&mut self, op: Op, faults: impl IntoIterator<Item = Fault>) {
        match self.faults.iter_mut().find(|(known, _)| *known == op) {
            Some((_, queue)) => queue.extend(faults),
            None => self.faults.push((op, faults.into_iter().collect())),
        }
    }

    /// The fault that is next for this operation, which is thereby used up.
    pub fn next_fault(&mut self, op: Op) -> Option<Fault> {
        self.faults.iter_mut().find(|(known, _)| *known == op).and_then(|(_, queue)| queue.pop_front())
    }

    /// Forgets the faults that were asked for and have not happened.
    pub fn behave(&mut self) {
        self.faults.clear();
    }

    pub fn create(&mut self, charge: Charge) -> Result<Charge, Refusal> {
        if let Some(known) = self.charges.get(&charge.trade_no) {
            let is_the_same = (known.amount, &known.description) == (charge.amount, &charge.description);
            return if is_the_same { Ok(known.clone()) } else { Err(Refusal::OtherContents) };
        }
        let charge = Charge { channel_no: self.number("T"), state: ChargeState::Open, ..charge };
        self.charges.insert(charge.trade_no.clone(), charge.clone());
        Ok(charge)
    }

    pub fn charge(&self, trade_no: &str) -> Option<&Charge> {
        self.charges.get(trade_no)
    }

    pub fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.charges.values()
    }

    pub fn returns(&self) -> impl Iterator<Item = &Return> {
        self.returns.values()
    }

    /// The shopper pays on the payment page.
    pub fn pay(&mut self, trade_no: &str, now: Timestamp) -> Result<(), Refusal> {
        let charge = self.charges.get_mut(trade_no).ok_or(Refusal::Unheard)?;
        if charge.state != ChargeState::Open {
            return Err(Refusal::WrongState(charge.state));
        }
        if charge.expires_at <= now {
            return Err(Refusal::Expired);
        }
        charge.state = ChargeState::Paid;
        charge.paid_at = now;
        let charge = charge.clone();
        let event_id = self.number("E");
        self.tell(&charge.notify_url, Event::paid(event_id, &self.merchant, &charge), now);
        Ok(())
    }

    /// Nobody can pay any more; a payment that is paid stays paid.
    pub fn close(&mut self, trade_no: &str) -> Option<&Charge> {
        let charge = self.charges.get_mut(trade_no)?;
        if charge.state == ChargeState::Open {
            charge.state = ChargeState::Closed;
        }
        Some(charge)
    }

    /// Gives money back, once for each number.
    pub fn refund(&mut self, wanted: Return, now: Timestamp) -> Result<Return, Refusal> {
        if let Some(known) = self.returns.get(&wanted.refund_no) {
            let is_the_same = (&known.trade_no, known.amount) == (&wanted.trade_no, wanted.amount);
            return if is_the_same { Ok(known.clone()) } else { Err(Refusal::OtherContents) };
        }
        let charge = self.charges.get(&wanted.trade_no).ok_or(Refusal::Unheard)?;
        if charge.state != ChargeState::Paid {
            return Err(Refusal::WrongState(charge.state));
        }
        if charge.amount.currency() != wanted.amount.currency() {
            return Err(Refusal::OtherCurrency);
        }
        if wanted.amount.minor() <= 0 || wanted.amount.minor() > self.left(charge).minor() {
            return Err(Refusal::TooMuch);
        }
        let url = charge.notify_url.clone();
        let done = Return { channel_no: self.number("R"), done_at: now, ..wanted };
        self.returns.insert(done.refund_no.clone(), done.clone());
        let event_id = self.number("E");
        self.tell(&url, Event::refunded(event_id, &self.merchant, &done), now);
        Ok(done)
    }

    /// What of a payment has neither gone back nor is claimed back.
    pub fn left(&self, charge: &Charge) -> Money {
        let returns = self.returns.values().filter(|back| back.trade_no == charge.trade_no && back.failure.is_empty());
        let claims = self.complaints.values().filter(|complaint| {
            complaint.trade_no == charge.trade_no && complaint.state != ComplaintState::MerchantWon
        });
        let back: i64 = returns.map(|back| back.amount.minor()).chain(claims.map(|claim| claim.amount.minor())).sum();
        Money::from_minor(charge.amount.minor() - back, charge.amount.currency())
    }

    pub fn returned(&self, refund_no: &str) -> Option<&Return> {
        self.returns.get(refund_no)
    }

    /// The messages that are due, each of which stays until [`Provider::delivered`].
    pub fn deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        self.outbox.due(&self.keys, now)
    }

    /// The merchant has answered: one message of this id is done with.
    pub fn delivered(&mut self, event_id: &str) {
        self.outbox.delivered(event_id);
    }

    pub fn undelivered(&self) -> impl Iterator<Item = &Undelivered> {
        self.outbox.undelivered()
    }

    /// The statement of the day that begins at `from`: everything that was done then, oldest first.
    pub fn statement(&self, from: Timestamp) -> String {
        let to = from.plus_micros(DAY);
        let batch = format!("B{}", from.day(0));
        let mut rows: Vec<(Timestamp, String)> = Vec::new();
        let mut add = |at: Timestamp, no: &str, channel_no: &str, kind: &str, amount: Money, fee: Money| {
            if at >= from && at < to {
                let (currency, amount, fee) = (amount.currency(), amount.amount(), fee.amount());
                rows.push((at, format!("{no},{channel_no},{kind},{amount},{fee},{currency},{at},{batch}")));
            }
        };
        for charge in self.charges.values().filter(|charge| charge.state == ChargeState::Paid) {
            // A fee that cannot be reckoned is larger than any amount there is.
            let fee = self.fee.of(charge.amount, Round::HalfUp).unwrap_or(charge.amount);
            add(charge.paid_at, &charge.trade_no, &charge.channel_no, "PAYMENT", charge.amount, fee);
        }
        for back in self.returns.values().filter(|back| back.failure.is_empty()) {
            let no_fee = Money::zero(back.amount.currency());
            add(back.done_at, &back.refund_no, &back.channel_no, "REFUND", back.amount, no_fee);
        }
        for lost in self.complaints.values().filter(|complaint| complaint.state == ComplaintState::BuyerWon) {
            // It has no number of the merchant's.
            add(lost.changed_at, "", &lost.dispute_no, "CHARGEBACK", lost.amount, Money::zero(lost.amount.currency()));
        }
        rows.sort();
        let heading = "merchant_order_no,channel_no,type,amount,fee,currency,completed_at,batch_no\n";
        rows.iter().fold(heading.to_owned(), |page, (_, row)| page + row + "\n")
    }

    fn tell(&mut self, url: &str, event: Event, now: Timestamp) {
        let fault = self.next_fault(Op::Notify);
        self.outbox.put(event, url, fault, now);
    }

    fn number(&mut self, prefix: &str) -> String {
        self.sequence += 1;
        format!("{prefix}{:010}", self.sequence)
    }
}

/// When the day `20261121` begins, by Greenwich.
pub fn start_of(day: &str) -> Option<Timestamp> {
    let (year, month, date) = (day.get(..4)?, day.get(4..6)?, day.get(6..)?);
    format!("{year}-{month}-{date}T00:00:00Z").parse().ok()
}

impl Event {
    fn paid(event_id: String, merchant: &str, charge: &Charge) -> Self {
        Self {
            event_id,
            kind: EventKind::PaymentPaid,
            merchant: merchant.to_owned(),
            no: charge.trade_no.clone(),
            channel_no: charge.channel_no.clone(),
            amount: charge.amount,
            at: charge.paid_at,
            claim: None,
        }
    }

    fn refunded(event_id: String, merchant: &str, back: &Return) -> Self {
        Self {
            event_id,
            kind: EventKind::RefundDone,
            merchant: merchant.to_owned(),
            no: back.refund_no.clone(),
            channel_no: back.channel_no.clone(),
            amount: back.amount,
            at: back.done_at,
            claim: None,
        }
    }
}
