//! Pages that no host has room for: they are put into the store of the host that has them, until they are used again.

use super::Host;
use super::pages::Desk;
use super::room::GIVING_MAX;
use crate::PageNumber;
use crate::memory::Revision;

/// How many pages are stored in one go, so that whoever asks for a page does not wait for long.
const PUT_MAX: usize = 64;

/// A page that is about to be put into the store, when nobody has a pointer to it any more.
#[derive(Debug)]
pub(super) struct Aside {
    page: PageNumber,
    recalled: Option<Revision>,
}

impl Host {
    /// Whether there is a store for pages that no host has room for.
    pub(super) fn can_put_aside(&self) -> bool {
        self.share.store.is_some()
    }

    /// Puts a page aside as soon as nobody uses it.
    pub(super) fn lay_aside(&self, desk: &mut Desk, page: PageNumber) {
        let is_laid = desk.asides.iter().any(|aside| aside.page == page);
        if self.can_put_aside() && !is_laid && desk.asides.len() < GIVING_MAX {
            desk.asides.push(Aside { page, recalled: self.memory.recall(page) });
            self.yard.ring(); // so that harts forget their pointers
        }
    }

    /// Puts those pages into the store to which nobody has pointers any more. Whoever was used meanwhile stays.
    pub(super) fn store_asides(&self, desk: &mut Desk) {
        let is_settled =
            |aside: &Aside| aside.recalled.is_none_or(|revision| self.memory.is_settled(revision));
        let (settled, left) = std::mem::take(&mut desk.asides).into_iter().partition::<Vec<_>, _>(is_settled);
        desk.asides = left;
        for (number, Aside { page, .. }) in settled.into_iter().enumerate() {
            if number >= PUT_MAX {
                desk.asides.push(Aside { page, recalled: None });
                continue;
            }
            match self.memory.put_aside(page) {
                Ok(put) => self.note_aside(put),
                Err(error) => return self.fail(error.into()),
            }
        }
    }
}
