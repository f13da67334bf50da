//! [`FrameError`]: everything that can be wrong with a frame.

use thiserror::Error;

/// What is wrong with a frame, or with the value in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin like a frame: the peer speaks another protocol, or the place in the stream is lost.
    #[error("expected a frame, found bytes that begin with {found:02x?}")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The header was damaged on its way.
    #[error("the frame's header is damaged: its checksum is {found:#010x}, not {expected:#010x}")]
    HeaderChecksum {
        /// The checksum in the header.
        found: u32,
        /// The checksum of the header.
        expected: u32,
    },
    /// The body is longer than the reader or writer allows, or than a frame can be.
    #[error("a frame of kind {kind} has a body of {length} bytes: the limit is {body_bytes_max}")]
    TooLong {
        /// The kind of message.
        kind: u16,
        /// How long the body is, claims to be, or had become when it was given up.
        length: usize,
        /// How long it may be.
        body_bytes_max: usize,
    },
    /// The body was damaged on its way.
    #[error(
        "the body of a frame of kind {kind} is damaged: its checksum is {found:#010x}, not {expected:#010x}"
    )]
    BodyChecksum {
        /// The kind of message.
        kind: u16,
        /// The checksum in the header.
        found: u32,
        /// The checksum of the body.
        expected: u32,
    },
    /// The frame carries another kind of message than was asked for.
    #[error("expected a frame of kind {expected}, found kind {found}")]
    Kind {
        /// The kind in the header.
        found: u16,
        /// The kind that was asked for.
        expected: u16,
    },
    /// The frame carries a version of its message that this program does not read.
    #[error("a message of kind {kind} has version {found}: this program reads version {expected}")]
    Version {
        /// The kind of message.
        kind: u16,
        /// The version in the header.
        found: u16,
        /// The version that this program knows.
        expected: u16,
    },
    /// The body is not the encoding of such a message.
    #[error("a message of kind {kind} cannot be read: {reason}")]
    Decode {
        /// The kind of message.
        kind: u16,
        /// What borsh says.
        reason: String,
    },
    /// The value refuses to be encoded.
    #[error("a message of kind {kind} cannot be written: {reason}")]
    Encode {
        /// The kind of message.
        kind: u16,
        /// What borsh says.
        reason: String,
    },
}
