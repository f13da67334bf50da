//! Store bytes under the name of their contents.
//!
//! A [`BlobStore`] keeps blobs: immutable bytes, named by their hash. What is stored twice is stored once, what was
//! damaged is never returned, and what no pin reaches can be collected.
//!
//! | to … | use |
//! |---|---|
//! | name content | [`BlobId`] |
//! | store it in memory | [`MemoryStore`] |
//! | store it on disk | [`DiskStore`] |
//! | test against bad disks | [`FaultyMedium`] |
//! | let blobs refer to each other | [`link`] |
//! | keep directories and files in it | [`Tree`] |
//! | keep disks in it | [`Volume`] |

#![forbid(unsafe_code)]

#[doc(hidden)]
pub use disk::fuzz;

pub mod link;
pub mod tree;
pub mod volume;

mod collect;
mod disk;
mod error;
mod id;
mod medium;
mod memory;
mod store;

pub use collect::{Collected, Spare};
pub use disk::{
    ChunkConfig, Compression, DiskConfig, DiskConfigError, DiskStatistics, DiskStore, OpenError,
    SegmentStatistics,
};
pub use error::{BlobError, PinError};
pub use id::{BlobId, BlobIdParseError};
pub use medium::{Directory, DirectoryFile, FaultyFile, FaultyMedium, Medium, MediumFile};
pub use memory::MemoryStore;
pub use store::{BlobStore, Durability, PinName, PinNameError};
pub use tree::{Tree, TreeError};
pub use volume::{Volume, VolumeError};
