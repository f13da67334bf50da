//! What can go wrong with pipes.

use std::io;

use ironloom_core::LimitExceeded;
use thiserror::Error;

use crate::{
    Elapsed, HostError, SpawnError,
    reactor::{ConnectError, SocketError},
};

/// Reading from a pipe or writing to it failed. The end of a stream is no error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PipeError {
    /// The connection was lost.
    #[error("the connection was lost")]
    Reset,
    /// Nobody reads any more what is written.
    #[error("nobody reads any more")]
    Broken,
    /// This half was closed before.
    #[error("this half of the pipe is closed")]
    Closed,
    /// The stream ended in the middle of what was wanted.
    #[error("the stream ended {missing} bytes too early")]
    Ended {
        /// How many bytes were still wanted.
        missing: usize,
    },
    /// A line did not end in time. It is still in the buffer.
    #[error("a line is longer than {limit} bytes")]
    LineTooLong {
        /// How long a line may be.
        limit: usize,
    },
    /// The buffer is full: nothing can be added until something is consumed.
    #[error("the buffer is full: it holds {capacity} bytes")]
    Full {
        /// How much it holds.
        capacity: usize,
    },
    /// It was not done in time; see [`Context::within`](crate::Context::within).
    #[error(transparent)]
    TimedOut(#[from] Elapsed),
    /// The host refused for a reason of its own.
    #[error(transparent)]
    Socket(SocketError),
}

impl PipeError {
    /// Whether the other end is gone, which is no fault of this one.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::Reset | Self::Broken | Self::Ended { .. })
    }
}

impl From<SocketError> for PipeError {
    fn from(error: SocketError) -> Self {
        match &error {
            SocketError::Write(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Self::Broken,
            _ if error.is_disconnect() => Self::Reset,
            _ => Self::Socket(error),
        }
    }
}

/// There is no connection or listener.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The kernel has no sockets.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Nobody took the connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nobody may listen there.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
    /// The process may not have the memory.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// There is no process to do it.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}
