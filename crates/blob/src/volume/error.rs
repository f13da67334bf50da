//! [`VolumeError`]: why a volume could not do what it was asked.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::geometry::{EXTENT_BITS, SIZE_MAX};
use crate::{BlobError, BlobId, PinError, PinName};

/// Why a volume could not do what it was asked. It holds what it held before, unless the operation says otherwise.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The bytes do not all lie within the volume.
    #[error("{length} bytes at {offset} are not all in a volume of {size}: resize it first")]
    OutOfRange {
        /// Where they begin.
        offset: u64,
        /// How many they are.
        length: u64,
        /// How many bytes the volume has.
        size: u64,
    },
    /// Volumes cannot be so large.
    #[error("a volume of {size} bytes is too large: the limit is {SIZE_MAX}")]
    TooLarge {
        /// How many bytes it was to have.
        size: u64,
    },
    /// Extents cannot have this length.
    #[error(
        "extents cannot have {extent_bytes} bytes: use a power of two from {} to {}",
        1u64 << EXTENT_BITS.start(),
        1u64 << EXTENT_BITS.end()
    )]
    ExtentBytes {
        /// The length in the config.
        extent_bytes: u64,
    },
    /// The write would exceed what may wait in memory, and the volume has no pin to protect what it would write out.
    #[error(
        "{dirty_bytes} bytes would wait to be written out: the limit is {dirty_bytes_max}; \
         take a snapshot and pin it, or pin the volume"
    )]
    DirtyFull {
        /// How many bytes would wait.
        dirty_bytes: u64,
        /// How many may.
        dirty_bytes_max: u64,
    },
    /// The volume has a pin already.
    #[error("the volume has pin `{name}` already: fork it to have another")]
    Pinned {
        /// The pin that it has.
        name: PinName,
    },
    /// There is no such pin, so there is no volume to open.
    #[error("no pin is called `{name}`: create the volume and pin it")]
    NotPinned {
        /// The pin that was to be followed.
        name: PinName,
    },
    /// A blob is what its name says, but not a part of a volume, or not of this place in one.
    #[error("blob {id} is not a sound part of a volume: {reason}")]
    Corrupt {
        /// The blob.
        id: BlobId,
        /// What is wrong with it.
        reason: String,
    },
    /// The image could not be read or written. What was transferred before stays.
    #[error("{action} failed after {bytes} bytes: {source}")]
    Image {
        /// What was being done.
        action: &'static str,
        /// How many bytes were transferred before.
        bytes: u64,
        /// What the image says.
        source: Arc<io::Error>,
    },
    /// The store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The volume's pin could not be moved.
    #[error(transparent)]
    Pin(#[from] PinError),
}

impl VolumeError {
    pub(super) fn corrupt(id: BlobId, reason: impl Into<String>) -> Self {
        Self::Corrupt { id, reason: reason.into() }
    }
}
