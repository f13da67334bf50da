//! [`Effect`]: what a process does to others.
//!
//! In real time an effect takes place at once. In virtual time it waits for the end of the window, where all effects
//! take place in the order of (process, sequence), so that it does not matter which worker ran whom.

use std::sync::Arc;

use crate::{
    ExitReason, ProcessId,
    oneshot::Oneshot,
    process::{AnyProcess, Runnable},
};

/// One thing that a process does to others.
pub(crate) enum Effect {
    /// A process begins.
    Spawn(Runnable),
    /// A process ended.
    Exit(Arc<dyn AnyProcess>, ExitReason),
    /// Something happens to a process.
    Signal(Arc<dyn AnyProcess>, Signal),
    /// Somebody wants a name for a process.
    Register { name: Arc<str>, process: Arc<dyn AnyProcess>, done: Arc<Oneshot<bool>> },
    /// Somebody gives a name back.
    Unregister(Arc<str>),
    /// Something holds what was sent to it in this window.
    Commit(Arc<dyn Commit>),
    /// Something that the process wants in the trace: a label and encoded details.
    Event(&'static str, Vec<u8>),
}

/// What happens to a process from outside.
pub(crate) enum Signal {
    /// It is to end, for this reason.
    Kill(ExitReason),
    /// It is asked to end.
    Stop,
    /// It and the other are to hear of each other's end.
    Link(Arc<dyn AnyProcess>),
    /// They are not to hear of it any longer.
    Unlink(Arc<dyn AnyProcess>),
    /// Somebody wants to hear of its end.
    Monitor(Arc<Oneshot<ExitReason>>),
    /// Somebody does not want to hear of it any longer.
    Demonitor(Arc<Oneshot<ExitReason>>),
    /// A process that it is linked to has ended.
    Exited(ProcessId, ExitReason),
}

/// Something that keeps what it is sent until the window is over.
pub(crate) trait Commit: Send + Sync {
    /// The window is over: what was sent has arrived.
    fn commit(self: Arc<Self>);
}
