//! [`Outbox`]: the letters of this host to one hart that were not delivered yet.

use std::collections::VecDeque;

use ironloom_core::Instant;

use super::timer::Timer;

/// Letters in the order in which they were posted. Each has a number, the first one 1.
#[derive(Debug, Clone, Hash)]
pub(super) struct Outbox<L> {
    /// The number of the next letter.
    next: u64,
    letters: VecDeque<L>,
    /// How many of them are on their way.
    sent: usize,
    pub(super) timer: Option<Timer>,
}

impl<L: Clone> Outbox<L> {
    pub(super) const fn new() -> Self {
        Self { next: 1, letters: VecDeque::new(), sent: 0, timer: None }
    }

    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Those that were not delivered, the oldest first.
    pub(super) fn letters(&self) -> impl Iterator<Item = &L> {
        self.letters.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// The number of the last letter that was posted.
    pub(super) const fn last(&self) -> u64 {
        self.next - 1
    }

    /// The number of the oldest letter that was not delivered, or would be.
    fn first(&self) -> u64 {
        self.next - self.letters.len() as u64
    }

    pub(super) fn push(&mut self, letter: L) {
        self.letters.push_back(letter);
        self.next += 1;
    }

    /// Numbers a letter that is delivered at once.
    pub(super) fn pass(&mut self) -> u64 {
        assert!(self.letters.is_empty(), "a letter does not overtake another");
        self.next += 1;
        self.last()
    }

    /// The letters that may go now: the number of the first, and all of them. They are on their way then.
    pub(super) fn take_unsent(&mut self, window: usize) -> Option<(u64, Vec<L>)> {
        let end = self.letters.len().min(window);
        if self.sent >= end {
            return None;
        }
        let first = self.first() + self.sent as u64;
        let letters = self.letters.range(self.sent..end).cloned().collect();
        self.sent = end;
        Some((first, letters))
    }

    /// Forgets that any were sent.
    pub(super) const fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Drops the letters up to a number, which were delivered; whether there were any. `None` if there never
    /// was one of that number.
    pub(super) fn acknowledge(&mut self, upto: u64) -> Option<bool> {
        if upto > self.last() {
            return None;
        }
        let delivered = (upto + 1).saturating_sub(self.first()) as usize;
        self.letters.drain(..delivered);
        self.sent = self.sent.saturating_sub(delivered);
        if self.letters.is_empty() {
            self.timer = None;
        }
        Some(delivered > 0)
    }

    /// Takes all letters after a number out: they are delivered here. Those up to it were delivered elsewhere.
    pub(super) fn take_after(&mut self, seen: u64) -> Vec<L> {
        assert!(seen <= self.last(), "a letter is posted before it is delivered");
        let delivered = (seen + 1).saturating_sub(self.first()) as usize;
        self.letters.drain(..delivered);
        self.sent = 0;
        self.timer = None;
        self.letters.drain(..).collect()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.timer.as_ref().map(Timer::due)
    }
}
