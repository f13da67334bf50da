//! Store bytes under the name of their contents.
//!
//! A [`BlobStore`] keeps blobs: immutable bytes, named by their hash. What is stored twice is stored once, what was
//! damaged is never returned, and what no pin reaches can be collected.
//!
//! | to … | use |
//! |---|---|
//! | name content | [`BlobId`] |
//! | store it in memory | [`MemoryStore`] |
//! | let blobs refer to each other | [`link`] |
//! | keep directories and files in it | [`Tree`] |
//! | keep disks in it | [`Volume`] |

#![forbid(unsafe_code)]

pub mod link;
pub mod tree;
pub mod volume;

mod error;
mod id;
mod memory;
mod store;

pub use error::{BlobError, PinError};
pub use id::{BlobId, BlobIdParseError};
pub use memory::MemoryStore;
pub use store::{BlobStore, Durability, PinName, PinNameError};
pub use tree::{Tree, TreeError};
pub use volume::{Volume, VolumeError};
