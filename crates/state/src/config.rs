//! [`Config`]: the limits of a state.

use thiserror::Error;

use crate::keeper::RESERVED_IDS;

/// How a state is run, and the most of everything that it holds.
///
/// ```
/// use ironloom_state::{Config, Roots};
///
/// let config = Config { workers: 4, roots: Roots::Off, ..Config::default() };
/// assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Threads that execute, commit and hash. With none, whoever waits does the work: nothing happens between waits.
    pub workers: usize,
    /// Whether a Merkle root is kept.
    pub roots: Roots,
    /// What a transaction may spend unless its batch says otherwise.
    pub transaction_budget: u64,
    /// Transactions in a batch.
    pub batch_transactions_max: u64,
    /// Accesses of a transaction.
    pub transaction_accesses_max: u64,
    /// Metadata of a batch.
    pub metadata_bytes_max: u64,
    /// What a resource may hold.
    pub value_bytes_max: u64,
    /// Events that a transaction may emit.
    pub events_max: u64,
    /// What its events may have together.
    pub event_bytes_max: u64,
    /// Batches that were accepted and are not committed.
    pub batches_in_flight_max: u64,
    /// Transactions in them. A batch is accepted if less are in flight, so that one alone may be larger.
    pub transactions_in_flight_max: u64,
    /// Resources whose values are kept in memory after they were committed, because they may be asked for again.
    pub resident_resources_max: u64,
    /// Rows that pruning removes in one step, between which commits go on.
    pub prune_step_rows_max: u64,
    /// Changes of the root's tree that are only in memory, and would have to be made again after a crash.
    pub tree_changes_max: u64,
    /// Memory for the leaves of the root's tree, besides those that are not in the store yet.
    pub tree_cache_bytes_max: u64,
}

/// Whether a state keeps a Merkle root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// Every batch has a root.
    #[default]
    On,
    /// No batch has.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 2,
            roots: Roots::On,
            transaction_budget: 1_000_000,
            batch_transactions_max: 1 << 20,
            transaction_accesses_max: 1_024,
            metadata_bytes_max: 64 << 10,
            value_bytes_max: 16 << 20,
            events_max: 256,
            event_bytes_max: 64 << 10,
            batches_in_flight_max: 1_024,
            transactions_in_flight_max: 64 << 10,
            resident_resources_max: 256 << 10,
            prune_step_rows_max: 4_096,
            tree_changes_max: 64 << 10,
            tree_cache_bytes_max: 64 << 20,
        }
    }
}

impl Config {
    /// Whether a state can be run like this.
    ///
    /// # Errors
    ///
    /// If a limit that must be positive is zero, or one is too large to count with.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("batch_transactions_max", self.batch_transactions_max),
            ("batches_in_flight_max", self.batches_in_flight_max),
            ("transactions_in_flight_max", self.transactions_in_flight_max),
            ("prune_step_rows_max", self.prune_step_rows_max),
            ("tree_changes_max", self.tree_changes_max),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        let counted = [
            ("workers", self.workers as u64, 1_024),
            ("batch_transactions_max", self.batch_transactions_max, u64::from(u32::MAX) - 1),
            ("batches_in_flight_max", self.batches_in_flight_max, RESERVED_IDS / 4),
            ("value_bytes_max", self.value_bytes_max, u64::from(u32::MAX) - 1),
            ("metadata_bytes_max", self.metadata_bytes_max, u64::from(u32::MAX) / 2),
        ];
        match counted.into_iter().find(|(_, value, max)| value > max) {
            Some((field, value, max)) => Err(ConfigError::TooLarge { field, value, max }),
            None => Ok(()),
        }
    }
}

/// A [`Config`] makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit would let nothing through.
    #[error("{field} is 0: nothing could be done")]
    Zero {
        /// The limit.
        field: &'static str,
    },
    /// A limit is more than can be counted.
    #[error("{field} is {value}: the most is {max}")]
    TooLarge {
        /// The limit.
        field: &'static str,
        /// What it is.
        value: u64,
        /// What it may be.
        max: u64,
    },
}
