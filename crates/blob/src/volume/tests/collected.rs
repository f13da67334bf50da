//! A read whose extent is replaced and collected while it is on its way.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::{Config, Volume, VolumeError};
use super::{SMALL, read};
use crate::{BlobError, BlobId, BlobStore, Durability, MemoryStore, PinError, PinName};

/// A store in memory that loses one blob when it is asked for: before it answers, the volume is written and stored.
#[derive(Debug, Default)]
struct Collecting {
    store: MemoryStore,
    victim: Mutex<Option<Victim>>,
}

#[derive(Debug)]
struct Victim {
    id: BlobId,
    /// What is written over it meanwhile, if anything.
    replaced: Option<Arc<Volume>>,
}

impl BlobStore for Collecting {
    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        let victim = self.victim.lock().take_if(|victim| victim.id == id);
        let Some(victim) = victim else {
            return self.store.len(id);
        };
        if let Some(volume) = victim.replaced {
            volume.write_at(0, b"after!").unwrap();
            volume.snapshot().unwrap();
        }
        Ok(None)
    }

    fn put(&self, content: &[u8], durability: Durability) -> Result<BlobId, BlobError> {
        self.store.put(content, durability)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        self.store.put_stream(content, durability)
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.store.get(id)
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.store.get_range(id, range)
    }

    fn sync(&self) -> Result<(), BlobError> {
        self.store.sync()
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        self.store.pin(name)
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        self.store.set_pin(name, expected, target)
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        self.store.pins()
    }
}

/// A volume that says "before" and has nothing of it in memory.
fn before() -> (Arc<Collecting>, Arc<Volume>) {
    let store = Arc::new(Collecting::default());
    let config = Config { cache_bytes_max: 0, ..SMALL };
    let volume = Volume::create(Arc::<Collecting>::clone(&store), 1 << 20, config).unwrap();
    volume.write_at(0, b"before").unwrap();
    volume.snapshot().unwrap();
    (store, Arc::new(volume))
}

/// It also shows that a read holds no lock while it waits for the store: the write inside of it would never end.
#[test]
fn a_read_starts_again_when_what_it_wanted_was_replaced() {
    let (store, volume) = before();
    *store.victim.lock() = Some(Victim { id: BlobId::of(b"before"), replaced: Some(Arc::clone(&volume)) });
    assert_eq!(read(&volume, 0, 6), b"after!");
}

#[test]
fn a_read_fails_when_what_it_wants_is_gone() {
    let (store, volume) = before();
    *store.victim.lock() = Some(Victim { id: BlobId::of(b"before"), replaced: None });
    let error = volume.read_at(0, &mut [0; 6]).unwrap_err();
    assert!(matches!(error, VolumeError::Blob(BlobError::NotFound { .. })), "{error}");
    assert_eq!(read(&volume, 0, 6), b"before");
}
