//! Store bytes under the name of their contents.
//!
//! A [`BlobStore`] keeps blobs: immutable bytes, named by their hash. What is stored twice is stored once, what was
//! damaged is never returned, and what no pin reaches can be collected.
//!
//! | to … | use |
//! |---|---|
//! | name content | [`BlobId`] |
//! | store it in memory | [`MemoryStore`] |
//! | test against bad disks | [`FaultyMedium`] |
//! | let blobs refer to each other | [`link`] |

#![forbid(unsafe_code)]

pub mod link;

mod error;
mod id;
mod medium;
mod memory;
mod store;

pub use error::{BlobError, PinError};
pub use id::{BlobId, BlobIdParseError};
pub use medium::{Directory, DirectoryFile, FaultyFile, FaultyMedium, Medium, MediumFile};
pub use memory::MemoryStore;
pub use store::{BlobStore, Durability, PinName, PinNameError};
