//! Pages that are put aside: into a store, because frames are short, until somebody uses them again.
//!
//! A page aside is one that is in the store only, as after a restore: it is absent, and the region knows its name. So it
//! comes back and becomes part of snapshots like those. Other hosts are told its name, if they have the same store.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, Durability};

use super::raw::PAGE;
use super::restore::load_page;
use super::{Memory, MemoryError, Revision, words};
use crate::PageNumber;
use crate::coherence::{Content, Held};

/// Where pages are put aside.
#[derive(Debug)]
pub(super) struct Larder {
    store: Arc<dyn BlobStore>,
    /// Whether all hosts of the computer have it.
    is_common: bool,
}

impl Memory {
    /// Takes back the pointers to a page; what has to be settled until nobody has any, if anybody had. Whoever uses the page
    /// gets new ones.
    #[must_use]
    pub fn recall(&self, page: PageNumber) -> Option<Revision> {
        let (mut region, index) = self.region(page).ok()?;
        region.as_deref_mut()?.recall(index, self.ctx())
    }

    /// Has a store where pages are put aside for which there is no room. It must keep each until it is used again, or part of
    /// a snapshot. If it `is_common`, all hosts of the computer have it: what one of them puts there the others find, and
    /// are only told its name.
    pub fn set_larder(&self, store: Arc<dyn BlobStore>, is_common: bool) {
        let _ = self.larder.set(Larder { store, is_common }); // the first one stays
    }

    /// Puts a page into [the store for that](Self::set_larder), or into the one where the memory has pages already, and frees
    /// its frame; whether it did. It does not if the page was used since it was [looked at](Self::look_round) and
    /// [recalled](Self::recall), or there is no store.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn put_aside(&self, page: PageNumber) -> Result<bool, MemoryError> {
        let (Some(content), Some(store)) = (self.unused(page)?, self.own_store()) else { return Ok(false) };
        let is_zero = content == [0; PAGE];
        let name = if is_zero { None } else { Some(store.put(&content, Durability::Buffered)?) };
        let (mut region, index) = self.region(page)?;
        // It was stored without the lock, and may have been used meanwhile.
        Ok(region.as_deref_mut().is_some_and(|region| region.put_aside(index, name)))
    }

    /// The bytes of a page that nobody uses.
    fn unused(&self, page: PageNumber) -> Result<Option<[u8; PAGE]>, MemoryError> {
        let (region, index) = self.region(page)?;
        let frame = region.as_deref().filter(|region| region.is_unused(index));
        Ok(frame.and_then(|region| region.frame(index)).map(|frame| {
            let mut bytes = [0; PAGE];
            words::copy_out(frame.words(), &mut bytes);
            bytes
        }))
    }

    /// What other hosts are told of a page that is in the store only: its name, if they have that store.
    pub(super) fn content_aside(&self, page: PageNumber) -> Result<Option<Content>, MemoryError> {
        self.know_names(page)?;
        let store = self.stored.lock().store.clone();
        let (region, index) = self.region(page)?;
        let name = region.as_deref().and_then(|region| region.name_if_absent(index));
        drop(region);
        let Some((store, name)) = store.zip(name) else { return Ok(None) };
        Ok(Some(if self.is_common(&store) {
            Content::Stored(name)
        } else {
            load_page(&*store, name)?.into()
        }))
    }

    /// Puts a page here that is in the common store under a name. It is read when it is used.
    pub(super) fn arrive_stored(
        &self,
        page: PageNumber,
        held: Held,
        name: BlobId,
    ) -> Result<(), MemoryError> {
        let larder =
            self.larder.get().filter(|larder| larder.is_common).ok_or(MemoryError::Unsound { page })?;
        if !self.own_store().is_some_and(|own| self.is_common(&own)) {
            // Names of this memory stand for what is in another store.
            return self.arrive(page, held, &load_page(&*larder.store, name)?.into());
        }
        self.know_names(page)?;
        let (mut region, index) = self.region(page)?;
        region.get_or_insert_default().arrive_stored(index, held, name, self.ctx());
        Ok(())
    }

    /// The store that the names of this memory stand for: the one where pages are put aside, unless there is another already.
    fn own_store(&self) -> Option<Arc<dyn BlobStore>> {
        let mut stored = self.stored.lock();
        stored.store = stored.store.take().or_else(|| Some(self.larder.get()?.store.clone()));
        stored.store.clone()
    }

    fn is_common(&self, store: &Arc<dyn BlobStore>) -> bool {
        self.larder.get().is_some_and(|larder| larder.is_common && Arc::ptr_eq(&larder.store, store))
    }
}
