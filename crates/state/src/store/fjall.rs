//! [`FjallStore`]: a store on disk, in the log-structured merge trees of `fjall`.
//!
//! A commit is one record with a checksum in the journal, and is handed to the operating system before it returns: it
//! survives the end of the process, however that ends. [`sync`](Store::sync) is an `fdatasync` of the journal. Before
//! a memtable becomes a table the engine syncs the journal, so that no table holds what the journal may lose. When it
//! opens, it replays the journal up to the first record that is not whole and cuts off the rest, which is how a power
//! failure leaves a first part of the commits.
//!
//! Two things it cannot tell apart. A record in the last journal that decayed after it was synced looks like one that
//! was torn, and is cut off with all that come after it, unless only its keys or values decayed: then its checksum is
//! wrong, and the store is reported as unreadable. For the same reason a power failure that tears a page out of the
//! middle of a single long value, which was not synced, leaves a store that is reported as unreadable.

mod config;
mod directory;
mod journal;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};
use parking_lot::RwLock;

use super::{
    KEY_BYTES_MAX, KeyRange, ReadStore, Space, Store, StoreError, Visit, Write, WriteBatch, check, is_empty,
};
pub use config::FjallConfig;

/// A store on disk, in a directory of its own. A space is a keyspace of the engine with the same name.
///
/// ```
/// use ironloom_state::{FjallConfig, FjallStore, ReadStore, Space, Store, WriteBatch};
///
/// const NOTES: Space = Space::new("example.notes");
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("state");
/// let store = FjallStore::open(&path, FjallConfig::default())?;
/// store.declare(&[NOTES])?;
/// let mut changes = WriteBatch::new();
/// changes.put(NOTES, b"key", b"value");
/// store.commit(&changes)?;
/// store.sync()?;
/// drop(store);
///
/// let store = FjallStore::open(&path, FjallConfig::default())?;
/// store.declare(&[NOTES])?;
/// assert_eq!(store.get(NOTES, b"key")?.as_deref(), Some(&b"value"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FjallStore {
    /// Before the database, so that they are gone when it closes.
    spaces: RwLock<BTreeMap<Space, Keyspace>>,
    database: Database,
    path: PathBuf,
    config: FjallConfig,
}

impl FjallStore {
    /// Opens the store in a directory, and makes both if they are not there.
    ///
    /// # Errors
    ///
    /// If a limit is out of range, the store is open already, the directory does not hold a whole store, or the disk
    /// fails.
    pub fn open(path: impl AsRef<Path>, config: FjallConfig) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        config.validate()?;
        directory::prepare(&path)?;
        let builder = Database::builder(&path)
            .cache_size(config.cache_bytes)
            .max_journaling_size(config.journal_bytes_max)
            .worker_threads(config.threads);
        // The engine asserts what it reads from its files.
        let opened = panic::catch_unwind(AssertUnwindSafe(|| builder.open()));
        let unreadable = |reason| StoreError::Unreadable { path: path.clone(), reason };
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(fjall::Error::Locked)) => return Err(StoreError::Locked { path }),
            Ok(Err(fjall::Error::Io(error))) => return Err(StoreError::engine("open", error)),
            Ok(Err(error)) => return Err(unreadable(error.to_string())),
            Err(_) => return Err(unreadable("the engine panicked over what it read".to_owned())),
        };
        Ok(Self { spaces: RwLock::default(), database, path, config })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn keyspace(&self, space: Space) -> Result<Keyspace, StoreError> {
        self.spaces.read().get(&space).cloned().ok_or(StoreError::Undeclared { space })
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ReadStore for FjallStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let keyspace = self.keyspace(space)?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        // Without a snapshot, a commit would be seen change by change.
        let found = self.database.snapshot().get(&keyspace, key);
        let found = found.map_err(|error| StoreError::engine("read", error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let keyspace = self.keyspace(space)?;
        if is_empty(range) {
            return Ok(());
        }
        let range = within_limits(range);
        // Without a snapshot, what is committed meanwhile would be seen.
        for entry in self.database.snapshot().range::<&[u8], _>(&keyspace, range) {
            let (key, value) = entry.into_inner().map_err(|error| StoreError::engine("scan", error))?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for FjallStore {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        let mut known = self.spaces.write();
        for space in spaces {
            if known.contains_key(space) {
                continue;
            }
            let options =
                || KeyspaceCreateOptions::default().max_memtable_size(self.config.memtable_bytes_max);
            let keyspace = self.database.keyspace(space.name(), options);
            known.insert(*space, keyspace.map_err(|error| StoreError::engine("declare a space", error))?);
        }
        Ok(())
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        let known = self.spaces.read();
        check(changes, |space| known.contains_key(&space))?;
        let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), changes.len())
            .durability(Some(PersistMode::Buffer));
        // Changes of the same space mostly follow one another.
        let mut last: Option<(Space, &Keyspace)> = None;
        for change in changes.iter() {
            let space = change.space();
            let keyspace = match last {
                Some((known, keyspace)) if known == space => keyspace,
                _ => known.get(&space).ok_or(StoreError::Undeclared { space })?,
            };
            last = Some((space, keyspace));
            match change {
                Write::Put { key, value, .. } => batch.insert(keyspace, key, value),
                Write::Remove { key, .. } => batch.remove(keyspace, key),
            }
        }
        drop(known);
        batch.commit().map_err(|error| StoreError::engine("commit", error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.database.persist(PersistMode::SyncData).map_err(|error| StoreError::engine("sync", error))
    }
}

/// The same range with ends that the engine takes: it asserts that no key is longer than it stores.
fn within_limits((from, to): KeyRange<'_>) -> KeyRange<'_> {
    // What is not longer than the cut key comes after the whole one exactly if it comes after the cut one.
    (cut(from).map_or(from, Bound::Excluded), cut(to).map_or(to, Bound::Included))
}

/// The first bytes of an end that is too long.
fn cut(end: Bound<&[u8]>) -> Option<&[u8]> {
    match end {
        Bound::Included(key) | Bound::Excluded(key) => {
            key.get(..=KEY_BYTES_MAX).map(|key| &key[..KEY_BYTES_MAX])
        }
        Bound::Unbounded => None,
    }
}
