//! [`StoredPoint`]: a point that was stored while its memory went on, which then need not store the same again.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore};

use super::snapshot::Stored;
use super::{Memory, MemoryError, MemoryPoint};

/// A point of a memory that is in a store now.
///
/// A [snapshot](Memory::snapshot) stores a memory while it stands still. A point is stored on any thread while the memory
/// goes on, which is told of it [afterwards](Memory::settle).
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::{BlobStore, MemoryStore};
/// use ironloom_hyper::{GuestAddress, memory::{Memory, MemoryConfig}};
///
/// let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
/// let base = GuestAddress::new(0x8000_0000);
/// let memory = Memory::new(MemoryConfig::new(base, 256 << 20))?;
/// memory.store(base, 42u64)?;
///
/// let point = memory.point();
/// memory.store(base, 43u64)?;
/// let stored = point.store(&store)?;
/// assert!(memory.settle(&stored));
/// assert_ne!(memory.snapshot(&store)?, stored.image());
/// # Ok::<(), ironloom_hyper::memory::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct StoredPoint {
    before: MemoryPoint,
    /// The same, which stands on its image.
    after: Memory,
    image: BlobId,
}

impl StoredPoint {
    /// The name of its image.
    #[must_use]
    pub const fn image(&self) -> BlobId {
        self.image
    }
}

impl MemoryPoint {
    /// Stores it. Of what its memory was stored as before, only what was written since is read and put.
    ///
    /// # Errors
    ///
    /// As [`Memory::snapshot`].
    pub fn store(self, store: &Arc<dyn BlobStore>) -> Result<StoredPoint, MemoryError> {
        let after = self.fork();
        let image = after.snapshot(store)?;
        Ok(StoredPoint { before: self, after, image })
    }
}

impl Memory {
    /// Takes notice that a point of it is stored: what was not written since need not be stored again, and the memory
    /// stands on the image from now on. Whether it does: not if it was rolled back or stored otherwise meanwhile, or the
    /// point is one of another memory.
    ///
    /// No reader may write while this runs.
    pub fn settle(&self, point: &StoredPoint) -> bool {
        let StoredPoint { before, after, .. } = point;
        let mut stored = self.stored.lock();
        if !self.pool.is(&before.pool)
            || self.regions.len() != before.regions.len()
            || !stored.is_in_store_of(&before.stored)
        {
            return false;
        }
        let is_same = self.regions.iter().zip(&before.regions).all(|(region, before)| {
            match (region.lock().as_deref(), before) {
                (Some(region), Some(before)) => region.goes_on_from(before),
                (Some(region), None) => region.origin.name().is_none(),
                (None, before) => before.is_none(),
            }
        });
        if !is_same {
            return false;
        }
        for ((region, before), after) in self.regions.iter().zip(&before.regions).zip(&after.regions) {
            if let (Some(region), Some(before), Some(after)) =
                (region.lock().as_deref_mut(), before, after.lock().as_deref())
            {
                region.settle(before, after, self.ctx());
            }
        }
        *stored = after.stored.lock().clone();
        true
    }
}

impl Stored {
    /// Whether the names of both stand for blobs in one store, or for none.
    fn is_in_store_of(&self, other: &Self) -> bool {
        match (&self.store, &other.store) {
            (Some(store), Some(other)) => Arc::ptr_eq(store, other),
            (store, other) => store.is_none() && other.is_none(),
        }
    }
}
