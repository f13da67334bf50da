//! redb behind the face of a store.

use ironloom_state::{KeyRange, ReadStore, Space, Store, StoreError, Visit, Write, WriteBatch};
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use tempfile::TempDir;

/// A table for each space. A commit without durability is read from memory until the next one with it.
#[derive(Debug)]
pub(crate) struct Redb {
    database: Database,
    _directory: TempDir,
}

const fn table(space: Space) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(space.name())
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::engine("work", error.into())
}

impl Redb {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for temporary files");
        let database = Database::create(directory.path().join("redb")).expect("the disk works");
        Self { database, _directory: directory }
    }

    fn write(&self, durability: Durability, changes: &WriteBatch) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(durability).expect("it is new");
        let mut left = changes.iter().peekable();
        while let Some(first) = left.peek() {
            let space = first.space();
            let mut entries = transaction.open_table(table(space)).map_err(failed)?;
            while let Some(change) = left.next_if(|change| change.space() == space) {
                match change {
                    Write::Put { key, value, .. } => drop(entries.insert(key, value).map_err(failed)?),
                    Write::Remove { key, .. } => drop(entries.remove(key).map_err(failed)?),
                }
            }
        }
        transaction.commit().map_err(failed)
    }
}

impl ReadStore for Redb {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let entries = transaction.open_table(table(space)).map_err(failed)?;
        Ok(entries.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let entries = transaction.open_table(table(space)).map_err(failed)?;
        for entry in entries.range::<&[u8]>(range).map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            if visit(key.value(), value.value()).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for Redb {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        for space in spaces {
            drop(transaction.open_table(table(*space)).map_err(failed)?);
        }
        transaction.commit().map_err(failed)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        self.write(Durability::None, changes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.write(Durability::Immediate, &WriteBatch::new())
    }
}
