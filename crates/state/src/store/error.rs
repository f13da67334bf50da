//! What can go wrong with a store.

use std::error::Error as StdError;
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
