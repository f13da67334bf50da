//! [`Child`]: what a supervisor has to know of a process that it is to look after.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ironloom_core::Duration;

use super::Supervisor;
use crate::{Context, ExitReason, Guest, Handle, IntoExit, Options, ProcessRef};

/// A process that a supervisor is to look after: its name, how it is started, when it is started again, how it is stopped.
///
/// Unless something else is said, it is always started again, and killed when it is to stop.
#[derive(Clone)]
pub struct Child {
    name: Arc<str>,
    start: Arc<Start>,
    options: Options,
    restart: Restart,
    patience: Patience,
    registered: bool,
}

/// Starts a child.
type Start = dyn Fn(&Handle, Options) -> Result<ProcessRef, ExitReason> + Send + Sync;

/// When a child that has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// When it did not end [cleanly](ExitReason::is_clean).
    Transient,
    /// Never.
    Temporary,
}

/// How long a child that is to stop may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patience {
    /// It is killed at once.
    #[default]
    None,
    /// It is asked to, and killed after so long.
    For(Duration),
    /// It is asked to, and waited for: what supervisors need to stop children of their own.
    Unlimited,
}

impl Child {
    /// A child that runs this, from a fresh copy of the closure each time it is started.
    pub fn new<M, F, R>(name: impl Into<Arc<str>>, main: F) -> Self
    where
        M: Send + 'static,
        F: FnOnce(Context<M>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        Self::starting(name, move |kernel, options| {
            let child = kernel.spawn_with(options, main.clone()).map_err(ExitReason::failed)?;
            Ok(child.process())
        })
    }

    /// A child that runs a guest, which is made anew each time it is started.
    pub fn guest<M, G>(name: impl Into<Arc<str>>, make: impl Fn() -> G + Send + Sync + 'static) -> Self
    where
        M: Send + 'static,
        G: Guest<M>,
    {
        Self::starting(name, move |kernel, options| {
            let child = kernel.spawn_guest_with(options, make()).map_err(ExitReason::failed)?;
            Ok(child.process())
        })
    }

    /// A child that is a supervisor. It is waited for while it stops its own children.
    pub fn supervisor(name: impl Into<Arc<str>>, supervisor: Supervisor) -> Self {
        let child = Self::starting(name, move |kernel, options| {
            let child = supervisor.clone().start_with(kernel, options).map_err(ExitReason::failed)?;
            Ok(child.process())
        });
        child.patience(Patience::Unlimited)
    }

    /// A child that is started by a function, which returns the process once it has spawned it.
    ///
    /// What the function spawned before it failed is not the supervisor's child, and nobody looks after it. The child's
    /// [options](Self::options) are not for it.
    pub fn started_by<E: fmt::Display>(
        name: impl Into<Arc<str>>,
        start: impl Fn(&Handle) -> Result<ProcessRef, E> + Send + Sync + 'static,
    ) -> Self {
        Self::starting(name, move |kernel, _| start(kernel).map_err(ExitReason::failed))
    }

    fn starting(
        name: impl Into<Arc<str>>,
        start: impl Fn(&Handle, Options) -> Result<ProcessRef, ExitReason> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            start: Arc::new(start),
            options: Options::default(),
            restart: Restart::default(),
            patience: Patience::default(),
            registered: false,
        }
    }

    /// When it is started again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Is started again only when it did not end cleanly.
    #[must_use]
    pub fn transient(self) -> Self {
        self.restart(Restart::Transient)
    }

    /// Is never started again.
    #[must_use]
    pub fn temporary(self) -> Self {
        self.restart(Restart::Temporary)
    }

    /// How long it may take to stop.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Is asked to stop, and killed if it has not after so long.
    #[must_use]
    pub fn stops_within(self, deadline: Duration) -> Self {
        self.patience(Patience::For(deadline))
    }

    /// How the process differs from the default. In reports it bears the child's name if nothing else is said.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Has the kernel know each of its processes by the child's name, so that anybody can
    /// [look it up](Handle::lookup). A name that somebody else has is a failure.
    #[must_use]
    pub fn registered(mut self) -> Self {
        self.registered = true;
        self
    }

    /// What it is called: each child of a supervisor has a name of its own.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn when_restarted(&self) -> Restart {
        self.restart
    }

    pub(super) fn how_patient(&self) -> Patience {
        self.patience
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered
    }

    /// Starts it. A panic is a failure as any other.
    pub(super) fn begin(&self, kernel: &Handle) -> Result<ProcessRef, ExitReason> {
        let mut options = self.options.clone();
        options.name.get_or_insert_with(|| self.name.to_string());
        catch_unwind(AssertUnwindSafe(|| (self.start)(kernel, options)))
            .unwrap_or_else(|payload| Err(ExitReason::panicked(payload)))
    }
}

impl Restart {
    /// Whether a child that ended for this reason is started again.
    pub(super) fn follows(self, reason: &ExitReason) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => !reason.is_clean(),
            Self::Temporary => false,
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("restart", &self.restart)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
