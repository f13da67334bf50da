//! [`MemoryStore`]: a store that lasts as long as the process.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ironloom_core::Map;
use parking_lot::RwLock;

use crate::{BlobError, BlobId, BlobStore, Durability, PinError, PinName};

/// A store in memory, for tests and for worlds that are not to outlive their process.
///
/// Everything in it is as durable as it will ever be, and nothing is verified twice: memory does not lie.
///
/// ```
/// use ironloom_blob::{BlobStore, Durability, MemoryStore};
///
/// let store = MemoryStore::new();
/// let id = store.put(b"hello", Durability::Buffered)?;
/// assert_eq!(&store.get(id)?[..], b"hello");
/// # Ok::<(), ironloom_blob::BlobError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: Map<BlobId, Bytes>,
    pins: BTreeMap<PinName, BlobId>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl BlobStore for MemoryStore {
    fn put(&self, content: &[u8], _: Durability) -> Result<BlobId, BlobError> {
        let id = BlobId::of(content);
        if !self.state.read().blobs.contains_key(&id) {
            self.state.write().blobs.insert(id, Bytes::copy_from_slice(content));
        }
        Ok(id)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| BlobError::Io {
            action: "reading the stream to store",
            source: Arc::new(error),
        })?;
        Ok((self.put(&bytes, durability)?, bytes.len() as u64))
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.state.read().blobs.get(&id).cloned().ok_or(BlobError::NotFound { id })
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        let blob = self.get(id)?;
        let length = blob.len() as u64;
        if range.start > range.end || range.end > length {
            return Err(BlobError::Range { id, range, length });
        }
        Ok(blob.slice(range.start as usize..range.end as usize))
    }

    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        Ok(self.state.read().blobs.get(&id).map(|blob| blob.len() as u64))
    }

    fn sync(&self) -> Result<(), BlobError> {
        Ok(())
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        Ok(self.state.read().pins.get(name).copied())
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        let mut state = self.state.write();
        let found = state.pins.get(name).copied();
        if found != expected {
            return Err(PinError::Moved { name: name.clone(), found, expected });
        }
        match target {
            Some(id) if !state.blobs.contains_key(&id) => return Err(BlobError::NotFound { id }.into()),
            Some(id) => state.pins.insert(name.clone(), id),
            None => state.pins.remove(name),
        };
        Ok(())
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        Ok(self.state.read().pins.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }
}
