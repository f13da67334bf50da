//! [`Pace`]: what time it should be in a world, by the clock.

use ironloom_core::{Duration, Instant};

use crate::Pacing;

const SECOND_NANOS: u128 = 1_000_000_000;

/// What time it should be in a world, by the clock.
///
/// From an anchor on, the world's time is that of the clock, stretched. When the world cannot keep up the anchor moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pacing: Pacing,
    window: Duration,
    /// An instant of the clock, and one of the world that is the same.
    anchor: (Instant, Instant),
}

impl Pace {
    pub(super) const fn new(pacing: Pacing, window: Duration, clock: Instant, world: Instant) -> Self {
        Self { pacing, window, anchor: (clock, world) }
    }

    /// Whether it is to be as fast as it can.
    pub(super) fn is_free(&self) -> bool {
        self.pacing == Pacing::Free
    }

    /// What time it should be in the world; as late as can be if it is to be as fast as it can.
    pub(super) fn world_at(&self, clock: Instant) -> Instant {
        let (begun, world) = self.anchor;
        let passed = clock.saturating_since(begun);
        match self.pacing {
            Pacing::Clock => world.saturating_add(passed),
            Pacing::WindowsPerSecond(rate) => {
                let windows = u128::from(passed.as_nanos()) * u128::from(rate) / SECOND_NANOS;
                world.saturating_add(times(self.window, windows))
            }
            Pacing::Free => Instant::MAX,
        }
    }

    /// When it is to be this time in the world; now if it is to be as fast as it can.
    pub(super) fn clock_at(&self, world: Instant) -> Instant {
        let (begun, anchor) = self.anchor;
        let ahead = world.saturating_since(anchor);
        match self.pacing {
            Pacing::Clock => begun.saturating_add(ahead),
            Pacing::WindowsPerSecond(rate) => {
                let windows = ahead.as_nanos().div_ceil(self.window.as_nanos());
                let nanos = (u128::from(windows) * SECOND_NANOS).div_ceil(u128::from(rate.max(1)));
                begun.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
            }
            Pacing::Free => Instant::ZERO,
        }
    }

    /// Leaves out time in which the world would be further behind the clock than `lag_max`; how many windows of it.
    pub(super) fn skip(&mut self, clock: Instant, world: Instant, lag_max: Duration) -> u64 {
        if self.is_free() || clock.saturating_since(self.clock_at(world)) <= lag_max {
            return 0;
        }
        let before = self.world_at(clock);
        // From here on the world is behind by as much as it may be.
        self.anchor = (Instant::from_nanos(clock.as_nanos().saturating_sub(lag_max.as_nanos())), world);
        before.saturating_since(self.world_at(clock)).as_nanos() / self.window.as_nanos()
    }
}

fn times(window: Duration, windows: u128) -> Duration {
    let nanos = u128::from(window.as_nanos()) * windows;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Instant = Instant::from_nanos(5_000_000_000);
    const WINDOW: Duration = Duration::from_millis(10);

    fn after(begin: Instant, millis: u64) -> Instant {
        begin.saturating_add(Duration::from_millis(millis))
    }

    #[test]
    fn time_goes_by_as_the_pacing_says() {
        let world = after(Instant::ZERO, 70);
        let clock = Pace::new(Pacing::Clock, WINDOW, BEGIN, world);
        assert_eq!(clock.world_at(after(BEGIN, 25)), after(world, 25));
        assert_eq!(clock.clock_at(after(world, 25)), after(BEGIN, 25));
        let game = Pace::new(Pacing::WindowsPerSecond(50), WINDOW, BEGIN, world);
        assert_eq!(game.world_at(after(BEGIN, 39)), after(world, 10), "the second window is not over");
        assert_eq!(game.world_at(after(BEGIN, 40)), after(world, 20));
        assert_eq!(game.clock_at(after(world, 20)), after(BEGIN, 40));
        let free = Pace::new(Pacing::Free, WINDOW, BEGIN, world);
        assert_eq!(free.world_at(BEGIN), Instant::MAX);
    }

    #[test]
    fn every_rate_reaches_each_window_at_the_time_it_says() {
        for rate in [1, 3, 7, 60, 144, 1_000, 999_983] {
            let pace = Pace::new(Pacing::WindowsPerSecond(rate), WINDOW, BEGIN, Instant::ZERO);
            for window in 1..200 {
                let end = after(Instant::ZERO, 10 * window);
                let due = pace.clock_at(end);
                assert_eq!(pace.world_at(due), end, "{rate} windows a second, window {window}");
                let before = Instant::from_nanos(due.as_nanos() - 1);
                assert!(pace.world_at(before) < end, "{rate} windows a second, window {window}");
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_is_not_run_after() {
        let mut pace = Pace::new(Pacing::WindowsPerSecond(100), WINDOW, BEGIN, Instant::ZERO);
        let second = Duration::from_secs(1);
        assert_eq!(pace.skip(after(BEGIN, 900), Instant::ZERO, second), 0, "that can be made up for");
        let hour = after(BEGIN, 3_600_000);
        assert_eq!(pace.skip(hour, Instant::ZERO, second), 359_900);
        assert_eq!(pace.world_at(hour), after(Instant::ZERO, 1_000));
        assert_eq!(pace.skip(hour, Instant::ZERO, second), 0);
        assert_eq!(pace.world_at(BEGIN), Instant::ZERO, "a clock that goes back stops the world");
    }
}
