//! [`Supervisor`]: a process that starts others, watches them, and starts them again when they fail.

mod child;
mod handle;
mod restarts;
mod roster;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;

use ironloom_core::Duration;

pub use child::{Child, Patience, Restart};
pub use handle::{ChildError, ChildInfo, SupervisorHandle};

use crate::{Context, Handle, Options, SpawnError};

/// A process that starts others in order, watches them, starts them again when they fail, and stops them in reverse order
/// when it is to end.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_sched::{Child, Config, Context, Strategy, Supervisor, VirtualKernel};
///
/// let kernel = VirtualKernel::new(Config::default());
/// let shop = Supervisor::new(Strategy::OneForOne)
///     .restarts(3, Duration::from_secs(60))
///     .child(Child::new("oven", async |ctx: Context<()>| {
///         ctx.sleep(Duration::from_secs(50)).await;
///         Err::<(), _>("the fuse has blown")
///     }))
///     .child(Child::new("till", async |ctx: Context<u32>| loop {
///         let _coin = ctx.receive().await;
///     }))
///     .start(&kernel)?;
///
/// kernel.run_for(Duration::from_secs(55), Duration::from_secs(1));
/// assert_eq!(kernel.len(), 3); // the oven was started again, the till never noticed
///
/// shop.process().stop();
/// kernel.run_until_idle();
/// assert!(kernel.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Children are linked to the supervisor: if it is killed, they end with it. It traps exits, and so it hears of theirs.
/// If a process that it is linked to and that is not its child ends other than cleanly, it stops its children and ends
/// as well.
///
/// A child fails when it ends though its [`Restart`] says that it is to run, or when it cannot be started. After more
/// failures than it may have in a period the supervisor stops all children and ends with
/// [`ExitReason::GaveUp`](crate::ExitReason::GaveUp), so that its own supervisor can do something about it.
#[derive(Clone)]
pub struct Supervisor {
    strategy: Strategy,
    children: Vec<Child>,
    children_max: usize,
    restarts_max: u32,
    period: Duration,
    backoff: Option<Backoff>,
}

/// Who is started again when a child fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// That child.
    OneForOne,
    /// All children: they cannot do without each other.
    OneForAll,
    /// That child and those that were started after it: each may need those before it.
    RestForOne,
}

/// How long a child waits before it is started again: twice as long each time.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    first: Duration,
    max: Duration,
}

impl Supervisor {
    /// A supervisor without children that bears three failures in five seconds.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            children: Vec::new(),
            children_max: 64 << 10,
            restarts_max: 3,
            period: Duration::from_secs(5),
            backoff: None,
        }
    }

    /// Adds a child that is started with the supervisor, after those that were added before.
    ///
    /// # Panics
    ///
    /// If another child has this name.
    #[must_use]
    pub fn child(mut self, child: Child) -> Self {
        let taken = self.children.iter().any(|known| known.name() == child.name());
        assert!(!taken, "two children of one supervisor are named {:?}", child.name());
        self.children.push(child);
        self
    }

    /// How many failures are borne within a period.
    #[must_use]
    pub fn restarts(mut self, restarts_max: u32, period: Duration) -> Self {
        (self.restarts_max, self.period) = (restarts_max, period);
        self
    }

    /// Has a child that failed wait before it is started again: `first`, then twice as long each time, but never longer
    /// than `max`. A child that has run for longer than `max` begins with `first` again.
    #[must_use]
    pub fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.backoff = Some(Backoff { first, max });
        self
    }

    /// How many children there may be for another to be added at run time.
    #[must_use]
    pub fn children_max(mut self, children_max: usize) -> Self {
        self.children_max = children_max;
        self
    }

    /// Starts the supervisor, which then starts its children.
    ///
    /// # Errors
    ///
    /// If the supervisor could not be spawned. Children that cannot be started are its own concern.
    pub fn start(self, kernel: &Handle) -> Result<SupervisorHandle, SpawnError> {
        self.start_with(kernel, Options::default())
    }

    /// Starts the supervisor as a process that differs from the default.
    ///
    /// # Errors
    ///
    /// If the supervisor could not be spawned.
    pub fn start_with(self, kernel: &Handle, options: Options) -> Result<SupervisorHandle, SpawnError> {
        let address = kernel.spawn_with(options, |ctx| watch::supervise(ctx, self))?;
        Ok(SupervisorHandle::new(address))
    }

    /// Starts the supervisor linked to the process that starts it: if one fails, so does the other.
    ///
    /// # Errors
    ///
    /// If the supervisor could not be spawned.
    pub fn start_linked<M: Send + 'static>(self, ctx: &Context<M>) -> Result<SupervisorHandle, SpawnError> {
        let handle = self.start(&ctx.kernel())?;
        ctx.link(handle.process());
        Ok(handle)
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("strategy", &self.strategy)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
