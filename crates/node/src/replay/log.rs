//! [`Log`]: where a run is written down.

use std::path::Path;
use std::sync::{Arc, Weak};

use ironloom_blob::link::Linked;
use ironloom_blob::{BlobId, BlobStore, DiskConfig, DiskStore, Durability, MemoryStore, PinName};
use ironloom_core::borsh::{self, BorshDeserialize, BorshSerialize};
use parking_lot::Mutex;

use super::recorder::Recorder;
use super::{Basis, Entry, ReplayError};

/// Of which kind chunks are that this version writes.
const VERSION: u16 = 1;

/// Where a run is written down: a chain of blobs in a store, each of which names the one before it.
///
/// It is a handle: clones are the same log.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn BlobStore>,
    pin: PinName,
    /// Who writes to it, if anybody does.
    writer: Mutex<Weak<Mutex<Recorder>>>,
}

/// What is written at once: the begin of a run, or what came after.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
enum Chunk {
    Begin {
        version: u16,
        basis: Basis,
    },
    /// Its place in the log, from 1 on.
    Entries(u64),
}

impl Log {
    /// A log in a directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If the directory cannot be used, or somebody else has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReplayError> {
        let store = DiskStore::open(path, DiskConfig::default());
        let store = store.map_err(|error| ReplayError::Store(error.to_string()))?;
        Ok(Self::within(Arc::new(store), pin()))
    }

    /// A log that is gone with its last handle.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::within(Arc::new(MemoryStore::new()), pin())
    }

    /// A log in a store where other things are as well; `pin` keeps it there.
    pub fn within(store: Arc<dyn BlobStore>, pin: PinName) -> Self {
        Self { shared: Arc::new(Shared { store, pin, writer: Mutex::default() }) }
    }

    /// How many blobs it has, and how many bytes they have together.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn size(&self) -> Result<(u64, u64), ReplayError> {
        let (mut blobs, mut bytes, mut next) = (0, 0, self.newest()?);
        while let Some(id) = next {
            let content = self.shared.store.get(id)?;
            (blobs, bytes) = (blobs + 1, bytes + content.len() as u64);
            next = before(&content)?;
        }
        Ok((blobs, bytes))
    }

    /// Begins it; its first chunk.
    pub(super) fn begin(&self, basis: Basis) -> Result<BlobId, ReplayError> {
        if self.newest()?.is_some() {
            return Err(ReplayError::Exists);
        }
        self.append(None, &Chunk::Begin { version: VERSION, basis }, &[])
    }

    /// Adds entries behind those of a chunk, for good; their chunk.
    pub(super) fn add(&self, last: BlobId, number: u64, entries: &[u8]) -> Result<BlobId, ReplayError> {
        self.append(Some(last), &Chunk::Entries(number), entries)
    }

    fn append(&self, last: Option<BlobId>, chunk: &Chunk, entries: &[u8]) -> Result<BlobId, ReplayError> {
        let failed = |error: std::io::Error| ReplayError::Store(error.to_string());
        let mut body = borsh::to_vec(chunk).map_err(failed)?;
        body.extend_from_slice(entries);
        let links: Vec<BlobId> = last.into_iter().collect();
        let id = self.shared.store.put(&Linked::encode(&links, &body), Durability::Buffered)?;
        let pinned = self.shared.store.set_pin(&self.shared.pin, last, Some(id));
        pinned.map_err(|error| ReplayError::Store(error.to_string()))?;
        Ok(id)
    }

    /// From now on this is who writes to it.
    pub(super) fn written_by(&self, writer: &Arc<Mutex<Recorder>>) {
        *self.shared.writer.lock() = Arc::downgrade(writer);
    }

    /// How it begins, and its other chunks in order, after whoever writes to it has written what there is.
    pub(crate) fn read(&self) -> Result<(Basis, Vec<BlobId>), ReplayError> {
        let writer = self.shared.writer.lock().upgrade();
        if let Some(writer) = writer {
            writer.lock().flush();
        }
        let mut id = self.newest()?.ok_or(ReplayError::Missing)?;
        let mut chunks = Vec::new();
        loop {
            let content = self.shared.store.get(id)?;
            match before(&content)? {
                Some(last) => {
                    chunks.push(id);
                    id = last;
                }
                None => {
                    chunks.reverse();
                    return Ok((basis(&content)?, chunks));
                }
            }
        }
    }

    /// The entries of a chunk that has this place.
    pub(super) fn entries(&self, id: BlobId, number: u64) -> Result<Vec<Entry>, ReplayError> {
        let content = self.shared.store.get(id)?;
        let mut body = parsed(&content)?.body();
        match Chunk::deserialize(&mut body).map_err(unreadable)? {
            Chunk::Entries(found) if found == number => {}
            other => return Err(ReplayError::Damaged(format!("{other:?} in place of entries {number}"))),
        }
        let mut entries = Vec::new();
        while !body.is_empty() {
            entries.push(Entry::deserialize(&mut body).map_err(unreadable)?);
        }
        Ok(entries)
    }

    fn newest(&self) -> Result<Option<BlobId>, ReplayError> {
        Ok(self.shared.store.pin(&self.shared.pin)?)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("pin", &self.shared.pin).finish_non_exhaustive()
    }
}

/// Points to the newest chunk, where nobody says otherwise.
fn pin() -> PinName {
    "run".parse().expect("it is a short text")
}

fn parsed(content: &[u8]) -> Result<Linked<'_>, ReplayError> {
    Linked::parse(content).map_err(|error| ReplayError::Damaged(error.to_string()))
}

/// The chunk before this one.
fn before(content: &[u8]) -> Result<Option<BlobId>, ReplayError> {
    Ok(parsed(content)?.links().next())
}

fn basis(content: &[u8]) -> Result<Basis, ReplayError> {
    let body = parsed(content)?.body();
    let version = body.get(1..3).and_then(|bytes| u16::try_from_slice(bytes).ok());
    if version.is_some_and(|version| version != VERSION) {
        return Err(ReplayError::Damaged("it was written by another version".to_owned()));
    }
    match Chunk::try_from_slice(body).map_err(unreadable)? {
        Chunk::Begin { basis, .. } => Ok(basis),
        Chunk::Entries(_) => Err(ReplayError::Damaged("it has no begin".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
fn unreadable(error: std::io::Error) -> ReplayError {
    ReplayError::Damaged(error.to_string())
}
