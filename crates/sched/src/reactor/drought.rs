//! [`Drought`]: listeners that found no descriptor left, and wait until one is given back.

use std::sync::Arc;
use std::task::Waker;

use super::readiness::{Readiness, Signal};
use super::sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, fence};
use super::wake_all;

/// Who waits for a descriptor.
///
/// Dekker's bargain: a listener first joins, then looks whether a descriptor was freed since its attempt; whoever frees
/// one first counts it, then looks for listeners. With a fence between the steps on both sides, at least one sees the
/// other.
#[derive(Debug)]
pub(super) struct Drought {
    /// How many descriptors were freed so far.
    freed: AtomicU64,
    /// How many listeners wait; written under their lock.
    waiting: AtomicUsize,
    listeners: Mutex<Vec<Arc<Readiness>>>,
}

impl Drought {
    pub(super) fn new() -> Self {
        Self { freed: AtomicU64::new(0), waiting: AtomicUsize::new(0), listeners: Mutex::new(Vec::new()) }
    }

    /// How many descriptors were freed so far. Take it before the attempt.
    pub(super) fn freed(&self) -> u64 {
        self.freed.load(Ordering::Acquire)
    }

    /// Joins those who wait; whether a descriptor was freed since there were `freed`.
    pub(super) fn join(&self, listener: &Arc<Readiness>, freed: u64) -> bool {
        let mut listeners = self.lock();
        if !listeners.iter().any(|known| Arc::ptr_eq(known, listener)) {
            listeners.push(Arc::clone(listener));
        }
        self.waiting.store(listeners.len(), Ordering::Relaxed);
        drop(listeners);
        fence(Ordering::SeqCst); // pairs with the one in `end`
        self.freed() != freed
    }

    /// A descriptor was given back to the host.
    pub(super) fn end(&self) {
        self.freed.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst); // pairs with the one in `join`
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.rouse();
        }
    }

    #[cold]
    fn rouse(&self) {
        let mut listeners = self.lock();
        let roused = std::mem::take(&mut *listeners);
        self.waiting.store(0, Ordering::Relaxed);
        drop(listeners);
        let mut woken: Vec<Waker> = Vec::new();
        for listener in &roused {
            listener.raise(Signal::READ, &mut woken);
        }
        wake_all(woken);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Readiness>>> {
        self.listeners.lock().expect("no foreign code runs under this lock, and ours does not panic")
    }
}

#[cfg(all(test, loom))]
mod interleavings {
    use std::task::Wake;

    use loom::thread::{Thread, current, park, spawn};

    use super::*;
    use crate::reactor::readiness::{Side, Spent};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// A descriptor that is freed at any time of the listener's attempt is found; loom reports a deadlock otherwise.
    #[test]
    fn no_descriptor_is_overlooked() {
        loom::model(|| {
            let shared = loom::sync::Arc::new((Drought::new(), AtomicUsize::new(0)));
            let readiness = Arc::new(Readiness::new());
            let listener = spawn({
                let shared = shared.clone();
                move || accept(&shared.0, &shared.1, &readiness)
            });
            shared.1.fetch_add(1, Ordering::Relaxed);
            shared.0.end();
            listener.join().unwrap();
        });
    }

    fn accept(drought: &Drought, descriptors: &AtomicUsize, readiness: &Arc<Readiness>) {
        let waker = Waker::from(Arc::new(Unpark(current())));
        loop {
            let (freed, seen) = (drought.freed(), readiness.glance());
            if !seen.is_ready(Side::Read) {
                if !readiness.wait(Side::Read, &waker) {
                    park();
                }
                continue;
            }
            if descriptors.swap(0, Ordering::Relaxed) == 1 {
                return;
            }
            if !drought.join(readiness, freed) {
                readiness.spend(Side::Read, seen, Spent::Short);
            }
        }
    }
}
