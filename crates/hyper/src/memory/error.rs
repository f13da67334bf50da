//! [`MemoryError`]: why a memory could not do what it was asked.

use ironloom_blob::{BlobError, BlobId};
use thiserror::Error;

use super::{Denied, Memory};
use crate::{GuestAddress, PageNumber};

/// Why a memory could not do what it was asked.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A memory cannot lie there.
    #[error(
        "a memory cannot have {bytes} bytes at {base}: use whole pages, at most {} bytes of them, within 64 bits",
        Memory::BYTES_MAX
    )]
    Bounds {
        /// Where it was to begin.
        base: GuestAddress,
        /// How many bytes it was to have.
        bytes: u64,
    },
    /// The bytes do not all lie in memory.
    #[error("{bytes} bytes at {address} are not all in memory")]
    Outside {
        /// Where they begin.
        address: GuestAddress,
        /// How many they are.
        bytes: u64,
    },
    /// As many frames are in use as there may be.
    #[error("{page} needs a frame, and {frames_max} are in use, which is the limit")]
    Full {
        /// The page that needs one.
        page: PageNumber,
        /// How many there may be.
        frames_max: u64,
    },
    /// As many readers are registered as there may be.
    #[error("{readers_max} readers are registered, which is the limit")]
    Readers {
        /// How many there may be.
        readers_max: usize,
    },
    /// A value lies across a boundary where it cannot be reached at once.
    #[error("the value of {bytes} bytes at {address} is not aligned to its length")]
    Misaligned {
        /// Where it is.
        address: GuestAddress,
        /// How long it is.
        bytes: u64,
    },
    /// Two memories differ in place or length, so one cannot become the other.
    #[error("a memory of {bytes} bytes at {base} cannot become one of {other_bytes} at {other_base}")]
    Shape {
        /// Where it begins.
        base: GuestAddress,
        /// How many bytes it has.
        bytes: u64,
        /// Where the other begins.
        other_base: GuestAddress,
        /// How many bytes the other has.
        other_bytes: u64,
    },
    /// The point is one of a memory that this one has nothing in common with.
    #[error("the point belongs to another machine: only a memory and its forks share points")]
    Foreign,
    /// A blob is what its name says, but not a part of an image, or not of this place in one.
    #[error("blob {id} is not a sound part of a memory's image: {reason}")]
    Corrupt {
        /// The blob.
        id: BlobId,
        /// What is wrong with it.
        reason: String,
    },
    /// What another host said of a page contradicts itself.
    #[error("what was said of {page} contradicts itself")]
    Unsound {
        /// The page.
        page: PageNumber,
    },
    /// Another pager gets what other hosts hold.
    #[error("the memory is spread over hosts already")]
    Spread,
    /// Other hosts hold some of the pages.
    #[error("pages are held by other hosts: store the memory together with them")]
    Lacking,
    /// A page that another host holds cannot be had any more.
    #[error("{page} is held by a host that does not answer any more")]
    Lost {
        /// The page.
        page: PageNumber,
    },
    /// The store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl MemoryError {
    pub(super) fn corrupt(id: BlobId, reason: impl Into<String>) -> Self {
        Self::Corrupt { id, reason: reason.into() }
    }
}

impl From<Denied> for MemoryError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Outside { page } | Denied::Absent { page } => {
                Self::Outside { address: page.address(), bytes: crate::PAGE_BYTES }
            }
            Denied::Full { page, frames_max } => Self::Full { page, frames_max },
        }
    }
}
