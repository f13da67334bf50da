//! [`HartId`]: one of the harts of a machine.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// How many harts a machine can have.
pub const HARTS_MAX: usize = 64;

/// One of the harts of a machine, wherever it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct HartId(u8);

impl HartId {
    /// The hart with this number, if it is below 64.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < HARTS_MAX { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its place in a table of harts.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The hart at a place in a table of harts.
    pub(super) fn at(index: usize) -> Self {
        Self(u8::try_from(index).expect("a table has at most 64 harts"))
    }
}

impl BorshDeserialize for HartId {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let number = u8::deserialize_reader(reader)?;
        Self::new(number).ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, format!("there is no hart {number}"))
        })
    }
}

impl fmt::Display for HartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hart-{}", self.0)
    }
}
