//! From a snapshot to blobs.

use ironloom_blob::{BlobId, BlobStore, Durability};

use super::format::{Chunk, Entry, Manifest, Place, encode_index};
use super::{
    CHILDREN_MAX, CHILDREN_MEAN, CHILDREN_MIN, CHUNK_BYTES_CUT, CHUNK_BYTES_MEAN, ExportError,
    INLINE_BYTES_MAX, LEVELS_MAX,
};
use crate::layout::{self, BATCHES};
use crate::processor::Processor;
use crate::{BatchId, ResourceId, Root, Snapshot, State, StoreError};

impl<R: Processor> State<R> {
    /// Stores the state after a batch that is committed and kept as blobs, with its root, and returns the blob that
    /// stands for it; others go on writing meanwhile.
    ///
    /// Equal states after equal batches have equal exports. Nothing keeps the blobs but a pin; until there is one, a
    /// collection must spare what is recent.
    ///
    /// ```
    /// use ironloom_blob::{Durability, MemoryStore as Blobs};
    /// use ironloom_state::{ImportConfig, MemoryStore, State, import};
    /// # use ironloom_state::{Access, Batch, Config, Context, Failure, Processor, ResourceId};
    /// # struct Set;
    /// # impl Processor for Set {
    /// #     type Payload = (ResourceId, String);
    /// #     fn execute(&self, context: &mut Context<'_>, (note, line): &Self::Payload) -> Result<(), Failure> {
    /// #         context.write(*note, line.as_bytes().to_vec())
    /// #     }
    /// # }
    /// # let state = State::open(MemoryStore::new(), Set, Config::default())?;
    /// # let note = ResourceId::named("note");
    /// # let mut batch = Batch::new("monday");
    /// # batch.push(&[Access::write(note)], (note, "bread".into()))?;
    /// # let batch = state.submit(batch)?;
    /// # batch.wait_committed()?;
    ///
    /// let blobs = Blobs::new();
    /// let export = state.export(batch.id(), &blobs, Durability::Synced)?;
    ///
    /// let store = MemoryStore::new();
    /// let imported = import(&store, &blobs, export, &ImportConfig::default())?;
    /// let copy = State::open(store, Set, Config::default())?;
    /// assert_eq!(copy.tip(), batch.id());
    /// assert_eq!(copy.snapshot().get(note)?.as_deref(), Some(&b"bread"[..]));
    /// assert_eq!(copy.wait_root(batch.id())?, imported.root);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the batch cannot be read, or a store fails.
    pub fn export(
        &self,
        batch: BatchId,
        blobs: &dyn BlobStore,
        durability: Durability,
    ) -> Result<BlobId, ExportError> {
        let snapshot = self.snapshot_at(batch)?;
        let root = self.wait_root(batch)?;
        snapshot.export(blobs, root, durability)
    }
}

impl Snapshot {
    /// Stores the whole snapshot as blobs, as [`State::export`] says, with a root that whoever imports it can check.
    ///
    /// A snapshot does not look for its root itself, because roots follow the commits at a distance, and equal states
    /// would have other exports before and after theirs is known.
    ///
    /// # Errors
    ///
    /// If a store fails, or the store of the state knows that the root is another.
    pub fn export(
        &self,
        blobs: &dyn BlobStore,
        root: Option<Root>,
        durability: Durability,
    ) -> Result<BlobId, ExportError> {
        let batch = self.batch();
        self.check_root(root)?;
        let header = layout::header(self.store(), batch)?;
        if header.is_none() && batch != BatchId::GENESIS {
            return Err(StoreError::damaged(BATCHES, format!("{batch} is missing")).into());
        }
        let Written { top, level, resources, value_bytes } = self.write_all(blobs)?;
        let manifest = Manifest { batch, header, root, resources, value_bytes, level };
        let id = blobs.put(&manifest.encode(top), Durability::Buffered)?;
        if durability == Durability::Synced {
            blobs.sync()?;
        }
        Ok(id)
    }

    fn write_all(&self, blobs: &dyn BlobStore) -> Result<Written, ExportError> {
        let mut writer = Writer::new(blobs);
        let mut range = self.iter();
        while let Some(next) = range.next_versioned() {
            let (resource, held) = next?;
            let value = held.value.expect("what does not exist is not found");
            writer.push(resource, held.version, &value)?;
        }
        writer.finish()
    }

    fn check_root(&self, given: Option<Root>) -> Result<(), ExportError> {
        let batch = self.batch();
        let known =
            if batch == BatchId::GENESIS { Some(Root::EMPTY) } else { layout::root(self.store(), batch)? };
        match (given, known) {
            (Some(given), Some(known)) if given != known => Err(ExportError::Root { batch, given, known }),
            _ => Ok(()),
        }
    }
}

/// Takes entries in order and stores chunks and indexes.
struct Writer<'a> {
    blobs: &'a dyn BlobStore,
    chunk: Chunk,
    /// The children of the index that is being made on each level, the lowest first.
    levels: Vec<Vec<BlobId>>,
    resources: u64,
    value_bytes: u64,
}

/// What a writer has stored.
struct Written {
    top: Option<BlobId>,
    level: u8,
    resources: u64,
    value_bytes: u64,
}

impl<'a> Writer<'a> {
    fn new(blobs: &'a dyn BlobStore) -> Self {
        Self { blobs, chunk: Chunk::default(), levels: Vec::new(), resources: 0, value_bytes: 0 }
    }

    fn push(&mut self, resource: ResourceId, version: BatchId, value: &[u8]) -> Result<(), ExportError> {
        let place = if value.len() <= INLINE_BYTES_MAX {
            Place::Here(value)
        } else {
            let bytes = u32::try_from(value.len()).expect("a value is shorter than 4 GiB");
            Place::Blob { id: self.put(value)?, bytes }
        };
        let bytes = self.chunk.push(&Entry { resource, version, value: place });
        self.resources += 1;
        self.value_bytes += value.len() as u64;
        if ends_chunk(&resource, bytes) || self.chunk.byte_len() >= CHUNK_BYTES_CUT {
            self.cut_chunk()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Written, ExportError> {
        if self.chunk.byte_len() > 0 {
            self.cut_chunk()?;
        }
        let mut level = 0;
        // What is above is looked at when what is below has moved up.
        while level < self.levels.len() {
            let is_top = level + 1 == self.levels.len();
            if !(self.levels[level].is_empty() || is_top && self.levels[level].len() == 1) {
                self.cut_index(level)?;
            }
            level += 1;
        }
        let top = self.levels.last().map(|children| children[0]);
        let level = u8::try_from(self.levels.len().saturating_sub(1)).expect("there are few levels");
        assert!(level <= LEVELS_MAX, "no store has more chunks than fit below so many levels");
        Ok(Written { top, level, resources: self.resources, value_bytes: self.value_bytes })
    }

    fn cut_chunk(&mut self) -> Result<(), ExportError> {
        let content = self.chunk.take();
        let mut child = self.put(&content)?;
        let mut level = 0;
        // A child may end the index that it comes into, which is a child itself then.
        while self.add(level, child) {
            child = self.store_index(level)?;
            level += 1;
        }
        Ok(())
    }

    /// Adds a child to the index of a level; whether the index ends with it.
    fn add(&mut self, level: usize, child: BlobId) -> bool {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let children = &mut self.levels[level];
        children.push(child);
        let [low, high, ..] = *child.as_bytes();
        let ends = u16::from_le_bytes([low, high]).is_multiple_of(CHILDREN_MEAN);
        (ends && children.len() >= CHILDREN_MIN) || children.len() == CHILDREN_MAX
    }

    /// Ends the index of a level where the export ends.
    fn cut_index(&mut self, level: usize) -> Result<(), ExportError> {
        let child = self.store_index(level)?;
        if self.levels.len() == level + 1 {
            self.levels.push(Vec::new());
        }
        self.levels[level + 1].push(child);
        Ok(())
    }

    fn store_index(&mut self, level: usize) -> Result<BlobId, ExportError> {
        let kind = u8::try_from(level + 1).expect("there are few levels");
        let content = encode_index(kind, &self.levels[level]);
        self.levels[level].clear();
        self.put(&content)
    }

    fn put(&self, content: &[u8]) -> Result<BlobId, ExportError> {
        Ok(self.blobs.put(content, Durability::Buffered)?)
    }
}

/// Whether a chunk ends behind this resource, of which it has so many bytes: once in [`CHUNK_BYTES_MEAN`].
fn ends_chunk(resource: &ResourceId, bytes: usize) -> bool {
    let hash = blake3::hash(resource.as_bytes());
    // The first bytes say where the tree has it; these say nothing else.
    let chance = hash.as_bytes().last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    u64::from(chance) * CHUNK_BYTES_MEAN < (bytes as u64) << 32
}
