//! What can go wrong with a state, by family of operations.

use ironloom_blob::BlobId;
use ironloom_core::LimitExceeded;
use thiserror::Error;

use crate::{Batch, BatchId, ConfigError, StoreError};

/// Why a state could not be opened.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store failed, or holds what a state would not have put there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An import into the store was broken off.
    #[error(
        "an import of {export} into the store was not finished: import it again, or discard what there is of it"
    )]
    UnfinishedImport {
        /// What was imported.
        export: BlobId,
    },
    /// A thread could not be started.
    #[error("a worker could not be started: {reason}")]
    Worker {
        /// What the operating system says.
        reason: String,
    },
}

/// Why a batch was not accepted. Nothing of it happened.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It has too much of something.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// As much is in flight as may be: wait for [`State::room`](crate::State::room).
    #[error("too much is in flight: wait for room")]
    Full,
    /// The state was closed.
    #[error("the state was closed")]
    Closed,
    /// The store failed earlier.
    #[error("the state failed: {0}; open it again")]
    Failed(#[source] StoreError),
}

/// A batch that was not accepted, and why.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct Rejected<P> {
    /// The batch, to be submitted again.
    pub batch: Batch<P>,
    /// Why it was not accepted.
    #[source]
    pub reason: SubmitError,
}

/// Why a state was not rolled back. It is as it was.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// There is no such batch, or it was itself rolled back.
    #[error("{target} is not part of the state")]
    Unknown {
        /// Where it was to go.
        target: BatchId,
    },
    /// What would be needed was pruned.
    #[error("{target} was pruned: the oldest batch that is kept is {floor}")]
    Pruned {
        /// Where it was to go.
        target: BatchId,
        /// The oldest to which it can.
        floor: BatchId,
    },
    /// The state was closed.
    #[error("the state was closed")]
    Closed,
    /// The store failed, now or earlier.
    #[error("the state failed: {0}; open it again")]
    Failed(#[from] StoreError),
}

/// Why a batch could not be read.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such batch, it was rolled back, or it is not committed yet.
    #[error("{batch} is not part of what is committed")]
    Unknown {
        /// The batch.
        batch: BatchId,
    },
    /// It was pruned.
    #[error("{batch} was pruned: the oldest batch that is kept is {floor}")]
    Pruned {
        /// The batch.
        batch: BatchId,
        /// The oldest that can be read.
        floor: BatchId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
