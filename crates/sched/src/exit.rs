//! [`ExitReason`]: why a process ended, and what may be returned from one.

use std::{
    any::Any,
    fmt,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Waker,
};

use ironloom_core::LimitExceeded;

use crate::ProcessId;

/// Why a process ended.
///
/// Whoever is linked to the process, monitors or joins it hears this.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// It had done what it was for.
    Normal,
    /// It was asked to stop and did, or its kernel shut down.
    Shutdown,
    /// It returned an error, which read like this.
    Failed(Arc<str>),
    /// It panicked with this message.
    Panicked(Arc<str>),
    /// Somebody ended it.
    Killed,
    /// It asked for more than it may have.
    LimitExceeded(LimitExceeded),
    /// A process that it was linked to ended, and not cleanly; if that one ended for a link of its own, then the first in
    /// the chain and its reason.
    Linked(ProcessId, Arc<ExitReason>),
    /// It was a supervisor whose child of this name failed more often than it may, the last time for this reason.
    GaveUp(Arc<str>, Arc<ExitReason>),
    /// There was no such process when somebody wanted to know: it ended before.
    NoProcess,
}

impl ExitReason {
    /// Whether the process ended as it should: it was done, or it was asked to.
    ///
    /// What is not clean is passed on along links and makes supervisors act.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown)
    }

    /// The reason of a process that ends because `process`, to which it is linked, ended for this one.
    ///
    /// Along a chain of links it stays the same: the first in it says why.
    pub(crate) fn linked(self, process: ProcessId) -> Self {
        match self {
            Self::Linked(..) => self,
            reason => Self::Linked(process, Arc::new(reason)),
        }
    }

    /// A failure that reads like this.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(Arc::from(error.to_string()))
    }

    /// The reason of a process in which something panicked with this payload.
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let text = match payload.downcast_ref::<&'static str>() {
            Some(text) => Arc::from(*text),
            None => payload
                .downcast_ref::<String>()
                .map_or_else(|| Arc::from("no message"), |text| text.as_str().into()),
        };
        bury_payload(payload);
        Self::Panicked(text)
    }
}

/// How many panics a burial may raise, one out of the other. Nobody but an enemy gets as far.
const PANICS_MAX: u32 = 16;

/// Drops something of a process's where a panic would hurt others, and forgets the panic.
pub(crate) fn bury<T>(remains: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(remains))) {
        bury_payload(payload);
    }
}

/// Wakes whoever waits. A waker may be anybody's and may panic; that is no affair of whoever wakes, or of the others.
#[inline]
pub(crate) fn wake(waiting: impl IntoIterator<Item = Waker>) {
    for waker in waiting {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            bury_payload(payload);
        }
    }
}

/// Drops what was panicked with, which may panic again.
fn bury_payload(payload: Box<dyn Any + Send>) {
    let mut payload = payload;
    for _ in 0..PANICS_MAX {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    let _never_dropped = ManuallyDrop::new(payload);
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("done"),
            Self::Shutdown => f.write_str("stopped"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Killed => f.write_str("killed"),
            Self::LimitExceeded(exceeded) => write!(f, "limit exceeded: {exceeded}"),
            Self::Linked(process, reason) => write!(f, "linked {process} {reason}"),
            Self::GaveUp(child, reason) => write!(f, "gave up on child {child:?}, which {reason}"),
            Self::NoProcess => f.write_str("no such process"),
        }
    }
}

/// What a process may return: nothing, a [`Result`], an [`ExitReason`], or never.
pub trait IntoExit {
    /// The reason for the exit.
    fn into_exit(self) -> ExitReason;
}

impl IntoExit for () {
    fn into_exit(self) -> ExitReason {
        ExitReason::Normal
    }
}

impl IntoExit for ExitReason {
    fn into_exit(self) -> ExitReason {
        self
    }
}

/// What a loop without end returns, which stable Rust can infer but not name.
type Never = <fn() -> ! as Returns>::Output;

#[doc(hidden)]
pub trait Returns {
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

impl IntoExit for Never {
    fn into_exit(self) -> ExitReason {
        self
    }
}

impl<T: IntoExit, E: fmt::Display> IntoExit for Result<T, E> {
    fn into_exit(self) -> ExitReason {
        match self {
            Ok(value) => value.into_exit(),
            Err(error) => ExitReason::failed(error),
        }
    }
}
