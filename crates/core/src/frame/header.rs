//! [`Header`]: the fixed part of a frame, between bytes and meaning.

use super::{Frame, FrameError};

pub(super) const BYTES: usize = 20;

const MAGIC: [u8; 4] = *b"ILF1";

/// Where each field lies.
mod field {
    use std::ops::Range;

    pub(super) const MAGIC: Range<usize> = 0..4;
    pub(super) const VERSION: Range<usize> = 4..6;
    pub(super) const KIND: Range<usize> = 6..8;
    pub(super) const LENGTH: Range<usize> = 8..12;
    pub(super) const BODY_CHECKSUM: Range<usize> = 12..16;
    pub(super) const HEADER_CHECKSUM: Range<usize> = 16..20;

    /// What the header's checksum covers.
    pub(super) const CHECKED: Range<usize> = 0..HEADER_CHECKSUM.start;

    const _: () = assert!(HEADER_CHECKSUM.end == super::BYTES);
}

/// What a frame says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u16,
    pub(super) version: u16,
    pub(super) length: usize,
    body_checksum: u32,
}

impl Header {
    /// The header for `body`.
    pub(super) fn of(
        kind: u16,
        version: u16,
        body: &[u8],
        body_bytes_max: usize,
    ) -> Result<Self, FrameError> {
        let body_bytes_max = body_bytes_max.min(u32::MAX as usize);
        let length = body.len();
        if length > body_bytes_max {
            return Err(FrameError::TooLong { kind, length, body_bytes_max });
        }
        Ok(Self { kind, version, length, body_checksum: crc32c::crc32c(body) })
    }

    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let length = u32::try_from(self.length).expect("the length was checked when the header was made");
        let mut bytes = [0; BYTES];
        bytes[field::MAGIC].copy_from_slice(&MAGIC);
        bytes[field::VERSION].copy_from_slice(&self.version.to_le_bytes());
        bytes[field::KIND].copy_from_slice(&self.kind.to_le_bytes());
        bytes[field::LENGTH].copy_from_slice(&length.to_le_bytes());
        bytes[field::BODY_CHECKSUM].copy_from_slice(&self.body_checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[field::CHECKED]);
        bytes[field::HEADER_CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Takes a header off the front of `bytes`; `None` if more must come first.
    ///
    /// Nothing that it says is believed before its checksum was right.
    pub(super) fn split(bytes: &[u8], body_bytes_max: usize) -> Result<Option<(Self, &[u8])>, FrameError> {
        let begins = bytes.len().min(MAGIC.len());
        if bytes[..begins] != MAGIC[..begins] {
            let mut found = [0; MAGIC.len()];
            found[..begins].copy_from_slice(&bytes[..begins]);
            return Err(FrameError::Magic { found });
        }
        let Some((head, rest)) = bytes.split_first_chunk::<BYTES>() else {
            return Ok(None);
        };
        let half =
            |range: std::ops::Range<usize>| u16::from_le_bytes(head[range].try_into().expect("two bytes"));
        let word =
            |range: std::ops::Range<usize>| u32::from_le_bytes(head[range].try_into().expect("four bytes"));

        let (found, expected) = (word(field::HEADER_CHECKSUM), crc32c::crc32c(&head[field::CHECKED]));
        if found != expected {
            return Err(FrameError::HeaderChecksum { found, expected });
        }
        let (kind, length) = (half(field::KIND), word(field::LENGTH) as usize);
        if length > body_bytes_max {
            return Err(FrameError::TooLong { kind, length, body_bytes_max });
        }
        let header =
            Self { kind, version: half(field::VERSION), length, body_checksum: word(field::BODY_CHECKSUM) };
        Ok(Some((header, rest)))
    }

    /// The frame that this header and `body` are, if the body is the one that the header means.
    pub(super) fn frame(self, body: &[u8]) -> Result<Frame<'_>, FrameError> {
        assert_eq!(body.len(), self.length, "the body is cut to the length in the header");
        let (found, expected) = (self.body_checksum, crc32c::crc32c(body));
        if found != expected {
            return Err(FrameError::BodyChecksum { kind: self.kind, found, expected });
        }
        Ok(Frame { kind: self.kind, version: self.version, body })
    }
}
