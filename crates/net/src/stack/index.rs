//! [`Index`]: where in the table a key is, in eight bytes a socket.
//!
//! The keys are in the slots, so the index holds only where: a number and half of the hash, to tell most other keys
//! apart without looking at their slots. Whoever holds a hundred thousand ended connections so looks at a megabyte and
//! not at five. Entries are probed one after the other; what is removed leaves no mark, because those that follow move
//! up.

/// Where keys are, by their hashes.
#[derive(Debug)]
pub(super) struct Index {
    /// The upper half is that of the hash, the lower is the place plus one; 0 for nothing. At most half of them are
    /// taken, and their number is a power of two.
    entries: Box<[u64]>,
    len: usize,
}

/// How many entries the smallest index has.
const ENTRIES_MIN: usize = 32;

impl Index {
    pub(super) fn new() -> Self {
        Self { entries: vec![0; ENTRIES_MIN].into(), len: 0 }
    }

    /// The place with this hash of which `is_it` is true.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry == 0 {
                return None;
            }
            if entry >> 32 == hash >> 32 && is_it(place(entry)) {
                return Some(place(entry));
            }
            at = self.after(at);
        }
    }

    /// Adds a place that is not there yet.
    pub(super) fn insert(&mut self, hash: u64, place: u32) {
        if 2 * (self.len + 1) > self.entries.len() {
            self.grow();
        }
        self.put((hash >> 32 << 32) | (u64::from(place) + 1));
        self.len += 1;
    }

    /// Takes a place out that is there.
    pub(super) fn remove(&mut self, hash: u64, removed: u32) {
        let mut hole = self.home(hash);
        while self.entries[hole] != 0 && place(self.entries[hole]) != removed {
            hole = self.after(hole);
        }
        if self.entries[hole] == 0 {
            return;
        }
        self.len -= 1;
        let mut at = self.after(hole);
        while self.entries[at] != 0 {
            // It moves up if its home is not between the hole and where it is.
            let distance = at.wrapping_sub(self.home(self.entries[at])) & self.mask();
            if distance >= at.wrapping_sub(hole) & self.mask() {
                self.entries[hole] = self.entries[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.entries[hole] = 0;
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.home(entry);
        while self.entries[at] != 0 {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let larger = vec![0; self.entries.len() * 2].into();
        let old = std::mem::replace(&mut self.entries, larger);
        old.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.put(entry));
    }

    /// Where an entry would be if nobody were in its way: by the half of its hash that it keeps.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.mask()
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }

    #[inline]
    fn mask(&self) -> usize {
        self.entries.len() - 1
    }
}

#[inline]
fn place(entry: u64) -> u32 {
    (entry as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ironloom_core::{Rng, Seed};

    use super::Index;

    /// Whatever is added and removed, it finds what a map finds, with hashes that fall together.
    #[test]
    fn finds_what_a_map_finds() {
        for seed in 0..50 {
            let (mut rng, mut index) = (Rng::new(Seed::new(seed)), Index::new());
            let mut model = BTreeMap::new();
            for _ in 0..2_000 {
                let key = rng.below(300) as u32;
                let hash = u64::from(key % 40) << 32 | u64::from(key);
                match model.remove(&key) {
                    Some(()) => index.remove(hash, key),
                    None => {
                        model.insert(key, ());
                        index.insert(hash, key);
                    }
                }
                let probe = rng.below(300) as u32;
                let hash = u64::from(probe % 40) << 32 | u64::from(probe);
                let found = index.find(hash, |place| place == probe);
                assert_eq!(found.is_some(), model.contains_key(&probe), "seed {seed}");
                assert_eq!(index.len, model.len(), "seed {seed}");
            }
        }
    }
}
