//! [`Instant`]: a point on a clock's axis, in nanoseconds since that clock's zero.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use super::Duration;

/// A point in time: nanoseconds since the clock's zero.
///
/// Unlike [`std::time::Instant`] it has a zero, can be written down, and means the same in every run
/// of the same seed. Its 64 bits last 584 years.
///
/// ```
/// use ironloom_core::{Duration, Instant};
///
/// let sent = Instant::ZERO.saturating_add(Duration::from_millis(3));
/// let received = sent.checked_add(Duration::from_micros(250)).expect("centuries before the end of time");
/// assert_eq!(received.saturating_since(sent), Duration::from_micros(250));
/// assert_eq!(received.to_string(), "0.003250000s");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Instant(u64);

impl Instant {
    /// The clock's zero: where every virtual world begins.
    pub const ZERO: Self = Self(0);

    /// The end of time: the last instant that can be told, which no clock reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant so many nanoseconds after zero.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since zero.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant moved into the future, or `None` past the end of time.
    #[must_use]
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        match self.0.checked_add(duration.as_nanos()) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// This instant moved into the past, or `None` before zero.
    #[must_use]
    pub const fn checked_sub(self, duration: Duration) -> Option<Self> {
        match self.0.checked_sub(duration.as_nanos()) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// This instant moved into the future, at most to [`Instant::MAX`]: a deadline too far away is at the end of time.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_nanos()))
    }

    /// The time since `earlier`, or `None` if that is later than this.
    #[must_use]
    pub const fn checked_since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// The time since `earlier`, or zero if that is later than this.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        write!(f, "{}.{:09}s", self.0 / SECOND, self.0 % SECOND)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Instant::MAX.checked_add(second), None);
        assert_eq!(Instant::MAX.saturating_add(second), Instant::MAX);
        assert_eq!(Instant::ZERO.checked_sub(second), None);
        assert_eq!(Instant::ZERO.checked_since(Instant::from_nanos(1)), None);
        assert_eq!(Instant::ZERO.saturating_since(Instant::from_nanos(1)), Duration::ZERO);
    }
}
