//! The company at work: its books, the journal beside them, and the faults it was told to have.

use super::Agreement;
use super::journal::{Journal, Step};
use super::problem::Problem;
use crate::trouble::Trouble;
use commerce_core::money::Rate;
use commerce_core::sandbox::{Charge, Delivery, Fault, Op, Provider, wire};
use commerce_core::time::{Clock, SystemClock, Timestamp};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Longer than any client waits.
const NEVER: Duration = Duration::from_secs(60);
/// How often the outbox is looked through when nothing happens.
const ROUND: Duration = Duration::from_millis(500);

/// Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Company(Arc<Office>);

struct Office {
    books: Mutex<Books>,
    /// Where it is on the network.
    address: String,
    news: Notify,
}

pub(super) struct Books {
    pub(super) provider: Provider,
    journal: Journal,
}

impl Company {
    pub(super) fn open(agreement: &Agreement, journal: Option<&Path>, address: String) -> Result<Self, Trouble> {
        let (keys, _) = wire::keys_from(&agreement.secret);
        let mut provider = Provider::new(&agreement.merchant, Rate::from_basis_points(agreement.fee_bp), keys);
        let journal = Journal::open(journal, &mut provider)?;
        let books = Mutex::new(Books { provider, journal });
        Ok(Self(Arc::new(Office { books, address, news: Notify::new() })))
    }

    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Where the shopper pays.
    pub(super) fn pay_url(&self, charge: &Charge) -> String {
        format!("{}/pay/{}", self.0.address, charge.trade_no)
    }

    pub(super) fn misbehave(&self, op: Op, faults: impl IntoIterator<Item = Fault>) {
        self.books().provider.misbehave(op, faults);
    }

    pub(super) fn behave(&self) {
        self.books().provider.behave();
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Provider) -> T) -> T {
        look(&self.books().provider)
    }

    /// Does what a merchant asks, or misbehaves instead: then perhaps nobody ever gets the answer.
    pub(super) async fn ask<T>(
        &self,
        op: Op,
        work: impl FnOnce(&mut Books, Timestamp) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        match self.answer(op, work) {
            Some(answer) => answer,
            None => {
                tokio::time::sleep(NEVER).await;
                Err(Problem::TooLate)
            }
        }
    }

    fn answer<T>(
        &self,
        op: Op,
        work: impl FnOnce(&mut Books, Timestamp) -> Result<T, Problem>,
    ) -> Option<Result<T, Problem>> {
        let mut books = self.books();
        let fault = books.provider.next_fault(op);
        match fault {
            Some(Fault::Timeout) => return None,
            Some(Fault::ServerError) => return Some(Err(Problem::OnDemand)),
            Some(Fault::Refuse) => return Some(Err(commerce_core::sandbox::Refusal::OnDemand.into())),
            _ => {}
        }
        let answer = work(&mut books, self.now());
        self.0.news.notify_one();
        if fault == Some(Fault::TimeoutAfterSuccess) { None } else { Some(answer) }
    }

    /// Does what the shopper asks.
    pub(super) fn take(&self, step: Step) -> Result<(), Problem> {
        let done = self.books().take(step, self.now());
        self.0.news.notify_one();
        done
    }

    /// The messages to be sent now.
    pub(super) fn due(&self) -> Vec<Delivery> {
        self.books().provider.deliveries(self.now())
    }

    /// Until there may be something to send.
    pub(super) async fn news(&self) {
        // A retry that falls due is no news to anybody but the clock.
        drop(tokio::time::timeout(ROUND, self.0.news.notified()).await);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Writes it down and does it: what cannot be written down is not done.
    pub(super) fn take(&mut self, step: Step, now: Timestamp) -> Result<(), Problem> {
        if step.is_new(&self.provider) {
            self.journal.note(&step, now).map_err(Problem::Journal)?;
        }
        Ok(step.take(&mut self.provider, now)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::NewPayment;
    use super::*;
    use commerce_core::money::{Currency, Money};

    #[test]
    fn what_cannot_be_written_down_is_not_done() {
        let (keys, _) = wire::keys_from("test");
        let provider = Provider::new("M-1", Rate::from_basis_points(60), keys);
        // A file that was opened for reading takes no line.
        let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
        let mut books = Books { provider, journal: Journal::going_on(file, 0) };
        let payment = NewPayment {
            trade_no: "P-1".into(),
            amount: Money::from_minor(100, Currency::CNY),
            description: "茶".into(),
            expires_at: Timestamp::from_micros(1),
            notify_url: String::new(),
        };
        for _ in 0..2 {
            let refused = books.take(Step::Create(payment.clone()), Timestamp::from_micros(0));
            assert!(matches!(refused, Err(Problem::Journal(_))), "{refused:?}");
            assert!(books.provider.charge("P-1").is_none());
        }
    }
}
