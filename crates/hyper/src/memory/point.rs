//! [`MemoryPoint`]: a memory as it was at a moment, to fork from or to go back to.

use super::raw::Pool;
use super::region::Region;
use super::revocation::{Replaced, Revocation};
use super::snapshot::Stored;
use super::{Memory, MemoryConfig, MemoryError};
use crate::GuestAddress;

/// A memory as it was at a moment. It shares its pages with the memory, which copies those that it writes.
#[derive(Debug, Clone)]
pub struct MemoryPoint {
    pub(super) regions: Vec<Option<Box<Region>>>,
    pub(super) stored: Stored,
    pub(super) config: MemoryConfig,
    pub(super) pool: Pool,
}

impl MemoryPoint {
    /// A memory with this content.
    #[must_use]
    pub fn fork(&self) -> Memory {
        self.clone().into_memory()
    }

    /// Turns the point into a memory.
    #[must_use]
    pub fn into_memory(self) -> Memory {
        Memory::assemble(self.config, self.pool, self.regions.into_iter(), self.stored)
    }
}

impl Memory {
    /// The memory as it is now, to be returned to. It costs what a fork costs.
    ///
    /// All pointers are revoked. No reader may write while this runs: park them, or stop them where they catch up.
    #[must_use]
    pub fn point(&self) -> MemoryPoint {
        let stored = self.stored.lock().clone();
        let mut regions = Vec::with_capacity(self.regions.len());
        for region in &self.regions {
            regions.push(region.lock().as_deref_mut().map(|region| Box::new(region.share())));
        }
        self.revocations.push(Revocation::Everything, None);
        MemoryPoint { regions, stored, config: self.config.clone(), pool: self.pool.clone() }
    }

    /// Another memory with the same content. From now on each copies the pages that it writes.
    ///
    /// All pointers are revoked. No reader may write while this runs: park them, or stop them where they catch up.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.point().into_memory()
    }

    /// Makes the memory what it was at that moment; the point stays as it is.
    ///
    /// All pointers are revoked. No reader may write while this runs: park them, or stop them where they catch up.
    ///
    /// # Errors
    ///
    /// If the point is not one of this memory, or of a memory that it was forked from or to.
    pub fn roll_back(&self, point: &MemoryPoint) -> Result<(), MemoryError> {
        if self.extent()
            != (super::image::Extent { base: point.config.base.get(), bytes: point.config.bytes })
        {
            return Err(self.differs(point.config.base, point.config.bytes));
        }
        if !self.pool.is(&point.pool) {
            return Err(MemoryError::Foreign);
        }
        *self.stored.lock() = point.stored.clone();
        let mut replaced = Vec::with_capacity(self.regions.len());
        for (region, then) in self.regions.iter().zip(&point.regions) {
            replaced.extend(std::mem::replace(&mut *region.lock(), then.clone()));
        }
        self.revocations.push(Revocation::Everything, Some(Replaced::Regions(replaced)));
        Ok(())
    }

    pub(super) const fn differs(&self, other_base: GuestAddress, other_bytes: u64) -> MemoryError {
        MemoryError::Shape { base: self.base(), bytes: self.bytes(), other_base, other_bytes }
    }
}
