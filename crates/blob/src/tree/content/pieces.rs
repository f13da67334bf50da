//! [`Pieces`]: the content of a file that is too long for its directory's node.

use std::ops::Range;
use std::sync::Arc;

use super::file_node::FileNode;
use super::{FAN, INLINE_BYTES_MAX, PIECE_BYTES};
use crate::tree::{NODE_BYTES_MAX, NodeError, Shared, TreeError};
use crate::{BlobId, Durability};

#[derive(Debug, Clone)]
pub(in crate::tree) struct Pieces {
    length: u64,
    /// Bytes of the pieces in memory.
    dirty: u64,
    root: Piece,
}

/// A piece, or at higher levels a node of pieces.
#[derive(Debug, Clone)]
enum Piece {
    Hole,
    Stored(BlobId),
    Bytes(Arc<Vec<u8>>),
    /// Slots that are not there are holes.
    Slots(Arc<Vec<Self>>),
}

/// How many pieces a node at this level can have below it.
const fn span(level: u8) -> u64 {
    FAN.saturating_pow(level as u32)
}

/// How many levels of nodes so many bytes need above their pieces.
const fn level_for(length: u64) -> u8 {
    let pieces = length.div_ceil(PIECE_BYTES);
    let mut level = 0;
    while span(level) < pieces {
        level += 1;
    }
    level
}

/// How many slots a node has that covers so many pieces.
const fn slots_for(pieces: u64, level: u8) -> usize {
    pieces.div_ceil(span(level - 1)) as usize
}

/// How long a piece is in a file of this length.
fn piece_length(length: u64, index: u64) -> usize {
    length.saturating_sub(index * PIECE_BYTES).min(PIECE_BYTES) as usize
}

impl Pieces {
    pub(super) const fn stored(length: u64, id: Option<BlobId>) -> Self {
        let root = match id {
            Some(id) => Piece::Stored(id),
            None => Piece::Hole,
        };
        Self { length, dirty: 0, root }
    }

    /// What was short and has grown, by zeros.
    pub(super) fn grown(bytes: &[u8], length: u64) -> Self {
        debug_assert!(bytes.len() <= INLINE_BYTES_MAX && length > INLINE_BYTES_MAX as u64);
        let mut first = bytes.to_vec();
        first.resize(piece_length(length, 0), 0);
        let mut root = Piece::Hole;
        let mut dirty = 0;
        if bytes.iter().any(|byte| *byte != 0) {
            dirty = first.len() as u64;
            root = Piece::Bytes(Arc::new(first));
            (0..level_for(length)).for_each(|_| root.wrap());
        }
        Self { length, dirty, root }
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn dirty_bytes(&self) -> u64 {
        self.dirty
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.root, Piece::Bytes(_) | Piece::Slots(_))
    }

    pub(super) const fn id(&self) -> Option<BlobId> {
        match self.root {
            Piece::Stored(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let roots_are = match (&self.root, &other.root) {
            (Piece::Hole, Piece::Hole) => true,
            (Piece::Stored(left), Piece::Stored(right)) => left == right,
            (Piece::Bytes(left), Piece::Bytes(right)) => Arc::ptr_eq(left, right) || left == right,
            (Piece::Slots(left), Piece::Slots(right)) => Arc::ptr_eq(left, right),
            (Piece::Stored(id), Piece::Bytes(bytes)) | (Piece::Bytes(bytes), Piece::Stored(id)) => {
                level_for(self.length) == 0 && BlobId::of(bytes) == *id
            }
            (Piece::Hole, Piece::Bytes(bytes)) | (Piece::Bytes(bytes), Piece::Hole) => is_zero(bytes),
            _ => false,
        };
        roots_are && self.length == other.length
    }

    const fn count(&self) -> u64 {
        self.length.div_ceil(PIECE_BYTES)
    }

    pub(super) fn read(&self, offset: u64, mut out: &mut [u8], shared: &Shared) -> Result<(), TreeError> {
        let mut offset = offset;
        while !out.is_empty() {
            let start = offset % PIECE_BYTES;
            let length = out.len().min((PIECE_BYTES - start) as usize);
            let (part, rest) = out.split_at_mut(length);
            self.read_piece(offset / PIECE_BYTES, start..start + length as u64, part, shared)?;
            out = rest;
            offset += length as u64;
        }
        Ok(())
    }

    fn read_piece(
        &self,
        index: u64,
        range: Range<u64>,
        out: &mut [u8],
        shared: &Shared,
    ) -> Result<(), TreeError> {
        let mut level = level_for(self.length);
        let mut piece = &self.root;
        while let (Piece::Slots(slots), 1..) = (piece, level) {
            level -= 1;
            piece = slots.get((index / span(level) % FAN) as usize).unwrap_or(&Piece::Hole);
        }
        let mut stored = match piece {
            Piece::Bytes(bytes) => {
                out.copy_from_slice(&bytes[range.start as usize..range.end as usize]);
                return Ok(());
            }
            Piece::Stored(id) => Some(*id),
            Piece::Hole | Piece::Slots(_) => None,
        };
        while let (Some(id), 1..) = (stored, level) {
            let covered = (self.count() - index / span(level) * span(level)).min(span(level));
            let node = shared.load(id, NODE_BYTES_MAX)?;
            let node = FileNode::parse_at(&node, level, slots_for(covered, level))
                .map_err(|reason| TreeError::Corrupt { id, reason })?;
            level -= 1;
            stored = node.slot((index / span(level) % FAN) as usize);
        }
        match stored {
            Some(id) => out.copy_from_slice(&shared.store.get_range(id, range)?),
            None => out.fill(0),
        }
        Ok(())
    }

    pub(super) fn write(&mut self, offset: u64, mut bytes: &[u8], shared: &Shared) -> Result<(), TreeError> {
        let mut offset = offset;
        while !bytes.is_empty() {
            let start = (offset % PIECE_BYTES) as usize;
            let (part, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES as usize - start));
            let piece = self.piece(offset / PIECE_BYTES, shared)?;
            piece[start..start + part.len()].copy_from_slice(part);
            bytes = rest;
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// A piece in memory, to be changed.
    fn piece(&mut self, index: u64, shared: &Shared) -> Result<&mut Vec<u8>, TreeError> {
        let length = piece_length(self.length, index);
        let mut covered = self.count();
        let mut piece = &mut self.root;
        for level in (1..=level_for(self.length)).rev() {
            let slot = (index / span(level - 1) % FAN) as usize;
            let slots = piece.open(level, covered, shared)?;
            if slots.len() <= slot {
                slots.resize(slot + 1, Piece::Hole);
            }
            covered = (covered - slot as u64 * span(level - 1)).min(span(level - 1));
            piece = &mut slots[slot];
        }
        piece.load(length, &mut self.dirty, shared)
    }

    /// Whether a piece is a hole, as far as can be told without reading nodes.
    fn is_hole(&self, index: u64) -> bool {
        let mut level = level_for(self.length);
        let mut piece = &self.root;
        while let (Piece::Slots(slots), 1..) = (piece, level) {
            level -= 1;
            piece = slots.get((index / span(level) % FAN) as usize).unwrap_or(&Piece::Hole);
        }
        matches!(piece, Piece::Hole)
    }

    pub(super) fn resize(&mut self, length: u64, shared: &Shared) -> Result<(), TreeError> {
        if length > self.length {
            self.grow(length, shared)
        } else if length < self.length {
            // What cannot be cut off to the end is not cut at all.
            let mut shrunk = self.clone();
            shrunk.shrink(length, shared)?;
            *self = shrunk;
            Ok(())
        } else {
            Ok(())
        }
    }

    /// Adds zeros: the last piece is filled up, and all beyond are holes.
    fn grow(&mut self, length: u64, shared: &Shared) -> Result<(), TreeError> {
        let level = level_for(self.length);
        let level_after = level_for(length);
        // A node that is stored has as many slots as it had pieces to cover; now there are to be more.
        let covered = length.div_ceil(PIECE_BYTES).min(span(level));
        self.root.open_last(level, self.count(), covered, shared)?;
        let last = self.length / PIECE_BYTES;
        if !self.length.is_multiple_of(PIECE_BYTES) && !self.is_hole(last) {
            let piece = self.piece(last, shared)?;
            let added = piece_length(length, last) - piece.len();
            piece.resize(piece.len() + added, 0);
            self.dirty += added as u64;
        }
        (level..level_after).for_each(|_| self.root.wrap());
        self.length = length;
        Ok(())
    }

    /// Cuts the end off.
    fn shrink(&mut self, length: u64, shared: &Shared) -> Result<(), TreeError> {
        let last = length / PIECE_BYTES;
        if !length.is_multiple_of(PIECE_BYTES) && !self.is_hole(last) {
            let cut = (length % PIECE_BYTES) as usize;
            let piece = self.piece(last, shared)?;
            let removed = piece.len() - cut;
            piece.truncate(cut);
            self.dirty -= removed as u64;
        }
        let mut covered = self.count();
        let pieces = length.div_ceil(PIECE_BYTES);
        let level_after = level_for(length);
        for level in (level_after + 1..=level_for(self.length)).rev() {
            if matches!(self.root, Piece::Hole) {
                break;
            }
            let slots = self.root.open(level, covered, shared)?;
            let first = slots.first().cloned().unwrap_or(Piece::Hole);
            self.dirty -= self.root.dirty() - first.dirty();
            self.root = first;
            covered = covered.min(span(level - 1));
        }
        self.root.trim(level_after, covered, pieces, &mut self.dirty, shared)?;
        self.length = length;
        Ok(())
    }

    pub(super) fn commit(&self, shared: &Shared) -> Result<Self, TreeError> {
        let root = self.root.commit(level_for(self.length), self.count(), shared)?;
        Ok(Self { length: self.length, dirty: 0, root })
    }

    /// Takes over what was stored of it as it was before, where it still is so. Of what has as many levels of nodes as it
    /// had, that is all; of what has not, nothing.
    pub(super) fn settle(&mut self, before: &Self, stored: &Self, shared: &Shared) -> Result<(), TreeError> {
        let level = level_for(self.length);
        if level != level_for(before.length) || before.length != stored.length {
            return Ok(());
        }
        let (count, counted) = (self.count(), before.count());
        let settled = self.root.settle(&before.root, &stored.root, level, [count, counted], shared);
        self.dirty = self.root.dirty();
        settled
    }
}

impl Piece {
    /// Puts a node above it, in which it is the first.
    fn wrap(&mut self) {
        if !matches!(self, Self::Hole) {
            *self = Self::Slots(Arc::new(vec![std::mem::replace(self, Self::Hole)]));
        }
    }

    /// The slots of a node that covers so many pieces.
    fn open(&mut self, level: u8, covered: u64, shared: &Shared) -> Result<&mut Vec<Self>, TreeError> {
        match self {
            Self::Stored(id) => {
                let id = *id;
                let node = shared.load(id, NODE_BYTES_MAX)?;
                let count = slots_for(covered, level);
                let node = FileNode::parse_at(&node, level, count)
                    .map_err(|reason| TreeError::Corrupt { id, reason })?;
                let slots = (0..count).map(|index| node.slot(index).map_or(Self::Hole, Self::Stored));
                *self = Self::Slots(Arc::new(slots.collect()));
            }
            Self::Hole | Self::Bytes(_) => *self = Self::Slots(Arc::default()),
            Self::Slots(_) => {}
        }
        match self {
            Self::Slots(slots) => Ok(Arc::make_mut(slots)),
            _ => unreachable!("it was opened above"),
        }
    }

    /// Opens the nodes above the last piece that cover fewer pieces than they are going to.
    fn open_last(
        &mut self,
        level: u8,
        covered: u64,
        covered_after: u64,
        shared: &Shared,
    ) -> Result<(), TreeError> {
        if level == 0 || covered == covered_after || matches!(self, Self::Hole) {
            return Ok(());
        }
        let slots = self.open(level, covered, shared)?;
        let last = slots_for(covered, level) - 1;
        let before = last as u64 * span(level - 1);
        let after = (covered_after - before).min(span(level - 1));
        match slots.get_mut(last) {
            Some(slot) => slot.open_last(level - 1, covered - before, after, shared),
            None => Ok(()),
        }
    }

    /// The bytes of a piece of this length.
    fn load(&mut self, length: usize, dirty: &mut u64, shared: &Shared) -> Result<&mut Vec<u8>, TreeError> {
        if !matches!(self, Self::Bytes(_)) {
            let bytes = match *self {
                Self::Stored(id) => {
                    let stored = shared.load(id, length)?;
                    if stored.len() != length {
                        let reason = NodeError::Length { length: stored.len() };
                        return Err(TreeError::Corrupt { id, reason });
                    }
                    Vec::from(stored)
                }
                _ => vec![0; length],
            };
            *self = Self::Bytes(Arc::new(bytes));
            *dirty += length as u64;
        }
        match self {
            Self::Bytes(bytes) => Ok(Arc::make_mut(bytes)),
            _ => unreachable!("it was loaded above"),
        }
    }

    /// Drops what lies behind the first `kept` of the `covered` pieces.
    fn trim(
        &mut self,
        level: u8,
        covered: u64,
        kept: u64,
        dirty: &mut u64,
        shared: &Shared,
    ) -> Result<(), TreeError> {
        if level == 0 || covered == kept || matches!(self, Self::Hole) {
            return Ok(());
        }
        let slots = self.open(level, covered, shared)?;
        let count = slots_for(kept, level);
        if slots.len() > count {
            *dirty -= slots.drain(count..).map(|slot| slot.dirty()).sum::<u64>();
        }
        let before = (count as u64 - 1) * span(level - 1);
        let covered = (covered - before).min(span(level - 1));
        match slots.get_mut(count - 1) {
            Some(last) => last.trim(level - 1, covered, kept - before, dirty, shared),
            None => Ok(()),
        }
    }

    /// Takes over what was stored of a node as it was before; `covered` is how many pieces there are below it, now and then.
    fn settle(
        &mut self,
        before: &Self,
        stored: &Self,
        level: u8,
        covered: [u64; 2],
        shared: &Shared,
    ) -> Result<(), TreeError> {
        match (&mut *self, before) {
            // A node that covers more than it did is to have more slots.
            (Self::Slots(mine), Self::Slots(before))
                if !Arc::ptr_eq(mine, before) || covered[0] != covered[1] =>
            {
                let mut stored = stored.clone();
                let stored = stored.open(level, covered[1], shared)?;
                let below = span(level - 1);
                for (index, slot) in Arc::make_mut(mine).iter_mut().enumerate() {
                    let passed = index as u64 * below;
                    let covered = covered.map(|covered| covered.saturating_sub(passed).min(below));
                    if let (Some(before), Some(stored)) = (before.get(index), stored.get(index)) {
                        slot.settle(before, stored, level - 1, covered, shared)?;
                    }
                }
            }
            (Self::Slots(_), Self::Slots(_)) => self.clone_from(stored),
            (Self::Bytes(mine), Self::Bytes(before)) if Arc::ptr_eq(mine, before) => self.clone_from(stored),
            _ => {}
        }
        Ok(())
    }

    /// How many bytes below it are in memory.
    fn dirty(&self) -> u64 {
        match self {
            Self::Hole | Self::Stored(_) => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Slots(slots) => slots.iter().map(Self::dirty).sum(),
        }
    }

    /// The same, stored or a hole.
    fn commit(&self, level: u8, covered: u64, shared: &Shared) -> Result<Self, TreeError> {
        let blob = match self {
            Self::Hole | Self::Stored(_) => return Ok(self.clone()),
            Self::Bytes(bytes) if is_zero(bytes) => return Ok(Self::Hole),
            Self::Bytes(bytes) => shared.store.put(bytes, Durability::Buffered)?,
            Self::Slots(slots) => {
                let below = span(level - 1);
                let mut ids = vec![None; slots_for(covered, level)];
                for (index, (slot, id)) in slots.iter().zip(&mut ids).enumerate() {
                    let covered = (covered - index as u64 * below).min(below);
                    *id = match slot.commit(level - 1, covered, shared)? {
                        Self::Stored(id) => Some(id),
                        _ => None,
                    };
                }
                if ids.iter().all(Option::is_none) {
                    return Ok(Self::Hole);
                }
                let node = FileNode::encode(level, &ids);
                shared.store.put(&node, Durability::Buffered)?
            }
        };
        Ok(Self::Stored(blob))
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
