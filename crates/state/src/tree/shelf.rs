//! [`Shelf`]: the buckets of a branch, in memory or only in the store.
//!
//! A bucket is *dirty* if the store does not have it as it is; such a one stays in memory. After a checkpoint it is
//! *held*: the store will have it, but may not yet. From the next checkpoint on, or [`Shelf::release`], it may be
//! *evicted* when there is no room, the one that was not used for long first (a clock with one hand).

use std::collections::{BTreeSet, VecDeque};
use std::mem;

use super::LeafChange;
use super::arena::Arena;
use super::bucket::Bucket;
use super::hash::{Hash, Path};
use super::row::{self, Prefix};
use crate::{ReadStore, StoreError, WriteBatch};

/// The buckets of a branch.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    slots: Arena<Slot>,
    /// How many buckets are dirty.
    dirty: usize,
    /// How many buckets are not in memory.
    evicted: usize,
    /// How much memory the buckets take.
    cached_bytes: usize,
    /// The rows of buckets that are no more, until the next checkpoint.
    removed: BTreeSet<Prefix>,
    /// The buckets that the last checkpoint wrote.
    held: Vec<u32>,
    /// The buckets that may be evicted, and some that were changed or are no more since they were put here.
    queue: VecDeque<u32>,
}

/// A bucket and what is known of it while it is not in memory.
#[derive(Debug)]
struct Slot {
    /// `None` if it is only in the store, or is no more.
    bucket: Option<Bucket>,
    leaves: u16,
    depth: u8,
    /// Whether it is not in the store as it is.
    dirty: bool,
    /// Whether there is a row under its key.
    stored: bool,
    /// Whether it was used since the hand passed.
    used: bool,
    /// Whether it is in the queue; stays with the place.
    queued: bool,
}

impl Shelf {
    /// How many rows a checkpoint would change.
    pub(super) fn dirty(&self) -> usize {
        self.dirty + self.removed.len()
    }

    /// Whether all buckets are in memory.
    pub(super) fn is_complete(&self) -> bool {
        self.evicted == 0
    }

    /// How much memory is in use, but for what the allocator keeps for growth.
    #[cfg(test)]
    pub(super) fn byte_len(&self) -> usize {
        self.cached_bytes + self.slots.len() * size_of::<Slot>()
    }

    /// How long the queue is.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// How many leaves a bucket has.
    pub(super) fn leaves(&self, id: u32) -> usize {
        self.slots.get(id).leaves.into()
    }

    /// Adds a bucket that the store does not have.
    pub(super) fn add(&mut self, bucket: Bucket, depth: usize) -> u32 {
        let stored = self.removed.remove(&Prefix::of(&bucket.path(), depth));
        self.dirty += 1;
        self.insert(bucket, depth, stored, true)
    }

    /// Adds a bucket that the store has, and evicts it if there is no room.
    pub(super) fn add_stored(&mut self, bucket: Bucket, depth: usize, cached_bytes_max: usize) -> u32 {
        let id = self.insert(bucket, depth, true, false);
        self.enqueue(id);
        if self.cached_bytes > cached_bytes_max {
            self.evict_one(id);
        }
        id
    }

    fn insert(&mut self, bucket: Bucket, depth: usize, stored: bool, dirty: bool) -> u32 {
        self.cached_bytes += bucket.byte_len();
        let leaves = leaf_count(&bucket);
        let depth = u8::try_from(depth).expect("a bucket has more than one possible leaf");
        let queued = self.slots.vacated().is_some_and(|slot| slot.queued);
        self.slots.insert(Slot { bucket: Some(bucket), leaves, depth, dirty, stored, used: true, queued })
    }

    /// Makes changes to a bucket that is in memory; `false` if they change nothing.
    pub(super) fn change(&mut self, id: u32, changes: &[LeafChange]) -> bool {
        let slot = self.slots.get_mut(id);
        slot.used = true;
        let bucket = slot.bucket.as_mut().expect("what is changed was loaded");
        let bytes_before = bucket.byte_len();
        let changed = changes.iter().fold(false, |changed, change| bucket.change(change) | changed);
        if changed {
            self.dirty += usize::from(!mem::replace(&mut slot.dirty, true));
            self.cached_bytes = self.cached_bytes - bytes_before + bucket.byte_len();
            slot.leaves = leaf_count(bucket);
        }
        changed
    }

    /// The hash of a bucket that is in memory.
    pub(super) fn hash(&mut self, id: u32) -> Hash {
        let slot = self.slots.get_mut(id);
        slot.bucket.as_mut().expect("what is hashed was loaded").hash(slot.depth.into())
    }

    /// Takes a bucket that is in memory, on the way to this path, off the shelf; its row goes with the next checkpoint.
    pub(super) fn take(&mut self, id: u32, path: &Path) -> Bucket {
        let slot = self.slots.get_mut(id);
        let bucket = slot.bucket.take().expect("what is taken was loaded");
        self.dirty -= usize::from(mem::replace(&mut slot.dirty, false));
        self.cached_bytes -= bucket.byte_len();
        if slot.stored {
            self.removed.insert(Prefix::of(path, slot.depth.into()));
        }
        self.slots.remove(id);
        bucket
    }

    /// Brings a bucket into memory that is to have this hash.
    pub(super) fn load(
        &mut self,
        store: &dyn ReadStore,
        id: u32,
        path: &Path,
        hash: &Hash,
    ) -> Result<(), StoreError> {
        let slot = self.slots.get_mut(id);
        if slot.bucket.is_some() {
            return Ok(());
        }
        let prefix = Prefix::of(path, slot.depth.into());
        let mut bucket = row::get(store, &prefix)?;
        if bucket.len() != usize::from(slot.leaves) || bucket.hash(slot.depth.into()) != *hash {
            return Err(row::damaged(&prefix, "it is not what it was when it was read before"));
        }
        self.cached_bytes += bucket.byte_len();
        self.evicted -= 1;
        slot.bucket = Some(bucket);
        slot.used = true;
        self.enqueue(id);
        Ok(())
    }

    /// Evicts buckets until no more memory is in use than this, as far as they may be.
    pub(super) fn evict(&mut self, cached_bytes_max: usize) {
        while self.cached_bytes > cached_bytes_max {
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            let slot = self.slots.get_mut(id);
            slot.queued = false;
            if slot.dirty || slot.bucket.is_none() {
                continue;
            }
            if mem::replace(&mut slot.used, false) {
                self.enqueue(id);
            } else {
                self.evict_one(id);
            }
        }
    }

    fn evict_one(&mut self, id: u32) {
        if let Some(bucket) = self.slots.get_mut(id).bucket.take() {
            self.cached_bytes -= bucket.byte_len();
            self.evicted += 1;
        }
    }

    fn enqueue(&mut self, id: u32) {
        if !mem::replace(&mut self.slots.get_mut(id).queued, true) {
            self.queue.push_back(id);
        }
    }

    /// Adds the rows of all dirty buckets to `changes`, in the order of their keys, and removes those of buckets that
    /// are no more.
    pub(super) fn checkpoint(&mut self, changes: &mut WriteBatch) {
        self.release();
        let mut dirty = Vec::with_capacity(self.dirty);
        for (id, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.dirty) {
            let bucket = slot.bucket.as_ref().expect("what is dirty is in memory");
            dirty.push((Prefix::of(&bucket.path(), slot.depth.into()), id));
        }
        dirty.sort_unstable();
        for prefix in mem::take(&mut self.removed) {
            row::remove(&prefix, changes);
        }
        for (prefix, id) in dirty {
            let slot = self.slots.get_mut(id);
            row::put(&prefix, slot.bucket.as_ref().expect("what is dirty is in memory"), changes);
            slot.dirty = false;
            slot.stored = true;
            self.held.push(id);
        }
        self.dirty = 0;
    }

    /// Lets go of what the last checkpoint wrote: the store has it.
    pub(super) fn release(&mut self) {
        for id in mem::take(&mut self.held) {
            let slot = self.slots.get(id);
            if !slot.dirty && slot.bucket.is_some() {
                self.enqueue(id);
            }
        }
    }
}

fn leaf_count(bucket: &Bucket) -> u16 {
    u16::try_from(bucket.len()).expect("a bucket has few leaves")
}
