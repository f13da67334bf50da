//! [`Near`]: the timers that are due next, in exact order.

use std::collections::VecDeque;

use super::level::Entry;

/// Entries that are kept in order. More of them, and inserting among them would cost more than a level.
pub(super) const ENTRIES_MAX: usize = 256;

/// A run of entries ordered by deadline and then by insertion, up to an end that no entry in the levels precedes.
#[derive(Debug, Default)]
pub(super) struct Near {
    entries: VecDeque<Entry>,
    end: u64,
}

impl Near {
    /// Whether a timer with this deadline belongs here.
    #[inline]
    pub(super) fn covers(&self, deadline: u64) -> bool {
        deadline < self.end
    }

    /// Puts an entry behind all that are not due later.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) {
        debug_assert!(self.covers(entry.deadline), "what is due at the end or later belongs into the levels");
        let place = self.entries.partition_point(|other| other.deadline <= entry.deadline);
        self.entries.insert(place, entry);
    }

    /// Takes out the entry of a timer that was cancelled; `false` if it may be in the levels instead.
    #[inline]
    pub(super) fn remove(&mut self, entry: Entry) -> bool {
        if entry.deadline > self.end {
            return false;
        }
        if self.is_crowded() {
            // Many timers of one instant: too many to search. The dead one is passed over when its turn comes.
            return self.covers(entry.deadline);
        }
        // At the very end some may be here and some in the levels.
        let start = self.entries.partition_point(|other| other.deadline < entry.deadline);
        let alike = self.entries.range(start..).take_while(|other| other.deadline == entry.deadline);
        let Some(offset) =
            alike.enumerate().find_map(|(offset, other)| (other.id == entry.id).then_some(offset))
        else {
            return false;
        };
        self.entries.remove(start + offset);
        true
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

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Starts an empty run that ends where it begins.
    pub(super) fn begin(&mut self, end: u64) {
        assert!(self.entries.is_empty(), "the run before was used up");
        self.end = end;
    }

    /// Starts a run of the entries of a slot that ends at `end`, but for those that are not `live`.
    pub(super) fn fill(&mut self, entries: &[Entry], end: u64, live: impl Fn(&Entry) -> bool) {
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
    #[cold]
    pub(super) fn split_off_half(&mut self) -> VecDeque<Entry> {
        let beyond = self.entries.split_off(self.entries.len() / 2);
        self.end = beyond.front().expect("half of a crowd is not nobody").deadline;
        beyond
    }
}
