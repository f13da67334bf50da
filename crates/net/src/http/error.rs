//! What can go wrong when a codec is used.

use thiserror::Error;

/// Bytes were fed that are not wanted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("what was fed before is not read yet: poll until there is nothing more, and answer what was asked")]
pub struct FeedError;

/// A message cannot be written like this. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is no request to be answered, or it is not its turn.
    #[error("there is no request to be answered now")]
    NothingToAnswer,
    /// The message before is not finished.
    #[error("the message before is not finished: write its body and finish it")]
    Unfinished,
    /// No message has begun.
    #[error("no message has begun")]
    NotBegun,
    /// The status is one that another response follows.
    #[error("a response with status {code} is not the last: answer with a status of at least 200")]
    Interim {
        /// Its number.
        code: u16,
    },
    /// Messages like this have no body.
    #[error("a response with status {code} has no body")]
    BodyNotAllowed {
        /// The number of the status.
        code: u16,
    },
    /// More was written than was announced.
    #[error("the body has {excess} bytes more than were announced")]
    TooLong {
        /// How many more.
        excess: u64,
    },
    /// Less was written than was announced.
    #[error("the body lacks {missing} bytes of those that were announced")]
    TooShort {
        /// How many less.
        missing: u64,
    },
    /// A name or a value holds something that would change the message.
    #[error("the field `{name}` has bytes that a field must not have")]
    Field {
        /// The name.
        name: String,
    },
    /// A field is written by the codec itself.
    #[error("the field `{name}` is written by the codec: leave it out")]
    OwnField {
        /// The name.
        name: String,
    },
    /// A method or a target holds something that would change the message.
    #[error("`{text}` is no method or target")]
    FirstLine {
        /// What was given.
        text: String,
    },
    /// Too many requests are on their way.
    #[error("{limit} requests wait for their responses: that is the limit")]
    TooManyRequests {
        /// How many may be.
        limit: usize,
    },
    /// The connection carries no more messages.
    #[error("the connection carries no more messages")]
    Over,
}
