//! [`GuestAddress`] and [`PageNumber`]: where something is in a guest's physical space.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// The bytes of a page.
pub const PAGE_BYTES: u64 = 4_096;

/// An address in the physical space of a guest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct GuestAddress(u64);

impl GuestAddress {
    /// The address with this number.
    #[inline]
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The page that it is in.
    #[inline]
    #[must_use]
    pub const fn page(self) -> PageNumber {
        PageNumber(self.0 / PAGE_BYTES)
    }

    /// How far into its page it is.
    #[inline]
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 % PAGE_BYTES
    }

    /// The address so many bytes further, if there is one.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }
}

impl fmt::Display for GuestAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The number of a page in the physical space of a guest: its address by [`PAGE_BYTES`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct PageNumber(u64);

impl PageNumber {
    /// The page with this number.
    #[inline]
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Where it begins.
    #[inline]
    #[must_use]
    pub const fn address(self) -> GuestAddress {
        GuestAddress(self.0 * PAGE_BYTES)
    }
}

impl fmt::Display for PageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {:#x}", self.0)
    }
}
