//! [`Traveller`]: a hart as it goes from one host to another.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::frame::{self, Frame, FrameError, Message};
use thiserror::Error;

use super::placement::Past;
use crate::computer::HartStatus;
use crate::hart::HartState;

/// How many bytes a traveller has at most.
pub const TRAVELLER_BYTES_MAX: usize = 8 << 10;

/// A hart that stands still: what it is, and what it was doing.
///
/// As bytes it is a frame: a version, a length and checksums, and then the hart, about a kilobyte.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Traveller {
    /// What it was doing.
    pub status: HartStatus,
    /// What it is.
    pub state: HartState,
    /// What the policy knew of it that placed it where it was.
    pub past: Past,
}

impl Message for Traveller {
    const KIND: u16 = 0x4c54;
    const VERSION: u16 = 3;
}

/// Why bytes are not a [`Traveller`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TravellerError {
    /// They are no whole frame with one inside.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// There are too few bytes, or too many.
    #[error("{bytes} bytes are not one traveller")]
    Length {
        /// How many there are.
        bytes: usize,
    },
    /// No hart can be so.
    #[error("no hart can be so")]
    Unsound,
}

impl Traveller {
    /// It as bytes.
    ///
    /// # Panics
    ///
    /// Never: a hart always fits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 << 10);
        frame::encode(self, TRAVELLER_BYTES_MAX, &mut bytes).expect("a hart is about a kilobyte");
        bytes
    }

    /// What bytes say.
    ///
    /// # Errors
    ///
    /// If they are not a traveller, or one that cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TravellerError> {
        let length = TravellerError::Length { bytes: bytes.len() };
        let Some((frame, [])) = Frame::split(bytes, TRAVELLER_BYTES_MAX)? else { return Err(length) };
        let traveller: Self = frame.decode()?;
        if !traveller.state.is_sound() {
            return Err(TravellerError::Unsound);
        }
        Ok(traveller)
    }
}

#[cfg(test)]
mod tests;
