//! [`FileNode`]: a node of a long file's content, read where it lies.
//!
//! ```text
//! body | version | kind | level | count u16 | one bit a slot, lowest first: whether there is a blob below |
//! ```
//!
//! The blobs are leaves at level 1, where they are pieces of the file, and links above.

use super::super::NodeError;
use super::super::codec::Reader;
use super::super::format::{KIND_CONTENT, VERSION, kind};
use super::FAN;
use crate::BlobId;
use crate::link::{Linked, Role};

const _: () = assert!(LEVELS_MAX as u32 * FAN.ilog2() + super::PIECE_BYTES.ilog2() >= 63);

/// How many levels of nodes the longest file has.
pub(super) const LEVELS_MAX: u8 = 6;

/// A node's slots, each with the blob below it or a hole.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct FileNode<'a> {
    linked: Linked<'a>,
    present: &'a [u8],
    count: usize,
    level: u8,
}

impl<'a> FileNode<'a> {
    pub(in super::super) fn parse(bytes: &'a [u8]) -> Result<Self, NodeError> {
        let found = kind(bytes)?;
        if found != KIND_CONTENT {
            return Err(NodeError::Kind { found });
        }
        let linked = Linked::parse(bytes)?;
        let mut reader = Reader::new(linked.body());
        reader.take(2)?;
        let level = reader.byte()?;
        if !(1..=LEVELS_MAX).contains(&level) {
            return Err(NodeError::Level { found: level });
        }
        let count: usize = reader.u16()?.into();
        if count == 0 || count as u64 > FAN {
            return Err(NodeError::Count { found: count });
        }
        let present = reader.take(count.div_ceil(8))?;
        reader.finish()?;
        let node = Self { linked, present, count, level };
        node.check_links()?;
        Ok(node)
    }

    /// Parses the node at a place where this level and number of slots are expected.
    pub(super) fn parse_at(bytes: &'a [u8], level: u8, count: usize) -> Result<Self, NodeError> {
        let node = Self::parse(bytes)?;
        if node.level != level {
            Err(NodeError::Level { found: node.level })
        } else if node.count == count {
            Ok(node)
        } else {
            Err(NodeError::Count { found: node.count })
        }
    }

    fn check_links(&self) -> Result<(), NodeError> {
        let unused = self.present.len() * 8 - self.count;
        let last = self.present[self.present.len() - 1];
        if unused > 0 && last >> (8 - unused) != 0 {
            return Err(NodeError::Flags { flags: last });
        }
        let set: u32 = self.present.iter().map(|byte| byte.count_ones()).sum();
        match self.linked.only(role(self.level)) {
            Some(below) if below.len() == set as usize && set != 0 => Ok(()),
            _ => Err(NodeError::Links),
        }
    }

    /// What is below a slot; `None` for a hole.
    pub(super) fn slot(&self, index: usize) -> Option<BlobId> {
        let byte = *self.present.get(index / 8)?;
        if byte >> (index % 8) & 1 == 0 {
            return None;
        }
        let before: u32 = self.present[..index / 8].iter().map(|byte| byte.count_ones()).sum();
        let beside = (byte & ((1 << (index % 8)) - 1)).count_ones();
        self.linked.get(role(self.level), (before + beside) as usize)
    }

    /// The blob of a node with these slots.
    pub(super) fn encode(level: u8, slots: &[Option<BlobId>]) -> Vec<u8> {
        let count = u16::try_from(slots.len()).expect("a node has few slots");
        let mut body = vec![VERSION, KIND_CONTENT, level];
        body.extend_from_slice(&count.to_le_bytes());
        body.extend(slots.chunks(8).map(|slots| {
            let bits = slots.iter().enumerate();
            bits.fold(0, |byte, (bit, slot)| byte | u8::from(slot.is_some()) << bit)
        }));
        let below: Vec<BlobId> = slots.iter().copied().flatten().collect();
        Linked::encode_only(role(level), &below, &body)
    }
}

/// What the blobs below a node of this level are to it.
const fn role(level: u8) -> Role {
    if level == 1 { Role::Leaf } else { Role::Link }
}
