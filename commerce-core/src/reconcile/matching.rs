//! The matcher. Each step settles what it is sure of and leaves the rest to the next; a difference is named last of all.

use super::links::{Number, Party, connect, owners};
use super::{Difference, Expected, Match, Mismatch, Outcome, StatementRow};
use crate::ledger::hex;
use crate::money::Money;
use crate::time::Timestamp;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Finds out where our books and the channel's rows agree as of `as_of`, and what is wrong where they do not.
pub fn reconcile(expected: &[Expected], rows: &[StatementRow], as_of: Timestamp) -> Outcome {
    let mut matcher = Matcher::new(expected, rows, as_of);
    matcher.pair_by_number();
    matcher.set_repeats_apart();
    matcher.set_currencies_apart();
    let families = matcher.families();
    for family in &families {
        matcher.settle(family);
    }
    for family in &families {
        matcher.set_amounts_apart(family);
    }
    matcher.set_missing_apart();
    matcher.outcome
}

struct Matcher<'a> {
    expected: &'a [Expected],
    rows: &'a [StatementRow],
    as_of: Timestamp,
    /// Which expected a row's numbers name.
    owners: Vec<Option<usize>>,
    expected_is_open: Vec<bool>,
    row_is_open: Vec<bool>,
    outcome: Outcome,
    keys: HashMap<String, u32>,
}

impl<'a> Matcher<'a> {
    fn new(expected: &'a [Expected], rows: &'a [StatementRow], as_of: Timestamp) -> Self {
        Self {
            expected,
            rows,
            as_of,
            owners: owners(expected, rows),
            expected_is_open: vec![true; expected.len()],
            row_is_open: vec![true; rows.len()],
            outcome: Outcome::default(),
            keys: HashMap::new(),
        }
    }

    /// One row with the number and the amount of one expected.
    fn pair_by_number(&mut self) {
        let mut best: Vec<Option<usize>> = vec![None; self.expected.len()];
        for (row, owner) in self.owners.iter().enumerate() {
            let Some(owner) = *owner else { continue };
            let ours = &self.expected[owner];
            let unlikeness = |row: usize| {
                let row = &self.rows[row];
                (row.our_no != ours.id, row.channel_no != ours.channel_no, row.fee != ours.fee)
            };
            let is_better = best[owner].is_none_or(|held| unlikeness(row) < unlikeness(held));
            if self.rows[row].amount == ours.amount && is_better {
                best[owner] = Some(row);
            }
        }
        for (expected, row) in best.into_iter().enumerate() {
            if let Some(row) = row {
                self.agree(vec![expected], vec![row]);
            }
        }
    }

    /// Rows that have number and amount of an expected which has its row already.
    fn set_repeats_apart(&mut self) {
        for row in 0..self.rows.len() {
            let Some(owner) = self.owners[row].filter(|_| self.row_is_open[row]) else { continue };
            if !self.expected_is_open[owner] && self.rows[row].amount == self.expected[owner].amount {
                self.differ(Mismatch::Duplicate, vec![], vec![row]);
            }
        }
    }

    /// An expected whose number the statement has in other currencies only.
    fn set_currencies_apart(&mut self) {
        let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, owner) in self.owners.iter().enumerate() {
            if let Some(owner) = owner.filter(|owner| self.row_is_open[row] && self.expected_is_open[*owner]) {
                rows_of.entry(owner).or_default().push(row);
            }
        }
        for (owner, rows) in rows_of {
            let ours = self.expected[owner].amount.currency();
            if rows.iter().all(|row| self.rows[*row].amount.currency() != ours) {
                self.dispute(Mismatch::Currency, vec![owner], &rows);
            }
        }
    }

    /// What is still open, by the numbers it shares.
    fn families(&self) -> Vec<Party> {
        let (expected, rows) = (self.open_expected(), self.open_rows());
        let ours = self.ours(&expected).map(|e| (e.kind, e.amount, &e.id, &e.channel_no));
        let theirs = self.theirs(&rows).map(|r| (r.kind, r.amount, &r.our_no, &r.channel_no));
        let numbers = ours.chain(theirs).enumerate().flat_map(|(member, (kind, amount, our_no, channel_no))| {
            let numbers = [Number::Ours(our_no), Number::Channel(channel_no)];
            let given = numbers.into_iter().filter(|number| !number.is_empty());
            given.map(move |number| ((kind, amount.currency(), number), member))
        });
        let families = connect(expected.len() + rows.len(), numbers).into_iter().map(|members| {
            let of_ours = members.partition_point(|member| *member < expected.len());
            Party {
                expected: members[..of_ours].iter().map(|member| expected[*member]).collect(),
                rows: members[of_ours..].iter().map(|member| rows[*member - expected.len()]).collect(),
            }
        });
        families.collect()
    }

    fn ours(&self, places: &[usize]) -> impl Iterator<Item = &'a Expected> {
        let expected = self.expected;
        places.iter().map(move |i| &expected[*i])
    }

    fn theirs(&self, places: &[usize]) -> impl Iterator<Item = &'a StatementRow> {
        let rows = self.rows;
        places.iter().map(move |i| &rows[*i])
    }

    fn open_expected(&self) -> Vec<usize> {
        (0..self.expected.len()).filter(|i| self.expected_is_open[*i]).collect()
    }

    fn open_rows(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|i| self.row_is_open[*i]).collect()
    }

    fn still_open(&self, party: &Party) -> Party {
        Party {
            expected: party.expected.iter().copied().filter(|i| self.expected_is_open[*i]).collect(),
            rows: party.rows.iter().copied().filter(|i| self.row_is_open[*i]).collect(),
        }
    }

    /// Settles a party whose sums agree: with all that is expected, or with what is due.
    fn settle(&mut self, party: &Party) {
        let due: Vec<usize> = party.expected.iter().copied().filter(|i| self.is_due(*i)).collect();
        if !self.settle_exactly(&party.expected, &party.rows) && due.len() < party.expected.len() {
            self.settle_exactly(&due, &party.rows);
        }
    }

    fn settle_exactly(&mut self, expected: &[usize], rows: &[usize]) -> bool {
        let Some(target) = total(self.ours(expected).map(|e| e.amount)) else { return false };
        let Some((rows, surplus)) = self.absorb(rows, target) else { return false };
        self.agree(expected.to_vec(), rows);
        self.differ_each(Mismatch::Duplicate, surplus);
        true
    }

    /// Rows that sum to `target`, and the repeats that had to be left out for it.
    fn absorb(&self, rows: &[usize], target: Money) -> Option<(Vec<usize>, Vec<usize>)> {
        let sum = total(self.theirs(rows).map(|r| r.amount))?;
        let mut excess = sum.checked_sub(target).ok()?.minor();
        let (mut kept, mut repeats) = self.firsts_and_repeats(rows);
        repeats.sort_by_key(|i| Reverse((self.rows[*i].amount.minor(), *i)));
        let mut surplus = Vec::new();
        for row in repeats {
            let amount = self.rows[row].amount.minor();
            if amount <= excess {
                excess -= amount;
                surplus.push(row);
            } else {
                kept.push(row);
            }
        }
        kept.sort_unstable();
        (excess == 0).then_some((kept, surplus))
    }

    fn firsts_and_repeats(&self, rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let mut seen = HashSet::new();
        rows.iter().copied().partition(|i| {
            let row = &self.rows[*i];
            seen.insert((row.kind, &row.our_no, &row.channel_no, row.amount, row.at))
        })
    }

    fn is_due(&self, expected: usize) -> bool {
        self.expected[expected].due <= self.as_of
    }

    /// The same number on both sides, and nothing that sums to the same.
    fn set_amounts_apart(&mut self, family: &Party) {
        let open = self.still_open(family);
        if open.is_two_sided() {
            self.dispute(Mismatch::Amount, open.expected, &open.rows);
        }
    }

    /// What nothing on the other side has to do with.
    fn set_missing_apart(&mut self) {
        for expected in self.open_expected() {
            if self.is_due(expected) {
                self.differ(Mismatch::MissingRemote, vec![expected], vec![]);
            } else {
                self.close(&[expected], &[]);
                self.outcome.awaited.push(expected);
            }
        }
        let (firsts, repeats) = self.firsts_and_repeats(&self.open_rows());
        self.differ_each(Mismatch::MissingLocal, firsts);
        self.differ_each(Mismatch::Duplicate, repeats);
    }

    /// One difference for what both sides have; repeated rows are differences of their own.
    fn dispute(&mut self, reason: Mismatch, expected: Vec<usize>, rows: &[usize]) {
        let (firsts, repeats) = self.firsts_and_repeats(rows);
        self.differ(reason, expected, firsts);
        self.differ_each(Mismatch::Duplicate, repeats);
    }

    fn differ_each(&mut self, reason: Mismatch, rows: Vec<usize>) {
        for row in rows {
            self.differ(reason, vec![], vec![row]);
        }
    }

    /// The amounts agree: a match, unless the fees do not.
    fn agree(&mut self, expected: Vec<usize>, rows: Vec<usize>) {
        let fees = total(self.ours(&expected).map(|e| e.fee));
        if fees != total(self.theirs(&rows).map(|r| r.fee)) {
            return self.differ(Mismatch::Fee, expected, rows);
        }
        self.close(&expected, &rows);
        self.outcome.matches.push(Match { expected, rows });
    }

    fn differ(&mut self, reason: Mismatch, expected: Vec<usize>, rows: Vec<usize>) {
        self.close(&expected, &rows);
        let (ours, theirs) = (|| self.ours(&expected), || self.theirs(&rows));
        let (expected_fee, actual_fee) = (total(ours().map(|e| e.fee)), total(theirs().map(|r| r.fee)));
        let (expected_amount, actual_amount) = match reason {
            Mismatch::Fee => (expected_fee, actual_fee),
            _ => (total(ours().map(|e| e.amount)), total(theirs().map(|r| r.amount))),
        };
        let key = self.key(reason, &expected, &rows);
        let difference =
            Difference { reason, expected, rows, expected_amount, actual_amount, expected_fee, actual_fee, key };
        self.outcome.differences.push(difference);
    }

    fn close(&mut self, expected: &[usize], rows: &[usize]) {
        for i in expected {
            debug_assert!(self.expected_is_open[*i]);
            self.expected_is_open[*i] = false;
        }
        for i in rows {
            debug_assert!(self.row_is_open[*i]);
            self.row_is_open[*i] = false;
        }
    }

    /// By our ids where we have it; a row we do not have, by what it says.
    fn key(&mut self, reason: Mismatch, expected: &[usize], rows: &[usize]) -> String {
        let told = |r: &StatementRow| format!("{}/{}/{}/{}/{}", r.kind, r.our_no, r.channel_no, r.amount, r.at);
        let mut names: Vec<String> = match expected {
            [] => self.theirs(rows).map(told).collect(),
            _ => self.ours(expected).map(|e| e.id.clone()).collect(),
        };
        names.sort_unstable();
        let mut key = format!("{reason}:{}", names.join("+"));
        if key.len() > LONGEST_KEY {
            key = format!("{reason}:{}", hex(&Sha256::digest(key)));
        }
        let earlier = self.keys.entry(key.clone()).or_default();
        *earlier += 1;
        if *earlier == 1 { key } else { format!("{key}#{earlier}") }
    }
}

/// What an index of a database still takes.
const LONGEST_KEY: usize = 200;

/// Nothing where there is nothing to sum, or no sum of it.
fn total(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
    let mut amounts = amounts.into_iter();
    let first = amounts.next()?;
    amounts.try_fold(first, |sum, amount| sum.checked_add(amount).ok())
}
