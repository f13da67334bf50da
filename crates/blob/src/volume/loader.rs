//! [`Loader`]: extents and nodes out of the store, through the cache.

use std::sync::Arc;

use bytes::Bytes;

use super::VolumeError;
use super::cache::Cache;
use super::codec;
use super::geometry::Geometry;
use super::node::{Found, NODE_BYTES, Node};
use crate::{BlobError, BlobId, BlobStore};

/// Reads what a volume and its forks have in the store. What it gives is immutable, so it needs no lock.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    pub(super) store: Arc<dyn BlobStore>,
    cache: Arc<Cache<Loaded>>,
    geometry: Geometry,
}

/// What was made of a blob.
#[derive(Debug, Clone)]
enum Loaded {
    Extent(Bytes),
    Node(Arc<Node>),
}

/// Reads the blob of a root.
pub(super) fn load_root(store: &dyn BlobStore, id: BlobId) -> Result<codec::Root, VolumeError> {
    codec::decode_root(id, &load(store, id, codec::BLOB_BYTES_MAX)?)
}

/// Reads a blob after asking for its length, so that nobody makes us read gigabytes in the place of a node.
pub(super) fn load(store: &dyn BlobStore, id: BlobId, bytes_max: u64) -> Result<Bytes, VolumeError> {
    let length = store.len(id)?.ok_or(BlobError::NotFound { id })?;
    if length > bytes_max {
        let reason = format!("it has {length} bytes where {bytes_max} are the most");
        return Err(VolumeError::corrupt(id, reason));
    }
    Ok(store.get(id)?)
}

impl Loader {
    pub(super) fn new(store: Arc<dyn BlobStore>, geometry: Geometry, cache_bytes_max: u64) -> Self {
        Self { store, cache: Arc::new(Cache::new(cache_bytes_max)), geometry }
    }

    /// What is stored of an extent to which `found` leads; `None` if it is all zeroes.
    pub(super) fn follow(&self, index: u64, id: BlobId, level: u8) -> Result<Option<Bytes>, VolumeError> {
        let (mut id, mut level) = (id, level);
        while level > 0 {
            match self.node(id, level - 1)?.find(index) {
                Found::Stored(below, below_level) => (id, level) = (below, below_level),
                Found::Absent | Found::Held(_) => return Ok(None),
            }
        }
        self.extent(id).map(Some)
    }

    /// The node of this name and level.
    pub(super) fn node(&self, id: BlobId, level: u8) -> Result<Arc<Node>, VolumeError> {
        // A node that is also linked from another level is found here, but it is not the one that was asked for.
        if let Some(Loaded::Node(node)) = self.cache.find(id)
            && node.level() == level
        {
            return Ok(node);
        }
        let content = load(&*self.store, id, codec::BLOB_BYTES_MAX)?;
        let node = Arc::new(codec::decode_node(id, level, &content)?);
        self.keep_node(id, &node);
        Ok(node)
    }

    /// What is stored of the extent of this name.
    pub(super) fn extent(&self, id: BlobId) -> Result<Bytes, VolumeError> {
        if let Some(Loaded::Extent(content)) = self.cache.find(id) {
            return Ok(content);
        }
        let content = load(&*self.store, id, self.geometry.extent_bytes())?;
        if matches!(content.last(), None | Some(0)) {
            return Err(VolumeError::corrupt(id, "zeroes at the end of an extent are not stored"));
        }
        self.keep_extent(id, content.clone());
        Ok(content)
    }

    /// Puts a node that is in the store into the cache.
    pub(super) fn keep_node(&self, id: BlobId, node: &Arc<Node>) {
        self.cache.insert(id, Loaded::Node(Arc::clone(node)), NODE_BYTES);
    }

    /// Puts an extent that is in the store into the cache.
    pub(super) fn keep_extent(&self, id: BlobId, content: Bytes) {
        // More than half an extent may be a part of a buffer that has the length of a whole one.
        let (length, whole) = (content.len() as u64, self.geometry.extent_bytes());
        let bytes = if length < whole / 2 { length } else { whole };
        self.cache.insert(id, Loaded::Extent(content), bytes);
    }
}
