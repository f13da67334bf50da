//! [`Bits`]: a set of the pages of a region.

use super::region::PAGES;

/// A set of the pages of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits([u64; PAGES / 64]);

impl Bits {
    /// All pages.
    pub(super) const ALL: Self = Self([u64::MAX; PAGES / 64]);

    #[inline]
    pub(super) const fn has(&self, page: usize) -> bool {
        self.0[page / 64] >> (page % 64) & 1 == 1
    }

    #[inline]
    pub(super) const fn insert(&mut self, page: usize) {
        self.0[page / 64] |= 1 << (page % 64);
    }

    #[inline]
    pub(super) const fn remove(&mut self, page: usize) {
        self.0[page / 64] &= !(1 << (page % 64));
    }

    pub(super) const fn clear(&mut self) {
        self.0 = [0; PAGES / 64];
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many of the pages before this one are in it.
    pub(super) fn rank(&self, page: usize) -> usize {
        let before: u32 = self.0[..page / 64].iter().map(|word| word.count_ones()).sum();
        let within = self.0[page / 64] & ((1 << (page % 64)) - 1);
        (before + within.count_ones()) as usize
    }

    /// The pages in it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        let words = self.0;
        words.into_iter().enumerate().flat_map(|(place, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(place * 64 + bit)
            })
        })
    }

    /// The set as bytes, the first page in the lowest bit of the first.
    pub(super) fn to_bytes(self) -> [u8; PAGES / 8] {
        let mut bytes = [0; PAGES / 8];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; PAGES / 8]) -> Self {
        let mut words = [0; PAGES / 64];
        for (word, place) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*place);
        }
        Self(words)
    }
}
