//! [`Memory`]: the physical memory of a guest, page by page.
//!
//! Every page has a state of its own. One that was never written is *dormant* and takes no room; one that is *absent*
//! has its content in a blob; the others have a frame of the host. Frames are shared between a memory and its forks, and
//! copied when one of them writes.
//!
//! Harts ask for a page once ([`Memory::grant`]) and then follow the pointer that they got. What was granted can be taken
//! back: they look for that between blocks of instructions ([`Memory::catch_up`]), and until all of them have done so
//! nothing that they may still read is reused. Everybody else goes by address ([`Memory::load`], [`Memory::store`]).
//!
//! **Locks.** Each region of 2 MiB has one; the log of revocations has one, taken after a region's; the pool of frames has
//! one, taken last; that of the image comes before all of them. A reader looks into the log without any if nothing is new.

mod access;
mod aside;
mod bits;
mod config;
mod error;
mod given;
mod grant;
mod guest;
mod image;
mod operate;
mod part;
mod point;
mod proof;
mod raw;
mod region;
mod restore;
mod revocation;
mod settle;
mod snapshot;
mod spread;
mod words;

use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use crate::{GuestAddress, PAGE_BYTES, PageNumber};
use aside::Larder;
use raw::Pool;
use region::{Context, PAGES, REGION_BYTES, Refusal, Region};
use revocation::Revocations;
use snapshot::Stored;

pub use access::Word;
pub use config::MemoryConfig;
pub use error::MemoryError;
pub use grant::{Access, Denied, Grant};
pub(crate) use operate::{Act, Change};
pub use part::{MemoryPart, merge};
pub use point::MemoryPoint;
pub use raw::HostPage;
pub use revocation::{ReaderId, Revision, Revocation};
pub use settle::StoredPoint;
pub use spread::{Pager, Told, Use};

/// The physical memory of a guest.
///
/// ```
/// use ironloom_hyper::{GuestAddress, memory::{Memory, MemoryConfig}};
///
/// let base = GuestAddress::new(0x8000_0000);
/// let memory = Memory::new(MemoryConfig::new(base, 256 << 20))?;
/// memory.store(base, 42u64)?;
///
/// let fork = memory.fork();
/// fork.store(base, 43u64)?;
/// assert_eq!(memory.load::<u64>(base)?, 42);
/// assert_eq!(fork.frames_used(), 2);
/// # Ok::<(), ironloom_hyper::memory::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct Memory {
    config: MemoryConfig,
    regions: Box<[Mutex<Slot>]>,
    revocations: Revocations,
    /// What the names in the regions stand for. Its lock is taken before those of regions.
    stored: Mutex<Stored>,
    pool: Pool,
    /// Gets what other hosts hold.
    pager: OnceLock<Arc<dyn Pager>>,
    /// Where pages are put aside.
    larder: OnceLock<Larder>,
}

/// A region, or `None` where nothing was ever touched.
type Slot = Option<Box<Region>>;

impl Memory {
    /// How many bytes a memory can have.
    pub const BYTES_MAX: u64 = 1 << 40;

    /// A memory of zeroes.
    ///
    /// # Errors
    ///
    /// If it would be too large, or does not begin or end with a page.
    pub fn new(config: MemoryConfig) -> Result<Self, MemoryError> {
        let pool = Pool::new(config.frames_max);
        let MemoryConfig { base, bytes, .. } = config;
        let whole = base.get().is_multiple_of(PAGE_BYTES) && bytes.is_multiple_of(PAGE_BYTES);
        if !whole || bytes > Self::BYTES_MAX || base.checked_add(bytes).is_none() {
            return Err(MemoryError::Bounds { base, bytes });
        }
        let regions = (0..bytes.div_ceil(REGION_BYTES)).map(|_| None);
        Ok(Self::assemble(config, pool, regions, Stored::default()))
    }

    fn assemble(
        config: MemoryConfig,
        pool: Pool,
        regions: impl Iterator<Item = Slot>,
        stored: Stored,
    ) -> Self {
        let revocations = Revocations::new(config.readers_max, config.revocations_max);
        let stored = Mutex::new(stored);
        let regions = regions.map(Mutex::new).collect();
        Self { regions, revocations, stored, pool, config, pager: OnceLock::new(), larder: OnceLock::new() }
    }

    /// Where it begins.
    #[must_use]
    pub const fn base(&self) -> GuestAddress {
        self.config.base
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.config.bytes
    }

    /// How many frames of the host it uses, together with its forks.
    #[must_use]
    pub fn frames_used(&self) -> u64 {
        self.pool.frames_used()
    }

    /// How many frames of the host it may use, together with its forks.
    #[must_use]
    pub fn frames_max(&self) -> u64 {
        self.pool.frames_max()
    }

    /// Lets a reader use a page until it catches up next.
    ///
    /// # Errors
    ///
    /// If the page is not in memory, or its content is not here, or a write needs a frame and there is none.
    #[inline]
    pub fn grant(&self, page: PageNumber, access: Access) -> Result<Grant, Denied> {
        let (mut region, index) = self.region(page)?;
        let granted = region.get_or_insert_default().grant(index, access, self.ctx());
        granted.map_err(|refusal| match refusal {
            Refusal::Absent => Denied::Absent { page },
            Refusal::Full => self.full(page),
        })
    }

    /// The version of a page's instructions; it changes when a page that was fetched from is written.
    ///
    /// Pages outside of memory have version zero.
    #[must_use]
    pub fn version(&self, page: PageNumber) -> u32 {
        self.region(page)
            .map_or(0, |(region, index)| region.as_deref().map_or(0, |region| region.version(index)))
    }

    /// Registers somebody who keeps pointers from one call to the next. He is running, and has none yet.
    ///
    /// # Errors
    ///
    /// If there are as many readers as there may be.
    pub fn register(&self) -> Result<ReaderId, MemoryError> {
        let readers_max = self.config.readers_max;
        self.revocations.register().ok_or(MemoryError::Readers { readers_max })
    }

    /// Forgets a reader, which has no pointers any more.
    ///
    /// # Panics
    ///
    /// If it is not registered.
    pub fn dismiss(&self, reader: ReaderId) {
        self.revocations.dismiss(reader);
    }

    /// Tells a reader what it must forget before it follows another pointer.
    ///
    /// If nothing is new this is one load. `forget` must not call this memory.
    ///
    /// # Panics
    ///
    /// If the reader is not registered.
    #[inline]
    pub fn catch_up(&self, reader: ReaderId, forget: &mut dyn FnMut(Revocation)) {
        self.revocations.catch_up(reader, forget);
    }

    /// A reader promises to follow no pointer until it comes back, so that nobody waits for it.
    ///
    /// # Panics
    ///
    /// If it is not registered.
    pub fn park(&self, reader: ReaderId) {
        self.revocations.park(reader);
    }

    /// A parked reader comes back, and is told what it must forget.
    ///
    /// # Panics
    ///
    /// If it is not registered.
    pub fn unpark(&self, reader: ReaderId, forget: &mut dyn FnMut(Revocation)) {
        self.revocations.unpark(reader, forget);
    }

    /// The last revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revocations.revision()
    }

    /// Whether every reader has caught up with this revision, or is parked.
    #[must_use]
    pub fn is_settled(&self, revision: Revision) -> bool {
        self.revocations.is_settled(revision)
    }

    /// Whether no reader runs, so that nobody follows a pointer.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.revocations.is_unread()
    }

    /// The region of a page under its lock, and which page of it that is.
    #[inline]
    fn region(&self, page: PageNumber) -> Result<(MutexGuard<'_, Slot>, usize), Denied> {
        let number = self.place(page)?;
        Ok((self.regions[number / PAGES].lock(), number % PAGES))
    }

    /// Which page of the memory a page of the guest is.
    #[inline]
    fn place(&self, page: PageNumber) -> Result<usize, Denied> {
        let number = page.get().wrapping_sub(self.config.base.get() / PAGE_BYTES);
        if number >= self.config.bytes / PAGE_BYTES {
            return Err(Denied::Outside { page });
        }
        Ok(number as usize)
    }

    const fn ctx(&self) -> Context<'_> {
        Context { pool: &self.pool, revocations: &self.revocations }
    }

    fn full(&self, page: PageNumber) -> Denied {
        Denied::Full { page, frames_max: self.pool.frames_max() }
    }
}

#[cfg(test)]
mod tests;
