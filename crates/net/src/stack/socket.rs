//! [`SocketId`] and [`Readiness`]: how a socket is named, and what can be done with it.

use std::fmt;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

/// A socket of one stack. The name of a socket that was closed is not used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct SocketId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket-{}.{}", self.index, self.generation)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can be done with a socket that could not be done before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Readiness(u8);

impl Readiness {
    /// There is something to receive, or to accept, or the other side has finished.
    pub const READABLE: Self = Self(1);
    /// There is room to send, or the connection was made.
    pub const WRITABLE: Self = Self(2);
    /// It is over: closed by both sides, refused, reset or timed out.
    pub const OVER: Self = Self(4);

    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Whether all of `other` is among this.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::READABLE, "readable"), (Self::WRITABLE, "writable"), (Self::OVER, "over")];
        f.debug_list()
            .entries(names.iter().filter(|(one, _)| self.contains(*one)).map(|(_, name)| name))
            .finish()
    }
}
