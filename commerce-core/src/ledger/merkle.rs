//! A Merkle tree that only grows (the tree of RFC 6962): one root stands for every leaf, and a short proof shows that a
//! leaf is under it.

use sha2::{Digest, Sha256};

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

/// The neighbours from leaf `index` up to the root of the tree over `leaves`.
pub fn proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, neighbour) = match index.checked_sub(left.len()) {
        None => (proof(left, index), right),
        Some(index) => (proof(right, index), left),
    };
    path.push(root(neighbour));
    path
}

fn root(leaves: &[Hash]) -> Hash {
    let mut peaks = Peaks::default();
    leaves.iter().for_each(|leaf| peaks.push(*leaf));
    peaks.root()
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
    let left = half(usize::try_from(size).ok()?) as u64;
    match index.checked_sub(left) {
        None => Some(node(&root_by_proof(leaf, index, left, path)?, neighbour)),
        Some(index) => Some(node(neighbour, &root_by_proof(leaf, index, size - left, path)?)),
    }
}

/// The largest power of two below `size`: how many leaves are in the left subtree.
fn half(size: usize) -> usize {
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
                let (left, right) = many.split_at(half(many.len()));
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
            for index in 0..size {
                let path = proof(&all, index);
                let by_path = |leaf, index: usize, path: &[Hash]| root_by_proof(leaf, index as u64, size as u64, path);
                assert_eq!(by_path(all[index], index, &path), Some(root), "{index} of {size}");
                assert_ne!(by_path(leaf(b"other"), index, &path), Some(root));
                assert_ne!(by_path(all[index], (index + 1) % size, &path), Some(root).filter(|_| size > 1));
                if let Some((_, short)) = path.split_last() {
                    assert_ne!(by_path(all[index], index, short), Some(root));
                }
            }
        }
    }
}
