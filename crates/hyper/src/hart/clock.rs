//! [`HartClock`]: the time that a hart sees, which its instructions make go by.

use ironloom_core::Instant;

/// Nanoseconds of a tick: the timebase is 10 MHz.
pub const TICK_NANOSECONDS: u64 = 100;

/// The time that a hart sees: that of its owner when it was set, and so much for each instruction since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HartClock {
    start: u64,
    retired: u64,
    per_microsecond: u64,
}

impl HartClock {
    pub(crate) const fn new(per_microsecond: u64) -> Self {
        Self { start: 0, retired: 0, per_microsecond }
    }

    /// How long an instruction takes, rounded up.
    pub(crate) const fn per_instruction(&self) -> u64 {
        1_000_u64.div_ceil(self.per_microsecond)
    }

    pub(crate) const fn set(&mut self, now: Instant, retired: u64) {
        self.start = now.as_nanos();
        self.retired = retired;
    }

    pub(crate) const fn now(&self, retired: u64) -> u64 {
        let instructions = (retired - self.retired) as u128;
        self.start.saturating_add((instructions * 1_000 / self.per_microsecond as u128) as u64)
    }

    pub(crate) const fn ticks(&self, retired: u64) -> u64 {
        self.now(retired) / TICK_NANOSECONDS
    }

    /// How many instructions after `retired` the clock shows a tick, at least one.
    pub(crate) fn instructions_until(&self, tick: u64, retired: u64) -> u64 {
        let wanted = u128::from(tick) * u128::from(TICK_NANOSECONDS);
        let nanoseconds = wanted.saturating_sub(u128::from(self.start));
        let instructions = (nanoseconds * u128::from(self.per_microsecond)).div_ceil(1_000);
        let total = instructions + u128::from(self.retired);
        u64::try_from(total.saturating_sub(u128::from(retired))).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_comes_with_the_instruction_that_was_foretold() {
        for per_microsecond in [1, 7, 400, 1_000, 3_333] {
            let mut clock = HartClock::new(per_microsecond);
            clock.set(Instant::from_nanos(12_345), 500);
            for tick in [124_u64, 125, 1_000, 77_777] {
                let instructions = clock.instructions_until(tick, 500);
                assert!(clock.ticks(500 + instructions) >= tick, "{per_microsecond} {tick}");
                assert!(clock.ticks(500 + instructions - 1) < tick, "{per_microsecond} {tick}");
            }
        }
    }
}
