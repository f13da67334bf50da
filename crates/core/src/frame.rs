//! Frames: how values travel over streams and rest in files.
//!
//! A frame is a header of 20 bytes and a body, which is the borsh encoding of one value. All numbers are little-endian.
//!
//! ```text
//!  0        4         6      8        12              16                20
//!  | "ILF1" | version | kind | length | body checksum | header checksum | body … |
//! ```
//!
//! Both checksums are CRC-32C. The header has its own, over the 16 bytes before it, so that a damaged length is
//! noticed at once and not after waiting for bytes that will never come. The format is frozen by
//! `tests/golden/frame.txt`.

mod decoder;
mod error;
mod header;

use std::io::{self, Write as _};

use borsh::{BorshDeserialize, BorshSerialize};

use header::Header;

pub use decoder::Decoder;
pub use error::FrameError;

/// How many bytes a frame has besides its body.
pub const HEADER_BYTES: usize = header::BYTES;

/// A value that travels in a frame.
///
/// ```
/// use borsh::{BorshDeserialize, BorshSerialize};
/// use ironloom_core::frame::{self, Decoder, Message};
///
/// #[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
/// struct Join {
///     name: String,
/// }
///
/// impl Message for Join {
///     const KIND: u16 = 1;
///     const VERSION: u16 = 1;
/// }
///
/// let join = Join { name: "loom-1".into() };
/// let mut stream = Vec::new();
/// frame::encode(&join, 1_024, &mut stream)?;
///
/// let mut decoder = Decoder::new(1_024);
/// let mut received = &stream[..]; // or whatever part of it has arrived
/// let frame = decoder.next(&mut received)?.expect("all of it has arrived");
/// assert_eq!(frame.decode::<Join>()?, join);
/// # Ok::<(), ironloom_core::frame::FrameError>(())
/// ```
pub trait Message {
    /// Which kind of message this is among all that share a stream or file.
    const KIND: u16;

    /// The version of this kind's encoding.
    const VERSION: u16;
}

/// One frame whose checksums were right. Its body was not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The kind of message inside.
    pub kind: u16,
    /// The version of that kind's encoding.
    pub version: u16,
    /// The encoded value.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a whole frame off the front of `bytes` and returns it with what follows; `None` if more must come first.
    ///
    /// # Errors
    ///
    /// If `bytes` do not begin with a frame, or with one that is damaged or longer than `body_bytes_max`.
    pub fn split(bytes: &'a [u8], body_bytes_max: usize) -> Result<Option<(Self, &'a [u8])>, FrameError> {
        let Some((header, rest)) = Header::split(bytes, body_bytes_max)? else {
            return Ok(None);
        };
        let Some((body, rest)) = rest.split_at_checked(header.length) else {
            return Ok(None);
        };
        Ok(Some((header.frame(body)?, rest)))
    }

    /// The value inside, which must be a `M` and nothing besides.
    ///
    /// # Errors
    ///
    /// If the frame carries another kind or version, or its body is no encoding of an `M`.
    pub fn decode<M: Message + BorshDeserialize>(&self) -> Result<M, FrameError> {
        if self.kind != M::KIND {
            return Err(FrameError::Kind { found: self.kind, expected: M::KIND });
        }
        if self.version != M::VERSION {
            return Err(FrameError::Version { kind: self.kind, found: self.version, expected: M::VERSION });
        }
        borsh::from_slice(self.body)
            .map_err(|error| FrameError::Decode { kind: self.kind, reason: error.to_string() })
    }
}

/// Appends the frame of `message` to `out`, and returns how many bytes that were.
///
/// # Errors
///
/// If the body would be longer than `body_bytes_max` or the value refuses to be encoded; `out` is unchanged then.
pub fn encode<M: Message + BorshSerialize>(
    message: &M,
    body_bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<usize, FrameError> {
    append(M::KIND, M::VERSION, body_bytes_max, out, |body| message.serialize(body))
}

/// Appends a frame whose body is encoded already to `out`, and returns how many bytes that were.
///
/// # Errors
///
/// If the body is longer than `body_bytes_max`; `out` is unchanged then.
pub fn encode_body(frame: Frame<'_>, body_bytes_max: usize, out: &mut Vec<u8>) -> Result<usize, FrameError> {
    append(frame.kind, frame.version, body_bytes_max, out, |body| body.write_all(frame.body))
}

#[inline]
fn append(
    kind: u16,
    version: u16,
    body_bytes_max: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Bounded<'_>) -> io::Result<()>,
) -> Result<usize, FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    let end = out.len().saturating_add(body_bytes_max);
    let mut body = Bounded { out, end, overflow: 0 };
    let written = write(&mut body);
    let overflow = body.overflow;
    let (head, body) = out[start..].split_at_mut(HEADER_BYTES);
    let framed = match written {
        Err(_) if overflow > 0 => {
            Err(FrameError::TooLong { kind, length: body.len().saturating_add(overflow), body_bytes_max })
        }
        Err(error) => Err(FrameError::Encode { kind, reason: error.to_string() }),
        Ok(()) => Header::of(kind, version, body, body_bytes_max),
    };
    let length = HEADER_BYTES + body.len();
    match framed {
        Ok(header) => head.copy_from_slice(&header.to_bytes()),
        Err(error) => {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(length)
}

/// Takes so many bytes and no more, so that a value that is too long is not written out to find that out.
struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    /// How long `out` may become.
    end: usize,
    /// How many bytes the write that did not fit was too long.
    overflow: usize,
}

impl io::Write for Bounded<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.end - self.out.len() {
            self.overflow = bytes.len();
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
