//! [`Vault`]: where a world is kept, a directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironloom_blob::{BlobStore, DiskConfig, DiskStore, Durability};
use ironloom_core::borsh;
use ironloom_state::{
    Access, Batch, BatchId, Config, FjallConfig, FjallStore, ResourceId, Snapshot, State, Submission,
};
use parking_lot::Mutex;

use super::KeepError;
use super::clerk::{Clerk, Entry};
use super::record::CommitRecord;
use crate::world::COMPUTERS_PIN;

/// How many resources a transaction changes: as many as it may access.
const CHANGES_MAX: usize = 1_000;

/// Resources with what they are to hold; nothing, if they are to exist no more.
pub(super) type Changes = Vec<(ResourceId, Option<Vec<u8>>)>;

/// Where a world is kept: a store of contents and a state, in a directory.
///
/// A state that has failed is of no use until it is opened again; the next who needs it does that.
pub(super) struct Vault {
    path: PathBuf,
    pub(super) blobs: Arc<DiskStore>,
    state: Mutex<Option<Arc<State<Clerk>>>>,
}

impl Vault {
    /// Makes an empty one.
    pub(super) fn create(path: &Path) -> Result<Self, KeepError> {
        if state_path(path).exists() {
            // A world that was never committed was never made.
            let vault = Self::at(path)?;
            if vault.state()?.committed() != BatchId::GENESIS {
                return Err(KeepError::Exists { path: path.to_owned() });
            }
            return Ok(vault);
        }
        std::fs::create_dir_all(path)
            .map_err(|source| KeepError::Directory { path: path.to_owned(), source })?;
        let vault = Self::at(path)?;
        vault.state()?;
        Ok(vault)
    }

    /// Opens the one that is there.
    pub(super) fn open(path: &Path) -> Result<Self, KeepError> {
        if !state_path(path).exists() {
            return Err(KeepError::Missing { path: path.to_owned() });
        }
        let vault = Self::at(path)?;
        if vault.state()?.committed() == BatchId::GENESIS {
            return Err(KeepError::Missing { path: path.to_owned() });
        }
        Ok(vault)
    }

    fn at(path: &Path) -> Result<Self, KeepError> {
        let blobs = Arc::new(DiskStore::open(path.join("blobs"), DiskConfig::default())?);
        unpin(&blobs)?;
        Ok(Self { path: path.to_owned(), blobs, state: Mutex::new(None) })
    }

    pub(super) fn store(&self) -> Arc<dyn BlobStore> {
        Arc::<DiskStore>::clone(&self.blobs)
    }

    /// The state, opened if it is not.
    pub(super) fn state(&self) -> Result<Arc<State<Clerk>>, KeepError> {
        let mut state = self.state.lock();
        if let Some(state) = &*state {
            return Ok(Arc::clone(state));
        }
        let store = FjallStore::open(state_path(&self.path), FjallConfig::default())?;
        let opened = Arc::new(State::open(store, Clerk::new(self.store()), Config::default())?);
        Ok(Arc::clone(state.insert(opened)))
    }

    /// Lets go of a state that has failed.
    fn give_up_state(&self) {
        *self.state.lock() = None;
    }

    /// Makes changes, which are there as a whole and for good on return.
    pub(super) fn commit(&self, record: CommitRecord, changes: Changes) -> Result<BatchId, KeepError> {
        // Contents first: nothing that is committed leads to what is not there.
        self.blobs.sync()?;
        let metadata = borsh::to_vec(&record).map_err(|error| KeepError::State(error.to_string()))?;
        let mut batch = Batch::new(metadata).synced();
        let mut changes = changes.into_iter();
        loop {
            let some: Changes = changes.by_ref().take(CHANGES_MAX).collect();
            if some.is_empty() {
                break;
            }
            let accesses: Vec<Access> = some.iter().map(|(resource, _)| Access::write(*resource)).collect();
            batch.push(&accesses, Entry::Keep(some))?;
        }
        self.submit(batch).map(|submission| submission.id())
    }

    /// Carries out a batch, which is there for good on return.
    pub(super) fn submit(&self, batch: Batch<Entry>) -> Result<Submission<Clerk>, KeepError> {
        let state = self.state()?;
        let submitted = state.submit(batch).map_err(KeepError::from);
        drop(state);
        let durable = submitted.and_then(|submission| {
            submission.wait_durable()?;
            Ok(submission)
        });
        if durable.is_err() {
            self.give_up_state();
        }
        durable
    }

    /// The state as it is committed now.
    pub(super) fn snapshot(&self) -> Result<Snapshot, KeepError> {
        Ok(self.state()?.snapshot())
    }

    /// Stores a value under the name of its content.
    pub(super) fn put(&self, value: &impl borsh::BorshSerialize) -> Result<ironloom_blob::BlobId, KeepError> {
        let bytes = borsh::to_vec(value).map_err(|error| KeepError::Blobs(error.to_string()))?;
        Ok(self.blobs.put(&bytes, Durability::Buffered)?)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Lets go of what computers held that are no more: those of a program that was killed could not do that themselves.
fn unpin(blobs: &DiskStore) -> Result<(), KeepError> {
    for (name, target) in blobs.pins()? {
        if name.as_str().starts_with(COMPUTERS_PIN) {
            let unpinned = blobs.set_pin(&name, Some(target), None);
            unpinned.map_err(|error| KeepError::Blobs(error.to_string()))?;
        }
    }
    Ok(())
}

fn state_path(path: &Path) -> PathBuf {
    path.join("state")
}
