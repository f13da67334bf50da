//! [`Content`]: the bytes of a file.
//!
//! A short file is inline, in the node of its directory. A longer one is cut into pieces of [`PIECE_BYTES`] at fixed
//! places. One piece is a blob of just these bytes; several hang below nodes of [`FAN`] slots each. A piece of zeros is
//! a hole, which no blob holds. So equal content has equal blobs, and changing a byte of a huge file costs a piece and
//! the few nodes above it.
//!
//! Invariant: a file is inline exactly if it has at most [`INLINE_BYTES_MAX`] bytes; otherwise there are as many levels
//! of nodes as its length needs, and each piece in memory has exactly its length.

mod file_node;
mod pieces;

use std::sync::Arc;

use super::{Shared, TreeError};
use crate::BlobId;

pub(super) use file_node::FileNode;
use pieces::Pieces;

/// A file with at most so many bytes lives in its directory's node.
pub(super) const INLINE_BYTES_MAX: usize = 128;

/// Where longer files are cut.
pub(super) const PIECE_BYTES: u64 = 64 * 1_024;

/// How many children a node of a file's content has.
pub(super) const FAN: u64 = 256;

/// How long a file may be, as in POSIX.
pub(super) const FILE_BYTES_MAX: u64 = i64::MAX as u64;

/// The bytes of a file. A clone costs a pointer.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Inline(Arc<[u8]>),
    Pieces(Pieces),
}

impl Content {
    pub(super) fn of_inline(bytes: &[u8]) -> Self {
        debug_assert!(bytes.len() <= INLINE_BYTES_MAX, "it fits into the node");
        Self::Inline(bytes.into())
    }

    /// A long file whose blob is this; without one it is all zeros.
    pub(super) const fn stored(length: u64, id: Option<BlobId>) -> Self {
        Self::Pieces(Pieces::stored(length, id))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Pieces(pieces) => pieces.length(),
        }
    }

    /// How many bytes are in memory that no blob holds.
    pub(super) const fn dirty_bytes(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Pieces(pieces) => pieces.dirty_bytes(),
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Pieces(pieces) => pieces.is_open(),
        }
    }

    /// What is written into the directory's node.
    pub(super) fn inline(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Pieces(_) => &[],
        }
    }

    /// The blob of a long file that is stored.
    pub(super) const fn link(&self) -> Option<BlobId> {
        match self {
            Self::Inline(_) => None,
            Self::Pieces(pieces) => pieces.id(),
        }
    }

    /// Whether its [blob](Self::link) has the bytes themselves, and not nodes above them.
    pub(super) fn is_leaf(&self) -> bool {
        self.len() <= PIECE_BYTES
    }

    /// Whether both are the same bytes, as far as can be told without looking.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(left), Self::Inline(right)) => left == right,
            (Self::Pieces(left), Self::Pieces(right)) => left.is_same(right),
            _ => false,
        }
    }

    /// Fills `out` from this offset on, as far as there is content, and returns how many bytes that were.
    pub(super) fn read(&self, offset: u64, out: &mut [u8], shared: &Shared) -> Result<usize, TreeError> {
        let length = self.len().saturating_sub(offset).min(out.len() as u64) as usize;
        let out = &mut out[..length];
        match self {
            Self::Inline(_) if length == 0 => {}
            Self::Inline(bytes) => out.copy_from_slice(&bytes[offset as usize..][..length]),
            Self::Pieces(pieces) => pieces.read(offset, out, shared)?,
        }
        Ok(length)
    }

    /// Puts bytes at this offset; what lies between the end and the offset becomes zeros.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], shared: &Shared) -> Result<(), TreeError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset + bytes.len() as u64;
        if end > self.len() {
            self.resize(end, shared)?;
        }
        match self {
            Self::Inline(content) => {
                let mut changed = content.to_vec();
                changed[offset as usize..end as usize].copy_from_slice(bytes);
                *content = changed.into();
                Ok(())
            }
            Self::Pieces(pieces) => pieces.write(offset, bytes, shared),
        }
    }

    /// Cuts the end off, or adds zeros.
    pub(super) fn resize(&mut self, length: u64, shared: &Shared) -> Result<(), TreeError> {
        if length <= INLINE_BYTES_MAX as u64 {
            let mut bytes = vec![0; length as usize];
            self.read(0, &mut bytes, shared)?;
            *self = Self::of_inline(&bytes);
            return Ok(());
        }
        match self {
            Self::Inline(bytes) => *self = Self::Pieces(Pieces::grown(bytes, length)),
            Self::Pieces(pieces) => pieces.resize(length, shared)?,
        }
        Ok(())
    }

    /// The same content with all that was changed stored.
    pub(super) fn commit(&self, shared: &Shared) -> Result<Self, TreeError> {
        Ok(match self {
            Self::Inline(_) => self.clone(),
            Self::Pieces(pieces) => Self::Pieces(pieces.commit(shared)?),
        })
    }

    /// Takes over what was stored of it as it was before, where it still is so.
    pub(super) fn settle(&mut self, before: &Self, stored: &Self, shared: &Shared) -> Result<(), TreeError> {
        match (self, before, stored) {
            (Self::Pieces(mine), Self::Pieces(before), Self::Pieces(stored)) => {
                mine.settle(before, stored, shared)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
