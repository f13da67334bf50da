//! [`Clock`]: who says what time it is; one clock that is told, one that reads the host's.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Instant;

/// A source of the present.
///
/// Only drivers hold one. Everything below them is handed an [`Instant`] as an argument.
pub trait Clock: Send + Sync {
    /// The present; never earlier than any present told before.
    fn now(&self) -> Instant;
}

/// A clock that stands still until it is told to advance.
///
/// ```
/// use ironloom_core::{Clock, Instant, VirtualClock};
///
/// let clock = VirtualClock::default();
/// clock.advance_to(Instant::from_nanos(40));
/// clock.advance_to(Instant::from_nanos(20)); // a clock never goes back
/// assert_eq!(clock.now(), Instant::from_nanos(40));
/// ```
#[derive(Debug, Default)]
pub struct VirtualClock {
    nanos: AtomicU64,
}

impl VirtualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn new(start: Instant) -> Self {
        Self { nanos: AtomicU64::new(start.as_nanos()) }
    }

    /// Moves the present to `now`, or leaves it where it is if that is in the past.
    pub fn advance_to(&self, now: Instant) {
        self.nanos.fetch_max(now.as_nanos(), Ordering::AcqRel);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

/// The host's monotonic clock, with its zero where it was made.
#[derive(Debug)]
pub struct WallClock {
    zero: std::time::Instant,
}

impl WallClock {
    /// A clock that shows zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this type is where real time enters")]
    pub fn start() -> Self {
        Self { zero: std::time::Instant::now() }
    }
}

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this type is where real time enters")]
    fn now(&self) -> Instant {
        let nanos = u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Instant::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_never_goes_back() {
        let clock = WallClock::start();
        let told: Vec<Instant> = (0..1_000).map(|_| clock.now()).collect();
        assert!(told.is_sorted());
    }
}
