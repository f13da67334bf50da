//! Why a store on disk could not be opened.

use std::io;

use thiserror::Error;

use super::config::DiskConfigError;
use crate::BlobError;

/// Why a [`DiskStore`](crate::DiskStore) could not be opened. Nothing was changed that was synced.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The config asks for what cannot be.
    #[error(transparent)]
    Config(#[from] DiskConfigError),
    /// Another process, or this one, has it open.
    #[error("the store at {at} is in use: close it there, or open another directory")]
    Locked {
        /// Where the store is.
        at: String,
    },
    /// It was written by another version.
    #[error(
        "{file} at {at} has format {found}, and {understood} is understood: open it with the version that wrote it"
    )]
    Version {
        /// Where the store is.
        at: String,
        /// The file.
        file: String,
        /// Its version.
        found: u32,
        /// The one understood.
        understood: u32,
    },
    /// The pins are damaged in their midst; without them, a collection would take what they keep.
    #[error(
        "the pins of the store at {at} are damaged at byte {offset}: restore its file `pins`, or copy that of an empty store"
    )]
    Pins {
        /// Where the store is.
        at: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// There are blobs but no pins; a collection would take all of them.
    #[error("the store at {at} has lost its pins: restore its file `pins`, or copy that of an empty store")]
    PinsMissing {
        /// Where the store is.
        at: String,
    },
    /// The medium failed.
    #[error("{action} at {at} failed: {source}")]
    Io {
        /// Where the store is.
        at: String,
        /// What was being done.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// What was recovered could not be made durable.
    #[error("the store at {at} was recovered but not made durable: {source}")]
    Recovery {
        /// Where the store is.
        at: String,
        /// Why.
        source: BlobError,
    },
}
