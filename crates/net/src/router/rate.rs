//! [`Rate`]: how many packets may pass in how much time, and [`Bucket`]: how many still may.

use ironloom_core::{Duration, Instant};

/// So many packets in so much time, and so many at once after a silence.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_net::router::Rate;
///
/// let pings = Rate { packets: 10, per: Duration::from_secs(1), burst: 5 };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many packets may pass in [`per`](Self::per).
    pub packets: u32,
    /// The time in which they may pass.
    pub per: Duration,
    /// How many may pass at once; at least one does.
    pub burst: u32,
}

/// What is left of a [`Rate`]: a token bucket that is full at first.
///
/// It keeps one number: when the bucket would be full again. A packet moves that by the time that a packet takes at this
/// rate, and may pass if it stays near enough.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// How long a packet takes at this rate, in nanoseconds.
    interval: u64,
    /// How long a full bucket lasts, in nanoseconds; 0 if nothing may ever pass.
    depth: u64,
    /// When the bucket is full again, in nanoseconds.
    full: u64,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = match rate.packets {
            0 => u64::MAX,
            packets => (rate.per.as_nanos() / u64::from(packets)).max(1),
        };
        let depth = if rate.packets == 0 { 0 } else { interval.saturating_mul(u64::from(rate.burst.max(1))) };
        Self { interval, depth, full: 0 }
    }

    /// Whether a packet may pass; if so, it has.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let now = now.as_nanos();
        let full = self.full.max(now).saturating_add(self.interval);
        let passes = self.depth > 0 && full - now <= self.depth;
        if passes {
            self.full = full;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut bucket = Bucket::new(Rate { packets: 10, per: Duration::from_secs(1), burst: 3 });
        let passed = |bucket: &mut Bucket, millis| (0..10).filter(|_| bucket.take(at(millis))).count();
        assert_eq!(passed(&mut bucket, 0), 3);
        assert_eq!(passed(&mut bucket, 99), 0);
        assert_eq!(passed(&mut bucket, 100), 1);
        assert_eq!(passed(&mut bucket, 10_000), 3);
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_pass() {
        let mut bucket = Bucket::new(Rate { packets: 0, per: Duration::from_secs(1), burst: 3 });
        assert!(!bucket.take(at(0)));
        assert!(!bucket.take(Instant::MAX));
    }

    #[test]
    fn the_end_of_time_is_survived() {
        let mut bucket =
            Bucket::new(Rate { packets: 1, per: Duration::from_nanos(u64::MAX), burst: u32::MAX });
        assert!(bucket.take(Instant::MAX));
        assert!(bucket.take(Instant::MAX));
    }
}
