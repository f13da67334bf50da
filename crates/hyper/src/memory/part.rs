//! [`MemoryPart`]: what one host holds of a memory, stored beside the parts of others, and [merged](merge) with them.
//!
//! A part is an image in which all is zero that others hold. To mark it costs what a point costs, for frames are shared;
//! it is read, hashed and put later, while the memory is written again. What several hosts may read is in the parts of all
//! of them, under one name.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, Durability};

use super::image::{self, Extent, Node, SLOTS};
use super::region::Origin;
use super::revocation::Revocation;
use super::{Memory, MemoryError, MemoryPoint};
use crate::{GuestAddress, PAGE_BYTES};

/// What was held here of a memory at a moment. It shares its pages with the memory, which copies those that it writes.
#[derive(Debug)]
pub struct MemoryPart(MemoryPoint);

impl Memory {
    /// What is held here now. All pointers are revoked; no reader may write while this runs.
    #[must_use]
    pub fn part(&self) -> MemoryPart {
        let stored = self.stored.lock().clone();
        let mut regions = Vec::with_capacity(self.regions.len());
        for region in &self.regions {
            regions.push(region.lock().as_deref_mut().map(|region| Box::new(region.share_held())));
        }
        self.revocations.push(Revocation::Everything, None);
        MemoryPart(MemoryPoint { regions, stored, config: self.config.clone(), pool: self.pool.clone() })
    }

    /// Becomes a memory that has zeroes where other hosts hold the pages.
    fn drop_away(&self) -> Result<(), MemoryError> {
        let stored = self.stored.lock().clone();
        for (place, region) in self.regions.iter().enumerate() {
            let mut region = region.lock();
            let Some(region) = region.as_deref_mut() else { continue };
            if let (true, Origin::Unread(id), Some(store)) =
                (region.lacks_any(), region.origin.clone(), &stored.store)
            {
                let node = self.load_region(&**store, id, place)?;
                region.absent = node.occupied();
                region.origin = Origin::Node(id, Arc::new(node));
            }
            region.drop_away();
        }
        Ok(())
    }
}

impl MemoryPart {
    /// Stores the part and returns the name of its image. What was in the store and was not written keeps its name.
    ///
    /// # Errors
    ///
    /// If the store fails, or the one from which the memory was restored.
    pub fn store(self, store: &Arc<dyn BlobStore>) -> Result<BlobId, MemoryError> {
        let memory = self.0.into_memory();
        memory.drop_away()?;
        memory.snapshot(store)
    }
}

/// Stores the image of the memory whose parts these are, and returns its name: that of an image of the whole.
///
/// # Errors
///
/// If one is absent or unsound, two are not of one memory at one moment, or the store fails.
///
/// # Panics
///
/// If there are no parts.
pub fn merge(store: &dyn BlobStore, parts: &[BlobId]) -> Result<BlobId, MemoryError> {
    assert!(!parts.is_empty(), "a memory has at least one part");
    let (mut extent, mut roots) = (Extent { base: 0, bytes: 0 }, Vec::with_capacity(parts.len()));
    for part in parts {
        let (found, root) = image::decode_root(*part, &store.get(*part)?)?;
        if roots.is_empty() {
            extent = found;
        } else if found != extent {
            return Err(MemoryError::Shape {
                base: GuestAddress::new(extent.base),
                bytes: extent.bytes,
                other_base: GuestAddress::new(found.base),
                other_bytes: found.bytes,
            });
        }
        roots.push(root);
    }
    let widths = extent.widths();
    let merging = Merging { store, pages: extent.bytes / PAGE_BYTES, widths: &widths };
    let root = merging.merge(widths.len(), 0, &roots)?;
    Ok(store.put(&image::encode_root(extent, &root), Durability::Buffered)?)
}

struct Merging<'a> {
    store: &'a dyn BlobStore,
    pages: u64,
    /// How many nodes there can be on each level.
    widths: &'a [usize],
}

impl Merging<'_> {
    /// The node with the children of all of these, which are at one place of one level.
    fn merge(&self, level: usize, place: usize, nodes: &[Node]) -> Result<Node, MemoryError> {
        let mut children = Vec::new();
        for slot in 0..SLOTS {
            let mut ids: Vec<BlobId> = nodes.iter().filter_map(|node| node.child(slot)).collect();
            ids.sort();
            ids.dedup();
            match ids[..] {
                [] => {}
                [id] => children.push((slot, id)),
                _ => children.push((slot, self.merge_children(level, place * SLOTS + slot, &ids)?)),
            }
        }
        Ok(Node::new(children))
    }

    /// One for several children that differ, of a node of this level.
    fn merge_children(&self, level: usize, place: usize, ids: &[BlobId]) -> Result<BlobId, MemoryError> {
        let Some(level) = level.checked_sub(1) else {
            return Err(MemoryError::corrupt(
                ids[0],
                format!("another part has other bytes of page {place}"),
            ));
        };
        let below = level.checked_sub(1).map_or(self.pages as usize, |below| self.widths[below]);
        let room = below.saturating_sub(place * SLOTS).min(SLOTS);
        let nodes = ids.iter().map(|id| image::decode_node(*id, level as u8, room, &self.store.get(*id)?));
        let merged = self.merge(level, place, &nodes.collect::<Result<Vec<_>, MemoryError>>()?)?;
        Ok(self.store.put(&image::encode_node(level as u8, &merged), Durability::Buffered)?)
    }
}
