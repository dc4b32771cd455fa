//! A Merkle tree that only grows (the tree of RFC 6962): one root stands for every leaf, and a short proof shows that a
//! leaf is under it.

use sha2::{Digest, Sha256};
use std::ops::Range;

pub type Hash = [u8; 32];

/// Leaves and nodes are hashed apart, so that neither can pass for the other.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// All that must be remembered of a tree to let it grow: the roots of its whole subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    peaks: Vec<Hash>,
}

impl Peaks {
    /// The peaks of a tree of `size` leaves, if there are as many as such a tree has.
    pub fn of(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn as_slice(&self) -> &[Hash] {
        &self.peaks
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut top = leaf;
        // Every whole subtree as large as the one that just became whole is joined with it.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node(&left, &top);
            }
        }
        self.peaks.push(top);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// The proof of one leaf while the leaves go by: the subtrees beside its path to the root, the nearest first.
pub struct Proof(Vec<(Range<u64>, Peaks)>);

impl Proof {
    /// The proof that leaf `index` is in the tree over `size` leaves, before any leaf was seen.
    pub fn of(index: u64, size: u64) -> Self {
        Self(beside(index, 0..size).into_iter().map(|leaves| (leaves, Peaks::default())).collect())
    }

    /// Takes the leaf at `position`. They come in order; those that are in none of the subtrees do not matter.
    pub fn pass(&mut self, position: u64, leaf: Hash) {
        if let Some((_, peaks)) = self.0.iter_mut().find(|(leaves, _)| leaves.contains(&position)) {
            peaks.push(leaf);
        }
    }

    /// The neighbours from the leaf up to the root, once all leaves have passed.
    pub fn path(&self) -> Vec<Hash> {
        self.0.iter().map(|(_, peaks)| peaks.root()).collect()
    }
}

/// The subtrees beside the way from leaf `index` up to the root over `leaves`.
fn beside(index: u64, leaves: Range<u64>) -> Vec<Range<u64>> {
    let size = leaves.end - leaves.start;
    if size <= 1 {
        return Vec::new();
    }
    let middle = leaves.start + half(size);
    let (left, right) = (leaves.start..middle, middle..leaves.end);
    let (own, other) = if index < middle { (left, right) } else { (right, left) };
    let mut beside = beside(index, own);
    beside.push(other);
    beside
}

/// The root that a tree of `size` leaves has if `leaf` is its leaf `index` and `path` its proof.
pub fn root_by_proof(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (neighbour, path) = path.split_last()?;
    let left = half(size);
    match index.checked_sub(left) {
        None => Some(node(&root_by_proof(leaf, index, left, path)?, neighbour)),
        Some(index) => Some(node(neighbour, &root_by_proof(leaf, index, size - left, path)?)),
    }
}

/// The largest power of two below `size`: how many leaves are in the left subtree.
fn half(size: u64) -> u64 {
    size.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf(&i.to_be_bytes())).collect()
    }

    /// The tree as RFC 6962 defines it.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let (left, right) = many.split_at(half(many.len() as u64) as usize);
                node(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn growing_leaf_by_leaf_gives_the_tree_of_the_definition() {
        let all = leaves(70);
        let mut peaks = Peaks::default();
        for (size, leaf) in all.iter().enumerate() {
            assert_eq!(peaks.root(), by_definition(&all[..size]), "{size}");
            peaks = Peaks::of(size as u64, peaks.as_slice().to_vec()).unwrap();
            peaks.push(*leaf);
        }
        assert_eq!(Peaks::of(3, Vec::new()), None);
    }

    #[test]
    fn every_leaf_is_proved_and_nothing_else() {
        for size in 1..40 {
            let all = leaves(size);
            let root = by_definition(&all);
            let size = size as u64;
            let by_path = |leaf, index, path: &[Hash]| root_by_proof(leaf, index, size, path);
            for (index, own) in (0..).zip(&all) {
                let mut proof = Proof::of(index, size);
                (0..).zip(&leaves(50)).for_each(|(position, leaf)| proof.pass(position, *leaf));
                let path = proof.path();
                assert_eq!(by_path(*own, index, &path), Some(root), "{index} of {size}");
                assert_ne!(by_path(leaf(b"other"), index, &path), Some(root));
                assert_ne!(by_path(*own, (index + 1) % size, &path), Some(root).filter(|_| size > 1));
                if let Some((_, short)) = path.split_last() {
                    assert_ne!(by_path(*own, index, short), Some(root));
                }
            }
        }
    }
}
