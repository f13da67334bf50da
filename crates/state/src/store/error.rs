//! What can go wrong with a store.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::Space;

/// Why a store did not do what it was asked. Shared, because one failure is told to many who waited.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The engine or the disk below it failed.
    #[error("the store failed to {action}: {source}")]
    Engine {
        /// What was being done.
        action: &'static str,
        /// What the engine says.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// The space is not known to the store.
    #[error("space `{space}` was not declared: declare it before it is used")]
    Undeclared {
        /// The space.
        space: Space,
    },
    /// A key is longer than a store keeps, or empty. Nothing was changed.
    #[error("a key of {bytes} bytes in space `{space}`: it must have 1 to {} bytes", super::KEY_BYTES_MAX)]
    KeyLength {
        /// The space.
        space: Space,
        /// How long the key is.
        bytes: usize,
    },
    /// The store is open already, in this process or another one.
    #[error("the store in {} is open already: close it there first", path.display())]
    Locked {
        /// Its directory.
        path: PathBuf,
    },
    /// A directory does not hold a store that can be opened. Nothing in it was changed.
    #[error("{} holds no store that can be opened: {reason}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A limit of a configuration is out of range.
    #[error("the store cannot have {field} = {value}: at least {min} is needed")]
    Config {
        /// Which one.
        field: &'static str,
        /// What it is.
        value: u64,
        /// The least there may be.
        min: u64,
    },
    /// What rests in the store is not what was put there.
    #[error("space `{space}` is damaged: {reason}")]
    Damaged {
        /// The space.
        space: Space,
        /// What was found.
        reason: String,
    },
}

impl StoreError {
    /// A failure of the engine.
    pub fn engine(action: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Engine { action, source: Arc::new(source) }
    }

    pub(crate) fn damaged(space: Space, reason: impl Into<String>) -> Self {
        Self::Damaged { space, reason: reason.into() }
    }
}
