//! Why a connection is over, and why bytes were not taken or given.

use thiserror::Error as ThisError;

use crate::frame::Unreachable;

/// Why a connection is over before both sides had finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The other side does not listen.
    #[error("the other side refused the connection")]
    Refused,
    /// The other side ended it, or has forgotten it.
    #[error("the other side reset the connection")]
    Reset,
    /// Nothing was heard of the other side for too long.
    #[error("the other side did not answer in time")]
    TimedOut,
    /// The network said that the other side cannot be reached.
    #[error("the other side cannot be reached: {0:?}")]
    Unreachable(Unreachable),
    /// It was given up here.
    #[error("the connection was aborted")]
    Aborted,
}

/// Why bytes were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub(crate) enum SendError {
    /// It was said before that nothing more follows.
    #[error("the connection was finished, nothing more can be sent")]
    Finished,
    /// The connection failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Why bytes were not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub(crate) enum ReceiveError {
    /// The connection was closed here.
    #[error("the connection was closed, nothing more can be received")]
    Closed,
    /// The connection failed.
    #[error(transparent)]
    Failed(#[from] Error),
}
