//! Who belongs together: by the numbers that rows and expected carry.

use super::{Expected, RowKind, StatementRow};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// What may belong together: places in both lists, of one kind and currency.
pub(super) struct Party {
    pub(super) expected: Vec<usize>,
    pub(super) rows: Vec<usize>,
}

impl Party {
    pub(super) fn is_two_sided(&self) -> bool {
        !self.expected.is_empty() && !self.rows.is_empty()
    }
}

#[derive(PartialEq, Eq, Hash)]
pub(super) enum Number<'a> {
    Ours(&'a str),
    Channel(&'a str),
}

impl Number<'_> {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Ours("") | Self::Channel(""))
    }
}

/// For each row the expected with its number: ours, else the channel's.
pub(super) fn owners(expected: &[Expected], rows: &[StatementRow]) -> Vec<Option<usize>> {
    let mut by_number: HashMap<(RowKind, Number<'_>), Option<usize>> = HashMap::new();
    for (i, e) in expected.iter().enumerate() {
        for number in [Number::Ours(&e.id), Number::Channel(&e.channel_no)] {
            // What several share names none of them.
            by_number.entry((e.kind, number)).and_modify(|owner| *owner = None).or_insert(Some(i));
        }
    }
    let find = |kind: RowKind, number: Number<'_>| {
        if number.is_empty() { None } else { by_number.get(&(kind, number)).copied().flatten() }
    };
    let owner = |row: &StatementRow| {
        find(row.kind, Number::Ours(&row.our_no)).or_else(|| find(row.kind, Number::Channel(&row.channel_no)))
    };
    rows.iter().map(owner).collect()
}

/// Members that share a key, directly or through others, in the order of their first.
pub(super) fn connect<K: Eq + Hash>(count: usize, keys: impl IntoIterator<Item = (K, usize)>) -> Vec<Vec<usize>> {
    let mut leaders: Vec<usize> = (0..count).collect();
    let mut holders: HashMap<K, usize> = HashMap::new();
    for (key, member) in keys {
        let other = *holders.entry(key).or_insert(member);
        let (one, other) = (leader(&mut leaders, member), leader(&mut leaders, other));
        leaders[one.max(other)] = one.min(other);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for member in 0..count {
        groups.entry(leader(&mut leaders, member)).or_default().push(member);
    }
    groups.into_values().collect()
}

fn leader(leaders: &mut [usize], mut member: usize) -> usize {
    while leaders[member] != member {
        leaders[member] = leaders[leaders[member]];
        member = leaders[member];
    }
    member
}
