//! [`Receipt`]: what became of a transaction.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::LimitExceeded;
use thiserror::Error;

use crate::ResourceId;

/// What became of a transaction: the same for everybody who runs the same batches.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// Whether its writes were applied; if not, it changed nothing.
    pub outcome: Result<(), Failure>,
    /// How much of its budget it spent.
    pub spent: u64,
    /// What it emitted, in order; nothing if it failed.
    pub events: Vec<Vec<u8>>,
}

impl Receipt {
    /// Whether the transaction's writes were applied.
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        self.outcome.is_ok()
    }
}

/// Why a transaction changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The processor decided so.
    #[error("refused: {reason}")]
    Refused {
        /// What it says, cut after [`Failure::REASON_BYTES_MAX`].
        reason: String,
    },
    /// It touched what it had not declared.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// It would have spent more than it was granted.
    #[error("out of budget: {granted} units were granted")]
    OutOfBudget {
        /// How much that was.
        granted: u64,
    },
    /// It wanted more of something than the configuration allows.
    #[error("{amount} would exceed {limit}, which is {max}")]
    Limit {
        /// The limit's name in the configuration.
        limit: String,
        /// How much it would have been.
        amount: u64,
        /// How much may be.
        max: u64,
    },
    /// The processor panicked.
    #[error("the processor panicked: {message}")]
    Panicked {
        /// What the panic says, cut after [`Failure::REASON_BYTES_MAX`].
        message: String,
    },
}

impl Failure {
    /// How much of a reason is kept.
    pub const REASON_BYTES_MAX: usize = 256;

    /// The processor's own decision against a transaction.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// The same failure, with no more text than is kept.
    pub(crate) fn bounded(mut self) -> Self {
        if let Self::Refused { reason: text } | Self::Panicked { message: text } = &mut self {
            text.truncate(text.floor_char_boundary(Self::REASON_BYTES_MAX));
            text.shrink_to_fit();
        }
        self
    }
}

impl From<LimitExceeded> for Failure {
    fn from(exceeded: LimitExceeded) -> Self {
        let limit = exceeded.limit;
        Self::Limit { limit: limit.name().to_owned(), amount: exceeded.amount, max: limit.max() }
    }
}

/// Why a resource was not shown or not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The transaction did not declare it.
    #[error("resource {resource} was not declared: declare an access to it")]
    Undeclared {
        /// The resource.
        resource: ResourceId,
    },
    /// The transaction declared that it only reads it.
    #[error("resource {resource} was declared for reading: declare a write access to change it")]
    ReadOnly {
        /// The resource.
        resource: ResourceId,
    },
}

/// A receipt as it rests in a batch in flight: most have nothing to tell but what was spent.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) spent: u64,
    pub(crate) detail: Option<Box<Detail>>,
}

#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) outcome: Result<(), Failure>,
    pub(crate) events: Vec<Vec<u8>>,
}

impl Stub {
    pub(crate) fn new(outcome: Result<(), Failure>, spent: u64, events: Vec<Vec<u8>>) -> Self {
        let tells = outcome.is_err() || !events.is_empty();
        Self { spent, detail: tells.then(|| Box::new(Detail { outcome, events })) }
    }

    pub(crate) fn receipt(&self) -> Receipt {
        let (outcome, events) = match &self.detail {
            Some(detail) => (detail.outcome.clone(), detail.events.clone()),
            None => (Ok(()), Vec::new()),
        };
        Receipt { outcome, spent: self.spent, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let Failure::Refused { reason } = Failure::refused("ä".repeat(1_000) + "x").bounded() else {
            unreachable!("it stays what it was")
        };
        assert_eq!(reason, "ä".repeat(128));
    }
}
