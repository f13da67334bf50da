//! What can go wrong between a process and the host's sockets.

use std::io;

use thiserror::Error;

/// A [`Reactor`](super::Reactor) could not be made, or could not ask the host what is ready.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReactorError {
    /// A limit that no reactor can have.
    #[error("{name} is {value}, it must be from 1 to {max}")]
    Config {
        /// The field of [`Config`](super::Config).
        name: &'static str,
        /// What it was.
        value: usize,
        /// The most that it may be.
        max: usize,
    },
    /// The host refused what a reactor stands on.
    #[error("the host gives no poller")]
    Setup(#[source] io::Error),
    /// The host did not say what is ready.
    #[error("polling the host failed")]
    Poll(#[source] io::Error),
}

/// A socket that must wait could not be registered for it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// As many sockets wait as may.
    #[error("the reactor is full: sources_max is {sources_max}")]
    Full {
        /// The limit.
        sources_max: usize,
    },
    /// The host refused.
    #[error("the host refuses to watch the socket")]
    Host(#[source] io::Error),
}

/// An operation on a connected socket failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Reading failed.
    #[error("reading from the socket failed")]
    Read(#[source] io::Error),
    /// Writing failed.
    #[error("writing to the socket failed")]
    Write(#[source] io::Error),
    /// A side could not be shut down.
    #[error("shutting the socket down failed")]
    Shutdown(#[source] io::Error),
    /// It would block, and waiting is not possible.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl SocketError {
    /// Whether it was the peer or the network that ended the connection, which is no fault of ours.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable,
            NotConnected, TimedOut,
        };

        let (Self::Read(error) | Self::Write(error) | Self::Shutdown(error)) = self else {
            return false;
        };
        matches!(
            error.kind(),
            BrokenPipe
                | ConnectionAborted
                | ConnectionReset
                | HostUnreachable
                | NetworkUnreachable
                | NotConnected
                | TimedOut
        )
    }
}

/// A connection was not accepted. The listener goes on: accept again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The host has no descriptor or memory for another connection, which waits until there is.
    ///
    /// It is told once. Accepting again waits until a socket of the same reactor is dropped, somebody else connects
    /// or [`Listener::retry`](super::Listener::retry) is called.
    #[error("no descriptor is left for another connection")]
    OutOfDescriptors(#[source] io::Error),
    /// The connection was lost before it was accepted.
    #[error("accepting a connection failed")]
    Lost(#[source] io::Error),
    /// Nobody connects, and waiting is not possible.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// No connection came about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host could not even begin, as without a descriptor or an address of its own.
    #[error("the host cannot begin to connect")]
    Begin(#[source] io::Error),
    /// The peer or the network refused.
    #[error("the connection was refused")]
    Refused(#[source] io::Error),
    /// It takes time, and waiting is not possible.
    #[error(transparent)]
    Register(#[from] RegisterError),
}
