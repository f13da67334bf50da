//! [`Drought`]: listeners that found no descriptor left, and wait until one is given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use super::readiness::{Readiness, Signal};
use super::wake_all;

/// Who waits for a descriptor.
///
/// Dekker's bargain: a listener first joins, then looks whether a descriptor was freed since its attempt; whoever frees
/// one first counts it, then looks for listeners. At least one sees the other.
#[derive(Debug, Default)]
pub(super) struct Drought {
    /// How many descriptors were freed so far.
    freed: AtomicU64,
    /// How many listeners wait; written under their lock.
    waiting: AtomicUsize,
    listeners: Mutex<Vec<Arc<Readiness>>>,
}

impl Drought {
    /// How many descriptors were freed so far. Take it before the attempt.
    pub(super) fn freed(&self) -> u64 {
        self.freed.load(Ordering::SeqCst)
    }

    /// Joins those who wait; whether a descriptor was freed since there were `freed`.
    pub(super) fn join(&self, listener: &Arc<Readiness>, freed: u64) -> bool {
        let mut listeners = self.listeners.lock();
        if !listeners.iter().any(|known| Arc::ptr_eq(known, listener)) {
            listeners.push(Arc::clone(listener));
        }
        self.waiting.store(listeners.len(), Ordering::SeqCst);
        drop(listeners);
        self.freed() != freed
    }

    /// A descriptor was given back to the host.
    pub(super) fn end(&self) {
        self.freed.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.rouse();
        }
    }

    #[cold]
    fn rouse(&self) {
        let mut listeners = self.listeners.lock();
        let roused = std::mem::take(&mut *listeners);
        self.waiting.store(0, Ordering::SeqCst);
        drop(listeners);
        let mut woken: Vec<Waker> = Vec::new();
        for listener in &roused {
            listener.raise(Signal::READ, &mut woken);
        }
        wake_all(woken);
    }
}
