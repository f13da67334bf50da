//! [`Content`]: what a message says about the bytes of a page.

use std::hash::{Hash, Hasher};

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;

use super::PageBytes;
use crate::PAGE_BYTES;

const PAGE: usize = PAGE_BYTES as usize;

/// The bytes of a line, the smallest part of a page that is told by itself.
pub const LINE_BYTES: usize = 64;

const _: () = assert!(PAGE == 64 * LINE_BYTES, "a page has a line for each bit of a mask");

/// What a message says about the bytes of a page, as far as its receiver does not know them.
///
/// A receiver that still has the page as it once was is told the lines that differ from that.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// They are those that the receiver has.
    Same,
    /// All are zero.
    Zeroes,
    /// These lines differ from those that the receiver has.
    Lines(Lines),
    /// All of them.
    Whole(PageBytes),
    /// The store that both hosts have holds all of them, under this name.
    Stored(BlobId),
}

impl From<[u8; PAGE]> for Content {
    fn from(page: [u8; PAGE]) -> Self {
        Self::of(&page)
    }
}

impl Hash for Content {
    /// What is carried tells contents apart mostly by its first line: who hashes them does not want to read it all.
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Same | Self::Zeroes => {}
            Self::Lines(lines) => {
                lines.mask.hash(state);
                lines.bytes.get(..LINE_BYTES).hash(state);
            }
            Self::Whole(bytes) => bytes[..LINE_BYTES].hash(state),
            Self::Stored(name) => name.hash(state),
        }
    }
}

/// Some lines of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Lines {
    /// A bit for each line that there is.
    mask: u64,
    /// Their bytes, one after another.
    bytes: Vec<u8>,
}

impl Content {
    /// The whole page.
    #[must_use]
    pub fn of(page: impl Into<PageBytes>) -> Self {
        let page = page.into();
        if lines_of(&page).all(|line| *line == [0; LINE_BYTES]) { Self::Zeroes } else { Self::Whole(page) }
    }

    /// How a page differs from what it once was.
    #[must_use]
    pub fn since(old: &[u8; PAGE], new: &[u8; PAGE]) -> Self {
        let mut lines = Lines::default();
        for (number, (before, after)) in lines_of(old).zip(lines_of(new)).enumerate() {
            if before != after {
                lines.mask |= 1 << number;
                lines.bytes.extend_from_slice(after);
            }
        }
        match lines.mask.count_ones() {
            0 => Self::Same,
            // More would be longer than the page.
            64 => Self::of(new),
            _ => Self::Lines(lines),
        }
    }

    /// Makes of what a page once was what it is; `false` if this is not sound or has to be fetched from a store first, and
    /// the page is as it was.
    #[must_use]
    pub fn apply(&self, page: &mut [u8; PAGE]) -> bool {
        match self {
            Self::Same => {}
            Self::Zeroes => page.fill(0),
            Self::Lines(lines) => return lines.apply(page),
            Self::Whole(bytes) => page.copy_from_slice(&**bytes),
            Self::Stored(_) => return false,
        }
        true
    }

    /// How many bytes of the page it carries.
    #[must_use]
    pub const fn carried(&self) -> usize {
        match self {
            Self::Same | Self::Zeroes | Self::Stored(_) => 0,
            Self::Lines(lines) => lines.bytes.len(),
            Self::Whole(_) => PAGE,
        }
    }

    /// Whether it says all of the page, so that the receiver needs to know nothing of it.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Zeroes | Self::Whole(_) | Self::Stored(_))
    }
}

impl Lines {
    /// Each line that there is, and its number.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8; LINE_BYTES])> {
        let numbers = (0..64).filter(|number| self.mask >> number & 1 == 1);
        numbers.zip(self.bytes.as_chunks::<LINE_BYTES>().0)
    }

    /// A bit for each line that there is.
    pub(crate) const fn mask(&self) -> u64 {
        self.mask
    }

    /// Whether there are as many bytes as the mask says.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.bytes.len() == self.mask.count_ones() as usize * LINE_BYTES
    }

    fn apply(&self, page: &mut [u8; PAGE]) -> bool {
        if !self.is_sound() {
            return false;
        }
        for (number, line) in self.iter() {
            page[number * LINE_BYTES..][..LINE_BYTES].copy_from_slice(line);
        }
        true
    }
}

fn lines_of(page: &[u8; PAGE]) -> impl Iterator<Item = &[u8; LINE_BYTES]> {
    page.as_chunks::<LINE_BYTES>().0.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &[u8; PAGE], new: &[u8; PAGE], carried: usize) {
        let content = Content::since(old, new);
        assert_eq!(content.carried(), carried);
        let mut page = *old;
        assert!(content.apply(&mut page));
        assert_eq!(&page, new);
    }

    #[test]
    fn a_change_carries_the_lines_that_differ() {
        let old = [7; PAGE];
        let mut new = old;
        check(&old, &new, 0);
        new[63] = 8;
        new[64] = 8;
        new[4095] = 8;
        check(&old, &new, 3 * LINE_BYTES);
        check(&old, &[9; PAGE], PAGE);
        check(&old, &[0; PAGE], 0);
    }

    #[test]
    fn lines_that_lie_about_their_number_change_nothing() {
        let lies = Content::Lines(Lines { mask: 3, bytes: vec![1; LINE_BYTES] });
        let mut page = [5; PAGE];
        assert!(!lies.apply(&mut page));
        assert_eq!(page, [5; PAGE]);
    }
}
