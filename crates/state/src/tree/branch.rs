//! [`Branch`]: the leaves whose paths begin with the same four bits, and the nodes above them.

use super::arena::Arena;
use super::hash::{EMPTY, Hash};
use super::shelf::Shelf;
use super::{BRANCH_BITS, BRANCHES, LeafChange, Summary, open};
use crate::{ReadStore, StoreError, WriteBatch};

/// How much a branch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most memory that buckets take which may be evicted. What is not yet in the store is kept above that.
    pub(crate) cached_bytes_max: usize,
}

/// One of the sixteen parts of the tree.
///
/// Nodes are in one of two shapes, and each child's hash rests with its parent: a fork, which has more than
/// [`MERGED_LEAVES_MAX`](super::MERGED_LEAVES_MAX) leaves below it, or a bucket, which has 1 to
/// [`LEAVES_MAX`](super::LEAVES_MAX).
#[derive(Debug)]
pub(crate) struct Branch {
    index: usize,
    limits: Limits,
    pub(super) root: Child,
    /// The hash of the subtree at depth [`BRANCH_BITS`].
    pub(super) root_hash: Hash,
    pub(super) forks: Arena<Fork>,
    pub(super) shelf: Shelf,
}

/// What is below a fork on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    /// Nothing.
    Empty,
    /// A fork, by its place.
    Fork(u32),
    /// A bucket, by its place on the shelf.
    Bucket(u32),
}

/// A node whose halves are apart.
#[derive(Debug)]
pub(super) struct Fork {
    /// The hashes of the halves: left, right.
    pub(super) hashes: [Hash; 2],
    /// The halves themselves.
    pub(super) children: [Child; 2],
}

impl Branch {
    /// A branch without leaves.
    ///
    /// # Panics
    ///
    /// If there is no branch with this number.
    pub(crate) fn new(index: usize, limits: Limits) -> Self {
        assert!(index < BRANCHES, "there are {BRANCHES} branches");
        let (forks, shelf) = (Arena::default(), Shelf::default());
        Self { index, limits, root: Child::Empty, root_hash: EMPTY, forks, shelf }
    }

    /// The branch as the last checkpoint in the store left it. Reads all of its rows, and hashes all of its nodes.
    ///
    /// # Errors
    ///
    /// If the store fails, or its rows are not such as a checkpoint leaves.
    ///
    /// # Panics
    ///
    /// If there is no branch with this number.
    pub(crate) fn open(index: usize, store: &dyn ReadStore, limits: Limits) -> Result<Self, StoreError> {
        let mut branch = Self::new(index, limits);
        open::read_rows(&mut branch, store)?;
        Ok(branch)
    }

    /// Makes changes, which are sorted by path as [`partition`](super::partition) leaves them, and hashes what they
    /// touch, each node once.
    ///
    /// # Errors
    ///
    /// If the store fails, or does not have what the last checkpoint left. No change is made then.
    ///
    /// # Panics
    ///
    /// If the changes are not sorted, or are those of another branch.
    pub(crate) fn apply(
        &mut self,
        store: &dyn ReadStore,
        changes: &[LeafChange],
    ) -> Result<Summary, StoreError> {
        assert!(changes.is_sorted_by(|one, next| one.path < next.path), "changes are sorted by path");
        let ours = |change: &LeafChange| change.branch() == self.index;
        assert!(changes.first().is_none_or(ours) && changes.last().is_none_or(ours), "changes are ours");
        if !self.shelf.is_complete() {
            self.load(store, (self.root, self.root_hash), BRANCH_BITS, changes)?;
        }
        (self.root, self.root_hash) = self.update((self.root, self.root_hash), BRANCH_BITS, changes);
        self.shelf.evict(self.limits.cached_bytes_max);
        Ok(self.summary())
    }

    /// What the root is made of.
    pub(crate) fn summary(&self) -> Summary {
        match self.root {
            Child::Empty => Summary::Empty,
            Child::Bucket(id) if self.shelf.leaves(id) == 1 => Summary::Leaf(self.root_hash),
            _ => Summary::Node(self.root_hash),
        }
    }

    /// How many rows a checkpoint would write or remove.
    pub(crate) fn dirty_buckets(&self) -> usize {
        self.shelf.dirty()
    }

    /// Adds to `changes` what the store must have to open the branch as it is now: the rows of all buckets that changed
    /// since the last checkpoint. They count as written from now on; if the commit fails, throw the branch away.
    ///
    /// The changes may still be on their way to the store while the branch is used, until the next checkpoint or
    /// [`release`](Self::release).
    pub(crate) fn checkpoint(&mut self, changes: &mut WriteBatch) {
        self.shelf.checkpoint(changes);
    }

    /// Says that the store has what the last checkpoint wrote, so that it may leave memory.
    pub(crate) fn release(&mut self) {
        self.shelf.release();
    }

    /// How much memory the branch takes for what is not in use by the allocator.
    #[cfg(test)]
    pub(crate) fn byte_len(&self) -> usize {
        self.shelf.byte_len() + self.forks.len() * size_of::<Fork>()
    }

    /// How much memory buckets may take.
    pub(super) fn cached_bytes_max(&self) -> usize {
        self.limits.cached_bytes_max
    }

    /// Which branch it is.
    pub(super) fn index(&self) -> usize {
        self.index
    }
}
