//! The primitives under the lock-free code: the real ones, or loom's when `--cfg loom` explores their interleavings.

#[cfg(loom)]
pub(crate) use loom::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
#[cfg(not(loom))]
pub(crate) use std::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Waits for an event, but not longer than this; whether it came or not, the caller looks again.
#[cfg(not(loom))]
pub(crate) fn wait_for(ticket: ironloom_core::Ticket<'_>, patience: ironloom_core::Duration) {
    let _ = ticket.wait_for(patience);
}

/// Loom knows no time.
#[cfg(loom)]
pub(crate) fn wait_for(ticket: ironloom_core::Ticket<'_>, _: ironloom_core::Duration) {
    ticket.wait();
}
