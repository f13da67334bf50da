//! [`Place`]: where a program may go.

use super::LoadError;
use crate::GuestAddress;

/// Where a program may go, and how much of it there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where memory begins.
    pub base: GuestAddress,
    /// The bytes of memory.
    pub bytes: u64,
    /// Where an executable goes that can run anywhere ("position-independent"); others say themselves where they go.
    pub anywhere: GuestAddress,
    /// The most segments that a program may have.
    pub segments_max: usize,
}

impl Place {
    /// So many bytes of memory from here; what can run anywhere goes to its beginning.
    #[must_use]
    pub const fn new(base: GuestAddress, bytes: u64) -> Self {
        Self { base, bytes, anywhere: base, segments_max: 64 }
    }

    /// That so many bytes from here on are memory.
    pub(super) fn check(&self, address: GuestAddress, bytes: u64) -> Result<(), LoadError> {
        let inside = address
            .get()
            .checked_sub(self.base.get())
            .and_then(|offset| self.bytes.checked_sub(offset))
            .is_some_and(|room| bytes <= room);
        if inside { Ok(()) } else { Err(LoadError::Outside { address, bytes }) }
    }
}
