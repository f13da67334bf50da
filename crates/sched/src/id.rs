//! [`ProcessId`].

use ironloom_core::local_id;

local_id! {
    /// A process, for as long as its kernel exists: no other process of the kernel ever has its number.
    ///
    /// In virtual time the same run gives the same numbers, with gaps: see the crate's `window` module.
    pub struct ProcessId(u64) = "process";
}

impl ProcessId {
    /// Whoever is not a process of the kernel: the embedder.
    pub const HOST: Self = Self::new(0);
}
