//! [`MemoryConfig`]: where a memory is, how large it is, and what it may use.

use crate::GuestAddress;

/// Where a memory is, how large it is, and what it may use of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryConfig {
    /// Where it begins; a multiple of the length of a page.
    pub base: GuestAddress,
    /// How many bytes it has; a multiple of the length of a page, up to [`Memory::BYTES_MAX`](super::Memory::BYTES_MAX).
    pub bytes: u64,
    /// How many pages of the host it may fill, together with all its forks.
    pub frames_max: u64,
    /// How many readers may be registered at once.
    pub readers_max: usize,
    /// How many revocations a reader may be behind; if there are more, it has to forget everything.
    pub revocations_max: usize,
}

impl MemoryConfig {
    /// So many bytes at this address, which share 4 GiB of the host with all forks.
    #[must_use]
    pub const fn new(base: GuestAddress, bytes: u64) -> Self {
        Self { base, bytes, frames_max: 1 << 20, readers_max: 64, revocations_max: 1 << 12 }
    }
}
