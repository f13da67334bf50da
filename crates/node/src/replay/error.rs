//! [`ReplayError`]: why a run is not written down, or not played again.

use ironloom_blob::BlobError;
use ironloom_core::Instant;
use ironloom_core::trace::Digest;
use thiserror::Error;

use crate::{DescriptionError, KeepError};

/// Why a run is not written down, or not played again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A run was written there before.
    #[error("there is a run in this log already: write the new one to another")]
    Exists,
    /// No run was written there.
    #[error("there is no run in this log: write one with `World::record`")]
    Missing,
    /// The run is that of a world that is kept.
    #[error("it is the run of a world that is kept: open its `Archive`, and call `replay` of that")]
    Kept,
    /// The store in which the log is failed, or somebody else has it open.
    #[error("the store of the log: {0}")]
    Store(String),
    /// The log is damaged.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The description with which the run began makes no sense, which it did to whoever wrote it down.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The world with which the run began cannot be opened.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// Something else happened than what was written down.
    #[error(
        "by {at} something else had happened than when it was written down ({found} instead of {expected}): {}",
        if *.visits > 0 { "somebody had visited the world, and what is done then is not written down" }
        else { "is it the same program, of the same version?" }
    )]
    Diverged {
        /// When it was noticed, in the time of the world.
        at: Instant,
        /// What was written down.
        expected: Digest,
        /// What happened.
        found: Digest,
        /// How often somebody had visited the world by then.
        visits: u64,
    },
}

impl From<BlobError> for ReplayError {
    fn from(error: BlobError) -> Self {
        Self::Store(error.to_string())
    }
}
