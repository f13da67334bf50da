//! [`History`]: when a host was heard of.

use std::collections::VecDeque;

use ironloom_core::{Duration, Instant};

/// When a host was heard of: the last time, and how long it took each time before.
#[derive(Debug)]
pub(super) struct History {
    /// The last time, or later by as much as this process could not hear.
    last: Instant,
    intervals: VecDeque<Duration>,
    /// Whether the interval that runs now says nothing about the host.
    is_forgiven: bool,
}

impl History {
    pub(super) const fn new(now: Instant) -> Self {
        Self { last: now, intervals: VecDeque::new(), is_forgiven: true }
    }

    pub(super) fn heard(&mut self, now: Instant, window: usize) {
        let passed = now.saturating_since(self.last);
        if !self.is_forgiven {
            if self.intervals.len() == window {
                self.intervals.pop_front();
            }
            self.intervals.push_back(passed);
        }
        self.is_forgiven = false;
        self.last = self.last.max(now);
    }

    /// This process could not hear for so long.
    pub(super) fn forgive(&mut self, late: Duration, now: Instant) {
        self.last = self.last.saturating_add(late).min(now);
        self.is_forgiven = true;
    }

    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_since(self.last)
    }

    pub(super) const fn last(&self) -> Instant {
        self.last
    }

    /// How long it takes from one time to the next, and by how much that varies; `None` if it was heard of too rarely.
    pub(super) fn usual(&self) -> Option<(Duration, Duration)> {
        let count = self.intervals.len();
        if count < 2 {
            return None;
        }
        let nanos = || self.intervals.iter().map(|interval| interval.as_nanos() as f64);
        let mean = nanos().sum::<f64>() / count as f64;
        let variance =
            nanos().map(|interval| (interval - mean) * (interval - mean)).sum::<f64>() / count as f64;
        Some((Duration::from_nanos(mean as u64), Duration::from_nanos(variance.sqrt() as u64)))
    }
}
