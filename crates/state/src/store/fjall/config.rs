//! [`FjallConfig`]: the sizes and limits of a store on disk.

use super::StoreError;

/// Sizes and limits of a [`FjallStore`](crate::FjallStore). A store may be opened with others than it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FjallConfig {
    /// How much of what rests on disk is kept in memory.
    pub cache_bytes: u64,
    /// When so much was written to a space, it is sorted into a table in the background. Up to five times as much is
    /// held in memory for each space that is written to without pause; then commits wait. A space keeps the limit with
    /// which it was declared first.
    pub memtable_bytes_max: u64,
    /// When the journals have this many bytes, the spaces that keep the oldest one alive are sorted into tables. It is
    /// looked at when a memtable is full, so that they grow beyond it by at most one memtable for each space. A crash
    /// costs the time to read them.
    pub journal_bytes_max: u64,
    /// How many threads sort and merge tables.
    pub threads: usize,
}

impl Default for FjallConfig {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, memtable_bytes_max: 32 << 20, journal_bytes_max: 256 << 20, threads: 2 }
    }
}

impl FjallConfig {
    /// Refuses what the engine cannot do.
    pub(super) fn validate(&self) -> Result<(), StoreError> {
        let limits = [
            ("memtable_bytes_max", self.memtable_bytes_max, 1 << 20),
            ("journal_bytes_max", self.journal_bytes_max, 64 << 20),
            ("threads", self.threads as u64, 1),
        ];
        for (field, value, min) in limits {
            if value < min {
                return Err(StoreError::Config { field, value, min });
            }
        }
        Ok(())
    }
}
