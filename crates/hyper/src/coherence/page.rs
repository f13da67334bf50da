//! [`Page`], [`Version`], [`Held`] and [`Want`]: the words of the protocol.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// The number of a page of the machine's memory, counted from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Page(u32);

impl Page {
    /// The page with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page-{}", self.0)
    }
}

/// Names the bytes that a page had at the end of a period in which it was written.
///
/// Only who may write a page makes a version of it, and hands the page on with it: so no two contents have one name.
/// The names are used up after 2³² periods; who kept a copy for all of them would be told too little.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Version(u32);

impl Version {
    /// The version of a page that was never written.
    pub const FIRST: Self = Self(0);

    /// The version with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What a host may do with a page.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub enum Held {
    /// Nothing: another host may be writing it.
    #[default]
    Nothing,
    /// Read it: no host writes it.
    Read,
    /// Read and write it: no other host does either.
    Write,
}

impl Held {
    /// Whether this is enough for who wants that.
    #[must_use]
    pub const fn allows(self, want: Want) -> bool {
        matches!((self, want), (Self::Write, _) | (Self::Read, Want::Read))
    }
}

/// What a hart wants to do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Want {
    /// Read it.
    Read,
    /// Write it, and perhaps read it.
    Write,
}
