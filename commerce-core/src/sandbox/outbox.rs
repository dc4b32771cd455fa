//! What the company tells its merchants, until they have answered.

use super::wire::{Event, Keys};
use super::{Delivery, Fault};
use crate::money::{Currency, Money};
use crate::time::{DAY, HOUR, SECOND, Timestamp};

#[derive(Default)]
pub(super) struct Outbox(Vec<Undelivered>);

/// A message that no merchant has answered yet.
pub struct Undelivered {
    pub event: Event,
    pub url: String,
    /// When it is sent next.
    pub due: Timestamp,
    /// How often it was sent.
    pub tries: u32,
    sender: Sender,
}

#[derive(Clone, Copy)]
enum Sender {
    Company,
    /// Somebody without the company's key.
    Stranger,
}

impl Outbox {
    pub(super) fn put(&mut self, event: Event, url: &str, fault: Option<Fault>, now: Timestamp) {
        let mut event = event;
        let (mut copies, mut due, mut sender) = (1, now, Sender::Company);
        match fault {
            // What a buyer claims is what the company says it is: no merchant could tell.
            Some(Fault::WrongAmount | Fault::WrongCurrency) if event.claim.is_some() => {}
            Some(Fault::Silent) => return,
            Some(Fault::Duplicate) => copies = 5,
            Some(Fault::Late) => due = now.plus_micros(HOUR),
            Some(Fault::Forged) => sender = Sender::Stranger,
            Some(Fault::WrongAmount) => event.amount = off_by_one(event.amount),
            Some(Fault::WrongCurrency) => event.amount = in_other_currency(event.amount),
            Some(Fault::WrongMerchant) => event.merchant.push('x'),
            _ => {}
        }
        for _ in 0..copies {
            self.0.push(Undelivered { event: event.clone(), url: url.to_owned(), due, tries: 0, sender });
        }
    }

    /// The messages that are due. Each is signed anew: a signature is believed for a few minutes only.
    pub(super) fn due(&mut self, keys: &Keys, now: Timestamp) -> Vec<Delivery> {
        let mut due = Vec::new();
        for waiting in self.0.iter_mut().filter(|waiting| waiting.due <= now) {
            waiting.tries += 1;
            // Ten seconds, then twice as long each time, up to a day.
            let wait = (10 * SECOND).saturating_mul(1 << waiting.tries.min(16)).min(DAY);
            waiting.due = now.plus_micros(wait);
            due.push(waiting.signed(keys, now));
        }
        due
    }

    pub(super) fn delivered(&mut self, event_id: &str) {
        let is_done = |waiting: &Undelivered| waiting.event.event_id == event_id && waiting.tries > 0;
        if let Some(i) = self.0.iter().position(is_done) {
            self.0.remove(i);
        }
    }

    pub(super) fn undelivered(&self) -> impl Iterator<Item = &Undelivered> {
        self.0.iter()
    }
}

impl Undelivered {
    fn signed(&self, keys: &Keys, now: Timestamp) -> Delivery {
        let message = match self.sender {
            Sender::Company => keys.sign_event(&self.event, now),
            Sender::Stranger => keys.forge(&self.event, now),
        };
        let (event_id, url) = (self.event.event_id.clone(), self.url.clone());
        Delivery { event_id, url, message, due: self.due, tries: self.tries }
    }
}

fn off_by_one(amount: Money) -> Money {
    Money::from_minor(amount.minor() - 1, amount.currency())
}

fn in_other_currency(amount: Money) -> Money {
    let other = if amount.currency() == Currency::USD { Currency::CNY } else { Currency::USD };
    Money::from_minor(amount.minor(), other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wire::{EventKind, keys_from};
    use crate::time::MINUTE;

    #[test]
    fn a_message_that_is_sent_again_is_believed_again() {
        let (keys, merchant_keys) = keys_from("secret");
        let event = Event {
            event_id: "E1".to_owned(),
            kind: EventKind::PaymentPaid,
            merchant: "M-1".to_owned(),
            no: "pay_0190b4b1c2d34e5f8a9b0c1d2e3f4a5b".to_owned(),
            channel_no: "T1".to_owned(),
            amount: Money::from_minor(1, Currency::CNY),
            at: Timestamp::from_micros(0),
            claim: None,
        };
        let mut outbox = Outbox::default();
        outbox.put(event, "", None, Timestamp::from_micros(0));
        for minutes in [0, 10, 60] {
            let now = Timestamp::from_micros(minutes * MINUTE);
            let sent = outbox.due(&keys, now).remove(0);
            assert_eq!(
                merchant_keys.read_notification(&sent.message, now).map(|read| read.event_id),
                Ok("E1".to_owned())
            );
        }
        outbox.delivered("E1");
        assert_eq!(outbox.undelivered().count(), 0);
    }
}
