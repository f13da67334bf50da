//! Changing a branch: down along the changes, and up again with the hashes.
//!
//! Every recursion here goes down one bit of a path at a time, and a fork has more than a few leaves below it: it ends
//! before all bits are used.

use super::branch::{Branch, Child, Fork};
use super::bucket::Bucket;
use super::hash::{self, EMPTY, Hash, Path, goes_right};
use super::{LEAVES_MAX, LeafChange, MERGED_LEAVES_MAX};
use crate::{ReadStore, StoreError};

/// A subtree and its hash.
pub(super) type Subtree = (Child, Hash);

impl Branch {
    /// Loads every bucket that [`update`](Self::update) will need. Returns how many leaves the subtree will at least
    /// have, or any number above [`MERGED_LEAVES_MAX`] if they are more.
    pub(super) fn load(
        &mut self,
        store: &dyn ReadStore,
        (child, hash): Subtree,
        depth: usize,
        changes: &[LeafChange],
    ) -> Result<usize, StoreError> {
        match child {
            Child::Empty => Ok(0),
            Child::Bucket(id) if changes.is_empty() => Ok(self.shelf.leaves(id)),
            Child::Bucket(id) => {
                self.shelf.load(store, id, &changes[0].path, &hash)?;
                let removed = changes.iter().filter(|change| change.leaf.is_none()).count();
                Ok(self.shelf.leaves(id).saturating_sub(removed))
            }
            Child::Fork(_) if changes.is_empty() => Ok(MERGED_LEAVES_MAX + 1),
            Child::Fork(id) => {
                let &Fork { children: [left, right], hashes: [left_hash, right_hash] } = self.forks.get(id);
                let (below_left, below_right) = part(changes, depth);
                let leaves = self.load(store, (left, left_hash), depth + 1, below_left)?
                    + self.load(store, (right, right_hash), depth + 1, below_right)?;
                if leaves <= MERGED_LEAVES_MAX {
                    self.load_bucket(store, (left, left_hash), &turned(&changes[0].path, depth, false))?;
                    self.load_bucket(store, (right, right_hash), &turned(&changes[0].path, depth, true))?;
                }
                Ok(leaves)
            }
        }
    }

    fn load_bucket(
        &mut self,
        store: &dyn ReadStore,
        (child, hash): Subtree,
        path: &Path,
    ) -> Result<(), StoreError> {
        match child {
            Child::Bucket(id) => self.shelf.load(store, id, path, &hash),
            Child::Empty | Child::Fork(_) => Ok(()),
        }
    }

    /// Makes changes to a subtree, and returns what has become of it.
    pub(super) fn update(&mut self, subtree: Subtree, depth: usize, changes: &[LeafChange]) -> Subtree {
        if changes.is_empty() {
            return subtree;
        }
        match subtree.0 {
            Child::Empty => self.plant(depth, changes),
            Child::Bucket(id) if changes.len() > LEAVES_MAX => {
                let fork = self.split(id, depth, &changes[0].path);
                self.update_fork((Child::Fork(fork), EMPTY), fork, depth, changes)
            }
            Child::Bucket(id) => self.update_bucket(subtree, id, depth, changes),
            Child::Fork(id) => self.update_fork(subtree, id, depth, changes),
        }
    }

    /// The subtree that has the leaves of these changes only.
    fn plant(&mut self, depth: usize, changes: &[LeafChange]) -> Subtree {
        let leaves = || changes.iter().filter_map(|change| Some((change.path, change.leaf?)));
        if leaves().nth(LEAVES_MAX).is_none() {
            return self.settle(Bucket::of(leaves()), depth);
        }
        let (below_left, below_right) = part(changes, depth);
        let left = self.plant(depth + 1, below_left);
        let right = self.plant(depth + 1, below_right);
        self.join(left, right)
    }

    fn update_bucket(&mut self, before: Subtree, id: u32, depth: usize, changes: &[LeafChange]) -> Subtree {
        if !self.shelf.change(id, changes) {
            return before;
        }
        match self.shelf.leaves(id) {
            1..=LEAVES_MAX => (Child::Bucket(id), self.shelf.hash(id)),
            _ => {
                let bucket = self.shelf.take(id, &changes[0].path);
                self.settle(bucket, depth)
            }
        }
    }

    fn update_fork(&mut self, before: Subtree, id: u32, depth: usize, changes: &[LeafChange]) -> Subtree {
        let (below_left, below_right) = part(changes, depth);
        let (left_before, right_before) = self.halves(id);
        let left = self.update(left_before, depth + 1, below_left);
        let right = self.update(right_before, depth + 1, below_right);
        if self.leaves(left.0) + self.leaves(right.0) <= MERGED_LEAVES_MAX {
            self.forks.remove(id);
            return self.merge(left.0, right.0, depth, &changes[0].path);
        }
        let fork = self.forks.get_mut(id);
        fork.children = [left.0, right.0];
        if before.1 != EMPTY && fork.hashes == [left.1, right.1] {
            return before;
        }
        fork.hashes = [left.1, right.1];
        (Child::Fork(id), hash::node(&left.1, &right.1))
    }

    fn halves(&self, id: u32) -> (Subtree, Subtree) {
        let Fork { children: [left, right], hashes: [left_hash, right_hash] } = self.forks.get(id);
        ((*left, *left_hash), (*right, *right_hash))
    }

    /// How many leaves a subtree has, or any number above [`MERGED_LEAVES_MAX`] if they are more.
    pub(super) fn leaves(&self, child: Child) -> usize {
        match child {
            Child::Empty => 0,
            Child::Bucket(id) => self.shelf.leaves(id),
            Child::Fork(_) => MERGED_LEAVES_MAX + 1,
        }
    }

    /// Makes a bucket on the way to `path` a fork of two, and does not hash it.
    fn split(&mut self, id: u32, depth: usize, path: &Path) -> u32 {
        let mut left = self.shelf.take(id, path);
        let right = left.split_right(depth);
        let left = self.settle(left, depth + 1);
        let right = self.settle(right, depth + 1);
        self.forks.insert(Fork { children: [left.0, right.0], hashes: [left.1, right.1] })
    }

    /// Makes one bucket of two halves that are small enough.
    fn merge(&mut self, left: Child, right: Child, depth: usize, path: &Path) -> Subtree {
        let mut bucket = self.take(left, &turned(path, depth, false));
        bucket.append(self.take(right, &turned(path, depth, true)));
        self.settle(bucket, depth)
    }

    fn take(&mut self, child: Child, path: &Path) -> Bucket {
        match child {
            Child::Empty => Bucket::default(),
            Child::Bucket(id) => self.shelf.take(id, path),
            Child::Fork(_) => unreachable!("a fork has too many leaves to be merged"),
        }
    }

    /// The subtree with the leaves of this bucket: none, one bucket, or several below forks.
    fn settle(&mut self, mut bucket: Bucket, depth: usize) -> Subtree {
        match bucket.len() {
            0 => (Child::Empty, EMPTY),
            1..=LEAVES_MAX => {
                let hash = bucket.hash(depth);
                (Child::Bucket(self.shelf.add(bucket, depth)), hash)
            }
            _ => {
                let right = bucket.split_right(depth);
                let left = self.settle(bucket, depth + 1);
                let right = self.settle(right, depth + 1);
                self.join(left, right)
            }
        }
    }

    /// A new fork above two halves.
    fn join(&mut self, left: Subtree, right: Subtree) -> Subtree {
        let fork = self.forks.insert(Fork { children: [left.0, right.0], hashes: [left.1, right.1] });
        (Child::Fork(fork), hash::node(&left.1, &right.1))
    }
}

/// The changes left and right of the next bit.
fn part(changes: &[LeafChange], depth: usize) -> (&[LeafChange], &[LeafChange]) {
    changes.split_at(changes.partition_point(|change| !goes_right(&change.path, depth)))
}

/// The path with another turn at this depth.
fn turned(path: &Path, depth: usize, right: bool) -> Path {
    let mut path = *path;
    let bit = 0x80 >> (depth % 8);
    path[depth / 8] = if right { path[depth / 8] | bit } else { path[depth / 8] & !bit };
    path
}
