//! [`Probe`]: a store that shows what a tree asks of it.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::{BlobError, BlobId, BlobStore, Durability, MemoryStore, PinError, PinName};

/// A store that counts what is asked of it, and refuses it when it is told to.
#[derive(Debug)]
pub(super) struct Probe {
    inner: MemoryStore,
    puts: AtomicUsize,
    gets: AtomicUsize,
    /// How many gets and puts succeed before one fails.
    left: AtomicUsize,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            inner: MemoryStore::new(),
            puts: AtomicUsize::new(0),
            gets: AtomicUsize::new(0),
            left: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Probe {
    /// Lets so many gets and puts succeed, then one fail, and all others succeed.
    pub(super) fn fail_after(&self, succeeding: usize) {
        self.left.store(succeeding, Ordering::Relaxed);
    }

    /// Lets everything succeed from now on; returns whether something failed.
    pub(super) fn heal(&self) -> bool {
        self.left.swap(usize::MAX, Ordering::Relaxed) > usize::MAX / 2
    }

    fn ask(&self, action: &'static str) -> Result<(), BlobError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let source = Arc::new(io::Error::other("told to fail"));
        Err(BlobError::Io { action, source })
    }

    /// Gets and puts since the last call.
    pub(super) fn take(&self) -> (usize, usize) {
        (self.gets.swap(0, Ordering::Relaxed), self.puts.swap(0, Ordering::Relaxed))
    }
}

impl BlobStore for Probe {
    fn put(&self, content: &[u8], durability: Durability) -> Result<BlobId, BlobError> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.ask("writing")?;
        self.inner.put(content, durability)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        self.inner.put_stream(content, durability)
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.ask("reading")?;
        self.inner.get(id)
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.ask("reading")?;
        self.inner.get_range(id, range)
    }

    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        self.inner.len(id)
    }

    fn sync(&self) -> Result<(), BlobError> {
        self.inner.sync()
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        self.inner.pin(name)
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        self.inner.set_pin(name, expected, target)
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        self.inner.pins()
    }
}
