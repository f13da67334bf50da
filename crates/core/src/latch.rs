//! [`Latch`]: something that happens once, and everybody who waits for it.

#[cfg(not(loom))]
use crate::Duration;
use crate::EventCount;
use crate::sync::{AtomicBool, Ordering};

/// A gate that opens once and stays open.
///
/// ```
/// use ironloom_core::Latch;
///
/// let committed = Latch::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| committed.open());
///     committed.wait(); // or `committed.opened().await`
/// });
/// assert!(committed.is_open());
/// ```
#[derive(Debug, Default)]
pub struct Latch {
    open: AtomicBool,
    opening: EventCount,
}

impl Latch {
    /// A latch that is shut.
    #[must_use]
    pub fn new() -> Self {
        Self { open: AtomicBool::new(false), opening: EventCount::new() }
    }

    /// Opens the latch, for ever.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
        self.opening.notify_all();
    }

    /// Whether it is open; what was done before it opened is visible then.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Blocks the thread until the latch is open.
    pub fn wait(&self) {
        self.opening.wait_until(|| self.is_open());
    }

    /// Blocks the thread until the latch is open, or for so long; whether it is open.
    #[cfg(not(loom))] // loom knows no time
    #[must_use = "the latch may still be shut"]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        let ticket = self.opening.ticket();
        self.is_open() || ticket.wait_for(timeout) || self.is_open()
    }

    /// Waits until the latch is open.
    pub async fn opened(&self) {
        self.opening.until(|| self.is_open()).await;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn it_opens_once_for_everybody() {
        let latch = Latch::new();
        let mut task = pin!(latch.opened());
        let mut context = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut context).is_pending());
        assert!(!latch.wait_for(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            scope.spawn(|| latch.wait());
            latch.open();
            latch.open();
        });
        assert!(task.poll(&mut context).is_ready());
        assert!(latch.wait_for(Duration::ZERO));
    }
}

#[cfg(all(test, loom))]
mod interleavings {
    use super::Latch;
    use crate::sync::{Arc, AtomicUsize, Ordering};

    #[test]
    fn who_passes_sees_what_was_done_before() {
        loom::model(|| {
            let shared = Arc::new((Latch::new(), AtomicUsize::new(0)));
            let waiter = loom::thread::spawn({
                let shared = shared.clone();
                move || {
                    shared.0.wait();
                    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
                }
            });
            shared.1.store(1, Ordering::Relaxed);
            shared.0.open();
            waiter.join().unwrap();
        });
    }
}
