//! Reading a branch: row by row in the order of the paths, each fork made when all of its leaves were seen.
//!
//! Only the way to the last bucket is remembered, so that rows which no checkpoint leaves are refused before they have
//! cost more memory than they take in the store.

use std::ops::{Bound, ControlFlow};

use super::branch::{Branch, Child, Fork};
use super::hash::{self, EMPTY, common_bits, goes_right};
use super::row::{self, Prefix, SPACE};
use super::update::Subtree;
use super::{BRANCH_BITS, BRANCHES, MERGED_LEAVES_MAX};
use crate::{ReadStore, StoreError};

/// Fills a new branch with the rows that the store has for it.
pub(super) fn read_rows(branch: &mut Branch, store: &dyn ReadStore) -> Result<(), StoreError> {
    let (from, to) = (first_key(branch.index()), first_key(branch.index() + 1));
    let to = if branch.index() + 1 < BRANCHES { Bound::Excluded(&to[..]) } else { Bound::Unbounded };
    let mut way = Way { branch, lefts: Vec::new(), last: None };
    let mut read = Ok(());
    store.scan(SPACE, (Bound::Included(&from), to), &mut |key, value| {
        read = way.add(key, value);
        if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    read?;
    way.finish()
}

fn first_key(index: usize) -> [u8; 1] {
    [u8::try_from(index << BRANCH_BITS & 0xff).expect("it is masked")]
}

/// The way from the top of a branch to the last bucket that was read.
struct Way<'a> {
    branch: &'a mut Branch,
    /// For each depth from [`BRANCH_BITS`] on, what is to the left of the way: nothing where the way goes left.
    lefts: Vec<Subtree>,
    /// The last bucket.
    last: Option<(Prefix, Subtree)>,
}

const NOTHING: Subtree = (Child::Empty, EMPTY);

impl Way<'_> {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let prefix = Prefix::parse(key).ok_or_else(|| row::damaged_key(key, "its key is not one of ours"))?;
        let ours = usize::from(prefix.path()[0]) >> (8 - BRANCH_BITS) == self.branch.index();
        let mut bucket = row::parse(&prefix, value).map_err(|reason| row::damaged(&prefix, reason))?;
        let parted = self.part(&prefix);
        if !ours || parted.is_none() {
            return Err(row::damaged(&prefix, "it is not behind the one before"));
        }
        let top = parted.unwrap_or(BRANCH_BITS);
        if let Some((last, subtree)) = self.last.take() {
            let left = self.close(&last, subtree, top + 1)?;
            *self.lefts.last_mut().expect("there is one for each bit of the way") = left;
        }
        self.lefts.resize(prefix.depth() - BRANCH_BITS, NOTHING);
        let hash = bucket.hash(prefix.depth());
        let cached_bytes_max = self.branch.cached_bytes_max();
        let id = self.branch.shelf.add_stored(bucket, prefix.depth(), cached_bytes_max);
        self.last = Some((prefix, (Child::Bucket(id), hash)));
        Ok(())
    }

    /// Where the way to the next bucket parts from the one to the last; `None` if it does not, or goes back.
    fn part(&self, next: &Prefix) -> Option<usize> {
        let Some((last, _)) = &self.last else {
            return Some(BRANCH_BITS);
        };
        let depth = common_bits(last.path(), next.path());
        let apart = depth < last.depth() && depth < next.depth();
        (apart && goes_right(next.path(), depth)).then_some(depth)
    }

    /// Makes the forks on the way to the last bucket, from below up to this depth, all of whose leaves were seen.
    fn close(&mut self, last: &Prefix, mut subtree: Subtree, top: usize) -> Result<Subtree, StoreError> {
        for depth in (top..last.depth()).rev() {
            let beside = self.lefts.pop().expect("there is one for each bit of the way");
            let right = goes_right(last.path(), depth);
            let (left, right) = if right { (beside, subtree) } else { (subtree, NOTHING) };
            if self.branch.leaves(left.0) + self.branch.leaves(right.0) <= MERGED_LEAVES_MAX {
                return Err(row::damaged(last, "it should have been merged with its neighbour"));
            }
            let fork = Fork { children: [left.0, right.0], hashes: [left.1, right.1] };
            subtree = (Child::Fork(self.branch.forks.insert(fork)), hash::node(&left.1, &right.1));
        }
        Ok(subtree)
    }

    fn finish(mut self) -> Result<(), StoreError> {
        if let Some((last, subtree)) = self.last.take() {
            (self.branch.root, self.branch.root_hash) = self.close(&last, subtree, BRANCH_BITS)?;
        }
        Ok(())
    }
}
