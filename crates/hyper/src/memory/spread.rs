//! A memory of which other hosts hold a part.
//!
//! Pages that are elsewhere are denied as absent, and a [`Pager`] gets them. It is told by other hosts what becomes of pages
//! here, and carries it out with the calls of this module:
//!
//! ```text
//!  withdraw ── settled, no device uses it ──▶ tell      what changed goes to another host
//!  arrive                                               what changed there comes here
//!  forget                                               what a page once was, to be told changes by, is given up
//! ```

use std::sync::Arc;

use super::{Access, Memory, MemoryError, PAGES, Revision};
use crate::coherence::{Content, Held, Tell};
use crate::{PAGE_BYTES, PageNumber};

/// Gets pages that other hosts hold.
pub trait Pager: std::fmt::Debug + Send + Sync {
    /// Sees to it that a page comes here, and waits for it. It may be gone again when this returns; then it is asked again.
    ///
    /// # Errors
    ///
    /// If the page cannot be had.
    fn bring(&self, page: PageNumber, access: Access) -> Result<(), MemoryError>;
}

/// What became of a page that was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its bytes, if they were asked for.
    pub content: Option<Content>,
    /// Whether they differ from what was known last.
    pub changed: bool,
}

/// A content that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsound;

impl Memory {
    /// Lets a pager get what other hosts hold.
    ///
    /// # Errors
    ///
    /// If it has one already.
    pub fn spread(&self, pager: Arc<dyn Pager>) -> Result<(), MemoryError> {
        self.pager.set(pager).map_err(|_| MemoryError::Spread)
    }

    /// Whether other hosts hold any page.
    #[must_use]
    pub fn lacks_any(&self) -> bool {
        self.regions.iter().any(|region| region.lock().as_deref().is_some_and(|region| region.lacks_any()))
    }

    /// Whether nothing was ever put into a page, so that it is all zeroes and takes no room.
    #[must_use]
    pub fn is_dormant(&self, page: PageNumber) -> bool {
        self.region(page).is_ok_and(|(region, index)| {
            region.as_deref().is_none_or(|region| !region.is_absent(index) && region.frame(index).is_none())
        })
    }

    /// How a page is held here.
    #[must_use]
    pub fn held(&self, page: PageNumber) -> Held {
        self.region(page).map_or(Held::Nothing, |(region, index)| {
            region.as_deref().map_or(Held::Write, |region| region.held(index))
        })
    }

    /// Leaves the pages to other hosts that are not held here. Nobody may have been granted any of them.
    pub fn leave(&self, is_held: impl Fn(PageNumber) -> bool) {
        let (first, pages) = (self.base().get() / PAGE_BYTES, (self.bytes() / PAGE_BYTES) as usize);
        for (number, region) in self.regions.iter().enumerate() {
            let mut region = region.lock();
            let region = region.get_or_insert_default();
            for page in 0..PAGES.min(pages - number * PAGES) {
                if !is_held(PageNumber::new(first + (number * PAGES + page) as u64)) {
                    region.leave(page);
                }
            }
        }
    }

    /// Takes a page from readers until only `keep` is left.
    ///
    /// That is so when what this returns is [settled](Self::is_settled) and the page is not [pinned](Self::is_pinned).
    #[must_use]
    pub fn withdraw(&self, page: PageNumber, keep: Held) -> Option<Revision> {
        let (mut region, index) = self.region(page).ok()?;
        region.get_or_insert_default().withdraw(index, keep, self.ctx())
    }

    /// Whether a device has the page in its hands.
    #[must_use]
    pub fn is_pinned(&self, page: PageNumber) -> bool {
        self.region(page)
            .is_ok_and(|(region, index)| region.as_deref().is_some_and(|region| region.is_pinned(index)))
    }

    /// What became of a page since other hosts knew it last; nobody may write to it here any more.
    ///
    /// # Errors
    ///
    /// If its content is in a store and cannot be brought in.
    pub fn tell(&self, page: PageNumber, tell: Option<Tell>) -> Result<Told, MemoryError> {
        self.bring_in_stored(page)?;
        let (mut region, index) = self.region(page)?;
        Ok(region.get_or_insert_default().tell(index, tell))
    }

    /// Puts a page here, or lets one be written that others read no more.
    ///
    /// # Errors
    ///
    /// If the content contradicts itself, there is no frame for the page, or what is stored of it cannot be brought in.
    /// Nothing has changed then.
    pub fn arrive(&self, page: PageNumber, held: Held, content: &Content) -> Result<(), MemoryError> {
        if *content != Content::Same {
            // What is only in the store would be taken for the page later, and may be what the lines belong to.
            self.bring_in_stored(page)?;
        }
        let (mut region, index) = self.region(page)?;
        match region.get_or_insert_default().arrive(index, held, content, self.ctx()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unsound)) => Err(MemoryError::Unsound { page }),
            Err(_) => Err(self.full(page).into()),
        }
    }

    /// Gives up what a page once was that is held elsewhere; whether there was anything.
    pub fn forget(&self, page: PageNumber) -> bool {
        self.region(page)
            .is_ok_and(|(mut region, index)| region.as_deref_mut().is_some_and(|region| region.forget(index)))
    }
}
