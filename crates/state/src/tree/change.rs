//! [`LeafChange`]: what a batch does to one leaf.

use std::array;

use super::BRANCHES;
use super::hash::{self, Hash, Path};
use crate::ResourceId;

/// A leaf is there from now on, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafChange {
    /// Where it is.
    pub(super) path: Path,
    /// What it is; `None` if the resource does not exist.
    pub(super) leaf: Option<Hash>,
}

impl LeafChange {
    /// The resource has this value from now on, or does not exist. Costs two hashes and that of the value.
    pub(crate) fn new(id: &ResourceId, value: Option<&[u8]>) -> Self {
        Self { path: hash::path(id), leaf: value.map(|value| hash::leaf(id, value)) }
    }

    /// A leaf at a place of the test's choosing, which no resource would have.
    #[cfg(test)]
    pub(super) fn crafted(path: Path, leaf: Option<Hash>) -> Self {
        Self { path, leaf }
    }

    /// Which branch it belongs to.
    pub(super) fn branch(&self) -> usize {
        usize::from(self.path[0] >> 4)
    }
}

/// Sorts out which branch each change belongs to; in each, by path. Of several at one path the last counts.
pub(crate) fn partition(changes: &[LeafChange]) -> [Vec<LeafChange>; BRANCHES] {
    let mut counts = [0; BRANCHES];
    changes.iter().for_each(|change| counts[change.branch()] += 1);
    let mut branches = array::from_fn(|branch| Vec::with_capacity(counts[branch]));
    changes.iter().for_each(|change| branches[change.branch()].push(*change));
    branches.iter_mut().for_each(sort);
    branches
}

fn sort(changes: &mut Vec<LeafChange>) {
    changes.sort_by_key(|change| change.path);
    changes.dedup_by(|later, kept| {
        let same = later.path == kept.path;
        if same {
            kept.leaf = later.leaf;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_changes_counts() {
        let at = |first: u8, leaf: u8| {
            let mut path = [7; 32];
            path[0] = first;
            LeafChange::crafted(path, (leaf > 0).then_some([leaf; 32]))
        };
        let parts =
            partition(&[at(0xf2, 1), at(0x03, 2), at(0xf1, 3), at(0xf2, 4), at(0x03, 0), at(0xf2, 5)]);
        assert_eq!(parts[15], [at(0xf1, 3), at(0xf2, 5)]);
        assert_eq!(parts[0], [at(0x03, 0)]);
        assert!(parts[1..15].iter().all(Vec::is_empty));
    }
}
