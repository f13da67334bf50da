//! Patience: waiting that ends, so that what hangs fails.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;

use ironloom_core::{Duration, Latch};

/// How long something may take that takes no time. It is only waited for when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A thread that may hang.
#[derive(Debug)]
pub(crate) struct Task<T> {
    thread: Option<JoinHandle<()>>,
    result: mpsc::Receiver<T>,
    /// The number of the thread in `/proc`.
    number: u64,
    ended: Arc<Latch>,
}

struct Open(Arc<Latch>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread that hangs must not take the test with it")]
pub(crate) fn spawn_with_stack<T: Send + 'static>(
    stack_bytes: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> Task<T> {
    let (numbers, number) = mpsc::channel();
    let (results, result) = mpsc::channel();
    let ended = Arc::new(Latch::new());
    let open = Open(Arc::clone(&ended));
    let thread = std::thread::Builder::new().stack_size(stack_bytes).spawn(move || {
        let _open = open;
        numbers.send(thread_number()).unwrap();
        let _ = results.send(body());
    });
    Task { thread: Some(thread.unwrap()), result, number: number.recv().unwrap(), ended }
}

pub(crate) fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    spawn_with_stack(2 << 20, body)
}

/// Does something that must not hang.
pub(crate) fn within<T: Send + 'static>(what: &str, body: impl FnOnce() -> T + Send + 'static) -> T {
    spawn(body).join(what)
}

fn thread_number() -> u64 {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

impl<T> Task<T> {
    /// What it returns.
    ///
    /// # Panics
    ///
    /// If it hangs or has panicked.
    pub(crate) fn join(mut self, what: &str) -> T {
        assert!(self.ended.wait_for(PATIENCE), "{what} hangs");
        if let Err(panic) = self.thread.take().unwrap().join() {
            std::panic::resume_unwind(panic);
        }
        self.result.recv().unwrap()
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.ended.is_open()
    }

    /// Returns when the thread sleeps, or has ended.
    pub(crate) fn await_sleep(&self) {
        let mut times = 0;
        // It may sleep for a moment for a lock: it counts when it does so several times in a row.
        while self.is_running() && times < 50 {
            let asleep = is_asleep(self.number);
            times = if asleep { times + 1 } else { 0 };
            std::thread::yield_now();
        }
    }
}

fn is_asleep(thread: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

struct Signal(Latch);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.open();
    }
}

/// A future that is polled by hand.
pub(crate) struct Pending<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    signal: Arc<Signal>,
}

impl<'a, T> Pending<'a, T> {
    /// Polls a future for the first time, which must not be ready.
    pub(crate) fn begin(future: impl Future<Output = T> + 'a) -> Self {
        let mut future = Box::pin(future);
        let signal = Arc::new(Signal(Latch::new()));
        let waker = Waker::from(Arc::clone(&signal));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "it is ready at once");
        Self { future, signal }
    }

    /// Whether somebody has woken it since it was polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.signal.0.is_open()
    }

    /// Polls it as it is woken, until it is ready.
    ///
    /// # Panics
    ///
    /// If nobody wakes it.
    pub(crate) fn finish(mut self, what: &str) -> T {
        loop {
            assert!(self.signal.0.wait_for(PATIENCE), "{what}: nobody wakes it");
            self.signal = Arc::new(Signal(Latch::new()));
            let waker = Waker::from(Arc::clone(&self.signal));
            if let Poll::Ready(output) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        }
    }
}

/// Polls a future until it is ready.
pub(crate) fn block_on<T>(what: &str, future: impl Future<Output = T>) -> T {
    let signal = Arc::new(Signal(Latch::new()));
    signal.0.open();
    Pending { future: Box::pin(future), signal }.finish(what)
}
