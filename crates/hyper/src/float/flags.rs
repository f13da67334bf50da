//! [`Flags`]: what an operation found out besides its result.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// The accrued exceptions, as the five low bits of `fcsr` hold them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing was found out.
    pub const NONE: Self = Self(0);
    /// NX: the result was rounded.
    pub const INEXACT: Self = Self(1);
    /// UF: the result is tiny and was rounded.
    pub const UNDERFLOW: Self = Self(2);
    /// OF: the result is too large for its format.
    pub const OVERFLOW: Self = Self(4);
    /// DZ: something finite was divided by zero.
    pub const DIVIDE_BY_ZERO: Self = Self(8);
    /// NV: the operation has no meaningful result.
    pub const INVALID: Self = Self(16);

    /// The flags with these bits; others than the five are ignored.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x1f)
    }

    /// Their bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of these flags are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline]
    fn bitor(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitOrAssign for Flags {
    #[inline]
    fn bitor_assign(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(16, "NV"), (8, "DZ"), (4, "OF"), (2, "UF"), (1, "NX")];
        f.write_str("Flags(")?;
        for (bit, name) in names {
            if self.0 & bit != 0 {
                write!(f, " {name}")?;
            }
        }
        f.write_str(" )")
    }
}
