//! [`Count`]: how often something has happened lately.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, Instant};

/// Counts, and forgets: what happened a half-life ago counts half.
///
/// In whole numbers, so that it is the same on every platform. It forgets in steps of an eighth of the half-life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Count {
    /// In 256ths.
    parts: u64,
    /// Up to when it has forgotten.
    since: Instant,
}

const ONE: u64 = 256;

/// The share that is left after an eighth of the half-life, in 65,536ths.
const EIGHTH: u64 = 60_097;

impl Count {
    pub(super) fn add(&mut self, now: Instant, half_life: Duration, amount: u32) {
        self.forget(now, half_life);
        self.parts = self.parts.saturating_add(u64::from(amount) * ONE).min(u64::from(u32::MAX) * ONE);
    }

    /// How often it has happened lately.
    pub(super) fn at(mut self, now: Instant, half_life: Duration) -> u32 {
        self.forget(now, half_life);
        (self.parts / ONE) as u32
    }

    fn forget(&mut self, now: Instant, half_life: Duration) {
        let step = (half_life.as_nanos() / 8).max(1);
        let steps = now.saturating_since(self.since).as_nanos() / step;
        if steps == 0 {
            return;
        }
        let halves = steps / 8;
        self.parts = if halves < 64 { self.parts >> halves } else { 0 };
        for _ in 0..steps % 8 {
            self.parts = (self.parts * EIGHTH) >> 16;
        }
        self.since = self.since.saturating_add(Duration::from_nanos(steps.saturating_mul(step)));
    }
}
