//! [`Seed`]: the number that a run is.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// The number from which all chance in a run comes: two runs with the same seed and inputs are the same run.
///
/// It is printed when something fails, and read back from that print.
///
/// ```
/// use ironloom_core::Seed;
///
/// assert_eq!(Seed::new(0xbeef).to_string(), "0xbeef");
/// assert_eq!("0xbeef".parse(), Ok(Seed::new(0xbeef)));
/// assert_eq!("42".parse(), Ok(Seed::new(42)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Seed(u64);

impl Seed {
    /// The seed with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({self})")
    }
}

impl FromStr for Seed {
    type Err = ParseIntError;

    /// Reads a decimal number, or a hexadecimal one after `0x`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).map(Self),
            None => text.parse().map(Self),
        }
    }
}
