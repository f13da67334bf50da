//! What can go wrong with a store, by family of operations.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::{BlobId, PinName};

/// Why a blob could not be stored or read. A failed put has stored nothing that can be seen.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The store does not have it.
    #[error("blob {id} is not in the store")]
    NotFound {
        /// The blob that was asked for.
        id: BlobId,
    },
    /// What is stored under the name is not what the name says. It is never returned.
    #[error("blob {id} is corrupt: {reason}")]
    Corrupt {
        /// The blob that was asked for.
        id: BlobId,
        /// What was found instead.
        reason: String,
    },
    /// The range does not lie within the blob.
    #[error("bytes {}..{} are not all in blob {id}, which has {length}", range.start, range.end)]
    Range {
        /// The blob that was asked for.
        id: BlobId,
        /// What was asked for.
        range: Range<u64>,
        /// How many bytes it has.
        length: u64,
    },
    /// The blob is larger than the store takes in one piece.
    #[error(
        "a blob of {length} bytes is too long: the limit is {blob_bytes_max}; use put_stream or raise the limit"
    )]
    TooLong {
        /// How many bytes it has.
        length: u64,
        /// How many it may have.
        blob_bytes_max: u64,
    },
    /// The medium is full. What was stored before is intact; free some space and go on.
    #[error("the medium is full: blobs can be read, but not stored")]
    Full,
    /// The source that was being stored, or the medium, failed.
    #[error("{action} failed: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the operating system says. Shared, because one failure may be told to many who waited for it.
        source: Arc<io::Error>,
    },
    /// A write failed earlier in a way that leaves the medium in doubt, so nothing more is written.
    #[error("the store takes no more writes since one failed ({reason}): open it again")]
    Stopped {
        /// The failure.
        reason: String,
    },
}

/// Why a pin could not be moved.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum PinError {
    /// The pin does not point where it was expected to: somebody else moved it.
    #[error("pin `{name}` points to {found:?}, not to {expected:?}: read it and decide again")]
    Moved {
        /// The pin.
        name: PinName,
        /// Where it points.
        found: Option<BlobId>,
        /// Where it was expected to point.
        expected: Option<BlobId>,
    },
    /// There are as many pins as there may be.
    #[error("pin `{name}` would be one too many: the limit is {pins_max}")]
    TooMany {
        /// The pin.
        name: PinName,
        /// How many there may be.
        pins_max: usize,
    },
    /// The blob that it was to point to is not there, or the store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
}
