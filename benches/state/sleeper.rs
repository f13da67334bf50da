//! [`Sleeper`]: a thread that sleeps until it is woken.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use ironloom_benches::timed;

pub(crate) struct Sleeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    asked: AtomicU64,
    answered: AtomicU64,
    is_over: AtomicBool,
}

impl Sleeper {
    #[expect(clippy::disallowed_methods, reason = "a bench measures what the host does; drop joins it")]
    pub(crate) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.sleep()
        });
        Self { shared, thread: Some(thread) }
    }

    /// Wakes it and waits, awake, for its answer; how many nanoseconds that takes.
    pub(crate) fn wake(&self) -> f64 {
        let thread = self.thread.as_ref().expect("it runs until this is dropped").thread();
        let took = timed(|| {
            let question = self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
            thread.unpark();
            while self.shared.answered.load(Ordering::SeqCst) < question {
                spin_loop();
            }
        });
        took.as_nanos() as f64
    }
}

impl Shared {
    fn sleep(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            thread::park();
            self.answered.store(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let thread = self.thread.take().expect("it is dropped once");
        thread.thread().unpark();
        thread.join().expect("it does not panic");
    }
}
