//! [`Clock`]: who says what time it is; one clock that is told, one that reads the host's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Duration, Instant};

/// A source of the present.
///
/// Only drivers hold one. Everything below them is handed an [`Instant`] as an argument.
pub trait Clock: Send + Sync {
    /// The present; never earlier than any present told before.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }
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

/// The host's monotonic clock, which shows what it was told to show when it was made.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    /// When it was made, and what it showed then.
    made: std::time::Instant,
    start: Instant,
}

impl WallClock {
    /// A clock that shows zero now.
    #[must_use]
    pub fn start() -> Self {
        Self::starting_at(Instant::ZERO)
    }

    /// A clock that shows `start` now: where a world goes on that was saved then.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this type is where real time enters")]
    pub fn starting_at(start: Instant) -> Self {
        Self { made: std::time::Instant::now(), start }
    }
}

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this type is where real time enters")]
    fn now(&self) -> Instant {
        self.start.saturating_add(Duration::from(self.made.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_never_goes_back() {
        let start = Instant::from_nanos(1 << 40);
        let clock = Arc::new(WallClock::starting_at(start));
        assert!(clock.now() >= start);
        let told: Vec<Instant> = (0..1_000).map(|_| clock.now()).collect();
        assert!(told.is_sorted());
    }
}
