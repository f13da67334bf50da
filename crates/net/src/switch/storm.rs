//! [`Bucket`]: how much of what a port sends may go to all others.

use ironloom_core::Instant;

const SECOND: u64 = 1_000_000_000;

/// A token bucket in whole tokens: it fills with time, and every frame takes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: u32,
    /// Up to when the bucket was filled.
    filled_at: Instant,
}

impl Bucket {
    pub(super) const fn full(burst: u32) -> Self {
        Self { tokens: burst, filled_at: Instant::ZERO }
    }

    /// Takes a token; `false` if there is none.
    pub(super) fn take(&mut self, now: Instant, rate: u32, burst: u32) -> bool {
        self.fill(now, rate, burst);
        let Some(rest) = self.tokens.checked_sub(1) else { return false };
        self.tokens = rest;
        true
    }

    /// Adds the tokens of the time that went by, and keeps what is left of a token for later.
    fn fill(&mut self, now: Instant, rate: u32, burst: u32) {
        let passed = now.saturating_since(self.filled_at).as_nanos();
        let earned = u128::from(passed) * u128::from(rate) / u128::from(SECOND);
        if earned == 0 {
            return;
        }
        let room = u128::from(burst.saturating_sub(self.tokens));
        if earned >= room {
            (self.tokens, self.filled_at) = (burst, now);
            return;
        }
        self.tokens += earned as u32;
        let spent = earned * u128::from(SECOND) / u128::from(rate);
        self.filled_at = Instant::from_nanos(self.filled_at.as_nanos() + spent as u64);
    }
}
