//! [`Cache`]: what is in the store and was read lately.
//!
//! Entries lie in a ring with a hand. An entry that was used since the hand last passed is spared once; one that was
//! not makes room. So a single pass over a large volume does not drive out what is used again and again, and reading
//! marks an entry without taking the cache from other readers.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::Map;
use parking_lot::RwLock;

use crate::BlobId;

/// Values by the name of the blob that they were made of, up to a number of bytes.
pub(super) struct Cache<T> {
    bytes_max: u64,
    entries: RwLock<Entries<T>>,
}

struct Entries<T> {
    positions: Map<BlobId, usize>,
    ring: Vec<Entry<T>>,
    hand: usize,
    bytes: u64,
}

struct Entry<T> {
    id: BlobId,
    value: T,
    bytes: u64,
    /// Whether it was used since the hand last passed.
    used: AtomicBool,
}

impl<T: Clone> Cache<T> {
    /// An empty cache for so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            entries: RwLock::new(Entries { positions: Map::default(), ring: Vec::new(), hand: 0, bytes: 0 }),
        }
    }

    /// What was made of this blob, if it is still here.
    pub(super) fn find(&self, id: BlobId) -> Option<T> {
        let entries = self.entries.read();
        let entry = &entries.ring[*entries.positions.get(&id)?];
        // Written only when it changes, so that readers do not take the line from each other.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(entry.value.clone())
    }

    /// Keeps a value of so many bytes, in the place of what the hand finds unused.
    pub(super) fn insert(&self, id: BlobId, value: T, bytes: u64) {
        let mut entries = self.entries.write();
        if let Some(position) = entries.positions.get(&id).copied() {
            entries.remove(position);
        }
        if bytes > self.bytes_max {
            return;
        }
        while entries.bytes + bytes > self.bytes_max {
            entries.evict();
        }
        let position = entries.ring.len();
        entries.positions.insert(id, position);
        entries.bytes += bytes;
        entries.ring.push(Entry { id, value, bytes, used: AtomicBool::new(false) });
    }
}

impl<T> Entries<T> {
    /// Removes the first entry from the hand on that was not used since it last passed.
    fn evict(&mut self) {
        loop {
            let hand = if self.hand < self.ring.len() { self.hand } else { 0 };
            self.hand = hand + 1;
            if !std::mem::take(self.ring[hand].used.get_mut()) {
                // The last entry takes its place, and its turn now: the hand stays.
                self.hand = hand;
                return self.remove(hand);
            }
        }
    }

    fn remove(&mut self, position: usize) {
        let removed = self.ring.swap_remove(position);
        self.positions.remove(&removed.id);
        self.bytes -= removed.bytes;
        if let Some(moved) = self.ring.get(position) {
            self.positions.insert(moved.id, position);
        }
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.read();
        f.debug_struct("Cache")
            .field("entries", &entries.ring.len())
            .field("bytes", &entries.bytes)
            .field("bytes_max", &self.bytes_max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u8) -> BlobId {
        BlobId::from_bytes([number; 32])
    }

    #[test]
    fn what_is_used_stays() {
        let cache = Cache::new(4);
        (0..4).for_each(|number| cache.insert(id(number), number, 1));
        for number in 4..100 {
            assert_eq!(cache.find(id(0)), Some(0));
            cache.insert(id(number), number, 1);
        }
        assert_eq!(cache.find(id(50)), None);
    }

    proptest! {
        #[test]
        fn it_holds_no_more_than_it_may_and_never_lies(
            steps in prop::collection::vec((any::<bool>(), 0..20u8, 0..7u64), 0..300),
        ) {
            let cache = Cache::new(20);
            for (insert, number, bytes) in steps {
                if insert {
                    cache.insert(id(number), number, bytes);
                }
                let found = cache.find(id(number));
                prop_assert!(found == Some(number) || (found.is_none() && !insert));
                let entries = cache.entries.read();
                prop_assert!(entries.bytes <= 20);
                prop_assert_eq!(entries.ring.iter().map(|entry| entry.bytes).sum::<u64>(), entries.bytes);
                prop_assert_eq!(entries.positions.len(), entries.ring.len());
            }
        }
    }
}
