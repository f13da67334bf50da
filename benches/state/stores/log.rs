//! The limit: a log that is written and a map in memory, behind the face of a store.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::ops::Bound;

use ironloom_state::{KeyRange, ReadStore, Space, Store, StoreError, Visit, Write, WriteBatch};
use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// It has no checksums, cannot be opened again and locks its map while it is scanned.
#[derive(Debug)]
pub(crate) struct Log {
    file: Mutex<(File, Vec<u8>)>,
    spaces: RwLock<BTreeMap<Space, Entries>>,
    _directory: TempDir,
}

impl Log {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for temporary files");
        let path = directory.path().join("log");
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the disk works");
        Self { file: Mutex::new((file, Vec::new())), spaces: RwLock::default(), _directory: directory }
    }
}

impl ReadStore for Log {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.spaces.read().get(&space).and_then(|entries| entries.get(key).cloned()))
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let spaces = self.spaces.read();
        let entries = spaces.get(&space).ok_or(StoreError::Undeclared { space })?;
        for (key, value) in entries.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>(range) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for Log {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        let mut known = self.spaces.write();
        for space in spaces {
            known.entry(*space).or_default();
        }
        Ok(())
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        let mut file = self.file.lock();
        let (file, record) = &mut *file;
        record.clear();
        let mut spaces = self.spaces.write();
        for change in changes.iter() {
            let space = change.space();
            let entries = spaces.get_mut(&space).ok_or(StoreError::Undeclared { space })?;
            record.extend_from_slice(&(change.key().len() as u32).to_le_bytes());
            record.extend_from_slice(change.key());
            if let Write::Put { key, value, .. } = change {
                record.extend_from_slice(&(value.len() as u32).to_le_bytes());
                record.extend_from_slice(value);
                entries.insert(key.to_vec(), value.to_vec());
            } else {
                entries.remove(change.key());
            }
        }
        file.write_all(record).map_err(|error| StoreError::engine("write", error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file.lock().0.sync_data().map_err(|error| StoreError::engine("sync", error))
    }
}
