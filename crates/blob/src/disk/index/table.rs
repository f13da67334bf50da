//! One shard of the index: linear probing over slots that are in order from end to end.
//!
//! The invariant: going through the slots, empty ones skipped, the keys grow; and between the slot where a key would
//! lie if it were alone (its *home*, which grows with the key) and the slot where it lies, none is empty. The last
//! cluster may reach past the capacity instead of wrapping around.

use super::Inserted;
use super::entry::{Age, Entry, Key, Slot};

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// How many homes there are.
    homes: usize,
    used: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The eight bits that chose the shard are the same in all of its keys; the ones below them spread evenly.
    fn home(&self, key: &[u64; 3]) -> usize {
        ((u128::from(key[0] << 8) * self.homes as u128) >> 64) as usize
    }

    /// Where the key is, or else where it would go.
    fn search(&self, key: &[u64; 3]) -> Result<usize, usize> {
        let mut at = self.home(key);
        while let Some(slot) = self.slots.get(at) {
            if slot.segment == 0 || slot.key > *key {
                return Err(at);
            }
            if slot.key == *key {
                return Ok(at);
            }
            at += 1;
        }
        Err(at)
    }

    pub(super) fn find(&self, key: &Key) -> Option<Entry> {
        let at = self.search(&key.0).ok()?;
        Some(self.slots[at].entry())
    }

    /// Changes an entry, and returns what it became.
    pub(super) fn update(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) -> Option<Entry> {
        let at = self.search(&key.0).ok()?;
        let mut entry = self.slots[at].entry();
        change(&mut entry);
        self.slots[at] = Slot::new(*key, &entry);
        Some(entry)
    }

    pub(super) fn insert_unless(
        &mut self,
        key: Key,
        entry: Entry,
        is_as_good: impl FnOnce(&Entry) -> bool,
    ) -> Inserted {
        assert!(entry.segment != 0, "segments are numbered from one");
        if (self.used + 1) * 8 > self.homes * 7 {
            self.grow();
        }
        match self.search(&key.0) {
            Ok(at) => {
                let mut found = self.slots[at].entry();
                if is_as_good(&found) {
                    found.age = Age::New;
                    self.slots[at] = Slot::new(key, &found);
                    return Inserted::Kept;
                }
                self.slots[at] = Slot::new(key, &entry);
                Inserted::Replaced(found)
            }
            Err(at) => {
                self.make_room(at);
                self.slots[at] = Slot::new(key, &entry);
                self.used += 1;
                Inserted::New
            }
        }
    }

    /// Empties the slot by moving the rest of its cluster up by one.
    fn make_room(&mut self, at: usize) {
        let rest = &self.slots[at..];
        let free = at + rest.iter().position(|slot| slot.segment == 0).unwrap_or(rest.len());
        if free == self.slots.len() {
            // Slack for the last cluster; growing by doubling would waste half of the memory.
            self.slots.reserve_exact(16);
            self.slots.push(Slot::default());
        }
        self.slots.copy_within(at..free, at + 1);
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Entry> {
        let at = self.search(&key.0).ok()?;
        let removed = self.slots[at].entry();
        let mut hole = at;
        while let Some(next) = self.slots.get(hole + 1).copied() {
            if next.segment == 0 || self.home(&next.key) > hole {
                break;
            }
            self.slots[hole] = next;
            hole += 1;
        }
        self.slots[hole] = Slot::default();
        self.used -= 1;
        Some(removed)
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(Key, Entry)) {
        self.slots.iter().filter(|slot| slot.segment != 0).for_each(|slot| visit(slot.key(), slot.entry()));
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Key, &mut Entry) -> bool) {
        let mut kept = 0;
        for slot in self.slots.iter_mut().filter(|slot| slot.segment != 0) {
            let (key, mut entry) = (slot.key(), slot.entry());
            *slot = if keep(&key, &mut entry) {
                kept += 1;
                Slot::new(key, &entry)
            } else {
                Slot::default()
            };
        }
        if kept < self.used {
            // Holes may part keys from their homes.
            let slots = std::mem::take(&mut self.slots);
            let remaining = slots.into_iter().filter(|slot| slot.segment != 0);
            *self = Self::from_sorted(kept, remaining).expect("the slots were in order");
        }
    }

    fn grow(&mut self) {
        // From 7/8 full to 21/32 full: 40 bytes in use are 61 allocated at worst.
        let slots = std::mem::take(&mut self.slots);
        let homes = (self.homes * 4 / 3).max(16);
        *self = Self::lay_out(homes, slots.into_iter().filter(|slot| slot.segment != 0))
            .expect("the slots were in order");
    }

    /// A table of `count` slots; `None` if they are not in order, or not of one shard.
    pub(super) fn from_sorted(count: usize, slots: impl Iterator<Item = Slot>) -> Option<Self> {
        Self::lay_out((count + count / 3).max(16), slots)
    }

    fn lay_out(homes: usize, slots: impl Iterator<Item = Slot>) -> Option<Self> {
        let mut table = Self { slots: Vec::with_capacity(homes + 16), homes, used: 0 };
        let mut last = None;
        for slot in slots {
            if last.is_some_and(|last| last >= slot.key) || slot.segment == 0 {
                return None;
            }
            last = Some(slot.key);
            // Slots are pushed in order, so the end is where the last cluster ends.
            let home = table.home(&slot.key);
            if table.slots.len() < home {
                table.slots.resize(home, Slot::default());
            }
            if table.slots.len() == table.slots.capacity() {
                table.slots.reserve_exact(16);
            }
            table.slots.push(slot);
            table.used += 1;
        }
        if table.slots.len() < homes {
            table.slots.resize(homes, Slot::default());
        }
        Some(table)
    }
}
