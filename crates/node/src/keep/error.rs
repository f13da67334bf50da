//! [`KeepError`]: why a world could not be kept, or opened.

use std::path::PathBuf;

use ironloom_blob::BlobError;
use ironloom_state::{BatchId, Interrupted, ReadError, RollbackError, SubmitError};
use thiserror::Error;

use crate::DescriptionError;

/// Why a world could not be kept, or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeepError {
    /// There is a world already where one was to be made.
    #[error("there is a world in {} already: open it, or make the new one elsewhere", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is no world where one was to be opened.
    #[error("there is no world in {}: make one with `create`", .path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("{}: {source}", .path.display())]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What the host says.
        source: std::io::Error,
    },
    /// The description of the world makes no sense.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The store of contents failed, or somebody else has it open.
    #[error("the store of contents: {0}")]
    Blobs(String),
    /// The store of what changes failed, or somebody else has it open.
    #[error("the store of what changes: {0}")]
    State(String),
    /// There is no such commit, or it is not one of a world.
    #[error("{commit} is no commit of this world: see the list of commits")]
    NoCommit {
        /// What was asked for.
        commit: BatchId,
    },
    /// A commit cannot be read.
    #[error("{commit} is damaged: {reason}")]
    Damaged {
        /// Which commit.
        commit: BatchId,
        /// What is wrong with it.
        reason: String,
    },
    /// No commit can be read.
    #[error("none of the {commits} commits that are kept can be read; of the newest: {reason}")]
    AllDamaged {
        /// How many were tried.
        commits: usize,
        /// What is wrong with the newest.
        reason: String,
    },
    /// The world is kept nowhere.
    #[error("the world is kept nowhere: make it with `create` or `open`")]
    NotKept,
    /// A resource belongs to the world itself.
    #[error("the resource {resource} belongs to the world: choose another name")]
    Reserved {
        /// Which resource.
        resource: String,
    },
}

impl From<BlobError> for KeepError {
    fn from(error: BlobError) -> Self {
        Self::Blobs(error.to_string())
    }
}

impl From<ironloom_blob::OpenError> for KeepError {
    fn from(error: ironloom_blob::OpenError) -> Self {
        Self::Blobs(error.to_string())
    }
}

macro_rules! of_state {
    ($($error:ty),*) => {
        $(impl From<$error> for KeepError {
            fn from(error: $error) -> Self {
                Self::State(error.to_string())
            }
        })*
    };
}

of_state!(
    SubmitError,
    Interrupted,
    ReadError,
    RollbackError,
    ironloom_state::OpenError,
    ironloom_state::StoreError,
    ironloom_state::BatchError
);
