//! What the index knows of a blob, and how it is packed into a slot of 40 bytes.

use crate::BlobId;
use crate::disk::record::{ALIGN, Header, Kind, record_bytes};

/// How long a slot is, in memory and in the file.
pub(crate) const SLOT_BYTES: usize = 40;

/// The length in the entry of a blob that is stored in chunks: its manifest knows.
pub(crate) const LARGE: u32 = (1 << LENGTH_BITS) - 1;

/// The segment in the entry of a blob whose record was found damaged. There is none of this number.
pub(crate) const LOST: u32 = u32::MAX;

/// Records begin before this offset in their segment.
pub(crate) const OFFSET_END: u64 = (1 << 32) * ALIGN;

const LENGTH_BITS: u32 = 28;
const LINKS: u32 = 1 << 30;
const VERIFIED: u32 = 1 << 31;

/// The part of a name that the index keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(super) [u64; 3]);

impl Key {
    pub(crate) fn of(id: &BlobId) -> Self {
        let words = id.as_bytes().as_chunks::<8>().0;
        Self([words[0], words[1], words[2]].map(u64::from_be_bytes))
    }

    pub(crate) fn shard(&self) -> usize {
        (self.0[0] >> 56) as usize
    }
}

/// What collections know of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It was there before the last collection began.
    Old,
    /// It was put between the beginnings of the last collection and of the one that runs.
    Recent,
    /// It was put since the last collection began, or is spared as if it had been.
    New,
    /// The collection that runs has reached it.
    Reached,
}

/// Where a blob is, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number of the segment, from 1, or [`LOST`].
    pub(crate) segment: u32,
    /// Where the record begins, in units of eight bytes.
    pub(crate) offset: u32,
    /// How many bytes it stores.
    pub(crate) stored: u32,
    /// How long the blob is, or [`LARGE`].
    pub(crate) length: u32,
    /// What collections know of it.
    pub(crate) age: Age,
    /// Whether the record was found to hold what the name says.
    pub(crate) verified: bool,
    /// Whether the blob begins with a table of links.
    pub(crate) links: bool,
}

impl Entry {
    /// An entry for a record that was just written or found.
    pub(crate) fn new(segment: u32, offset: u64, header: &Header) -> Self {
        let length = match header.kind {
            Kind::Manifest => LARGE,
            _ => u32::try_from(header.length).map_or(LARGE, |length| length.min(LARGE)),
        };
        Self {
            segment,
            offset: u32::try_from(offset / ALIGN).expect("segments are below 32 GiB"),
            stored: header.stored,
            length,
            age: Age::New,
            verified: false,
            links: header.links,
        }
    }

    /// Where the record begins.
    pub(crate) fn offset(&self) -> u64 {
        u64::from(self.offset) * ALIGN
    }

    /// How many bytes the record takes.
    pub(crate) fn record_bytes(&self) -> u64 {
        record_bytes(self.stored)
    }

    /// Whether it points to the same record.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (self.segment, self.offset) == (other.segment, other.offset)
    }
}

/// A key and its entry, packed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(super) key: [u64; 3],
    /// Zero in an empty slot.
    pub(super) segment: u32,
    offset: u32,
    stored: u32,
    /// The length, two bits of age, whether it has links, and whether it is verified.
    rest: u32,
}

const _: () = assert!(size_of::<Slot>() == SLOT_BYTES);

impl Slot {
    pub(crate) fn new(key: Key, entry: &Entry) -> Self {
        let age = match entry.age {
            Age::Old => 0,
            Age::Recent => 1,
            Age::New => 2,
            Age::Reached => 3,
        };
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        Self {
            key: key.0,
            segment: entry.segment,
            offset: entry.offset,
            stored: entry.stored,
            rest: entry.length
                | age << LENGTH_BITS
                | flag(entry.links, LINKS)
                | flag(entry.verified, VERIFIED),
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key(self.key)
    }

    pub(crate) fn entry(&self) -> Entry {
        Entry {
            segment: self.segment,
            offset: self.offset,
            stored: self.stored,
            length: self.rest & LARGE,
            age: match self.rest >> LENGTH_BITS & 3 {
                0 => Age::Old,
                1 => Age::Recent,
                2 => Age::New,
                _ => Age::Reached,
            },
            verified: self.rest & VERIFIED != 0,
            links: self.rest & LINKS != 0,
        }
    }

    pub(crate) fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        let (key, rest) = bytes.split_at_mut(24);
        for (target, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(self.key) {
            *target = word.to_be_bytes();
        }
        let numbers = [self.segment, self.offset, self.stored, self.rest];
        for (target, number) in rest.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *target = number.to_le_bytes();
        }
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; SLOT_BYTES]) -> Self {
        let (key, rest) = bytes.split_at(24);
        let key = key.as_chunks::<8>().0;
        let rest = rest.as_chunks::<4>().0;
        Self {
            key: [key[0], key[1], key[2]].map(u64::from_be_bytes),
            segment: u32::from_le_bytes(rest[0]),
            offset: u32::from_le_bytes(rest[1]),
            stored: u32::from_le_bytes(rest[2]),
            rest: u32::from_le_bytes(rest[3]),
        }
    }
}
