//! Changing a volume.
//!
//! Every change is made in two steps. The first makes room and loads what the change needs: it may fail, and leaves the
//! contents as they are. The second is made under the lock, in memory, and cannot fail.

use std::ops::Range;

use super::checkpoint::Turn;
use super::extent::{Extent, is_zero};
use super::geometry::Piece;
use super::node::{Found, NODE_BYTES};
use super::state::{State, Walked};
use super::{Volume, VolumeError, check_size};

/// An extent that is ready to be put in its place.
type Fresh = (u64, Extent);

/// What is to become zero.
struct Gap {
    /// The extents in which `parts` are that were not held.
    fresh: Vec<Fresh>,
    parts: Vec<Piece>,
    /// The extents of which nothing remains.
    whole: Option<Range<u64>>,
}

impl Gap {
    fn make(self, state: &mut State) {
        for (index, extent) in self.fresh {
            state.insert(index, extent);
        }
        for piece in self.parts {
            let extent = state.held_mut(piece.index);
            extent.part_mut(piece.within).fill(0);
        }
        if let Some(whole) = self.whole {
            state.remove(&whole);
        }
    }
}

impl Volume {
    /// Writes `data` from `offset` on.
    ///
    /// It survives a crash after the next [`flush`](Self::flush), at the latest.
    ///
    /// # Errors
    ///
    /// If the bytes are not all within the volume, what they partly replace cannot be read, or too much waits to be
    /// written out and cannot be. Nothing is written then.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), VolumeError> {
        let mut turn = self.turn.lock();
        let span = self.state.read().span(offset, data.len() as u64)?;
        if self.overwrite(offset, data) {
            return Ok(());
        }
        self.make_room(&mut turn, span.touched(), 0)?;
        let fresh = self.prepare(span.pieces(), Some(data))?;
        let mut state = self.state.write();
        let mut fresh = fresh.into_iter().peekable();
        for piece in span.pieces() {
            match fresh.next_if(|(index, _)| *index == piece.index) {
                Some((index, extent)) => state.insert(index, extent),
                None => {
                    let extent = state.held_mut(piece.index);
                    extent.part_mut(piece.within.clone()).copy_from_slice(&data[piece.place()]);
                }
            }
        }
        Ok(())
    }

    /// Makes `length` bytes from `offset` on zero. Whole extents are not written but forgotten.
    ///
    /// # Errors
    ///
    /// As in [`write_at`](Self::write_at).
    pub fn write_zeroes(&self, offset: u64, length: u64) -> Result<(), VolumeError> {
        let mut turn = self.turn.lock();
        let span = self.state.read().span(offset, length)?;
        let gap = self.prepare_gap(&mut turn, span.edges(), span.whole())?;
        gap.make(&mut self.state.write());
        Ok(())
    }

    /// Says that bytes are no longer needed. They read as zeroes from now on, down to the last one, so that it does not
    /// depend on the length of the extents what a disk contains.
    ///
    /// # Errors
    ///
    /// As in [`write_at`](Self::write_at); but what frees more memory than it takes is not refused for taking some.
    pub fn discard(&self, offset: u64, length: u64) -> Result<(), VolumeError> {
        self.write_zeroes(offset, length)
    }

    /// Gives the volume another size. What is cut off is gone; what is added is zero.
    ///
    /// # Errors
    ///
    /// If it would be too large, and as in [`write_at`](Self::write_at).
    pub fn resize(&self, size: u64) -> Result<(), VolumeError> {
        check_size(size)?;
        let mut turn = self.turn.lock();
        let (geometry, old, capacity) = {
            let state = self.state.read();
            (state.geometry, state.size, state.capacity())
        };
        if size == old {
            return Ok(());
        }
        // Behind the end there are only zeroes, unless somebody else made the snapshot; then they are made zero now.
        let end = size.min(old);
        let whole = geometry.extents(end)..capacity;
        let tail = geometry.span(end, geometry.extents(end) << geometry.extent_bits());
        let gap = self.prepare_gap(&mut turn, tail.edges(), whole)?;
        self.hold(0)?;
        let mut state = self.state.write();
        gap.make(&mut state);
        state.set_size(size);
        Ok(())
    }

    /// Writes into an extent that is held already, if `data` lies in one; whether it did.
    fn overwrite(&self, offset: u64, data: &[u8]) -> bool {
        let mut state = self.state.write();
        let Ok(span) = state.span(offset, data.len() as u64) else {
            return false;
        };
        let mut pieces = span.pieces();
        let (Some(piece), None) = (pieces.next(), pieces.next()) else {
            return data.is_empty();
        };
        let Some(extent) = state.extent_mut(piece.index) else {
            return false;
        };
        extent.part_mut(piece.within).copy_from_slice(data);
        true
    }

    /// Gets ready to make these parts of extents and these whole extents zero.
    fn prepare_gap(
        &self,
        turn: &mut Turn,
        edges: impl Iterator<Item = Piece>,
        whole: Range<u64>,
    ) -> Result<Gap, VolumeError> {
        let mut parts = Vec::new();
        for piece in edges {
            if self.holds_data(&piece)? {
                parts.push(piece);
            }
        }
        let first = self.next_extent(whole.start)?;
        let whole = Some(whole).filter(|whole| first.is_some_and(|first| first < whole.end));
        let ends = whole.iter().flat_map(|whole| [whole.start, whole.end - 1]);
        let indices = parts.iter().map(|piece| piece.index).chain(ends.clone());
        let freed = whole.as_ref().map_or(0, |whole| {
            let state = self.state.read();
            state.root.weight_within(0, whole, state.geometry.extent_bytes())
        });
        self.make_room(turn, indices, freed)?;
        for end in ends {
            self.hold(end)?;
        }
        let fresh = self.prepare(parts.iter().cloned(), None)?;
        Ok(Gap { fresh, parts, whole })
    }

    /// Whether there is anything but zeroes in a part of an extent.
    fn holds_data(&self, piece: &Piece) -> Result<bool, VolumeError> {
        if let Found::Held(extent) = self.state.read().root.find(piece.index) {
            return Ok(!is_zero(extent.part(piece.within.clone())));
        }
        let content = self.stored_content(piece.index)?;
        let end = piece.within.end.min(content.len());
        Ok(content.get(piece.within.start..end).is_some_and(|part| !is_zero(part)))
    }

    /// Writes out what is dirty if these extents would make it too much, even with what the change frees.
    fn make_room(
        &self,
        turn: &mut Turn,
        indices: impl Iterator<Item = u64>,
        freed: u64,
    ) -> Result<(), VolumeError> {
        let (dirty_bytes, added) = {
            let state = self.state.read();
            let each = state.geometry.extent_bytes() + u64::from(state.root.level()) * NODE_BYTES;
            let fresh = indices.filter(|index| !matches!(state.root.find(*index), Found::Held(_)));
            (state.dirty_bytes, fresh.count() as u64 * each)
        };
        let dirty_bytes_max = self.config.dirty_bytes_max;
        // A write that is too large by itself is let through once nothing else waits.
        if added <= freed || dirty_bytes == 0 || dirty_bytes.saturating_add(added) <= dirty_bytes_max {
            return Ok(());
        }
        if !turn.is_pinned() {
            return Err(VolumeError::DirtyFull {
                dirty_bytes: dirty_bytes.saturating_add(added),
                dirty_bytes_max,
            });
        }
        self.checkpoint(turn)?;
        Ok(())
    }

    /// Makes those of the extents that are not held, with `data` in them, and holds the nodes on the way to all.
    fn prepare(
        &self,
        pieces: impl Iterator<Item = Piece>,
        data: Option<&[u8]>,
    ) -> Result<Vec<Fresh>, VolumeError> {
        let geometry = self.state.read().geometry;
        let mut fresh = Vec::new();
        for piece in pieces {
            let stored = match self.hold(piece.index)? {
                Walked::Held => continue,
                Walked::Stored(id) => Some(id),
                Walked::Absent | Walked::Missing(..) => None,
            };
            let part = data.map(|data| &data[piece.place()]);
            let is_whole = piece.within.len() as u64 == geometry.extent_bytes();
            if let Some(part) = part.filter(|_| is_whole) {
                fresh.push((piece.index, Extent::new(geometry, part)));
                continue;
            }
            let content = stored.map(|id| self.loader.extent(id)).transpose()?;
            let mut extent = Extent::new(geometry, &content.unwrap_or_default());
            if let Some(part) = part {
                extent.part_mut(piece.within).copy_from_slice(part);
            }
            fresh.push((piece.index, extent));
        }
        Ok(fresh)
    }

    /// Holds the nodes on the way to an extent, loading those that are not, one level after the other.
    fn hold(&self, index: u64) -> Result<Walked, VolumeError> {
        let mut hand = None;
        loop {
            let walked = self.state.write().walk(index, &mut hand);
            let Walked::Missing(id, level) = walked else {
                return Ok(walked);
            };
            hand = Some((id, self.loader.node(id, level)?));
        }
    }
}
