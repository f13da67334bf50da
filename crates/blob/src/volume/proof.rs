//! Reading what a snapshot has, to see whether it is there and whole.

use std::collections::BTreeMap;

use super::loader::{load, load_root};
use super::node::{Child, Node};
use super::{Volume, VolumeError, codec};
use crate::{BlobId, BlobStore};

impl Volume {
    /// Reads all that a snapshot has and `before` has not, to see whether it is there and whole. Of two that differ little
    /// that is little.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ironloom_blob::{BlobId, MemoryStore, Volume, volume::Config};
    ///
    /// let store = Arc::new(MemoryStore::new());
    /// let disk = Volume::create(store.clone(), 1 << 30, Config::default())?;
    /// disk.write_at(0, b"warp")?;
    /// let first = disk.snapshot()?;
    /// disk.write_at(1 << 20, b"weft")?;
    /// Volume::prove(&*store, disk.snapshot()?, Some(first))?;
    /// assert!(Volume::prove(&*store, BlobId::of(b"nothing"), None).is_err());
    /// # Ok::<(), ironloom_blob::VolumeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a part of it is absent or not sound, or the store fails. What is wrong with `before` does not matter.
    pub fn prove(store: &dyn BlobStore, snapshot: BlobId, before: Option<BlobId>) -> Result<(), VolumeError> {
        let root = load_root(store, snapshot)?;
        let extent_bytes = root.geometry.extent_bytes();
        let before = before.and_then(|before| load_root(store, before).ok());
        let before = before.filter(|before| before.geometry == root.geometry).map(|root| root.node);
        let mut pairs = vec![(root.node, before)];
        while let Some((node, before)) = pairs.pop() {
            let level = node.level();
            // Trees of other heights have nothing in the same place.
            let before = before.filter(|before| before.level() == level);
            let before: BTreeMap<usize, BlobId> = before.iter().flat_map(stored).collect();
            for (slot, id) in stored(&node) {
                let then = before.get(&slot).copied();
                if then == Some(id) {
                    continue;
                }
                match level.checked_sub(1) {
                    None => _ = load(store, id, extent_bytes)?,
                    Some(below) => {
                        let read =
                            |id| codec::decode_node(id, below, &load(store, id, codec::BLOB_BYTES_MAX)?);
                        pairs.push((read(id)?, then.and_then(|then| read(then).ok())));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The names in a node that was read, by their slots.
fn stored(node: &Node) -> impl Iterator<Item = (usize, BlobId)> {
    node.children().filter_map(|(slot, child)| match child {
        Child::Stored(id) => Some((slot, *id)),
        Child::Node(_) | Child::Extent(_) => None,
    })
}
