//! [`BusFault`]: why an access to the board is refused.

use thiserror::Error;

/// An access to the board is refused: the hart that tried takes an access fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusFault {
    /// No device is there.
    #[error("no device is at {address:#x}")]
    Unmapped {
        /// Where the access went.
        address: u64,
    },
    /// The device there takes accesses of other widths, or of other places.
    #[error("the device at {address:#x} takes no access of {width} bytes there")]
    Refused {
        /// Where the access went.
        address: u64,
        /// How many bytes it was of.
        width: u8,
    },
}
