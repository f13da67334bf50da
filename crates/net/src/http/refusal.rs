//! [`Refusal`]: why a message is not read.

use thiserror::Error;

use super::Status;

/// Why a message is not read, and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The first line is not that of a message.
    #[error("the first line is not that of a message of HTTP: write `METHOD target HTTP/1.1`")]
    FirstLine,
    /// The version is not known.
    #[error("the version is neither HTTP/1.0 nor HTTP/1.1")]
    Version,
    /// A line ends in a line feed or a carriage return alone.
    #[error("a line ends in half a line end: write CR LF")]
    LineEnd,
    /// A field's name is no name, has a space before its colon, or a line is folded.
    #[error("a field's name is not a token that a colon follows")]
    FieldName,
    /// A field's value has a byte that it must not have.
    #[error("a field's value holds a control character")]
    FieldValue,
    /// There are too many fields.
    #[error("there are more than {limit} fields")]
    TooManyFields {
        /// How many there may be.
        limit: usize,
    },
    /// The head is too long.
    #[error("the head has more than {limit} bytes")]
    HeadTooLong {
        /// How many it may have.
        limit: u16,
    },
    /// The target is none of the forms that there are.
    #[error("the target is neither a path, nor an absolute address, nor `*`")]
    Target,
    /// The method makes a tunnel, and none is made.
    #[error("CONNECT is not served")]
    Connect,
    /// There is not one valid field `host`.
    #[error("a request of HTTP/1.1 has exactly one valid field `host`")]
    Host,
    /// The length is not a number.
    #[error("the length is not a decimal number of at most 64 bits")]
    Length,
    /// There are two lengths.
    #[error("two lengths differ: {first} and {second} bytes")]
    LengthsDiffer {
        /// What was said first.
        first: u64,
        /// What was said then.
        second: u64,
    },
    /// There is a length, and a coding that has its own.
    #[error("a message has either a length or a transfer coding, not both")]
    LengthAndCoding,
    /// The transfer coding is empty, or chunks are not its last step, or are twice.
    #[error("the transfer coding does not end in `chunked`, once")]
    CodingNotLast,
    /// The transfer coding is not known.
    #[error("only the transfer coding `chunked` is known")]
    CodingUnknown,
    /// A message of an old version has a transfer coding.
    #[error("HTTP/1.0 knows no transfer codings")]
    CodingInOldVersion,
    /// The body is too long.
    #[error("the body has more than {limit} bytes")]
    BodyTooLong {
        /// How many it may have.
        limit: u64,
    },
    /// A chunk's size is not one, or something else follows it than a line end.
    #[error("a chunk does not begin with its size in hexadecimal and CR LF")]
    ChunkSize,
    /// A chunk is longer or shorter than it says.
    #[error("a chunk does not end in CR LF after as many bytes as it said")]
    ChunkEnd,
    /// The extensions of chunks are too long.
    #[error("the extensions of the chunks have more than {limit} bytes")]
    ExtensionsTooLong {
        /// How many they may have.
        limit: u32,
    },
    /// The fields after the body are too long.
    #[error("the fields after the body have more than {limit} bytes")]
    TrailerTooLong {
        /// How many they may have.
        limit: u16,
    },
    /// A field after the body is about the message's framing.
    #[error("a field after the body says what only a head may say")]
    TrailerField,
    /// Something is expected that is not known.
    #[error("only `100-continue` can be expected")]
    Expectation,
    /// The other side finished in the middle of a message.
    #[error("the other side finished before the message did")]
    Unfinished,
    /// It takes too long.
    #[error("the request did not arrive in time")]
    Late,
    /// A response came that nobody asked for.
    #[error("a response came without a request")]
    Unasked,
    /// The server changed the protocol, though nobody asked.
    #[error("the server changed the protocol, though nobody asked")]
    Switched,
}

impl Refusal {
    /// With which status a server answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::TooManyFields { .. } | Self::HeadTooLong { .. } | Self::TrailerTooLong { .. } => {
                Status::FIELDS_TOO_LARGE
            }
            Self::Late => Status::REQUEST_TIMEOUT,
            Self::BodyTooLong { .. } => Status::CONTENT_TOO_LARGE,
            Self::Connect | Self::CodingUnknown => Status::NOT_IMPLEMENTED,
            Self::Expectation => Status::EXPECTATION_FAILED,
            _ => Status::BAD_REQUEST,
        }
    }
}
