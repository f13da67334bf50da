//! [`SupervisorHandle`]: what others can ask of a supervisor.

use std::{fmt, sync::Arc};

use ironloom_core::LimitExceeded;
use thiserror::Error;

use super::Child;
use crate::{Address, ExitReason, Monitor, ProcessRef, Reply};

/// A supervisor, for whoever adds children, stops them or looks for them.
///
/// ```
/// use ironloom_sched::{Child, Config, Context, Kernel, Strategy, Supervisor};
///
/// let kernel = Kernel::start(Config::default())?;
/// let pool = Supervisor::new(Strategy::OneForOne).start(&kernel)?;
/// kernel.block_on(async {
///     pool.start_child(Child::new("first", async |ctx: Context<String>| {
///         println!("{}", ctx.receive().await);
///     }))
///     .await?;
///     let first = pool.address::<String>("first").await.expect("it is always started again");
///     first.send("hello".to_owned()).await?;
///     pool.stop_child("first").await?;
///     assert!(pool.children().await?.is_empty());
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A supervisor that stops or starts children answers when it has done so. Whoever will not wait for it puts the question
/// [within](crate::Context::within) a time.
#[derive(Clone)]
pub struct SupervisorHandle {
    address: Address<Request>,
}

/// A child, as its supervisor sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChildInfo {
    /// What it is called.
    pub name: Arc<str>,
    /// Its process, if it runs.
    pub process: Option<ProcessRef>,
    /// How often it was started again.
    pub restarts: u64,
}

/// A supervisor did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChildError {
    /// It has a child of that name.
    #[error("there is a child {name:?} already")]
    NameTaken {
        /// The name.
        name: Arc<str>,
    },
    /// It has as many children as it may.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The child could not be started, and was not added.
    #[error("child {name:?} did not start: {reason}")]
    NotStarted {
        /// Its name.
        name: Arc<str>,
        /// Why not.
        reason: ExitReason,
    },
    /// It has no child of that name.
    #[error("there is no child {name:?}")]
    Unknown {
        /// The name.
        name: Arc<str>,
    },
    /// It has ended.
    #[error("the supervisor has ended")]
    Ended,
}

/// What a supervisor is asked.
pub(super) enum Request {
    Start(Box<Child>, Reply<Result<ProcessRef, ChildError>>),
    Stop(Arc<str>, Reply<Result<(), ChildError>>),
    Find(Arc<str>, Reply<Option<ProcessRef>>),
    List(Reply<Vec<ChildInfo>>),
}

impl SupervisorHandle {
    pub(super) fn new(address: Address<Request>) -> Self {
        Self { address }
    }

    /// The supervisor that this process is, if it is one.
    #[must_use]
    pub fn of(process: &ProcessRef) -> Option<Self> {
        process.address().map(Self::new)
    }

    /// The supervisor's own process.
    #[must_use]
    pub fn process(&self) -> ProcessRef {
        self.address.process()
    }

    /// Asks it to stop its children and end.
    pub fn stop(&self) {
        self.address.stop();
    }

    /// Hears of its end.
    pub fn monitor(&self) -> Monitor {
        self.address.monitor()
    }

    /// Adds a child after all others and starts it.
    ///
    /// # Errors
    ///
    /// If there is one of its name, there are as many as there may be, or it cannot be started. Then it is not added.
    pub async fn start_child(&self, child: Child) -> Result<ProcessRef, ChildError> {
        let child = Box::new(child);
        self.address.ask(|reply| Request::Start(child, reply)).await.map_err(|_| ChildError::Ended)?
    }

    /// Stops a child as its [`Patience`](super::Patience) says, and forgets it.
    ///
    /// # Errors
    ///
    /// If there is no child of this name.
    pub async fn stop_child(&self, name: &str) -> Result<(), ChildError> {
        let name = Arc::from(name);
        self.address.ask(|reply| Request::Stop(name, reply)).await.map_err(|_| ChildError::Ended)?
    }

    /// The children, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// If the supervisor has ended.
    pub async fn children(&self) -> Result<Vec<ChildInfo>, ChildError> {
        self.address.ask(Request::List).await.map_err(|_| ChildError::Ended)
    }

    /// The process that now is the child of this name, if it runs.
    pub async fn child(&self, name: &str) -> Option<ProcessRef> {
        let name = Arc::from(name);
        self.address.ask(|reply| Request::Find(name, reply)).await.ok().flatten()
    }

    /// Where to send messages to the child of this name, if it runs and `M` is what it receives.
    ///
    /// The address is that of the process, not of the child: once that has ended, ask again.
    pub async fn address<M: Send + 'static>(&self, name: &str) -> Option<Address<M>> {
        self.child(name).await?.address()
    }
}

impl fmt::Debug for SupervisorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupervisorHandle({})", self.address.id())
    }
}
