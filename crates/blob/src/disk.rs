//! [`DiskStore`]: a store that outlives its process, in segments that are only ever appended to.
//!
//! A put hashes, looks the name up, and appends a record to the writer's buffer; a get looks the name up, reads one
//! record, and checks it. The index is in memory; a checkpoint of it on the medium makes opening fast, and the segments
//! can always replace it. What a crash may take is told in `docs/blob.md`.

mod checkpoint;
mod compact;
mod compress;
mod config;
mod error;
mod groups;
mod index;
mod large;
mod manifest;
mod mark;
mod pins;
mod put;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod stats;
mod sweep;
mod writer;

#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ironloom_core::Map;
use parking_lot::{Mutex, RwLock};

pub use config::{ChunkConfig, Compression, DiskConfig, DiskConfigError};
pub use error::OpenError;
pub use stats::{DiskStatistics, SegmentStatistics};

use crate::medium::{Directory, Medium};
use crate::{BlobError, BlobId, BlobStore, Durability, PinError, PinName};
use index::{Index, LARGE};
use large::LargeCache;
use mark::Marking;
use pins::Pins;
use segment::Segments;
use writer::{Ground, Writer};

/// A store in a directory, or on another [`Medium`].
///
/// ```
/// use ironloom_blob::{BlobStore, DiskConfig, DiskStore, Durability};
///
/// let directory = tempfile::tempdir()?;
/// let store = DiskStore::open(directory.path(), DiskConfig::default())?;
/// let id = store.put(b"hello", Durability::Synced)?;
/// drop(store);
///
/// let store = DiskStore::open(directory.path(), DiskConfig::default())?;
/// assert_eq!(&store.get(id)?[..], b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DiskStore<M: Medium = Directory> {
    config: DiskConfig,
    medium: M,
    segments: Segments<M::File>,
    index: Index,
    writer: Writer<M::File>,
    pins: Mutex<Pins<M::File>>,
    /// Puts pass it together; a collection begins alone.
    gate: RwLock<()>,
    /// What the collection that runs has still to look at.
    marking: Mutex<Marking>,
    /// Chunks of large blobs that are being put, which nothing else keeps.
    unfinished: Mutex<Map<u64, Arc<Mutex<Vec<BlobId>>>>>,
    /// Held by whoever saves the index or moves records.
    maintenance: Mutex<()>,
    manifests: Mutex<LargeCache>,
    counts: Counts,
    /// Held until the store is dropped.
    _lock: M::File,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counts {
    logical_bytes: AtomicU64,
    unique_bytes: AtomicU64,
    /// How much had been appended when the index was last saved.
    saved_at: AtomicU64,
    /// How many large puts there were.
    large_puts: AtomicU64,
}

impl DiskStore {
    /// Opens the store in this directory of the host, or makes an empty one.
    ///
    /// # Errors
    ///
    /// If the config is impossible, somebody else has the store open, or the medium fails.
    pub fn open(path: impl AsRef<Path>, config: DiskConfig) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let medium = Directory::open(path).map_err(|source| OpenError::Io {
            at: path.display().to_string(),
            action: "opening the directory",
            source,
        })?;
        Self::open_on(medium, config)
    }
}

impl<M: Medium> DiskStore<M> {
    /// Saves the index and closes the store. Dropping it does the same, but cannot say how it went.
    ///
    /// # Errors
    ///
    /// If the medium fails. What was synced before is safe nevertheless.
    pub fn close(self) -> Result<(), BlobError> {
        self.checkpoint()
    }

    /// Makes everything durable and saves the index, so that no more need be scanned after a crash.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    pub fn checkpoint(&self) -> Result<(), BlobError> {
        self.checkpoint_alone(&self.maintenance.lock())
    }

    /// What the store holds and what it saved.
    #[must_use]
    pub fn statistics(&self) -> DiskStatistics {
        let segments: Vec<SegmentStatistics> = self.segments.all().iter().map(|it| it.statistics()).collect();
        DiskStatistics {
            records: self.index.len() as u64,
            logical_bytes: self.counts.logical_bytes.load(Ordering::Relaxed),
            unique_bytes: self.counts.unique_bytes.load(Ordering::Relaxed),
            stored_bytes: segments.iter().map(|segment| segment.live_bytes).sum(),
            index_bytes: self.index.memory_bytes() as u64,
            segments,
        }
    }

    fn ground(&self) -> Ground<'_, M> {
        Ground { medium: &self.medium, segments: &self.segments }
    }

    /// The caller holds the maintenance lock, so no record is moved meanwhile.
    fn checkpoint_alone(&self, _: &parking_lot::MutexGuard<'_, ()>) -> Result<(), BlobError> {
        let (position, appended) = self.writer.settle(&self.ground())?;
        checkpoint::save(&self.medium, &self.index, position)
            .map_err(|error| self.writer.failed("saving the index", error))?;
        self.counts.saved_at.store(appended, Ordering::Relaxed);
        Ok(())
    }

    /// Saves the index if enough was written since, and nobody else is at it.
    fn checkpoint_if_due(&self) {
        // In this order: what was saved never exceeds what was appended later.
        let saved_at = self.counts.saved_at.load(Ordering::Acquire);
        let since = self.writer.appended().saturating_sub(saved_at);
        if since < self.config.checkpoint_bytes {
            return;
        }
        if let Some(guard) = self.maintenance.try_lock() {
            // If this failed for want of room, the next put will say so; if for worse, the writer has stopped.
            let _ = self.checkpoint_alone(&guard);
        }
    }
}

impl<M: Medium> Drop for DiskStore<M> {
    fn drop(&mut self) {
        let changed = self.writer.appended() != self.counts.saved_at.load(Ordering::Relaxed);
        if changed && self.writer.check().is_ok() {
            // Nobody is left to tell, and the segments know everything that was synced.
            let _ = self.checkpoint();
        }
    }
}

impl<M: Medium> BlobStore for DiskStore<M> {
    fn put(&self, content: &[u8], durability: Durability) -> Result<BlobId, BlobError> {
        let id = if content.len() <= self.config.whole_bytes_max {
            self.put_whole(content)?
        } else {
            self.put_large(content)?
        };
        self.finish_put(durability)?;
        Ok(id)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        let put = self.put_from(content)?;
        self.finish_put(durability)?;
        Ok(put)
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.read(&id)
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.read_range(&id, range)
    }

    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        let length = self.known(&id).and_then(|entry| match entry.length {
            LARGE => Ok(self.manifest(&id)?.length()),
            length => Ok(u64::from(length)),
        });
        match length {
            Ok(length) => Ok(Some(length)),
            Err(BlobError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn has(&self, id: BlobId) -> Result<bool, BlobError> {
        match self.known(&id) {
            Ok(_) => Ok(true),
            Err(BlobError::NotFound { .. } | BlobError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn sync(&self) -> Result<(), BlobError> {
        self.writer.sync(&self.ground())
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        Ok(self.pins.lock().table.get(name).copied())
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        self.move_pin(name, expected, target)
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        let pins = self.pins.lock();
        Ok(pins.table.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }
}
