//! [`Restarts`]: how many failures there were lately.

use std::collections::VecDeque;

use ironloom_core::{Duration, Instant};

use super::Backoff;

/// When children failed, as far as it still counts.
#[derive(Debug)]
pub(super) struct Restarts {
    max: u32,
    period: Duration,
    /// Never more than `max`.
    recent: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(max: u32, period: Duration) -> Self {
        Self { max, period, recent: VecDeque::new() }
    }

    /// Notes a failure; whether it may be borne.
    pub(super) fn bear(&mut self, now: Instant) -> bool {
        while self.recent.front().is_some_and(|then| now.saturating_since(*then) > self.period) {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.max as usize {
            return false;
        }
        self.recent.push_back(now);
        true
    }
}

impl Backoff {
    /// How long a child waits that has failed so many times in a row before.
    pub(super) fn delay(self, failures: u32) -> Duration {
        self.first.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn failures_are_borne_as_far_as_the_period_allows() {
        let mut restarts = Restarts::new(2, secs(10));
        let mut bear = |at| restarts.bear(Instant::ZERO.saturating_add(secs(at)));
        assert!(bear(0) && bear(5));
        assert!(!bear(10), "the first still counts");
        assert!(bear(11), "the first no longer counts");
        assert!(!bear(15));
        assert!(bear(16));
    }

    #[test]
    fn a_supervisor_may_bear_nothing() {
        assert!(!Restarts::new(0, secs(10)).bear(Instant::ZERO));
    }

    #[test]
    fn delays_double_up_to_a_limit() {
        let backoff = Backoff { first: secs(1), max: secs(5) };
        let delays: Vec<_> = [0, 1, 2, 3, 63, 64, u32::MAX].map(|failures| backoff.delay(failures)).into();
        assert_eq!(delays, [1, 2, 4, 5, 5, 5, 5].map(secs));
    }
}
