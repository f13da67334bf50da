//! Reading a volume.

use std::sync::Arc;

use bytes::Bytes;

use super::extent::copy_part;
use super::geometry::Piece;
use super::node::{Child, Found, Node};
use super::{Volume, VolumeError};
use crate::{BlobError, BlobId};

/// How often a read starts again because what it wanted to read was written out, and collected, under its hands.
const ATTEMPTS_MAX: u32 = 8;

/// A piece that is not in memory: the blob that is its extent or leads to it, and the level of the node that names it.
struct Rest {
    piece: Piece,
    id: BlobId,
    level: u8,
}

impl Volume {
    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// If they are not all within the volume, or what is stored of them is absent, corrupt or cannot be read; what is
    /// in the buffer means nothing then.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), VolumeError> {
        let mut attempts = 1;
        loop {
            let (rest, checkpoints) = self.read_held(offset, buffer)?;
            match self.read_stored(&rest, buffer) {
                Err(VolumeError::Blob(BlobError::NotFound { .. }))
                    if attempts < ATTEMPTS_MAX && self.state.read().checkpoints != checkpoints =>
                {
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    /// Copies what is in memory; returns what is not, and how often the volume had been written out.
    fn read_held(&self, offset: u64, buffer: &mut [u8]) -> Result<(Vec<Rest>, u64), VolumeError> {
        let state = self.state.read();
        let span = state.span(offset, buffer.len() as u64)?;
        let mut rest = Vec::new();
        for piece in span.pieces() {
            match state.root.find(piece.index) {
                Found::Absent => buffer[piece.place()].fill(0),
                Found::Held(extent) => buffer[piece.place()].copy_from_slice(extent.part(piece.within)),
                Found::Stored(id, level) => rest.push(Rest { piece, id, level }),
            }
        }
        Ok((rest, state.checkpoints))
    }

    fn read_stored(&self, rest: &[Rest], buffer: &mut [u8]) -> Result<(), VolumeError> {
        for Rest { piece, id, level } in rest {
            let content = self.loader.follow(piece.index, *id, *level)?;
            copy_part(&content.unwrap_or_default(), piece.within.start, &mut buffer[piece.place()]);
        }
        Ok(())
    }

    /// What is stored of an extent that is not held, as of now.
    pub(super) fn stored_content(&self, index: u64) -> Result<Bytes, VolumeError> {
        let found = match self.state.read().root.find(index) {
            Found::Stored(id, level) => Some((id, level)),
            Found::Absent | Found::Held(_) => None,
        };
        let content = found.map(|(id, level)| self.loader.follow(index, id, level));
        Ok(content.transpose()?.flatten().unwrap_or_default())
    }

    /// The first extent from `index` on that may hold something other than zeroes.
    pub(super) fn next_extent(&self, index: u64) -> Result<Option<u64>, VolumeError> {
        let root = Arc::clone(&self.state.read().root);
        self.next_below(&root, 0, index)
    }

    /// The same among the extents below a node, of which the first is `first`.
    fn next_below(&self, node: &Node, first: u64, index: u64) -> Result<Option<u64>, VolumeError> {
        let width = 1u64 << (super::geometry::SLOT_BITS * u32::from(node.level()));
        for (slot, child) in node.children() {
            let start = first + slot as u64 * width;
            if start + width <= index {
                continue;
            }
            let below = match child {
                Child::Extent(_) => return Ok(Some(start)),
                Child::Stored(_) if node.level() == 0 => return Ok(Some(start)),
                Child::Stored(id) => self.loader.node(*id, node.level() - 1)?,
                Child::Node(below) => Arc::clone(below),
            };
            if let Some(found) = self.next_below(&below, start, index)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
