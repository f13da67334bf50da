//! What can go wrong, by what was asked for.

use std::{fmt, io};

use ironloom_core::{Duration, LimitExceeded};
use thiserror::Error;

use crate::{ProcessId, reactor::ReactorError};

/// A process was not spawned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// There are as many as there may be; try again when some have ended.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The kernel shuts down.
    #[error("the kernel is shutting down and takes no new processes")]
    Closing,
    /// It was to run on a worker that does not exist.
    #[error("there is no worker {worker}: the kernel has {workers}")]
    NoWorker {
        /// The worker asked for.
        worker: usize,
        /// How many there are.
        workers: usize,
    },
}

/// A kernel was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A kernel has 1 to 64 workers.
    #[error("a kernel has 1 to 64 workers, not {0}")]
    Workers(usize),
    /// The host has no thread for a worker.
    #[error("cannot start a worker's thread: {0}")]
    Thread(#[from] io::Error),
}

/// The kernel has no sockets.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// Time is virtual, and what the host's world does is not.
    #[error("a kernel in virtual time has no sockets of the host")]
    Virtual,
    /// The host gave no reactor.
    #[error(transparent)]
    Reactor(#[from] ReactorError),
}

/// Why a mailbox did not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds as many messages as it may.
    #[error("mailbox of {process} is full: limit is {limit} messages")]
    Full {
        /// Whose mailbox it is.
        process: ProcessId,
        /// How many messages it holds.
        limit: u32,
    },
    /// Its process has as much memory as it may.
    #[error("mailbox of {process} cannot grow: {exceeded}")]
    Heap {
        /// Whose mailbox it is.
        process: ProcessId,
        /// The limit in the way.
        exceeded: LimitExceeded,
    },
    /// The sender has sent as much in this window as it may.
    #[error("too many messages to {process} in one window: limit is {limit}")]
    InFlight {
        /// Whose mailbox it is.
        process: ProcessId,
        /// How many messages the sender may send in a window.
        limit: u32,
    },
    /// Its process has ended.
    #[error("{process} has ended")]
    Closed {
        /// Whose mailbox it was.
        process: ProcessId,
    },
}

/// A message was not sent. It comes back.
pub struct SendError<M> {
    /// The message.
    pub message: M,
    /// Why it was not taken.
    pub refusal: Refusal,
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<M> std::error::Error for SendError<M> {}

/// A call was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The process has ended, before the call or during it, or dropped the call without an answer.
    #[error("{process} gave no reply")]
    NoReply {
        /// Who was called.
        process: ProcessId,
    },
    /// It took too long.
    #[error("{process} did not reply within {deadline}")]
    TimedOut {
        /// Who was called.
        process: ProcessId,
        /// How long the caller would wait.
        deadline: Duration,
    },
}

/// Something did not happen in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not done within {0}")]
pub struct Elapsed(pub Duration);

/// A name was not given to a process.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// It belongs to another process, or the process has ended.
    #[error("the name {name:?} is taken, or {process} has ended")]
    Taken {
        /// The name.
        name: String,
        /// Who was to have it.
        process: ProcessId,
    },
}
