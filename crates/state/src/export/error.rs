//! What can go wrong with exports and imports.

use ironloom_blob::link::NotLinked;
use ironloom_blob::{BlobError, BlobId};
use ironloom_core::LimitExceeded;
use thiserror::Error;

use crate::{BatchId, ReadError, ResourceId, Root, StoreError};

/// Why a state was not exported. Some of its blobs may have been stored.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The batch cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of blobs failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The root that the export was to carry is another than the store knows.
    #[error("{batch} has root {known}, not {given}")]
    Root {
        /// The batch.
        batch: BatchId,
        /// What the export was to carry.
        given: Root,
        /// What the store says.
        known: Root,
    },
}

/// Why a state was not imported.
///
/// A store in which rows were written already is left as an unfinished import: import again, or
/// [discard](crate::discard_import) it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is something in the store. It was not touched.
    #[error("the store holds a state already: import into a store of its own")]
    NotEmpty,
    /// A blob is absent or corrupt, or its store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob is not what an export has in its place.
    #[error("blob {blob} is not a part of an export: {reason}")]
    Malformed {
        /// The blob.
        blob: BlobId,
        /// What is wrong with it.
        reason: Malformed,
    },
    /// The export has more of something than the configuration allows.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The export does not have as much as its root says.
    #[error("the export has {found} {what}, and its root says {promised}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there were to be.
        promised: u64,
        /// How many there are.
        found: u64,
    },
    /// The resources do not have the root that they were to have.
    #[error("the resources have root {found}, not {expected}")]
    Root {
        /// What the export says, or who imports it.
        expected: Root,
        /// What was computed.
        found: Root,
    },
    /// The export has no root that could be compared with the one expected, and none is computed.
    #[error("whether the root is {expected} is not known: import with roots on")]
    RootUnchecked {
        /// What was expected.
        expected: Root,
    },
}

/// What is wrong with a blob of an export.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It is no linked blob.
    #[error(transparent)]
    NotLinked(#[from] NotLinked),
    /// It is a linked blob of something else.
    #[error("it does not begin as parts of exports do")]
    Tag,
    /// It was written in a format that is not known.
    #[error("its format is {found}: {known} is known")]
    Format {
        /// Its format.
        found: u8,
        /// The format that is known.
        known: u8,
    },
    /// It is another kind of part than belongs there.
    #[error("it is a part of kind {found}, and one of kind {expected} belongs there")]
    Kind {
        /// The kind that belongs there.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// It ends too early.
    #[error("it is cut")]
    Cut,
    /// It has something behind its end.
    #[error("there is something behind its end")]
    Trailing,
    /// It contains nothing.
    #[error("it is empty")]
    Empty,
    /// It refers to another number of blobs than it uses.
    #[error("it refers to {found} blobs and uses {used}")]
    Links {
        /// How many it has.
        found: usize,
        /// How many it uses.
        used: usize,
    },
    /// The root's table cannot be read, or contradicts itself.
    #[error("{reason}")]
    Manifest {
        /// Why.
        reason: String,
    },
    /// A resource does not come after the one before it.
    #[error("resource {resource} is out of order")]
    Order {
        /// The resource.
        resource: ResourceId,
    },
    /// A resource has a version that it cannot have at that batch.
    #[error("resource {resource} has version {version}")]
    Version {
        /// The resource.
        resource: ResourceId,
        /// Its version.
        version: BatchId,
    },
    /// A flag has no meaning.
    #[error("resource {resource} has flags {flags:#04x}")]
    Flags {
        /// The resource.
        resource: ResourceId,
        /// Its flags.
        flags: u8,
    },
    /// A value is not where values of its length are.
    #[error("the value of resource {resource} has {bytes} bytes, and is in the wrong place for that")]
    Place {
        /// The resource.
        resource: ResourceId,
        /// How long its value is.
        bytes: u32,
    },
    /// A blob has another length than it must have.
    #[error("it has {found} bytes, not {expected}")]
    Length {
        /// What it must have.
        expected: u64,
        /// What it has.
        found: u64,
    },
}
