//! Fetching: from an address to the bytes of an instruction, and to the page that its block is kept under.

use super::core::Core;
use super::raw::halfword;
use super::stop::{Exception, Stop, Trap};
use crate::PageNumber;
use crate::memory::{Access, HostPage};

const ENTRIES: usize = 128;

/// The page that an address is fetched from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchPage {
    pub(crate) number: PageNumber,
    pub(crate) version: u32,
    pub(crate) host: HostPage,
}

/// Where fetches found their pages, by virtual page and code context.
#[derive(Debug)]
pub(crate) struct FetchPages {
    entries: [Option<(u64, u32, FetchPage)>; ENTRIES],
}

impl FetchPages {
    pub(crate) const fn new() -> Self {
        Self { entries: [None; ENTRIES] }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.fill(None);
    }
}

impl Core {
    /// The page of an address that is to be fetched from.
    pub(super) fn fetch_page(&mut self, pc: u64) -> Result<FetchPage, Stop> {
        let virtual_page = pc >> 12;
        let place = virtual_page as usize % ENTRIES;
        if let Some((page, context, found)) = self.pages.entries[place]
            && page == virtual_page
            && context == self.code_context
        {
            return Ok(found);
        }
        let physical = self.translate(pc, Access::Fetch)?;
        let fault = Trap::new(Exception::FetchAccess, pc);
        let grant = self.grant(physical, Access::Fetch).map_err(|refusal| refusal.or_trap(fault))?;
        let found = FetchPage { number: physical.page(), version: grant.version, host: grant.host };
        self.pages.entries[place] = Some((virtual_page, self.code_context, found));
        self.fetched.insert(virtual_page);
        Ok(found)
    }

    /// The bits of the instruction at an address: 16 of them if it is compressed.
    pub(super) fn fetch(&mut self, pc: u64) -> Result<u32, Stop> {
        let page = self.fetch_page(pc)?;
        let low = u32::from(halfword(page.host, pc & 0xffe));
        if low & 3 != 3 {
            return Ok(low);
        }
        let after = pc.wrapping_add(2);
        let page = if after & 0xfff == 0 { self.fetch_page(after)? } else { page };
        Ok(low | u32::from(halfword(page.host, after & 0xffe)) << 16)
    }
}
