//! From blobs to a store. The blobs come from somebody else: nothing in them is believed.

use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::{Limit, LimitExceeded};

use super::error::{ImportError, Malformed};
use super::format::{Entry, Manifest, Place, read_chunk};
use super::prepare;
use super::walk::Reader;
use crate::chain::Orphans;
use crate::config::Roots;
use crate::layout::{self, BATCHES, ROOTS, Tip};
use crate::tree::Planter;
use crate::{BatchId, ResourceId, Root, Store, StoreError, WriteBatch};

/// What may be imported, and how.
///
/// ```
/// use ironloom_state::{ImportConfig, Root};
///
/// let trusted = Root::from_bytes([7; 32]); // from somebody who is trusted, unlike those who send the blobs
/// let config = ImportConfig { expected_root: Some(trusted), ..ImportConfig::default() };
/// # assert_eq!(config.commit_bytes_max, 4 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportConfig {
    /// Whether the root is computed and compared with what the export says; then the tree is in the store, too, and the
    /// state that is opened there need not grow one.
    pub roots: Roots,
    /// The root that the state must have, from somebody who is trusted. Needs roots to be on.
    pub expected_root: Option<Root>,
    /// How many resources there may be.
    pub resources_max: u64,
    /// How many bytes all values may have together.
    pub total_bytes_max: u64,
    /// How many bytes a value may have.
    pub value_bytes_max: u64,
    /// How many bytes the metadata of the batch may have.
    pub metadata_bytes_max: u64,
    /// How much is written at once, but for one value that is larger.
    pub commit_bytes_max: u64,
    /// How much of the tree is kept in memory beside its forks, twice: what is written, and what is not.
    pub tree_bytes_max: u64,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            roots: Roots::On,
            expected_root: None,
            resources_max: 1 << 32,
            total_bytes_max: 1 << 40,
            value_bytes_max: 16 << 20,
            metadata_bytes_max: 64 << 10,
            commit_bytes_max: 4 << 20,
            tree_bytes_max: 64 << 20,
        }
    }
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The state is the one after this batch.
    pub batch: BatchId,
    /// How many resources it has.
    pub resources: u64,
    /// How many bytes their values have.
    pub value_bytes: u64,
    /// Its root, as it was computed; `None` if roots are off.
    pub root: Option<Root>,
    /// Its root, as the export says, if it says so.
    pub claimed_root: Option<Root>,
}

/// The most that the table of a root has beside the metadata.
const MANIFEST_BYTES: u64 = 4 << 10;

/// Fills a store that holds nothing with an export. On return it is durable, and [`State::open`](crate::State::open)
/// goes on from there: with the same values and versions, the same metadata and the same root. What was before the
/// exported batch is not known, and neither are its receipts and its diff.
///
/// A store in which an import was broken off is emptied first. Until an import is finished, the store cannot be opened
/// as a state. What is not checked here is whether the versions are right: they are no part of the root.
///
/// # Errors
///
/// If there is something in the store, the export is not whole and sound, exceeds a limit, has not the root that it is
/// to have, or a store fails.
pub fn import(
    store: &dyn Store,
    blobs: &dyn BlobStore,
    export: BlobId,
    config: &ImportConfig,
) -> Result<Imported, ImportError> {
    let reader = Reader { blobs };
    let (manifest, top) = {
        let content = reader.load(export, MANIFEST_BYTES.saturating_add(config.metadata_bytes_max))?;
        Manifest::parse(&content).map_err(|reason| ImportError::Malformed { blob: export, reason })?
    };
    check_manifest(&manifest, config)?;
    prepare::prepare(store, export)?;
    let mut importer = Importer::new(store, reader, config, &manifest);
    let mut chunks = reader.chunks(top, manifest.level);
    while let Some((id, content)) = chunks.next()? {
        read_chunk(&content, |entry| importer.take(entry)).map_err(|broken| broken.within(id))?;
    }
    importer.finish(&manifest)
}

fn check_manifest(manifest: &Manifest, config: &ImportConfig) -> Result<(), ImportError> {
    resources_limit(config).check(manifest.resources)?;
    total_limit(config).check(manifest.value_bytes)?;
    let metadata = manifest.header.as_ref().map_or(0, |header| header.metadata.len() as u64);
    Limit::new("metadata_bytes_max", config.metadata_bytes_max).check(metadata)?;
    match config.expected_root {
        Some(expected) if config.roots == Roots::Off => Err(ImportError::RootUnchecked { expected }),
        _ => Ok(()),
    }
}

fn resources_limit(config: &ImportConfig) -> Limit {
    Limit::new("resources_max", config.resources_max)
}

fn total_limit(config: &ImportConfig) -> Limit {
    Limit::new("total_bytes_max", config.total_bytes_max)
}

/// Writes entries to a store.
struct Importer<'a> {
    store: &'a dyn Store,
    reader: Reader<'a>,
    config: &'a ImportConfig,
    batch: BatchId,
    /// How much there is to be.
    promised: (u64, u64),
    planter: Option<Planter>,
    writes: WriteBatch,
    last: Option<ResourceId>,
    resources: u64,
    value_bytes: u64,
}

impl<'a> Importer<'a> {
    fn new(store: &'a dyn Store, reader: Reader<'a>, config: &'a ImportConfig, manifest: &Manifest) -> Self {
        Self {
            store,
            reader,
            config,
            batch: manifest.batch,
            promised: (manifest.resources, manifest.value_bytes),
            planter: (config.roots == Roots::On).then(|| Planter::new(config.tree_bytes_max)),
            writes: WriteBatch::new(),
            last: None,
            resources: 0,
            value_bytes: 0,
        }
    }

    fn take(&mut self, entry: Entry<'_>) -> Result<(), Broken> {
        let Entry { resource, version, value } = entry;
        if self.last.is_some_and(|last| resource <= last) {
            return Err(Malformed::Order { resource }.into());
        }
        if version == BatchId::GENESIS || version > self.batch {
            return Err(Malformed::Version { resource, version }.into());
        }
        self.last = Some(resource);
        match value {
            Place::Here(value) => {
                self.count(value.len() as u64)?;
                self.put(&resource, version, value)
            }
            Place::Blob { id, bytes } => {
                self.count(bytes.into())?;
                let value = self.reader.load_value(id, bytes).map_err(Broken::Import)?;
                self.put(&resource, version, &value)
            }
        }
    }

    /// Counts a resource with a value of so many bytes, before anything is read for it.
    fn count(&mut self, bytes: u64) -> Result<(), Broken> {
        // A row has a byte more than its value, and less than 4 GiB.
        let value_bytes_max = self.config.value_bytes_max.min(u64::from(u32::MAX) - 1);
        Limit::new("value_bytes_max", value_bytes_max).check(bytes)?;
        self.resources += 1;
        self.value_bytes += bytes;
        // What was promised is within the limits.
        self.check_count(|found, promised| found <= promised).map_err(Broken::Import)
    }

    fn check_count(&self, is_fine: impl Fn(u64, u64) -> bool) -> Result<(), ImportError> {
        let (resources, value_bytes) = self.promised;
        for (what, promised, found) in
            [("resources", resources, self.resources), ("bytes of values", value_bytes, self.value_bytes)]
        {
            if !is_fine(found, promised) {
                return Err(ImportError::Count { what, promised, found });
            }
        }
        Ok(())
    }

    fn put(&mut self, resource: &ResourceId, version: BatchId, value: &[u8]) -> Result<(), Broken> {
        layout::put_row(&mut self.writes, resource, version, Some(value));
        if let Some(planter) = &mut self.planter {
            planter.add(self.store, resource, value)?;
        }
        if self.writes.byte_len() as u64 >= self.config.commit_bytes_max {
            self.store.commit(&self.writes)?;
            self.writes.clear();
        }
        Ok(())
    }

    fn finish(mut self, manifest: &Manifest) -> Result<Imported, ImportError> {
        self.check_count(|found, promised| found == promised)?;
        let root = self.planter.take().map(|planter| planter.finish(self.store)).transpose()?;
        if let Some(found) = root {
            let wanted = [self.config.expected_root, manifest.root];
            if let Some(expected) = wanted.into_iter().flatten().find(|wanted| *wanted != found) {
                return Err(ImportError::Root { expected, found });
            }
        }
        self.write_tip(manifest, root)?;
        let Self { batch, resources, value_bytes, .. } = self;
        Ok(Imported { batch, resources, value_bytes, root, claimed_root: manifest.root })
    }

    /// Writes what is left together with the tip, which makes it a state.
    fn write_tip(&mut self, manifest: &Manifest, root: Option<Root>) -> Result<(), StoreError> {
        let (writes, batch) = (&mut self.writes, self.batch);
        let key = layout::batch_key(batch);
        if let Some(header) = &manifest.header {
            writes.put(BATCHES, &key, &layout::encode(header));
        }
        if let Some(root) = root.filter(|_| batch != BatchId::GENESIS) {
            writes.put(ROOTS, &key, root.as_bytes());
        }
        let tip = Tip {
            format: Tip::FORMAT,
            tip: batch,
            reserved: batch.next().expect("the last batch that is imported is not the last id"),
            floor: batch,
            swept: batch,
            tree: root.map(|_| batch),
            orphans: Orphans::default(),
        };
        tip.put(writes);
        prepare::unmark(writes);
        self.store.commit(writes)?;
        self.store.sync()
    }
}

/// Why an entry is not taken.
enum Broken {
    /// Because of the chunk that it is in.
    Chunk(Malformed),
    /// Because of something else.
    Import(ImportError),
}

impl Broken {
    fn within(self, blob: BlobId) -> ImportError {
        match self {
            Self::Chunk(reason) => ImportError::Malformed { blob, reason },
            Self::Import(error) => error,
        }
    }
}

impl From<Malformed> for Broken {
    fn from(reason: Malformed) -> Self {
        Self::Chunk(reason)
    }
}

impl From<LimitExceeded> for Broken {
    fn from(exceeded: LimitExceeded) -> Self {
        Self::Import(exceeded.into())
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Import(error.into())
    }
}
