//! [`Geometry`]: where in the tree a byte lies.
//!
//! Byte `b` lies in extent `b >> extent_bits`. The tree over the extents has 256 branches at each node, so a node of
//! level `l` leads to 256^(l + 1) extents, and the byte `l` of an extent's number is its slot in that node. The height
//! follows from the size: the lowest tree with room for all extents, so that one content has one tree.

use std::ops::{Range, RangeInclusive};

use super::VolumeError;

/// How many bytes a volume may have.
pub(super) const SIZE_MAX: u64 = 1 << 63;

/// The logarithms of the lengths that extents may have.
pub(super) const EXTENT_BITS: RangeInclusive<u8> = 12..=24;

/// The logarithm of how many children a node may have.
pub(super) const SLOT_BITS: u32 = 8;

/// How many levels a tree may have.
pub(super) const HEIGHT_MAX: u8 = 7;

const _: () = assert!(SLOT_BITS * HEIGHT_MAX as u32 + *EXTENT_BITS.start() as u32 >= 63);

/// How long extents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    extent_bits: u8,
}

impl Geometry {
    /// Extents of `1 << extent_bits` bytes, if they may have so many.
    pub(super) fn new(extent_bits: u8) -> Option<Self> {
        EXTENT_BITS.contains(&extent_bits).then_some(Self { extent_bits })
    }

    /// Extents of so many bytes.
    pub(super) fn of(extent_bytes: u64) -> Result<Self, VolumeError> {
        Some(extent_bytes)
            .filter(|bytes| bytes.is_power_of_two())
            .and_then(|bytes| Self::new(bytes.trailing_zeros() as u8))
            .ok_or(VolumeError::ExtentBytes { extent_bytes })
    }

    pub(super) const fn extent_bits(self) -> u8 {
        self.extent_bits
    }

    pub(super) const fn extent_bytes(self) -> u64 {
        1 << self.extent_bits
    }

    /// How many extents so many bytes need.
    pub(super) const fn extents(self, size: u64) -> u64 {
        size.div_ceil(self.extent_bytes())
    }

    /// How many levels the tree of a volume with so many bytes has.
    pub(super) fn height(self, size: u64) -> u8 {
        let last = self.extents(size).saturating_sub(1);
        let bits = u64::BITS - last.leading_zeros();
        bits.div_ceil(SLOT_BITS).max(1) as u8
    }

    /// The bytes from `offset` to `end`.
    pub(super) const fn span(self, offset: u64, end: u64) -> Span {
        Span { geometry: self, offset, end }
    }
}

/// Bytes that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    geometry: Geometry,
    offset: u64,
    end: u64,
}

/// The part of a span that lies in one extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The extent.
    pub(super) index: u64,
    /// Which bytes of the extent.
    pub(super) within: Range<usize>,
    /// Which byte of the span is the first of them.
    pub(super) at: usize,
}

impl Piece {
    /// Which bytes of the span they are.
    pub(super) fn place(&self) -> Range<usize> {
        self.at..self.at + self.within.len()
    }
}

impl Span {
    /// The extents that it touches.
    pub(super) const fn touched(self) -> Range<u64> {
        self.offset >> self.geometry.extent_bits..self.geometry.extents(self.end)
    }

    /// The extents that it covers from end to end.
    pub(super) fn whole(self) -> Range<u64> {
        let first = self.geometry.extents(self.offset);
        first..(self.end >> self.geometry.extent_bits).max(first)
    }

    /// It, cut where extents end.
    pub(super) fn pieces(self) -> impl Iterator<Item = Piece> {
        let touched = if self.offset == self.end { 0..0 } else { self.touched() };
        touched.map(move |index| self.piece(index))
    }

    /// Those pieces that are less than a whole extent: two at most, however long it is.
    pub(super) fn edges(self) -> impl Iterator<Item = Piece> {
        let Range { start, end } = self.touched();
        let last = Some(end.saturating_sub(1)).filter(|last| *last != start);
        let bytes = self.geometry.extent_bytes() as usize;
        [Some(start), last]
            .into_iter()
            .flatten()
            .filter(move |_| self.offset != self.end)
            .map(move |index| self.piece(index))
            .filter(move |piece| piece.within.len() < bytes)
    }

    fn piece(self, index: u64) -> Piece {
        let start = index << self.geometry.extent_bits;
        let from = self.offset.max(start);
        let to = self.end.min(start + self.geometry.extent_bytes());
        Piece {
            index,
            within: (from - start) as usize..(to - start) as usize,
            at: (from - self.offset) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heights_follow_from_sizes() {
        let geometry = Geometry::new(12).unwrap();
        let height = |extents: u64| geometry.height(extents << 12);
        assert_eq!([height(0), height(1), height(256)], [1, 1, 1]);
        assert_eq!([height(257), height(65_536), height(65_537)], [2, 2, 3]);
        assert_eq!(geometry.height(SIZE_MAX), HEIGHT_MAX);
    }

    #[test]
    fn extents_have_sound_lengths() {
        for bytes in [0, 1, 2_048, 4_097, 1 << 25, 1 << 63, u64::MAX] {
            assert!(Geometry::of(bytes).is_err(), "{bytes}");
        }
        assert_eq!(Geometry::of(65_536).unwrap().extent_bytes(), 65_536);
    }

    proptest! {
        #[test]
        fn pieces_are_the_span_in_order(offset in 0..100_000u64, length in 0..100_000u64) {
            let span = Geometry::new(12).unwrap().span(offset, offset + length);
            let mut next = offset;
            for piece in span.pieces() {
                prop_assert_eq!((piece.index << 12) + piece.within.start as u64, next);
                prop_assert_eq!(piece.at as u64, next - offset);
                next += piece.within.len() as u64;
            }
            prop_assert_eq!(next, offset + length);
            let edges: Vec<Piece> = span.pieces().filter(|piece| piece.within.len() < 4_096).collect();
            prop_assert_eq!(span.edges().collect::<Vec<_>>(), edges);
            let whole = span.pieces().filter(|piece| piece.within.len() == 4_096).map(|piece| piece.index);
            prop_assert!(span.whole().eq(whole));
        }
    }
}
