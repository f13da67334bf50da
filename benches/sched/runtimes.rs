//! What the peers run on, and threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use core_affinity::CoreId;
use ironloom_sched::{Config, Kernel};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// How many threads everything that has threads gets.
pub(crate) const WORKERS: usize = 2;

/// Ours with so many workers.
pub(crate) fn kernel(workers: usize) -> Kernel {
    Kernel::start(Config::with_workers(workers)).expect("the machine has threads")
}

/// Tokio on so many threads of its own.
pub(crate) fn tokio_workers(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_time().build().expect("a runtime")
}

/// Tokio on the thread that asks.
pub(crate) fn tokio_current() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// An executor of smol's on threads of its own, which end with it.
pub(crate) struct Smol {
    pub(crate) executor: Arc<smol::Executor<'static>>,
    stop: Option<smol::channel::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Smol {
    pub(crate) fn new() -> Self {
        let executor = Arc::new(smol::Executor::new());
        let (stop, stopped) = smol::channel::bounded::<()>(1);
        let worker = |_| {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            on_thread(None, move || {
                smol::block_on(executor.run(stopped.recv())).expect_err("nobody sends");
            })
        };
        let threads = (0..WORKERS).map(worker).collect();
        Self { executor, stop: Some(stop), threads }
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        self.stop = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("a worker does not panic");
        }
    }
}

/// Tells may, which is one for the whole program, how many threads it has.
pub(crate) fn may_workers() {
    may::config().set_workers(WORKERS);
}

/// Runs something on a thread of its own, pinned to a core if one is named.
#[expect(clippy::disallowed_methods, reason = "benches compare threads")]
pub(crate) fn on_thread<T: Send + 'static>(
    core: Option<usize>,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let pinned = move || {
        if let Some(id) = core {
            // A machine that has no such core, or forbids it, measures without.
            let _ = core_affinity::set_for_current(CoreId { id });
        }
        work()
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(pinned).expect("the system gives a thread")
}

/// Counts processes down, and tells when the last has left.
pub(crate) struct Gate {
    left: AtomicUsize,
    empty: parking_lot::Mutex<Option<oneshot::Sender<()>>>,
}

impl Gate {
    /// A gate for so many. It lives for ever, so that a process pays for no counter of references: a few bytes a round.
    pub(crate) fn new(processes: usize) -> (&'static Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let empty = parking_lot::Mutex::new(Some(sender));
        (Box::leak(Box::new(Self { left: AtomicUsize::new(processes), empty })), receiver)
    }

    pub(crate) fn leave(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let sender = self.empty.lock().take().expect("only one is the last");
            // Who waits may have given up.
            let _ = sender.send(());
        }
    }
}
