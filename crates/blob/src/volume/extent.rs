//! [`Extent`]: the bytes of one extent while they can be changed.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::geometry::Geometry;

/// The bytes of one extent that is not written out. Forks share it until one of them writes.
#[derive(Debug, Clone)]
pub(super) struct Extent(Arc<Vec<u8>>);

impl Extent {
    /// An extent that begins with `content` and goes on with zeroes.
    pub(super) fn new(geometry: Geometry, content: &[u8]) -> Self {
        let length = geometry.extent_bytes() as usize;
        assert!(content.len() <= length, "longer than an extent");
        if content.is_empty() {
            return Self(Arc::new(vec![0; length]));
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(content);
        bytes.resize(length, 0);
        Self(Arc::new(bytes))
    }

    /// Some of the bytes.
    pub(super) fn part(&self, range: Range<usize>) -> &[u8] {
        &self.0[range]
    }

    /// Some of the bytes, to be changed.
    pub(super) fn part_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.0)[range]
    }

    /// What is stored of it: everything up to the last byte that is not zero.
    pub(super) fn content(&self) -> &[u8] {
        trim(&self.0)
    }

    /// What is stored of it, for the cache: shared if most of it is content, copied if most of it is zeroes.
    pub(super) fn share(&self) -> Bytes {
        let content = self.content();
        if content.len() < self.0.len() / 2 {
            Bytes::copy_from_slice(content)
        } else {
            Bytes::from_owner(self.clone()).slice(..content.len())
        }
    }
}

impl AsRef<[u8]> for Extent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Copies some bytes of an extent whose stored content this is; beyond the content it is zero.
pub(super) fn copy_part(content: &[u8], from: usize, target: &mut [u8]) {
    let rest = content.get(from..).unwrap_or_default();
    let (copied, zeroed) = target.split_at_mut(rest.len().min(target.len()));
    copied.copy_from_slice(&rest[..copied.len()]);
    zeroed.fill(0);
}

/// Whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // Eight bytes at a time and without a branch within a chunk, so that it runs at the speed of memory.
    let (chunks, rest) = bytes.as_chunks::<128>();
    let is_zero = |chunk: &[u8]| chunk.iter().fold(0, |all, byte| all | byte) == 0;
    chunks.iter().all(|chunk| is_zero(chunk)) && is_zero(rest)
}

/// The bytes without the zeroes at their end.
fn trim(bytes: &[u8]) -> &[u8] {
    let (rest, chunks) = bytes.as_rchunks::<128>();
    let zeroes = chunks.iter().rev().take_while(|chunk| is_zero(*chunk)).count();
    let kept = &bytes[..rest.len() + (chunks.len() - zeroes) * 128];
    let length = kept.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &kept[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_zeroes_at_the_end_are_trimmed(
            zeroes in 0..400usize,
            content in prop::collection::vec(0..2u8, 0..400),
        ) {
            let bytes = [&content[..], &vec![0; zeroes]].concat();
            let trimmed = trim(&bytes);
            prop_assert!(bytes.starts_with(trimmed));
            prop_assert_ne!(trimmed.last(), Some(&0));
            prop_assert!(bytes[trimmed.len()..].iter().all(|byte| *byte == 0));
            prop_assert_eq!(is_zero(&bytes), trimmed.is_empty());
        }

        #[test]
        fn parts_of_a_trimmed_extent_go_on_with_zeroes(
            content in prop::collection::vec(1..9u8, 0..50),
            from in 0..80usize,
            length in 0..80usize,
        ) {
            let mut target = vec![7; length];
            copy_part(&content, from, &mut target);
            let whole = [&content[..], &[0; 160]].concat();
            prop_assert_eq!(&target[..], &whole[from..from + length]);
        }
    }
}
