//! Restoring a memory: nothing but the way to its regions is read, and pages come in when they are touched.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore};

use super::image::{self, Node, SLOTS};
use super::raw::PAGE;
use super::region::{Origin, PAGES, Refusal, Region};
use super::snapshot::Stored;
use super::{Access, Memory, MemoryConfig, MemoryError, MemoryPoint};
use crate::coherence::Held;
use crate::{GuestAddress, PAGE_BYTES, PageNumber};

/// A page that is in the store, or a region that says where its pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Region(BlobId),
    Page(BlobId),
}

impl Memory {
    /// The memory that an image holds. Its pages are read when they are brought in.
    ///
    /// The caller keeps the image pinned for as long as the memory stands on it.
    ///
    /// # Errors
    ///
    /// If the image is absent, unsound, or of another place or length than the config says, or the store fails.
    pub fn restore(
        store: Arc<dyn BlobStore>,
        image: BlobId,
        config: MemoryConfig,
    ) -> Result<Self, MemoryError> {
        let memory = Self::new(config)?;
        memory.roll_back_to(store, image)?;
        Ok(memory)
    }

    /// Makes this memory the one that an image holds. All pointers are revoked; no reader may write while this runs.
    ///
    /// # Errors
    ///
    /// If the image is absent, unsound, or of another place or length, or the store fails. Nothing has changed then.
    pub fn roll_back_to(&self, store: Arc<dyn BlobStore>, image: BlobId) -> Result<(), MemoryError> {
        let point = self.load_point(store, image)?;
        self.roll_back(&point)
    }

    /// Reads the nodes that lead to the regions.
    fn load_point(&self, store: Arc<dyn BlobStore>, image: BlobId) -> Result<MemoryPoint, MemoryError> {
        let (extent, root) = image::decode_root(image, &store.get(image)?)?;
        if extent != self.extent() {
            return Err(self.differs(GuestAddress::new(extent.base), extent.bytes));
        }
        let widths = extent.widths();
        let mut inner = Vec::new();
        let mut names = spread(&root, 0, widths[widths.len() - 1]).collect::<Vec<_>>();
        for level in (1..widths.len()).rev() {
            let mut below = vec![None; widths[level - 1]];
            for (place, id) in names.iter().enumerate() {
                let Some(id) = *id else { continue };
                let first = place * SLOTS;
                let children = SLOTS.min(below.len() - first);
                let node = image::decode_node(id, level as u8, children, &store.get(id)?)?;
                below.splice(first..first + children, spread(&node, 0, children));
            }
            inner.insert(0, std::mem::replace(&mut names, below));
        }
        let regions = names.into_iter().map(|id| id.map(|id| Box::new(Region::unread(id)))).collect();
        let stored = Stored { store: Some(store), inner };
        Ok(MemoryPoint { regions, stored, config: self.config.clone(), pool: self.pool.clone() })
    }

    /// Gets a page that is absent, or that other hosts hold. One that can be used so already stays as it is.
    ///
    /// What others hold may be gone again when this returns: whoever is denied again asks again.
    ///
    /// # Errors
    ///
    /// If the page is not in memory, the store fails, what it has is not what was stored, there is no frame for it, or no
    /// other host gives it.
    pub fn bring_in(&self, page: PageNumber, access: Access) -> Result<(), MemoryError> {
        let wanted = if access == Access::Write { Held::Write } else { Held::Read };
        if self.held(page) < wanted {
            self.pager.get().ok_or(MemoryError::Lost { page })?.bring(page, access)?;
        }
        self.bring_in_stored(page)
    }

    /// Gets the content of a page that is in the store only.
    pub(super) fn bring_in_stored(&self, page: PageNumber) -> Result<(), MemoryError> {
        loop {
            let store = self.stored.lock().store.clone();
            let (region, index) = self.region(page)?;
            let missing = region.as_deref().and_then(|region| missing(region, index));
            drop(region);
            let (Some(missing), Some(store)) = (missing, store) else {
                return Ok(());
            };
            match missing {
                Missing::Region(id) => self.bring_in_region(&*store, page, id)?,
                Missing::Page(id) => self.bring_in_page(&*store, page, id)?,
            }
        }
    }

    /// Sees to it that the names of the pages around this one are known, if it is in the store only.
    pub(super) fn know_names(&self, page: PageNumber) -> Result<(), MemoryError> {
        let store = self.stored.lock().store.clone();
        let (region, index) = self.region(page)?;
        let missing = region.as_deref().and_then(|region| missing(region, index));
        drop(region);
        match (missing, store) {
            (Some(Missing::Region(id)), Some(store)) => self.bring_in_region(&*store, page, id),
            _ => Ok(()),
        }
    }

    fn bring_in_region(
        &self,
        store: &dyn BlobStore,
        page: PageNumber,
        id: BlobId,
    ) -> Result<(), MemoryError> {
        let place = self.place(page)? / PAGES;
        let node = self.load_region(store, id, place)?;
        let (mut region, index) = self.region(page)?;
        if let Some(region) = region.as_deref_mut()
            && missing(region, index) == Some(Missing::Region(id))
        {
            region.absent = node.occupied();
            region.origin = Origin::Node(id, Arc::new(node));
        }
        Ok(())
    }

    fn bring_in_page(&self, store: &dyn BlobStore, page: PageNumber, id: BlobId) -> Result<(), MemoryError> {
        let content = load_page(store, id)?;
        let (mut region, index) = self.region(page)?;
        if let Some(region) = region.as_deref_mut()
            && missing(region, index) == Some(Missing::Page(id))
        {
            region.bring_in(index, &content, self.ctx()).map_err(|_: Refusal| self.full(page))?;
        }
        Ok(())
    }

    /// Reads the node of the region at this place.
    pub(super) fn load_region(
        &self,
        store: &dyn BlobStore,
        id: BlobId,
        place: usize,
    ) -> Result<Node, MemoryError> {
        let pages = (self.bytes() / PAGE_BYTES) as usize - place * PAGES;
        image::decode_node(id, 0, pages.min(PAGES), &store.get(id)?)
    }
}

/// What must be read before this page can be.
fn missing(region: &Region, page: usize) -> Option<Missing> {
    match &region.origin {
        Origin::Unread(id) => Some(Missing::Region(*id)),
        Origin::Node(_, node) if region.absent.has(page) => node.child(page).map(Missing::Page),
        _ => None,
    }
}

/// The children of a node, slot by slot.
fn spread(node: &Node, first: usize, count: usize) -> impl Iterator<Item = Option<BlobId>> {
    (first..first + count).map(|slot| node.child(slot))
}

/// Reads the content of a page.
pub(super) fn load_page(store: &dyn BlobStore, id: BlobId) -> Result<[u8; PAGE], MemoryError> {
    let content = store.get(id)?;
    let page: [u8; PAGE] = (*content)
        .try_into()
        .map_err(|_| MemoryError::corrupt(id, format!("it has {} bytes, a page {PAGE}", content.len())))?;
    if page == [0; PAGE] {
        return Err(MemoryError::corrupt(id, "it is a page of zeroes, which is not stored"));
    }
    Ok(page)
}
