//! [`DiskStatistics`]: what a store holds, and what it saved.

/// What a disk store holds, and what it saved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskStatistics {
    /// How many records there are: blobs, chunks of large ones, and manifests of those.
    pub records: u64,
    /// How many bytes were put since the store was opened, duplicates included.
    pub logical_bytes: u64,
    /// How many of them were new.
    pub unique_bytes: u64,
    /// How many bytes the records take that the index knows, with their headers, after compression.
    pub stored_bytes: u64,
    /// How much memory the index takes.
    pub index_bytes: u64,
    /// Every segment, by number.
    pub segments: Vec<SegmentStatistics>,
}

/// How much of a segment is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentStatistics {
    /// Its number.
    pub number: u32,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many of them belong to blobs.
    pub live_bytes: u64,
}

impl DiskStatistics {
    /// How many bytes were put for each that was new; 1 if nothing was put.
    #[must_use]
    pub fn dedup_ratio(&self) -> f64 {
        if self.logical_bytes == self.unique_bytes {
            return 1.0;
        }
        self.logical_bytes as f64 / self.unique_bytes as f64
    }
}

impl SegmentStatistics {
    /// Which part of it belongs to blobs.
    #[must_use]
    pub fn live_ratio(&self) -> f64 {
        if self.bytes == 0 {
            return 1.0;
        }
        self.live_bytes as f64 / self.bytes as f64
    }
}
