//! What the sandbox was asked to do, one JSON line each: read again at the start, it makes the same books, number for number.

use super::wire::{NewPayment, NewRefund, Reply};
use crate::trouble::Trouble;
use commerce_core::money::Money;
use commerce_core::sandbox::{Charge, ChargeState, ComplaintState, Provider, Refusal, Return, Verdict};
use commerce_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Something the sandbox does to its books.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub(super) enum Step {
    Create(NewPayment),
    Pay {
        trade_no: String,
    },
    Close {
        trade_no: String,
    },
    Refund(NewRefund),
    /// A buyer wants money back.
    Complain {
        trade_no: String,
        amount: Money,
        reason: String,
    },
    Answer {
        dispute_no: String,
        #[serde(flatten)]
        reply: Reply,
    },
    Decide {
        dispute_no: String,
        verdict: Verdict,
    },
    /// A merchant has answered a notification.
    Told {
        event_id: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Line<S> {
    at: Timestamp,
    #[serde(flatten)]
    step: S,
}

/// Where the steps are kept, if they are.
#[derive(Default)]
pub(super) struct Journal {
    file: Option<File>,
    /// How many bytes of it are whole lines.
    whole: u64,
}

impl Step {
    /// Whether it changes anything. What is asked again is answered again, and not done again.
    pub(super) fn is_new(&self, provider: &Provider) -> bool {
        match self {
            Self::Create(payment) => provider.charge(&payment.trade_no).is_none(),
            Self::Close { trade_no } => {
                provider.charge(trade_no).is_some_and(|charge| charge.state == ChargeState::Open)
            }
            Self::Refund(refund) => provider.returned(&refund.refund_no).is_none(),
            Self::Answer { dispute_no, .. } => {
                provider.complaint(dispute_no).is_some_and(|complaint| complaint.state == ComplaintState::Open)
            }
            Self::Decide { dispute_no, .. } => {
                provider.complaint(dispute_no).is_some_and(|complaint| !complaint.state.is_decided())
            }
            Self::Pay { .. } | Self::Complain { .. } | Self::Told { .. } => true,
        }
    }

    pub(super) fn take(&self, provider: &mut Provider, at: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Create(payment) => provider.create(charge(payment)).map(drop),
            Self::Pay { trade_no } => provider.pay(trade_no, at),
            Self::Close { trade_no } => provider.close(trade_no).map(drop).ok_or(Refusal::Unheard),
            Self::Refund(refund) => provider.refund(back(refund), at).map(drop),
            Self::Complain { trade_no, amount, reason } => provider.complain(trade_no, *amount, reason, at).map(drop),
            Self::Answer { dispute_no, reply } => {
                provider.answer(dispute_no, reply.answer, &reply.evidence, at).map(drop)
            }
            Self::Decide { dispute_no, verdict } => provider.decide(dispute_no, *verdict, at).map(drop),
            Self::Told { event_id } => {
                provider.delivered(event_id);
                Ok(())
            }
        }
    }
}

impl Journal {
    /// Opens the journal and does again, on these books, what is in it. Faults were not written down: what was kept silent
    /// before is told after all.
    pub(super) fn open(path: Option<&Path>, provider: &mut Provider) -> Result<Self, Trouble> {
        let Some(path) = path else { return Ok(Self::default()) };
        let name = path.display();
        let unusable =
            |error| Trouble::say(format!("the journal {name} cannot be used: {error}; give another --journal"));
        let mut file = File::options().read(true).append(true).create(true).open(path).map_err(unusable)?;
        file.try_lock()
            .map_err(|_| Trouble::say(format!("another sandbox is writing {name}; give another --journal")))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(unusable)?;
        // A line without its end was being written when the sandbox died; nobody was answered for it.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(unusable)?;
        }
        for (i, line) in text[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            replay(line, provider).map_err(|why| {
                Trouble::say(format!(
                    "line {} of {name} cannot be read: {why}; correct it or give another --journal",
                    i + 1
                ))
            })?;
        }
        Ok(Self::going_on(file, whole as u64))
    }

    pub(super) fn going_on(file: File, whole: u64) -> Self {
        Self { file: Some(file), whole }
    }

    pub(super) fn note(&mut self, step: &Step, at: Timestamp) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(&Line { at, step })?;
        line.push(b'\n');
        // Half of a line that could not be written goes first.
        file.set_len(self.whole)?;
        file.write_all(&line)?;
        self.whole += line.len() as u64;
        Ok(())
    }
}

fn replay(line: &[u8], provider: &mut Provider) -> serde_json::Result<()> {
    let Line { at, step } = serde_json::from_slice::<Line<Step>>(line)?;
    if matches!(step, Step::Told { .. }) {
        // Nobody is told again; what was sent then counts as sent.
        drop(provider.deliveries(at));
    }
    // What was refused then is refused again.
    drop(step.take(provider, at));
    Ok(())
}

fn charge(payment: &NewPayment) -> Charge {
    Charge {
        trade_no: payment.trade_no.clone(),
        channel_no: String::new(),
        amount: payment.amount,
        description: payment.description.clone(),
        expires_at: payment.expires_at,
        state: ChargeState::Open,
        paid_at: Timestamp::from_micros(0),
        notify_url: payment.notify_url.clone(),
    }
}

fn back(refund: &NewRefund) -> Return {
    Return {
        refund_no: refund.refund_no.clone(),
        trade_no: refund.trade_no.clone(),
        channel_no: String::new(),
        amount: refund.amount,
        done_at: Timestamp::from_micros(0),
        failure: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_line_that_could_not_be_written_makes_room_for_the_next() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("journal");
        let mut file = File::options().append(true).create(true).open(&path).expect("a file");
        let mut journal = Journal::going_on(file.try_clone().expect("a second hand"), 0);
        let told = |event_id: &str| Step::Told { event_id: event_id.to_owned() };
        let now = Timestamp::from_micros(0);
        journal.note(&told("E-1"), now).expect("it is written");
        file.write_all(b"{\"at\":\"1970-").expect("the disk was nearly full");
        journal.note(&told("E-2"), now).expect("it is written");
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let numbers: Vec<&str> = text.lines().map(|line| &line[line.len() - 5..line.len() - 2]).collect();
        assert_eq!(numbers, ["E-1", "E-2"], "{text}");
    }
}
