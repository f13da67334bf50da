//! [`Index`]: where the flow with a tuple is.
//!
//! A table with open addressing whose slots hold half of the hash and a number, eight bytes in all: whether a slot is
//! the right one is mostly clear from the hash, and what it leads to holds the tuple itself. So a lookup touches one
//! cache line here and one of the flow. What is removed is closed up by what follows it, so nothing dead remains.

use crate::raw::prefetch;

/// What a slot leads to: a flow's number and a direction.
pub(super) type Entry = u32;

const EMPTY: u64 = u64::MAX;

/// Hashes to entries, at most three quarters full.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// A power of two, or none: the hash above, the entry below.
    slots: Vec<u64>,
    len: usize,
}

impl Index {
    /// The entry with this hash that is the right one.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_right: impl FnMut(Entry) -> bool) -> Option<Entry> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            // Without slots there is none to begin with; else the empty ones end the search.
            let slot = *self.slots.get(at)?;
            if slot == EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == hash && is_right(slot as Entry) {
                return Some(slot as Entry);
            }
            at = (at + 1) & mask;
        }
    }

    /// Has the slots fetched in which the entry with this hash is.
    #[inline]
    pub(super) fn fetch(&self, hash: u32) {
        if let Some(slot) = self.slots.get(hash as usize & self.slots.len().wrapping_sub(1)) {
            prefetch(slot);
        }
    }

    pub(super) fn insert(&mut self, hash: u32, entry: Entry) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.place(u64::from(hash) << 32 | u64::from(entry));
        self.len += 1;
    }

    /// Removes an entry that was inserted with this hash.
    pub(super) fn remove(&mut self, hash: u32, entry: Entry) {
        let mask = self.slots.len() - 1;
        let sought = u64::from(hash) << 32 | u64::from(entry);
        let mut hole = hash as usize & mask;
        while self.slots[hole] != sought {
            assert_ne!(self.slots[hole], EMPTY, "what is removed was inserted");
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot == EMPTY {
                break;
            }
            // It may move to the hole if that is not before the place that it would like best.
            let home = (slot >> 32) as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; (self.slots.len() * 2).max(16)];
        let slots = std::mem::replace(&mut self.slots, larger);
        slots.into_iter().filter(|slot| *slot != EMPTY).for_each(|slot| self.place(slot));
    }

    fn place(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while self.slots[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ironloom_core::{Rng, Seed};

    use super::*;

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Index::default().find(7, |_| true), None);
    }

    /// Few hashes, so that chains of slots run into one another and around the end.
    #[test]
    fn it_agrees_with_a_map() {
        for number in 0..50 {
            let seed = Seed::new(number);
            let mut rng = Rng::new(seed);
            let (mut index, mut model) = (Index::default(), BTreeMap::new());
            for entry in 0..2_000 {
                if rng.below(5) < 3 {
                    let hash = (rng.below(40) as u32).wrapping_sub(20);
                    index.insert(hash, entry);
                    model.insert(entry, hash);
                } else if let Some((&entry, &hash)) = model.iter().nth(rng.below(100) as usize) {
                    index.remove(hash, entry);
                    model.remove(&entry);
                }
                assert_eq!(index.len, model.len(), "seed {seed}");
            }
            for (&entry, &hash) in &model {
                assert_eq!(index.find(hash, |other| other == entry), Some(entry), "seed {seed}");
            }
            assert_eq!(index.slots.iter().filter(|slot| **slot != EMPTY).count(), model.len(), "seed {seed}");
        }
    }
}
