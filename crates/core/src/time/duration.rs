//! [`Duration`]: a span of time in whole nanoseconds, half the size of the standard library's.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// Units from the largest to the smallest, as they are written and read.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A span of time in nanoseconds.
///
/// It is read and written the way a person writes it in a configuration file.
///
/// ```
/// use ironloom_core::Duration;
///
/// let latency: Duration = "30ms".parse()?;
/// assert_eq!(latency, Duration::from_millis(30));
/// assert_eq!(Duration::from_micros(1_500).to_string(), "1.5ms");
/// # Ok::<(), ironloom_core::DurationParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// The longest span: 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// So many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// So many microseconds, at most [`Duration::MAX`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// So many milliseconds, at most [`Duration::MAX`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// So many seconds, at most [`Duration::MAX`].
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The span in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The span in seconds, for people and for rates; not for arithmetic that must repeat.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether the span is empty.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` if it is longer than [`Duration::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The difference, or `None` if `other` is longer.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The span `factor` times over, or `None` if that is longer than [`Duration::MAX`].
    #[must_use]
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The span `factor` times over, at most [`Duration::MAX`].
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// The sum, at most [`Duration::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_nanos(duration.0)
    }
}

impl From<std::time::Duration> for Duration {
    /// Takes over the span, at most [`Duration::MAX`].
    fn from(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        // Hours and minutes have no decimal fractions that a person would recognise.
        let fits = |&&(unit, nanos): &&(&str, u64)| {
            self.0 >= nanos && (!matches!(unit, "h" | "m") || self.0.is_multiple_of(nanos))
        };
        let &(unit, nanos) = UNITS.iter().find(fits).expect("every span is at least one nanosecond");
        let (whole, rest) = (self.0 / nanos, self.0 % nanos);
        if rest == 0 {
            return f.pad(&format!("{whole}{unit}"));
        }
        let digits = nanos.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        f.pad(&format!("{whole}.{}{unit}", fraction.trim_end_matches('0')))
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Duration({self})")
    }
}

/// Why a text is not a [`Duration`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DurationParseError {
    /// The number is missing or malformed.
    #[error("`{text}` does not begin with a number: write something like `30ms` or `1.5s`")]
    Number {
        /// What was to be read.
        text: String,
    },
    /// The unit is missing or unknown.
    #[error("`{text}` has no unit that is known: use one of h, m, s, ms, us, ns")]
    Unit {
        /// What was to be read.
        text: String,
    },
    /// The span is longer than a [`Duration`] can be, or finer than a nanosecond.
    #[error("`{text}` is out of range: a duration is at most 584 years and at least a nanosecond fine")]
    Range {
        /// What was to be read.
        text: String,
    },
}

impl FromStr for Duration {
    type Err = DurationParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let owned = || text.to_owned();
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
            .ok_or_else(|| DurationParseError::Unit { text: owned() })?;
        let (number, unit) = text.split_at(split);
        let &(_, nanos) = UNITS
            .iter()
            .find(|(name, _)| *name == unit || (*name == "us" && unit == "µs"))
            .ok_or_else(|| DurationParseError::Unit { text: owned() })?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let all_digits =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(DurationParseError::Number { text: owned() });
        }
        scaled(whole, fraction, nanos).map(Self).ok_or_else(|| DurationParseError::Range { text: owned() })
    }
}

/// `whole.fraction` times `nanos` without rounding; `None` where that is impossible.
fn scaled(whole: &str, fraction: &str, nanos: u64) -> Option<u64> {
    let whole = whole.parse::<u64>().ok()?.checked_mul(nanos)?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        return Some(whole);
    }
    let divisor = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = fraction.parse::<u128>().ok()?.checked_mul(u128::from(nanos))?;
    let exact = scaled.is_multiple_of(divisor).then_some(scaled / divisor)?;
    whole.checked_add(u64::try_from(exact).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(nanos: u64, text: &str) {
        assert_eq!(Duration::from_nanos(nanos).to_string(), text);
        assert_eq!(text.parse(), Ok(Duration::from_nanos(nanos)));
    }

    #[test]
    fn reads_as_it_writes() {
        check(0, "0s");
        check(1, "1ns");
        check(1_500, "1.5us");
        check(30_000_000, "30ms");
        check(1_000_000_001, "1.000000001s");
        check(60_000_000_000, "1m");
        check(61_000_000_000, "61s");
        check(7_200_000_000_000, "2h");
        assert_eq!("1.5µs".parse(), Ok(Duration::from_nanos(1_500)));
    }

    #[test]
    fn refuses_what_it_cannot_mean() {
        let refused = |text: &str| text.parse::<Duration>().expect_err(text);
        assert!(matches!(refused(""), DurationParseError::Unit { .. }));
        assert!(matches!(refused("5"), DurationParseError::Unit { .. }));
        assert!(matches!(
            refused("5 years"),
            DurationParseError::Number { .. } | DurationParseError::Unit { .. }
        ));
        assert!(matches!(refused("ms"), DurationParseError::Number { .. }));
        assert!(matches!(refused("-1ms"), DurationParseError::Number { .. }));
        assert!(matches!(refused("0.5ns"), DurationParseError::Range { .. }));
        assert!(matches!(refused("99999999999h"), DurationParseError::Range { .. }));
    }

    proptest! {
        #[test]
        fn every_duration_survives_being_written(nanos: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
