//! What devices let the guest give up: see [`DeviceMemory`].

use super::{Access, Memory, MemoryError, Revision};
use crate::PageNumber;
use crate::board::DeviceMemory;
use crate::coherence::Held;

impl Memory {
    /// Makes a page zeroes that take no room, neither here nor on another host, until somebody writes to it. One that a
    /// device uses stays as it is.
    ///
    /// Readers that have older pointers may still see what it was, and lose what they write, until what this returns is
    /// settled.
    ///
    /// # Errors
    ///
    /// If the page is not in memory, what is stored of it cannot be read, or no other host gives it.
    pub fn give_up(&self, page: PageNumber) -> Result<Option<Revision>, MemoryError> {
        self.on_page(page.address(), Access::Write, |region, index| region.give_up(index, self.ctx()))
    }
}

impl DeviceMemory for Memory {
    /// A page that another host has comes here first, by the same way as if it were written: then nobody else has it, and
    /// nobody has to be told.
    fn give_up(&self, pages: &[PageNumber]) -> Result<(), MemoryError> {
        if let Some(pager) = self.pager.get() {
            let away = pages.iter().copied().filter(|page| self.held(*page) != Held::Write);
            let away: Vec<PageNumber> = away.filter(|page| self.contains(page.address(), 1)).collect();
            pager.expect(&away);
        }
        for page in pages {
            if self.contains(page.address(), 1) {
                Self::give_up(self, *page)?;
            }
        }
        Ok(())
    }
}
