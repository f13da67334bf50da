//! Records: what a segment is made of.
//!
//! ```text
//!  0       4      5       6       8         16       20       24      56          60       64
//!  | magic | kind | codec | links | length  | stored | sum    | id    | zeros     | header | stored bytes, zeros
//!  | ILBR  |      |       |       | of blob | length | of     |       |           | sum    | to a multiple of 8
//! ```
//!
//! Numbers are little-endian, sums are CRC-32C: one of the stored bytes, and one of the first 60 bytes of the header. A
//! segment begins with a header of its own, of the same length. Records begin at multiples of eight, so that the next
//! one can be found behind a damaged one.

use crate::BlobId;

/// Length of the header of a record, and of the header of a segment.
pub(crate) const HEADER_BYTES: usize = 64;
/// Records begin at multiples of this.
pub(crate) const ALIGN: u64 = 8;
/// The format of segments that is written and understood, and of what is in them as far as collections must know: the
/// tables of links. A collection that did not understand those would take what they keep.
pub(crate) const SEGMENT_VERSION: u32 = 2;

const MAGIC: [u8; 4] = *b"ILBR";
const SEGMENT_MAGIC: [u8; 8] = *b"\x89ILSEG\r\n";
const SUMMED_BYTES: usize = HEADER_BYTES - 4;

const _: () = assert!((HEADER_BYTES as u64).is_multiple_of(ALIGN));

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: space that was set aside for a write that failed.
    Gap,
    /// A blob.
    Whole,
    /// The manifest of a blob that is stored in chunks.
    Manifest,
}

/// How the bytes of a record are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// As they are.
    Plain,
    /// As an LZ4 block.
    Lz4,
}

/// What a record says of its blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How long it is.
    pub(crate) length: u64,
    /// Whether it begins with a table of links.
    pub(crate) links: bool,
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// What it holds.
    pub(crate) kind: Kind,
    /// How it is stored.
    pub(crate) codec: Codec,
    /// Whether the blob begins with a table of links.
    pub(crate) links: bool,
    /// How long the blob is.
    pub(crate) length: u64,
    /// How many bytes are stored.
    pub(crate) stored: u32,
    /// The sum of the stored bytes.
    pub(crate) sum: u32,
    /// The blob.
    pub(crate) id: BlobId,
}

impl Header {
    /// The header of a record that stores these bytes.
    pub(crate) fn new(id: BlobId, kind: Kind, codec: Codec, shape: Shape, stored: &[u8]) -> Self {
        Self {
            kind,
            codec,
            links: shape.links,
            length: shape.length,
            stored: u32::try_from(stored.len()).expect("the config keeps records below 4 GiB"),
            sum: crc32c::crc32c(stored),
            id,
        }
    }

    /// A record that fills the place of one that could not be written.
    pub(crate) fn gap(stored: u32) -> Self {
        Self {
            kind: Kind::Gap,
            codec: Codec::Plain,
            links: false,
            length: 0,
            stored,
            sum: 0,
            id: BlobId::from_bytes([0; 32]),
        }
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = match self.kind {
            Kind::Gap => 0,
            Kind::Whole => 1,
            Kind::Manifest => 2,
        };
        bytes[5] = match self.codec {
            Codec::Plain => 0,
            Codec::Lz4 => 1,
        };
        bytes[6] = u8::from(self.links);
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.stored.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.sum.to_le_bytes());
        bytes[24..56].copy_from_slice(self.id.as_bytes());
        seal(&mut bytes);
        bytes
    }

    /// Reads a header; `None` if these bytes are none.
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        if bytes[0..4] != MAGIC || !is_sealed(bytes) {
            return None;
        }
        let kind = match bytes[4] {
            0 => Kind::Gap,
            1 => Kind::Whole,
            2 => Kind::Manifest,
            _ => return None,
        };
        let codec = match bytes[5] {
            0 => Codec::Plain,
            1 => Codec::Lz4,
            _ => return None,
        };
        let id = BlobId::from_bytes(bytes[24..56].try_into().ok()?);
        Some(Self {
            kind,
            codec,
            links: bytes[6] & 1 != 0,
            length: u64::from_le_bytes(bytes[8..16].try_into().ok()?),
            stored: number(bytes, 16),
            sum: number(bytes, 20),
            id,
        })
    }
}

/// How many bytes a record takes that stores so many.
pub(crate) const fn record_bytes(stored: u32) -> u64 {
    HEADER_BYTES as u64 + (stored as u64).next_multiple_of(ALIGN)
}

/// The header of a segment.
pub(crate) fn encode_segment(number: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
    bytes[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&number.to_le_bytes());
    seal(&mut bytes);
    bytes
}

/// The version of a segment; `None` if its header is damaged.
pub(crate) fn parse_segment(bytes: &[u8; HEADER_BYTES]) -> Option<u32> {
    (bytes[0..8] == SEGMENT_MAGIC && is_sealed(bytes)).then(|| number(bytes, 8))
}

/// Puts the sums of all headers right; for the fuzzer.
pub(super) fn mend(bytes: &mut [u8]) {
    for start in (0..bytes.len()).step_by(ALIGN as usize) {
        if let Some(header) = bytes[start..].first_chunk_mut()
            && header.starts_with(&MAGIC)
        {
            seal(header);
        }
    }
}

fn seal(bytes: &mut [u8; HEADER_BYTES]) {
    let sum = crc32c::crc32c(&bytes[..SUMMED_BYTES]);
    bytes[SUMMED_BYTES..].copy_from_slice(&sum.to_le_bytes());
}

fn is_sealed(bytes: &[u8; HEADER_BYTES]) -> bool {
    number(bytes, SUMMED_BYTES) == crc32c::crc32c(&bytes[..SUMMED_BYTES])
}

fn number(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_survives_and_a_flipped_bit_does_not(content: Vec<u8>, length: u64, links: bool, bit in 0..HEADER_BYTES * 8) {
            let header = Header::new(BlobId::of(&content), Kind::Manifest, Codec::Lz4, Shape { length, links }, &content);
            let mut bytes = header.encode();
            prop_assert_eq!(Header::parse(&bytes), Some(header));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Header::parse(&bytes), None);
        }

        #[test]
        fn a_flipped_bit_is_no_segment(segment: u32, bit in 0..HEADER_BYTES * 8) {
            let mut bytes = encode_segment(segment);
            prop_assert_eq!(parse_segment(&bytes), Some(SEGMENT_VERSION));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(parse_segment(&bytes), None);
        }
    }
}
