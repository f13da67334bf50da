//! Other ways to keep blobs under their hash, behind one face.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::PathBuf;

use ironloom_blob::{BlobId, BlobStore, DiskConfig, DiskStore, Durability};
use redb::{Database, ReadableDatabase, TableDefinition};
use tempfile::TempDir;

/// What is measured of a store.
pub(crate) trait Peer {
    /// Stores some blobs, synced together or not at all, and returns the name of the last one.
    fn put(&mut self, contents: &[Vec<u8>], durability: Durability) -> BlobId;

    /// Reads a blob; the peers other than ours do not check it.
    fn get(&self, id: BlobId) -> usize;
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("there is room for temporary files")
}

/// Ours.
pub(crate) struct Ours {
    pub(crate) store: DiskStore,
    directory: TempDir,
}

impl Ours {
    pub(crate) fn new() -> Self {
        let directory = directory();
        let store = DiskStore::open(directory.path(), DiskConfig::default()).expect("an empty store");
        Self { store, directory }
    }

    /// Forgets what was verified.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, directory } = self;
        store.close().expect("the disk works");
        let store = DiskStore::open(directory.path(), DiskConfig::default()).expect("it was closed");
        Self { store, directory }
    }
}

impl Peer for Ours {
    fn put(&mut self, contents: &[Vec<u8>], durability: Durability) -> BlobId {
        let mut last = BlobId::from_bytes([0; 32]);
        for content in contents {
            last = self.store.put(content, Durability::Buffered).expect("the disk works");
        }
        if durability == Durability::Synced {
            self.store.sync().expect("the disk works");
        }
        last
    }

    fn get(&self, id: BlobId) -> usize {
        self.store.get(id).expect("it was put").len()
    }
}

/// A file for each blob, written under another name and renamed.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { directory: directory() }
    }

    fn path(&self, id: BlobId) -> PathBuf {
        let name = format!("{id:#}");
        self.directory.path().join(&name[..2]).join(&name[2..])
    }
}

impl Peer for Files {
    fn put(&mut self, contents: &[Vec<u8>], durability: Durability) -> BlobId {
        let mut last = BlobId::from_bytes([0; 32]);
        for content in contents {
            last = BlobId::of(content);
            let path = self.path(last);
            if path.exists() {
                continue;
            }
            let new = self.directory.path().join("new");
            let mut file = File::create(&new).expect("the disk works");
            file.write_all(content).expect("the disk works");
            if durability == Durability::Synced {
                file.sync_data().expect("the disk works");
            }
            fs::create_dir_all(path.parent().expect("it has one")).expect("the disk works");
            fs::rename(new, path).expect("the disk works");
        }
        if durability == Durability::Synced {
            let directory = File::open(self.directory.path()).expect("it was made");
            directory.sync_all().expect("the disk works");
        }
        last
    }

    fn get(&self, id: BlobId) -> usize {
        let mut content = Vec::new();
        let mut file = File::open(self.path(id)).expect("it was put");
        file.read_to_end(&mut content).expect("the disk works")
    }
}

/// cacache, which never syncs.
pub(crate) struct Cacache {
    directory: TempDir,
}

impl Cacache {
    pub(crate) fn new() -> Self {
        Self { directory: directory() }
    }
}

impl Peer for Cacache {
    fn put(&mut self, contents: &[Vec<u8>], _: Durability) -> BlobId {
        let mut last = BlobId::from_bytes([0; 32]);
        for content in contents {
            let integrity = cacache::write_hash_sync(self.directory.path(), content).expect("the disk works");
            let (_, digits) = integrity.to_hex();
            last = digits.parse().expect("SHA-256 has as many digits");
        }
        last
    }

    fn get(&self, id: BlobId) -> usize {
        let integrity = cacache::Integrity::from_hex(format!("{id:#}"), cacache::Algorithm::Sha256);
        let content = cacache::read_hash_sync(self.directory.path(), &integrity.expect("it is a hash"));
        content.expect("it was put").len()
    }
}

const BLOBS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("blobs");

/// redb, with a transaction for each group.
pub(crate) struct Redb {
    database: Database,
    _directory: TempDir,
}

impl Redb {
    pub(crate) fn new() -> Self {
        let directory = directory();
        let database = Database::create(directory.path().join("redb")).expect("the disk works");
        Self { database, _directory: directory }
    }
}

impl Peer for Redb {
    fn put(&mut self, contents: &[Vec<u8>], durability: Durability) -> BlobId {
        let mut last = BlobId::from_bytes([0; 32]);
        let mut transaction = self.database.begin_write().expect("the disk works");
        let durability = match durability {
            Durability::Buffered => redb::Durability::None,
            Durability::Synced => redb::Durability::Immediate,
        };
        transaction.set_durability(durability).expect("it is new");
        {
            let mut table = transaction.open_table(BLOBS).expect("the disk works");
            for content in contents {
                last = BlobId::of(content);
                let replaced = table.insert(&last.as_bytes()[..], &content[..]);
                drop(replaced.expect("the disk works"));
            }
        }
        transaction.commit().expect("the disk works");
        last
    }

    fn get(&self, id: BlobId) -> usize {
        let transaction = self.database.begin_read().expect("the disk works");
        let table = transaction.open_table(BLOBS).expect("it was made");
        let found = table.get(&id.as_bytes()[..]).expect("the disk works");
        black_box(found.expect("it was put").value().to_vec()).len()
    }
}

/// fjall, with a batch for each group.
pub(crate) struct Fjall {
    database: fjall::Database,
    blobs: fjall::Keyspace,
    _directory: TempDir,
}

impl Fjall {
    pub(crate) fn new() -> Self {
        let directory = directory();
        let database = fjall::Database::builder(&directory).open().expect("the disk works");
        let options = || {
            let separation = fjall::KvSeparationOptions::default();
            fjall::KeyspaceCreateOptions::default().with_kv_separation(Some(separation))
        };
        let blobs = database.keyspace("blobs", options).expect("the disk works");
        Self { database, blobs, _directory: directory }
    }
}

impl Peer for Fjall {
    fn put(&mut self, contents: &[Vec<u8>], durability: Durability) -> BlobId {
        let mut last = BlobId::from_bytes([0; 32]);
        let mut batch = self.database.batch();
        if durability == Durability::Synced {
            batch = batch.durability(Some(fjall::PersistMode::SyncData));
        }
        for content in contents {
            last = BlobId::of(content);
            batch.insert(&self.blobs, &last.as_bytes()[..], &content[..]);
        }
        batch.commit().expect("the disk works");
        last
    }

    fn get(&self, id: BlobId) -> usize {
        let found = self.blobs.get(id.as_bytes()).expect("the disk works");
        found.expect("it was put").len()
    }
}
