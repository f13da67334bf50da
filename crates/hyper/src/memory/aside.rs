//! Pages that are put aside: into a store, because frames are short, until somebody uses them again.
//!
//! A page aside is one that is in the store only, as after a restore: it is absent, and the region knows its name. So it
//! comes back, is told to other hosts and becomes part of snapshots like those.

use std::sync::Arc;

use ironloom_blob::{BlobStore, Durability};

use super::raw::PAGE;
use super::restore::load_page;
use super::{Memory, MemoryError, Revision, words};
use crate::PageNumber;

impl Memory {
    /// Takes back the pointers to a page; what has to be settled until nobody has any, if anybody had. Whoever uses the page
    /// gets new ones.
    #[must_use]
    pub fn recall(&self, page: PageNumber) -> Option<Revision> {
        let (mut region, index) = self.region(page).ok()?;
        region.as_deref_mut()?.recall(index, self.ctx())
    }

    /// Puts a page into a store, or into the one where the memory has pages already, and frees its frame; whether it did. It
    /// does not if the page was used since it was [looked at](Self::look_round) and [recalled](Self::recall).
    ///
    /// The store must keep the page until it is used again, or part of a snapshot.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn put_aside(&self, page: PageNumber, store: &Arc<dyn BlobStore>) -> Result<bool, MemoryError> {
        let Some(content) = self.unused(page)? else { return Ok(false) };
        let store = self.stored.lock().store.get_or_insert_with(|| Arc::clone(store)).clone();
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

    /// The bytes of a page that is in the store only.
    pub(super) fn stored_page(&self, page: PageNumber) -> Result<Option<[u8; PAGE]>, MemoryError> {
        self.know_names(page)?;
        let store = self.stored.lock().store.clone();
        let (region, index) = self.region(page)?;
        let name = region.as_deref().and_then(|region| region.name_if_absent(index));
        drop(region);
        store.zip(name).map(|(store, name)| load_page(&*store, name)).transpose()
    }
}
