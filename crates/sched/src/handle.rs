//! [`Handle`]: a kernel, for anybody who spawns processes, looks for them or watches them.

use std::{fmt, future::Future, pin::pin, sync::Arc, task::Wake};

use ironloom_core::{Duration, Instant, Latch, metrics::HistogramSnapshot};

use crate::{
    Address, Context, Elapsed, Guest, IntoExit, Options, ProcessId, ProcessRef, RegisterError, SpawnError,
    effect::Effect,
    engine::Home,
    guest::GuestThread,
    inspect::{KernelInfo, ProcessInfo, Wait, inspect},
    oneshot::Oneshot,
    spawn::spawn,
    timer::{Sleep, race},
};

/// A kernel, for anybody who spawns processes, looks for them or watches them. It does not keep the kernel running.
#[derive(Clone)]
pub struct Handle {
    home: Arc<Home>,
}

impl Handle {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        Self { home }
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Whether the kernel takes no new processes.
    pub(crate) fn is_closing(&self) -> bool {
        self.home.engine.is_closing()
    }

    /// Spawns a process from a closure.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn<M, F, R>(&self, main: F) -> Result<Address<M>, SpawnError>
    where
        M: Send + 'static,
        F: FnOnce(Context<M>) -> R,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        spawn(&self.home, Options::default(), main)
    }

    /// Spawns a process that differs from the default.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn_with<M, F, R>(&self, options: Options, main: F) -> Result<Address<M>, SpawnError>
    where
        M: Send + 'static,
        F: FnOnce(Context<M>) -> R,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        spawn(&self.home, options, main)
    }

    /// Spawns a process that runs a guest.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn_guest<M: Send + 'static>(&self, guest: impl Guest<M>) -> Result<Address<M>, SpawnError> {
        self.spawn_guest_with(Options::default(), guest)
    }

    /// Spawns a process that runs a guest and differs from the default.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn_guest_with<M: Send + 'static>(
        &self,
        options: Options,
        guest: impl Guest<M>,
    ) -> Result<Address<M>, SpawnError> {
        spawn(&self.home, options, |context| GuestThread { guest, context })
    }

    /// The process with this id, if it has not ended.
    #[must_use]
    pub fn find(&self, id: ProcessId) -> Option<ProcessRef> {
        Some(ProcessRef { process: self.home.engine.table.find(id)? })
    }

    /// Gives a process a name by which others find it. It loses it when it ends.
    ///
    /// # Errors
    ///
    /// If the name is taken, or the process has ended.
    pub async fn register(&self, name: &str, process: impl Into<ProcessRef>) -> Result<(), RegisterError> {
        let process = process.into();
        let done = Oneshot::new();
        let (shared, id) = (Arc::from(name), process.id());
        self.home.engine.act(Effect::Register {
            name: shared,
            process: process.process,
            done: Arc::clone(&done),
        });
        match std::future::poll_fn(|context| done.poll(context, Wait::Other)).await {
            Some(true) => Ok(()),
            _ => Err(RegisterError::Taken { name: name.to_owned(), process: id }),
        }
    }

    /// Takes a name away from whoever has it.
    pub fn unregister(&self, name: &str) {
        self.home.engine.act(Effect::Unregister(Arc::from(name)));
    }

    /// The process with this name.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<ProcessRef> {
        let process = Arc::clone(self.home.engine.names.lock().get(name)?);
        Some(ProcessRef { process })
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.home.engine.now()
    }

    /// Waits for a future, but not longer than this by the kernel's clock; for anybody, also outside of the kernel.
    ///
    /// # Errors
    ///
    /// If the time comes first. The future is dropped then.
    pub async fn within<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        race(future, Sleep::for_host(&self.home, duration)).await.ok_or(Elapsed(duration))
    }

    /// Waits for a future on this thread, which must not be a worker.
    ///
    /// # Panics
    ///
    /// If a process calls it: a worker that waits runs nobody.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            crate::current::worker_of(self.home.address()).is_none(),
            "a process must not block its worker: await the future instead"
        );
        block_on(future)
    }

    /// How many processes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.home.engine.live()
    }

    /// Whether there are no processes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All processes, by id, as each was when it was looked at. Nobody is stopped for it.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.home.engine.table.all().iter().map(|process| inspect(&**process)).collect()
    }

    /// How the kernel does.
    #[must_use]
    pub fn info(&self) -> KernelInfo {
        let engine = &self.home.engine;
        let mut info =
            KernelInfo { processes: engine.live(), timers: engine.timers.len(), ..KernelInfo::default() };
        if let Some(windows) = engine.windows() {
            info.queued = vec![windows.ready_len()];
        }
        if let Some(workers) = engine.workers() {
            info.queued = workers.queued();
            info.slices = workers.slices();
            info.steals = workers.steals();
            info.stuck = workers.stuck.load(std::sync::atomic::Ordering::Relaxed);
            info.queueing = spread(&workers.queueing());
            info.lateness = spread(&workers.lateness());
        }
        info
    }

    /// The process that last ran for longer than a slice may last, and its name.
    #[must_use]
    pub fn last_stuck(&self) -> Option<(ProcessId, Arc<str>)> {
        self.home.engine.workers()?.last_stuck.lock().clone()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("processes", &self.len()).finish_non_exhaustive()
    }
}

/// Half of what was seen, and all but one in a thousand.
fn spread(seen: &HistogramSnapshot) -> (Duration, Duration) {
    (Duration::from_nanos(seen.quantile(0.5)), Duration::from_nanos(seen.quantile(0.999)))
}

/// Waits for a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let woken = Arc::new(Woken(Latch::new()));
        let waker = std::task::Waker::from(Arc::clone(&woken));
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => woken.0.wait(),
        }
    }
}

struct Woken(Latch);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.open();
    }
}
