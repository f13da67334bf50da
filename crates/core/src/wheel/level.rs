//! [`Levels`]: the slots in which timers wait, and how they move down.

use super::arena::{Arena, TimerId};

/// Bits of a deadline that one level sorts by.
const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;
pub(super) const LEVELS: usize = (u64::BITS / BITS) as usize;

/// A slot that was emptied keeps room for this many entries at the most.
const KEPT_ENTRIES_MAX: usize = 256;

/// A slot is not swept for fewer dead entries than this.
const DEAD_ENTRIES_MIN: u32 = 32;

/// A timer's place in a slot; what it carries is in the [`Arena`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) deadline: u64,
    pub(super) id: TimerId,
}

/// All slots, level by level. A level has no slots until something is put there.
#[derive(Clone, Default)]
pub(super) struct Levels {
    levels: [Level; LEVELS],
    /// The levels that hold entries, a bit each.
    occupied: u8,
}

#[derive(Clone, Default)]
struct Level {
    slots: Box<[Slot]>,
    /// The slots that hold entries, a bit each.
    occupied: [u64; SLOTS / 64],
}

#[derive(Clone, Default)]
struct Slot {
    entries: Vec<Entry>,
    /// No live entry is due before this.
    earliest: u64,
    /// How many of the entries were cancelled.
    dead: u32,
}

/// Where the first slot is that holds anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    pub(super) level: usize,
    pub(super) index: usize,
    /// The first instant that belongs to the slot.
    pub(super) start: u64,
    /// The first instant after the slot, or the end of time.
    pub(super) end: u128,
    /// No timer in it is due before this.
    pub(super) earliest: u64,
}

/// The level and slot of a deadline, seen from the present.
#[inline]
fn place(present: u64, deadline: u64) -> (usize, usize) {
    let level = ((present ^ deadline) | 1).ilog2() / BITS;
    (level as usize, (deadline >> (level * BITS)) as usize % SLOTS)
}

impl Levels {
    #[inline]
    pub(super) fn push(&mut self, present: u64, entry: Entry) {
        let (level, index) = place(present, entry.deadline);
        self.occupied |= 1 << level;
        self.levels[level].push(index, entry);
    }

    /// Notes that a timer was cancelled, and clears its slot of the dead once they prevail.
    #[inline]
    pub(super) fn bury<T>(&mut self, present: u64, entry: Entry, arena: &Arena<T>) {
        let (level, index) = place(present, entry.deadline);
        let slot = &mut self.levels[level].slots[index];
        if slot.entries.last().is_some_and(|last| last.id == entry.id) {
            slot.entries.pop(); // a timeout that did not happen: often the last to be set is the first to go
        } else {
            slot.dead += 1;
            if slot.dead < DEAD_ENTRIES_MIN || slot.dead as usize <= slot.entries.len() / 2 {
                return;
            }
            slot.sweep(arena);
        }
        if slot.entries.is_empty() {
            self.vacate(level, index);
        }
    }

    /// The first slot that holds entries: all others hold only later ones.
    #[inline]
    pub(super) fn first(&self, present: u64) -> Option<First> {
        if self.occupied == 0 {
            return None;
        }
        let level = self.occupied.trailing_zeros() as usize;
        let index = self.levels[level].first();
        let shift = level as u32 * BITS;
        let above = present.checked_shr(shift + BITS).unwrap_or(0).checked_shl(shift + BITS).unwrap_or(0);
        let start = above | (index as u64) << shift;
        let end = u128::from(start) + (1 << shift);
        Some(First { level, index, start, end, earliest: self.levels[level].slots[index].earliest })
    }

    /// Takes the live entries out of a slot, in order; their memory is to be [given back](Levels::give_back).
    pub(super) fn take<T>(&mut self, level: usize, index: usize, arena: &Arena<T>) -> Vec<Entry> {
        let slot = &mut self.levels[level].slots[index];
        if slot.dead > 0 {
            slot.sweep(arena);
        }
        let entries = std::mem::take(&mut slot.entries);
        self.vacate(level, index);
        entries
    }

    /// Lets a slot keep the memory that it had, unless it was much.
    pub(super) fn give_back(&mut self, level: usize, index: usize, mut entries: Vec<Entry>) {
        if entries.capacity() <= KEPT_ENTRIES_MAX {
            entries.clear();
            self.levels[level].slots[index].entries = entries;
        }
    }

    /// Marks an emptied slot as such.
    #[inline]
    fn vacate(&mut self, level: usize, index: usize) {
        if self.levels[level].vacate(index) {
            self.occupied &= !(1 << level);
        }
    }

    /// All entries, dead ones included; those with one deadline are in the order of insertion.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.levels.iter().flat_map(|level| &level.slots).flat_map(|slot| &slot.entries)
    }
}

impl Level {
    #[inline]
    fn push(&mut self, index: usize, entry: Entry) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS].into_boxed_slice();
        }
        let slot = &mut self.slots[index];
        if slot.entries.is_empty() {
            self.occupied[index / 64] |= 1 << (index % 64);
            slot.earliest = u64::MAX;
        }
        slot.earliest = slot.earliest.min(entry.deadline);
        slot.entries.push(entry);
    }

    /// The first slot that holds entries.
    #[inline]
    fn first(&self) -> usize {
        let word =
            self.occupied.iter().position(|word| *word != 0).expect("a level that is marked has entries");
        word * 64 + self.occupied[word].trailing_zeros() as usize
    }

    /// Marks a slot as empty; whether the level is now.
    #[inline]
    fn vacate(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        slot.dead = 0;
        self.occupied[index / 64] &= !(1 << (index % 64));
        self.occupied == [0; SLOTS / 64]
    }
}

impl Slot {
    /// Drops the entries of timers that were cancelled.
    #[cold]
    fn sweep<T>(&mut self, arena: &Arena<T>) {
        self.entries.retain(|entry| arena.is_live(entry.id));
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to((self.entries.len() * 2).max(KEPT_ENTRIES_MAX));
        }
        self.earliest = self.entries.iter().map(|entry| entry.deadline).min().unwrap_or(u64::MAX);
        self.dead = 0;
    }
}
