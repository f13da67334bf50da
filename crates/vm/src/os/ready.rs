//! [`Ready`]: what became possible with an object that others may wait for.

use std::ops::{BitOr, BitOrAssign};

/// What may have become possible, so that whoever waits for it is to try again.
///
/// It is a hint and never a promise: who was quicker may have taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[must_use = "somebody may wait for it"]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// There is something to read, or the end was reached.
    pub const READABLE: Self = Self(1);
    /// There is room, or nobody who would ever read.
    pub const WRITABLE: Self = Self(2);

    /// Whether nobody needs to try again.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether who waits to read is to try again.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & Self::READABLE.0 != 0
    }

    /// Whether who waits to write is to try again.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & Self::WRITABLE.0 != 0
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
