//! [`DiskConfig`]: the sizes and limits of a disk store.

use thiserror::Error;

/// No config stores longer blobs whole.
pub(crate) const WHOLE_BYTES_LIMIT: u64 = 64 << 20;

/// Sizes and limits of a [`DiskStore`](crate::DiskStore). A store may be opened with others than it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskConfig {
    /// When a segment has this many bytes, the next one is begun. Collection frees space by whole segments.
    pub segment_bytes: u64,
    /// How much is gathered in memory before it is written in one piece. Up to twice as much is held.
    pub buffer_bytes: usize,
    /// Records of at least this length are written from the caller's memory, without passing through the buffer.
    pub direct_bytes: usize,
    /// Blobs of up to this length are stored whole; longer ones are cut into chunks.
    pub whole_bytes_max: usize,
    /// The longest blob that is taken. A blob takes 0.3 % of its length in memory while it is stored or read.
    pub blob_bytes_max: u64,
    /// How long blobs are cut.
    pub chunks: ChunkConfig,
    /// Whether blobs are compressed.
    pub compression: Compression,
    /// When this much was written since the index was last saved, it is saved, so that no more need be scanned after a
    /// crash.
    pub checkpoint_bytes: u64,
    /// How much of the tables of large blobs is kept in memory.
    pub manifest_bytes_max: usize,
    /// How many pins there may be.
    pub pins_max: usize,
    /// Of how many segments unsynced writes are left to a later sync.
    pub unsynced_segments_max: usize,
    /// A collection rewrites the segments of which less than so many percent are alive.
    pub compact_below_percent: u64,
}

/// How content-defined chunking (FastCDC, 2020) cuts. Stores that are to share chunks must cut alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkConfig {
    /// No chunk but the last is shorter.
    pub bytes_min: usize,
    /// What most chunks are near.
    pub bytes_average: usize,
    /// No chunk is longer.
    pub bytes_max: usize,
}

/// Whether blobs are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// They are stored as they are.
    Off,
    /// With LZ4, if a sample says that it pays and then it does.
    #[default]
    Lz4,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 128 << 20,
            buffer_bytes: 1 << 20,
            direct_bytes: 128 << 10,
            whole_bytes_max: 1 << 20,
            blob_bytes_max: 16 << 30,
            chunks: ChunkConfig { bytes_min: 16 << 10, bytes_average: 64 << 10, bytes_max: 256 << 10 },
            compression: Compression::default(),
            checkpoint_bytes: 4 << 30,
            manifest_bytes_max: 64 << 20,
            pins_max: 1 << 20,
            unsynced_segments_max: 8,
            compact_below_percent: 50,
        }
    }
}

/// A [`DiskConfig`] asks for what cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} is {value}, but must be {least} to {most}")]
pub struct DiskConfigError {
    /// Which field.
    pub field: &'static str,
    /// What it is.
    pub value: u64,
    /// The least that it may be.
    pub least: u64,
    /// The most that it may be.
    pub most: u64,
}

impl DiskConfig {
    /// Checks every field against what the formats can hold and the chunker can cut.
    ///
    /// # Errors
    ///
    /// If one is out of its range.
    pub fn check(&self) -> Result<(), DiskConfigError> {
        let chunks = &self.chunks;
        let whole_max = self.whole_bytes_max as u64;
        let (min, average, max) =
            (chunks.bytes_min as u64, chunks.bytes_average as u64, chunks.bytes_max as u64);
        let ranges = [
            ("segment_bytes", self.segment_bytes, 4 << 10, 2 << 30),
            ("buffer_bytes", self.buffer_bytes as u64, 4 << 10, 1 << 30),
            ("direct_bytes", self.direct_bytes as u64, 1 << 10, self.buffer_bytes as u64 / 2),
            ("whole_bytes_max", whole_max, max, WHOLE_BYTES_LIMIT),
            ("blob_bytes_max", self.blob_bytes_max, whole_max, 256 << 30),
            ("chunks.bytes_min", min, 64, 1 << 20),
            ("chunks.bytes_average", average, min.max(256), 4 << 20),
            ("chunks.bytes_max", max, average.max(1 << 10), 16 << 20),
            ("unsynced_segments_max", self.unsynced_segments_max as u64, 1, 1 << 10),
            ("checkpoint_bytes", self.checkpoint_bytes, 1, u64::MAX),
            ("compact_below_percent", self.compact_below_percent, 0, 100),
        ];
        let outside = |range: &&(&'static str, u64, u64, u64)| range.1 < range.2 || range.1 > range.3;
        if let Some(&(field, value, least, most)) = ranges.iter().find(outside) {
            return Err(DiskConfigError { field, value, least, most });
        }
        self.check_chunks_are_even()?;
        self.check_manifests_fit()
    }

    /// The longest blob in the shortest chunks must have a manifest that is a record.
    fn check_manifests_fit(&self) -> Result<(), DiskConfigError> {
        let bytes_min = self.chunks.bytes_min as u64;
        let room = u64::from(u32::MAX) - (1 << 10);
        // 36 bytes for each chunk, 32 for each group of 16 KiB.
        let most = u128::from(room) * 512 * u128::from(bytes_min) / (36 * 512 + u128::from(bytes_min));
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        if self.blob_bytes_max > most {
            let least = self.whole_bytes_max as u64;
            let value = self.blob_bytes_max;
            return Err(DiskConfigError {
                field: "blob_bytes_max, with chunks.bytes_min as it is,",
                value,
                least,
                most,
            });
        }
        Ok(())
    }

    /// The chunker looks at two bytes at a time.
    fn check_chunks_are_even(&self) -> Result<(), DiskConfigError> {
        let lengths = [self.chunks.bytes_min, self.chunks.bytes_average, self.chunks.bytes_max];
        let odd = lengths.into_iter().find(|length| length % 2 == 1);
        odd.map_or(Ok(()), |length| {
            Err(DiskConfigError {
                field: "a length in chunks, which must be even,",
                value: length as u64,
                least: 64,
                most: 16 << 20,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskConfig, DiskConfigError};

    #[test]
    fn the_default_is_possible_and_the_impossible_is_refused() {
        assert_eq!(DiskConfig::default().check(), Ok(()));
        let config = DiskConfig { segment_bytes: 1, ..DiskConfig::default() };
        assert_eq!(config.check().unwrap_err().field, "segment_bytes");
        let mut config = DiskConfig::default();
        config.chunks.bytes_min += 1;
        assert!(config.check().is_err());
        let config = DiskConfig { checkpoint_bytes: 0, ..DiskConfig::default() };
        assert_eq!(config.check().unwrap_err().field, "checkpoint_bytes");
    }

    /// A blob is refused when the store is opened rather than after it was cut and stored for an hour.
    #[test]
    fn blobs_whose_manifest_is_no_record_are_refused() {
        let mut config = DiskConfig::default();
        config.chunks.bytes_min = 64;
        config.blob_bytes_max = 256 << 30;
        let refused = config.check().unwrap_err();
        assert!(refused.field.starts_with("blob_bytes_max"), "{refused}");
        config.blob_bytes_max = refused.most;
        assert_eq!(config.check(), Ok(()));
        let manifest = config.blob_bytes_max / 64 * 36 + config.blob_bytes_max / 512;
        assert!(manifest < u64::from(u32::MAX));
        config.blob_bytes_max += 1;
        assert_eq!(config.check(), Err(DiskConfigError { value: refused.most + 1, ..refused }));
    }
}
