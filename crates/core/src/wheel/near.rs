//! [`Near`]: the timers that are due next, in exact order.

use std::collections::VecDeque;

use super::level::Entry;

/// Entries that are kept in order. More of them, and inserting among them would cost more than a level.
pub(super) const ENTRIES_MAX: usize = 256;

/// A run of entries ordered by deadline and then by insertion, up to an end that no entry in the levels precedes.
#[derive(Clone, Default)]
pub(super) struct Near {
    entries: VecDeque<Entry>,
    /// One more than a deadline can be, if the run has no end.
    end: u128,
    /// How many entries were cancelled while they were too many to search.
    dead: usize,
}

impl Near {
    /// Whether a timer with this deadline belongs here.
    #[inline]
    pub(super) fn covers(&self, deadline: u64) -> bool {
        u128::from(deadline) < self.end
    }

    /// Puts an entry behind all that are not due later.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) {
        debug_assert!(self.covers(entry.deadline), "what is due at the end or later belongs into the levels");
        let place = self.entries.partition_point(|other| other.deadline <= entry.deadline);
        self.entries.insert(place, entry);
    }

    /// Takes out the entry of a timer that was cancelled; `false` if it is in the levels.
    #[inline]
    pub(super) fn remove(&mut self, entry: Entry, live: impl Fn(&Entry) -> bool) -> bool {
        if !self.covers(entry.deadline) {
            return false;
        }
        if self.is_crowded() {
            self.bury(entry, live);
            return true;
        }
        let start = self.entries.partition_point(|other| other.deadline < entry.deadline);
        let offset = self.entries.range(start..).position(|other| other.id == entry.id);
        self.entries.remove(start + offset.expect("what a run covers is in it"));
        true
    }

    /// Leaves the entry of a timer of a crowd where it is, and clears the crowd of the dead once they prevail.
    #[cold]
    fn bury(&mut self, entry: Entry, live: impl Fn(&Entry) -> bool) {
        if self.entries.back().is_some_and(|last| last.id == entry.id) {
            self.entries.pop_back();
            return;
        }
        self.dead += 1;
        if self.dead > self.entries.len() / 2 {
            self.entries.retain(live);
            self.dead = 0;
        }
    }

    /// Takes the first entry, if it is due.
    #[inline]
    pub(super) fn pop_due(&mut self, now: u64) -> Option<Entry> {
        if self.entries.front()?.deadline > now {
            return None;
        }
        self.entries.pop_front()
    }

    /// When the first entry is due.
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.deadline)
    }

    /// An entry of which so many are before it.
    #[inline]
    pub(super) fn nth(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// All entries in order, some of them dead.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Starts an empty run that ends where it begins.
    pub(super) fn begin(&mut self, end: u128) {
        assert!(self.entries.is_empty(), "the run before was used up");
        self.end = end;
        self.dead = 0;
    }

    /// Starts a run of the entries of a slot that ends at `end`, but for those that are not `live`.
    pub(super) fn fill(&mut self, entries: &[Entry], end: u128, live: impl Fn(&Entry) -> bool) {
        self.begin(end);
        self.entries.extend(entries.iter().copied().filter(live));
        // Stable: what has one deadline stays in the order of insertion.
        self.entries.make_contiguous().sort_by_key(|entry| entry.deadline);
    }

    /// Whether there are too many to keep in order.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.entries.len() > ENTRIES_MAX
    }

    /// Ends the run in its middle, and returns what lies beyond.
    ///
    /// Timers of one instant stay together, or younger ones could expire before older ones: a crowd of one instant
    /// is not cut at all.
    #[cold]
    pub(super) fn split_off_half(&mut self) -> VecDeque<Entry> {
        let middle = self.entries[self.entries.len() / 2].deadline;
        let mut place = self.entries.partition_point(|other| other.deadline < middle);
        if place == 0 {
            // The middle lies in the first instant.
            place = self.entries.partition_point(|other| other.deadline <= middle);
        }
        let beyond = self.entries.split_off(place);
        if let Some(first) = beyond.front() {
            self.end = u128::from(first.deadline);
        }
        beyond
    }
}
