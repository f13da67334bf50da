//! What can be seen of a [`Host`] while it runs.

use super::Host;
use crate::coherence::{Held, Page};

/// How many pages a host holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldPages {
    /// Those that only it has, so that it may write them.
    pub writing: u32,
    /// Those that others may read as well.
    pub reading: u32,
}

impl Host {
    /// How many pages are held here. Each is looked at, so this is for a picture now and then.
    #[must_use]
    pub fn held_pages(&self) -> HeldPages {
        /// How many are looked at before somebody else has a turn.
        const STRETCH: usize = 4_096;
        let mut pages = HeldPages::default();
        for first in (0..self.share.coherence.pages).step_by(STRETCH) {
            let desk = self.desk.lock();
            let end = first.saturating_add(STRETCH as u32).min(self.share.coherence.pages);
            for page in (first..end).map(Page::new) {
                match desk.coherence.held(page) {
                    Held::Write => pages.writing += 1,
                    Held::Read => pages.reading += 1,
                    Held::Nothing => {}
                }
            }
        }
        pages
    }

    /// The bytes of all that is kept here for each page, to find it.
    #[must_use]
    pub fn directory_bytes(&self) -> usize {
        self.desk.lock().coherence.directory_bytes()
    }
}
