//! [`Config`]: how large a volume's extents and memory are.

/// What a volume may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many bytes are stored and shared as one: a power of two from 4 KiB to 16 MiB. It is fixed when a volume is
    /// created and part of its snapshots; for a volume that is opened it means nothing.
    pub extent_bytes: u64,
    /// How many bytes may wait in memory to be written out, not counting the overshoot of a single write.
    pub dirty_bytes_max: u64,
    /// How many bytes of what is in the store are kept in memory to be read again. Forks share them.
    pub cache_bytes_max: u64,
}

impl Default for Config {
    /// Extents of 64 KiB; 64 MiB to be written, 64 MiB to be read.
    fn default() -> Self {
        Self { extent_bytes: 64 << 10, dirty_bytes_max: 64 << 20, cache_bytes_max: 64 << 20 }
    }
}
