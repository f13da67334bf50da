//! What several tests need: a watchdog, a counted payload, a kernel that never waits for ever.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test uses a part of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use ironloom_sched::Handle;

/// How long a test may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test on a thread of its own; if it hangs, prints what the kernels were doing and fails.
///
/// The test hands in the handles of its kernels as it makes them.
#[expect(clippy::disallowed_methods, reason = "a watchdog watches from another thread")]
pub fn watched(test: impl FnOnce(&Watched) + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let watched = Watched::default();
    let kernels = Arc::clone(&watched.kernels);
    let thread = std::thread::spawn(move || {
        test(&watched);
        let _ = done.send(()); // nobody listens if it was too late
    });
    match finished.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            for kernel in kernels.lock().unwrap().iter() {
                eprintln!("{:#?}\n{:#?}", kernel.info(), kernel.processes());
            }
            panic!("hung for {PATIENCE:?}");
        }
        _ => {
            if let Err(payload) = thread.join() {
                std::panic::resume_unwind(payload);
            }
        }
    }
}

/// The kernels that the watchdog looks into.
#[derive(Default)]
pub struct Watched {
    kernels: Arc<std::sync::Mutex<Vec<Handle>>>,
}

impl Watched {
    pub fn add(&self, kernel: &Handle) {
        self.kernels.lock().unwrap().push(kernel.clone());
    }
}

/// Counts how many of its [tokens](Token) exist.
#[derive(Clone, Default)]
pub struct Census(Arc<AtomicUsize>);

impl Census {
    pub fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::SeqCst);
        Token(self.clone())
    }

    pub fn living(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Something that must be dropped exactly once.
pub struct Token(Census);

impl Drop for Token {
    fn drop(&mut self) {
        let before = self.0.0.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "dropped twice");
    }
}

/// Calls a closure when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics when it is dropped, unless that is because of another panic: a second one would abort the program.
pub fn bomb() -> OnDrop<impl FnMut()> {
    OnDrop(|| assert!(std::thread::panicking(), "a bomb went off"))
}
