//! [`Doorbell`]: how others reach a hart that runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How others reach a hart that runs: interrupts that they raise, and a bell that makes it come back.
///
/// A hart that is asked takes notice at the end of a chain of blocks, some thousand instructions later at most.
#[derive(Debug, Default)]
pub struct Doorbell {
    rung: AtomicBool,
    raised: AtomicU64,
}

impl Doorbell {
    /// Makes interrupts pending that stay so until software takes them back: `SSIP`.
    pub fn raise(&self, interrupts: u64) {
        self.raised.fetch_or(interrupts, Ordering::SeqCst);
        self.ring();
    }

    /// Makes the hart come back to its owner.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
    }

    /// Whether it was rung since it was last answered.
    #[inline]
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed)
    }

    /// Takes notice: the interrupts that were raised.
    pub(crate) fn answer(&self) -> u64 {
        self.rung.store(false, Ordering::SeqCst);
        self.raised.swap(0, Ordering::SeqCst)
    }
}
