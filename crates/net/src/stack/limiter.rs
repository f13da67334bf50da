//! [`Limiter`]: so many a second, and not more.

use ironloom_core::Instant;

const SECOND: u64 = 1_000_000_000;

/// Lets a number of things happen in a second, the first of them at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limiter {
    /// When it will have caught up with what it let happen, in nanoseconds.
    caught_up: u64,
}

impl Limiter {
    /// Whether one more may happen; a second's worth may happen at once.
    pub(super) fn allow(&mut self, now: Instant, per_second: u32) -> bool {
        if per_second == 0 {
            return false;
        }
        let now = now.as_nanos();
        let next = self.caught_up.max(now) + SECOND / u64::from(per_second);
        let allowed = next <= now.saturating_add(SECOND);
        if allowed {
            self.caught_up = next;
        }
        allowed
    }
}
