//! [`Kernel`]: processes in real time, on threads of their own.

use std::{fmt, ops::Deref};

use ironloom_core::{Duration, WallClock};

use crate::{
    Config, ExitReason, Handle, StartError,
    effect::{Effect, Signal},
    engine::{self, Engine, Home, Mode, Workers},
    sync::wait_for,
};

/// How long a kernel that is dropped waits for processes that do not end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Processes in real time, run by worker threads. Dropping it ends them all.
///
/// ```
/// use ironloom_sched::{Config, Context, Kernel};
///
/// let kernel = Kernel::start(Config::default())?;
/// let greeter = kernel.spawn(async move |ctx: Context<String>| {
///     let name = ctx.receive().await;
///     assert_eq!(name, "world");
/// })?;
/// kernel.block_on(async {
///     greeter.send("world".to_owned()).await?;
///     assert!(greeter.monitor().await.is_clean());
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All that it offers is in its [`Handle`], which may be cloned. Once the kernel has ended its time stands still: who
/// waits by its clock, for a call or [within](Handle::within) a duration, is told at once that the time is over.
///
/// # Inside a tokio program
///
/// Whatever can be awaited here are plain futures, which wake whoever polls them: tasks of tokio, or of any other
/// executor, send to processes, call them and await their ends. The kernel keeps its own workers beside tokio's.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_sched::{Config, Context, Kernel, Reply};
///
/// let program = async {
///     let kernel = Kernel::start(Config::with_workers(1))?;
///     let counter = kernel.spawn(async move |ctx: Context<Reply<u64>>| {
///         for count in 1.. {
///             ctx.receive().await.send(count);
///         }
///     })?;
///     let second = Duration::from_secs(1);
///     assert_eq!(counter.call(second, |reply| reply).await?, 1);
///     assert_eq!(counter.call(second, |reply| reply).await?, 2);
///     counter.kill();
///     assert!(!counter.monitor().await.is_clean());
///     Ok::<(), Box<dyn std::error::Error>>(())
/// };
/// tokio::runtime::Builder::new_current_thread().build()?.block_on(program)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Kernel {
    handle: Handle,
    running: bool,
}

/// How a kernel came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Processes that did not end when they were asked to, and were killed.
    pub killed: usize,
    /// Processes that could not even be killed, because they hold their worker. Their threads are left behind.
    pub stuck: usize,
}

impl Kernel {
    /// Starts a kernel and its workers.
    ///
    /// # Errors
    ///
    /// If the number of workers is none, or the host has no threads for them.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if !(1..=64).contains(&config.workers) {
            return Err(StartError::Workers(config.workers));
        }
        let mode = Mode::Real(Workers::new(config.workers), WallClock::start());
        let engine = Engine::new(config, mode);
        let kernel = Self { handle: Handle::new(Home::new(&engine)), running: true };
        engine::start(&engine)?;
        Ok(kernel)
    }

    /// What can be done with this kernel, to be cloned and passed on.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Takes no new processes, asks all to end, and kills those that have not within the deadline.
    #[must_use = "it says what had to be killed"]
    pub fn shutdown(mut self, deadline: Duration) -> Shutdown {
        self.end(deadline)
    }

    fn end(&mut self, deadline: Duration) -> Shutdown {
        self.running = false;
        let engine = &self.handle.home().engine;
        engine.close();
        self.signal_all(|| Signal::Stop);
        self.wait_until_empty(deadline);
        let killed = engine.live();
        self.signal_all(|| Signal::Kill(ExitReason::Shutdown));
        self.wait_until_empty(PATIENCE);
        let stuck = engine.live();
        let threads = engine.workers().map(Workers::stop).unwrap_or_default();
        if stuck == 0 {
            let me = std::thread::current().id(); // a worker that drops its kernel does not wait for itself
            threads.into_iter().filter(|thread| thread.thread().id() != me).for_each(|thread| {
                let _ = thread.join(); // a worker that panicked has said so
            });
        }
        engine.timers.end();
        Shutdown { killed, stuck }
    }

    fn signal_all(&self, signal: impl Fn() -> Signal) {
        let engine = &self.handle.home().engine;
        for process in engine.table.all() {
            engine.apply(Effect::Signal(process, signal()));
        }
    }

    fn wait_until_empty(&self, patience: Duration) {
        let engine = &self.handle.home().engine;
        let until = engine.now().saturating_add(patience);
        while engine.live() > 0 {
            let ticket = engine.emptied.ticket();
            let left = until.saturating_since(engine.now());
            if engine.live() == 0 || left.is_zero() {
                return;
            }
            wait_for(ticket, left);
        }
    }
}

impl Deref for Kernel {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if self.running {
            let _ = self.end(Duration::ZERO);
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("processes", &self.len()).finish_non_exhaustive()
    }
}
