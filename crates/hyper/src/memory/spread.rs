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

use super::region::Region;
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

    /// These pages are about to be brought to be written, one after another: so they may be asked for together. Waits for
    /// nothing.
    fn expect(&self, pages: &[PageNumber]) {
        let _ = pages;
    }

    /// Sees to it that there is a frame for a page, and waits for it. Others may take it; then it is asked again.
    ///
    /// # Errors
    ///
    /// If there is none for long.
    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError>;
}

/// How much a page is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is held elsewhere; what it once was is kept here.
    Stale,
    /// Nobody has asked for it since it was looked at last.
    Idle,
    /// It was used since then, or a device uses it.
    Used,
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
        self.regions.iter().any(|region| region.lock().as_deref().is_some_and(Region::lacks_any))
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
    /// If its content is in a store and cannot be read.
    pub fn tell(&self, page: PageNumber, tell: Option<Tell>) -> Result<Told, MemoryError> {
        let aside = self.content_aside(page)?; // which needs no frame to be told
        let (mut region, index) = self.region(page)?;
        Ok(region.get_or_insert_default().tell(index, aside, tell))
    }

    /// Puts a page here, or lets one be written that others read no more.
    ///
    /// # Errors
    ///
    /// If the content contradicts itself, there is no frame for the page, or what is stored of it cannot be brought in,
    /// perhaps because there is [no store](Self::set_larder). Nothing has changed then.
    pub fn arrive(&self, page: PageNumber, held: Held, content: &Content) -> Result<(), MemoryError> {
        if let Content::Stored(name) = content {
            return self.arrive_stored(page, held, *name);
        }
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

    /// Looks at pages that have frames, from a place on, round and round: a clock's hand, by which the pages are found
    /// that were not used for a whole round. Ends after so many, or when all were looked at.
    ///
    /// Who looks takes back what was granted, so that whoever uses a page asks for it again.
    pub fn look_round(&self, hand: &mut PageNumber, looks: usize, mut see: impl FnMut(PageNumber, Use)) {
        let first = self.base().get() / PAGE_BYTES;
        let begin = self.place(*hand).unwrap_or(0);
        let (mut place, mut left) = (begin, looks);
        // One more than there are regions: of the one where this begins, first the end and last the begin.
        for turn in 0..=self.regions.len() {
            let number = place / PAGES;
            let end = if turn == self.regions.len() { begin % PAGES } else { PAGES };
            let mut from = place % PAGES;
            if let Some(region) = self.regions[number].lock().as_deref_mut() {
                while left > 0
                    && let Some(page) = region.first_frame(from..end)
                {
                    see(
                        PageNumber::new(first + (number * PAGES + page) as u64),
                        region.look(page, self.ctx()),
                    );
                    (from, left) = (page + 1, left - 1);
                }
            }
            place = number * PAGES + if left == 0 { from } else { end };
            place %= self.regions.len() * PAGES;
            if left == 0 {
                break;
            }
        }
        *hand = PageNumber::new(first + place as u64);
    }

    /// The lines of a page that were written here since other hosts knew it last, a bit each.
    pub(crate) fn lines_written(&self, page: PageNumber) -> u64 {
        self.region(page)
            .map_or(0, |(region, index)| region.as_deref().map_or(0, |region| region.lines_written(index)))
    }

    /// The lines, a bit each, by which what comes differs from what is kept here of a page; none if nothing is kept.
    pub(crate) fn lines_unlike(&self, page: PageNumber, content: &Content) -> u64 {
        self.region(page).map_or(0, |(region, index)| {
            region.as_deref().map_or(0, |region| region.lines_unlike(index, content))
        })
    }

    /// Gives up what a page once was that is held elsewhere; whether there was anything.
    pub fn forget(&self, page: PageNumber) -> bool {
        self.region(page)
            .is_ok_and(|(mut region, index)| region.as_deref_mut().is_some_and(|region| region.forget(index)))
    }
}
