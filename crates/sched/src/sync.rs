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
