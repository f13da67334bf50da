//! Memory as devices of the rust-vmm family see it: parts of pages that may lie anywhere.
//!
//! Nothing is mapped as a whole, so a range of the guest is one slice for each page. A slice to write takes what a write of a
//! hart takes: the page is copied if it is shared, counts as written, and is no longer code. Pages that are absent are
//! brought in. A slice pins its page, so what it leads to exists for as long as it does; but a device must not keep it
//! while the memory is forked or stored, because what it writes then may go to a page that was replaced.

use std::iter::FusedIterator;

use vm_memory::bitmap::{BS, Bitmap, BitmapSlice, WithBitmapSlice};
use vm_memory::guest_memory::{Error, GuestMemorySliceIterator, Result};
use vm_memory::{
    GuestMemory, GuestMemoryBackend, GuestMemoryRegion, GuestMemoryRegionBytes, GuestUsize, Permissions,
    VolatileSlice,
};

use super::access::pieces;
use super::raw::{self, Pin};
use super::{Access, Memory, MemoryError};
use crate::GuestAddress;

/// Keeps the page under a slice from being reused for as long as the slice exists.
#[derive(Debug, Clone)]
pub struct Pinned(#[expect(dead_code, reason = "it is kept for what happens when it is dropped")] Pin);

impl Pinned {
    pub(super) const fn new(pin: Pin) -> Self {
        Self(pin)
    }
}

impl WithBitmapSlice<'_> for Pinned {
    type S = Self;
}

impl BitmapSlice for Pinned {}

impl Bitmap for Pinned {
    /// Does nothing: a page counts as written since its slice was made.
    fn mark_dirty(&self, _: usize, _: usize) {}

    fn dirty_at(&self, _: usize) -> bool {
        true
    }

    fn slice_at(&self, _: usize) -> Self {
        self.clone()
    }
}

/// The memory of one mapping that there is not.
#[derive(Debug)]
pub enum Unmapped {}

impl GuestMemoryRegion for Unmapped {
    type B = ();

    fn len(&self) -> GuestUsize {
        match *self {}
    }

    fn start_addr(&self) -> vm_memory::GuestAddress {
        match *self {}
    }

    fn bitmap(&self) -> BS<'_, ()> {
        match *self {}
    }
}

impl GuestMemoryRegionBytes for Unmapped {}

impl GuestMemoryBackend for Unmapped {
    type R = Self;

    fn iter(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self)
    }
}

impl GuestMemory for Memory {
    type PhysicalMemory = Unmapped;
    type Bitmap = Pinned;

    fn check_range(&self, address: vm_memory::GuestAddress, count: usize, _: Permissions) -> bool {
        self.check(GuestAddress::new(address.0), count as u64).is_ok()
    }

    fn get_slices<'a>(
        &'a self,
        address: vm_memory::GuestAddress,
        count: usize,
        access: Permissions,
    ) -> Result<impl GuestMemorySliceIterator<'a, BS<'a, Pinned>>> {
        let start = GuestAddress::new(address.0);
        self.check(start, count as u64).map_err(|_| Error::InvalidGuestAddress(address))?;
        Ok(Slices { memory: self, writes: access.has_write(), next: start, left: count })
    }
}

/// The slices of a range, each made when it is asked for.
#[derive(Debug)]
struct Slices<'a> {
    memory: &'a Memory,
    writes: bool,
    next: GuestAddress,
    left: usize,
}

impl<'a> Iterator for Slices<'a> {
    type Item = Result<VolatileSlice<'a, Pinned>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (start, length) = pieces(self.next, self.left).next()?;
        match self.memory.pin(start, self.writes) {
            Ok(pin) => {
                self.left -= length;
                self.next = GuestAddress::new(start.get() + length as u64);
                Some(Ok(raw::slice(&pin, start.offset() as usize, length)))
            }
            Err(error) => {
                self.left = 0;
                Some(Err(Error::IOError(std::io::Error::other(error))))
            }
        }
    }
}

impl FusedIterator for Slices<'_> {}

impl<'a> GuestMemorySliceIterator<'a, Pinned> for Slices<'a> {}

impl Memory {
    /// Pins a page to be read or written by a device.
    fn pin(&self, address: GuestAddress, writes: bool) -> std::result::Result<Pin, MemoryError> {
        let access = if writes { Access::Write } else { Access::Read };
        self.on_page(address, access, |region, page| region.pin(page, writes, self.ctx()))
    }
}
