//! Does the channel say what our books say? A payment channel's statement is read by a [`StatementFormat`], matched with
//! what we [`Expected`] to find in it, and what does not agree becomes a [`Difference`]: why, and what to do about it.
//!
//! [`reconcile`] looks for the same thing under the same number first, then for one paid in several rows or several
//! settled in one, and only then calls something wrong. Every row ends in exactly one match or difference, everything
//! expected in exactly one match, difference or [`Outcome::awaited`].

mod fault;
mod format;
mod links;
mod matching;
mod sheet;
mod ticket;

pub use fault::{FormatFault, RowFault, RowProblem, StatementError};
pub use format::{AmountUnit, Charset, RefundSign, StatementColumns, StatementFormat, TimeFormat};
pub use matching::reconcile;
pub use sheet::read_statement;
pub use ticket::{ReconcileError, Resolution, Ticket, TicketId, TicketStatus};

use crate::ledger::hex;
use crate::money::Money;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RowKind {
    Payment,
    Refund,
    Adjustment,
}

/// One row of a channel's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// As a text editor counts.
    pub line: u32,
    pub kind: RowKind,
    /// The number we gave the channel; empty where it keeps none.
    pub our_no: String,
    pub channel_no: String,
    /// What rows have in common: a settlement batch, a parent number. Empty where there is none. It is for people: a sum over a
    /// batch would let two errors in it cancel out.
    pub reference: String,
    /// The kind says which way the money went; only of an adjustment the sign does, negative where the channel took it.
    pub amount: Money,
    /// Negative where the channel gives its fee back.
    pub fee: Money,
    pub at: Timestamp,
}

impl StatementRow {
    /// What the row says, wherever in a file it stands.
    fn digest(&self) -> [u8; 32] {
        let (kind, amount, fee) = (self.kind.to_string(), self.amount.to_string(), self.fee.to_string());
        let at = self.at.to_string();
        let fields = [&kind, &self.our_no, &self.channel_no, &self.reference, &amount, &fee, &at];
        // With its length before it, no field can pass for the end of another.
        let content: String = fields.iter().map(|field| format!("{}:{field},", field.len())).collect();
        Sha256::digest(content).into()
    }
}

/// A fingerprint for each row; the second of two identical rows has another than the first. So a file that is imported
/// again, or overlaps with one that was, brings back the fingerprints it had.
pub fn fingerprints(rows: &[StatementRow]) -> Vec<String> {
    let mut occurrences: HashMap<[u8; 32], u64> = HashMap::new();
    rows.iter()
        .map(|row| {
            let digest = row.digest();
            let earlier = occurrences.entry(digest).or_default();
            *earlier += 1;
            match *earlier {
                1 => hex(&digest),
                nth => hex(&Sha256::new().chain_update(digest).chain_update(nth.to_be_bytes()).finalize()),
            }
        })
        .collect()
}

/// What our books say the channel did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The number we gave the channel: `pay_…`, `ref_…`.
    pub id: String,
    pub kind: RowKind,
    /// Empty until the channel told us.
    pub channel_no: String,
    pub amount: Money,
    pub fee: Money,
    pub at: Timestamp,
    /// Until then its absence from the statements means nothing.
    pub due: Timestamp,
}

/// How our books and the statement fit. Numbers are places in the lists that [`reconcile`] was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub matches: Vec<Match>,
    pub differences: Vec<Difference>,
    /// Absent, and not yet due.
    pub awaited: Vec<usize>,
}

/// Amounts and fees of both sides sum to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub expected: Vec<usize>,
    pub rows: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub reason: Mismatch,
    pub expected: Vec<usize>,
    pub rows: Vec<usize>,
    /// What we have and what the channel has; of [`Mismatch::Fee`] the fees. Nothing where a side is absent or cannot be
    /// summed.
    pub expected_amount: Option<Money>,
    pub actual_amount: Option<Money>,
    /// The fees of each side, whatever the reason.
    pub expected_fee: Option<Money>,
    pub actual_fee: Option<Money>,
    /// The same difference has the same key whenever it is found again, and no other one has it.
    pub key: String,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::EnumString, strum::EnumIter,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Mismatch {
    MissingRemote,
    MissingLocal,
    Amount,
    Currency,
    Fee,
    Duplicate,
}

impl Mismatch {
    pub fn meaning_en(self) -> &'static str {
        self.meaning().0
    }

    pub fn meaning_zh(self) -> &'static str {
        self.meaning().1
    }

    fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::MissingRemote => (
                "We booked it and the channel does not list it: ask the channel, and reverse our entry if it never happened.",
                "我方已入账而渠道账单没有：请向渠道核实，确未发生的冲正我方账目。",
            ),
            Self::MissingLocal => (
                "The channel lists it and we never booked it: look for a lost notification, then book it or send it back.",
                "渠道有记录而我方未入账：请查找是否漏收通知，再补记入账或要求渠道退回。",
            ),
            Self::Amount => (
                "Both sides have it with different amounts: compare the vouchers and correct the side that is wrong.",
                "双方都有记录但金额不同：请核对凭证，更正有误的一方。",
            ),
            Self::Currency => (
                "Both sides have it in different currencies: find out which one was charged and correct the other side.",
                "双方都有记录但币种不同：请查明实际扣款币种，更正另一方。",
            ),
            Self::Fee => (
                "The amounts agree, the fees do not: check the contract's rate, then book the rest or claim it back.",
                "金额一致但手续费不同：请核对合同费率，补记差额或向渠道追回。",
            ),
            Self::Duplicate => (
                "The channel lists it once more than we booked it: refund a second charge, or have the channel strike the row.",
                "渠道比我方多列一次：确有重复扣款的退还付款人，否则请渠道撤销该行。",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
