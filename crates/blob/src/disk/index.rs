//! [`Index`]: where each blob is, in 60 bytes of memory at most.
//!
//! Names are hashes, so their own bits place them: eight choose the shard, the next ones the slot. A shard is one table
//! with linear probing whose slots are in the order of the names from end to end, so that a search for what is not
//! there ends early, and the table is written out and read in as a sorted list. A slot holds 192 bits of the name, more
//! than anybody can find two contents for; a read checks all 256 against the record.

mod entry;
mod table;

use parking_lot::RwLock;

pub(crate) use entry::{Age, Entry, Key, LARGE, LOST, OFFSET_END, SLOT_BYTES, Slot};
use table::Table;

use crate::BlobId;

/// How many shards there are, each behind a lock of its own.
pub(crate) const SHARDS: usize = 256;

/// What became of an entry.
#[derive(Debug)]
pub(crate) enum Inserted {
    /// The blob was not there.
    New,
    /// The entry that was there is kept.
    Kept,
    /// It took the place of this one.
    Replaced(Entry),
}

/// Where each blob is.
pub(crate) struct Index {
    shards: Vec<RwLock<Table>>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("blobs", &self.len()).finish_non_exhaustive()
    }
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::new(Table::default())).collect() }
    }

    fn shard(&self, key: &Key) -> &RwLock<Table> {
        &self.shards[key.shard()]
    }

    /// How many blobs there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// How much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().memory_bytes()).sum()
    }

    pub(crate) fn find(&self, id: &BlobId) -> Option<Entry> {
        let key = Key::of(id);
        self.shard(&key).read().find(&key)
    }

    /// Puts an entry in, and returns the one it replaces.
    pub(crate) fn insert(&self, key: Key, entry: Entry) -> Option<Entry> {
        match self.insert_unless(key, entry, |_| false) {
            Inserted::Replaced(replaced) => Some(replaced),
            Inserted::New | Inserted::Kept => None,
        }
    }

    /// Puts an entry in, unless there is one that is as good, which is touched then.
    pub(crate) fn insert_unless(
        &self,
        key: Key,
        entry: Entry,
        is_as_good: impl FnOnce(&Entry) -> bool,
    ) -> Inserted {
        let mut shard = self.shard(&key).write();
        shard.insert_unless(key, entry, is_as_good)
    }

    /// Finds a blob for whoever puts it again: no collection takes it then, for as long as if it had been new.
    pub(crate) fn touch(&self, id: &BlobId) -> Option<Entry> {
        let key = Key::of(id);
        let found = self.shard(&key).read().find(&key)?;
        if found.age == Age::New {
            return Some(found);
        }
        // Between the two locks it may have been swept.
        self.shard(&key).write().update(&key, |entry| entry.age = Age::New)
    }

    /// Takes back that a collection has reached a blob, but keeps it from being swept.
    pub(crate) fn renew(&self, id: &BlobId) {
        let key = Key::of(id);
        self.shard(&key).write().update(&key, |entry| entry.age = Age::New);
    }

    /// Notes that a collection has reached a blob, and returns what it was before.
    pub(crate) fn reach(&self, id: &BlobId) -> Option<Entry> {
        self.reach_as(id, |_| Age::Reached)
    }

    /// Notes that a collection has reached a blob as a leaf, and returns what it was before. One that looks linked is only
    /// spared, so that whoever reaches it by a link still follows what it refers to.
    pub(crate) fn reach_leaf(&self, id: &BlobId) -> Option<Entry> {
        self.reach_as(
            id,
            |entry| {
                if entry.links && entry.age != Age::Reached { Age::New } else { Age::Reached }
            },
        )
    }

    fn reach_as(&self, id: &BlobId, age: impl FnOnce(&Entry) -> Age) -> Option<Entry> {
        let key = Key::of(id);
        let mut before = None;
        self.shard(&key).write().update(&key, |entry| {
            before = Some(*entry);
            entry.age = age(entry);
        });
        before
    }

    /// Notes that the record of an entry was found to hold what its name says.
    pub(crate) fn set_verified(&self, id: &BlobId, checked: &Entry) {
        let key = Key::of(id);
        self.shard(&key).write().update(&key, |entry| {
            entry.verified |= entry.is_at(checked);
        });
    }

    /// Removes an entry if it still is what it was.
    pub(crate) fn remove(&self, key: &Key, expected: &Entry) -> bool {
        let mut shard = self.shard(key).write();
        let same = shard.find(key).is_some_and(|found| found.is_at(expected));
        same && shard.remove(key).is_some()
    }

    /// Notes that the record of an entry is damaged, if it still is where it was.
    pub(crate) fn lose(&self, key: &Key, expected: &Entry) -> bool {
        let mut lost = false;
        self.shard(key).write().update(key, |entry| {
            if entry.segment != LOST && entry.is_at(expected) {
                (entry.segment, entry.verified) = (LOST, false);
                lost = true;
            }
        });
        lost
    }

    /// Points an entry to another copy of its record, if it still points to this one.
    pub(crate) fn relocate(&self, key: &Key, source: &Entry, target: &Entry) -> bool {
        let mut moved = false;
        self.shard(key).write().update(key, |entry| {
            if entry.is_at(source) {
                (entry.segment, entry.offset, entry.verified) = (target.segment, target.offset, false);
                moved = true;
            }
        });
        moved
    }

    /// Looks at every entry of a shard, in order.
    pub(crate) fn for_each(&self, shard: usize, mut visit: impl FnMut(&Key, &Entry)) {
        self.shards[shard].read().for_each(|key, entry| visit(&key, &entry));
    }

    /// Changes or removes every entry of a shard.
    pub(crate) fn retain(&self, shard: usize, keep: impl FnMut(&Key, &mut Entry) -> bool) {
        self.shards[shard].write().retain(keep);
    }

    /// Fills an empty shard with what is in order already; `false` if it is not.
    #[must_use]
    pub(crate) fn fill(&self, shard: usize, count: usize, slots: impl Iterator<Item = Slot>) -> bool {
        match Table::from_sorted(count, slots) {
            Some(table) => {
                *self.shards[shard].write() = table;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
