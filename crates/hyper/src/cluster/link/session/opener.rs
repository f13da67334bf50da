//! [`Opener`]: finds the payloads in what is received.

use std::fmt;
use std::ops::Range;

use super::packing::unpack;
use super::{FRAME_BYTES_MAX, HEADER_BYTES, KEY_BYTES, LENGTH_BYTES, PACKED, TAG_BYTES, tag};
use crate::cluster::link::LinkError;
use crate::cluster::link::hello::is_same;

/// How many bytes it has room for, unless a frame needs more.
const ROOM_BYTES: usize = 64 << 10;

/// Finds the payloads in what is received: the half of a session that hears.
///
/// It holds a buffer, and one for what was compressed, which grow only when a frame that is not too long needs it. After its
/// first error it gives that error for ever.
pub struct Opener {
    key: [u8; KEY_BYTES],
    /// How many frames it has opened.
    sequence: u64,
    pub(super) frame_bytes_max: usize,
    /// What was received; `read..filled` was not opened yet.
    buffer: Vec<u8>,
    read: usize,
    filled: usize,
    /// The payloads of the last frame, if they were compressed.
    unpacked: Vec<u8>,
    failed: Option<LinkError>,
}

impl Opener {
    pub(super) const fn new(key: [u8; KEY_BYTES]) -> Self {
        Self {
            key,
            sequence: 0,
            frame_bytes_max: FRAME_BYTES_MAX,
            buffer: Vec::new(),
            read: 0,
            filled: 0,
            unpacked: Vec::new(),
            failed: None,
        }
    }

    /// Where bytes that are received may be put, never empty once [`open`](Self::open) has given all that is there.
    /// Say with [`fill`](Self::fill) how many were.
    pub fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer.resize(ROOM_BYTES, 0);
        }
        if self.read == self.filled {
            (self.read, self.filled) = (0, 0);
        }
        let needed = self.frame_bytes().unwrap_or(HEADER_BYTES);
        if self.buffer.len() - self.read < needed {
            self.buffer.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
            if self.buffer.len() < needed {
                self.buffer.resize(needed, 0);
            }
        }
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were put where there is [`room`](Self::room).
    ///
    /// # Panics
    ///
    /// If there is no room for so many.
    pub fn fill(&mut self, bytes: usize) {
        assert!(bytes <= self.buffer.len() - self.filled, "bytes are put where there is room");
        self.filled += bytes;
    }

    /// Takes bytes that were received, as many as there is room for. Open what is there before taking more.
    pub fn feed(&mut self, bytes: &mut &[u8]) {
        let room = self.room();
        let (taken, rest) = bytes.split_at(bytes.len().min(room.len()));
        room[..taken.len()].copy_from_slice(taken);
        self.fill(taken.len());
        *bytes = rest;
    }

    /// What it means if the stream ends now.
    #[must_use]
    pub fn end(&self) -> LinkError {
        match self.failed {
            Some(error) => error,
            None if self.read == self.filled => LinkError::Closed,
            None => LinkError::Truncated,
        }
    }

    /// The payloads of the next frame, or `None` if it is not there yet.
    ///
    /// # Errors
    ///
    /// If what was received is not what the other side has said, or is longer than it may be.
    pub fn open(&mut self) -> Result<Option<Payloads<'_>>, LinkError> {
        match self.next_frame() {
            Ok(None) => Ok(None),
            Ok(Some(body)) => Ok(Some(self.payloads(&body))),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// The next frame, if it is authentic and sound.
    fn next_frame(&mut self) -> Result<Option<Body>, LinkError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some(body) = self.body() else { return Ok(None) };
        let bytes = body.place.len();
        if bytes > self.frame_bytes_max {
            return Err(LinkError::Oversize { bytes: bytes as u64, limit: self.frame_bytes_max as u64 });
        }
        if self.filled < body.place.end + TAG_BYTES {
            return Ok(None);
        }
        self.check_tag(body.place.end)?;
        self.check_payloads(&body)?;
        self.read = body.place.end + TAG_BYTES;
        self.sequence += 1;
        Ok(Some(body))
    }

    /// Where the payloads of the next frame are, by its own word.
    fn body(&self) -> Option<Body> {
        let header = self.buffer[self.read..self.filled].first_chunk::<HEADER_BYTES>()?;
        let length = u32::from_le_bytes(*header.first_chunk().expect("a header begins with the length"));
        let from = self.read + HEADER_BYTES;
        Some(Body { place: from..from + (length & !PACKED) as usize, is_packed: length & PACKED != 0 })
    }

    /// How many bytes the next frame has in all, if it may be opened.
    fn frame_bytes(&self) -> Option<usize> {
        let bytes =
            self.body().map(|body| body.place.len()).filter(|bytes| *bytes <= self.frame_bytes_max)?;
        Some(HEADER_BYTES + bytes + TAG_BYTES)
    }

    /// Whether the frame that reaches up to there was sealed by the other side, and is the next one.
    fn check_tag(&self, to: usize) -> Result<(), LinkError> {
        let frame = &self.buffer[self.read..to];
        let expected = self.sequence;
        if !is_same(&tag(&self.key, frame), &self.buffer[to..to + TAG_BYTES]) {
            return Err(LinkError::Tampered { sequence: expected });
        }
        let received = u64::from_le_bytes(frame[4..HEADER_BYTES].try_into().expect("it has eight bytes"));
        if received < expected {
            return Err(LinkError::Replayed { expected, received });
        }
        if received > expected {
            return Err(LinkError::Skipped { expected, received });
        }
        Ok(())
    }

    /// Unpacks payloads; whether they fill their frame.
    fn check_payloads(&mut self, body: &Body) -> Result<(), LinkError> {
        let malformed = LinkError::Malformed { sequence: self.sequence };
        let packed = body.is_packed.then(|| &self.buffer[body.place.clone()]);
        if packed.is_some_and(|packed| !unpack(packed, self.frame_bytes_max, &mut self.unpacked)) {
            return Err(malformed);
        }
        let mut payloads = self.payloads(body);
        while payloads.next().is_some() {}
        if payloads.rest.is_empty() { Ok(()) } else { Err(malformed) }
    }

    fn payloads(&self, body: &Body) -> Payloads<'_> {
        let rest = if body.is_packed { &self.unpacked[..] } else { &self.buffer[body.place.clone()] };
        Payloads { rest }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("sequence", &self.sequence)
            .field("waiting", &(self.filled - self.read))
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Where the payloads of a frame are.
struct Body {
    place: Range<usize>,
    is_packed: bool,
}

/// The payloads of a frame, in the order in which they were added to it.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Payloads<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<LENGTH_BYTES>()?;
        let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        Some(payload)
    }
}
