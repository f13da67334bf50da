//! [`Timer`]: when to say something again.

use ironloom_core::{Duration, Instant};

use super::HartsConfig;

/// Goes off again and again, each time after twice as long, until there is an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Timer {
    due: Instant,
    interval: Duration,
}

impl Timer {
    pub(super) fn new(now: Instant, config: &HartsConfig) -> Self {
        Self { due: now.saturating_add(config.retry), interval: config.retry }
    }

    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Whether it has gone off so often that whoever is asked may not be whom to ask.
    pub(super) fn is_insistent(&self, config: &HartsConfig) -> bool {
        self.interval > config.retry.saturating_mul(4).min(config.retry_max)
    }

    /// Makes it due.
    pub(super) const fn hurry(&mut self, now: Instant) {
        self.due = now;
    }

    /// Whether it goes off now.
    pub(super) fn fire(&mut self, now: Instant, config: &HartsConfig) -> bool {
        if now < self.due {
            return false;
        }
        self.interval = self.interval.saturating_mul(2).min(config.retry_max);
        self.due = now.saturating_add(self.interval);
        true
    }
}
