//! [`Taken`]: a set of numbers whose lowest gap is found at once.
//!
//! A tree of bits: a bit of the lowest level is a number, a bit of a level above says that all 64 bits of a word below
//! are set. Levels end behind the last bit that was ever set in them, and what lies beyond is free.

const WORD: u32 = u64::BITS;

/// Six levels of 64 would do for 36 bits; numbers have 32.
const LEVELS: usize = 6;

/// A set of numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    levels: [Vec<u64>; LEVELS],
    len: u64,
}

impl Taken {
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.word(0, number / WORD) & bit(number) != 0
    }

    /// Adds a number; `false` if it was there.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        if self.contains(number) {
            return false;
        }
        self.len += 1;
        let mut place = number;
        for level in &mut self.levels {
            let index = (place / WORD) as usize;
            if index >= level.len() {
                level.resize(index + 1, 0);
            }
            level[index] |= bit(place);
            if level[index] != u64::MAX {
                break;
            }
            place /= WORD;
        }
        true
    }

    /// Takes a number out; `false` if it was not there.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        if !self.contains(number) {
            return false;
        }
        self.len -= 1;
        let mut place = number;
        for level in &mut self.levels {
            let word = &mut level[(place / WORD) as usize];
            let was_full = *word == u64::MAX;
            *word &= !bit(place);
            if !was_full {
                break;
            }
            place /= WORD;
        }
        true
    }

    /// The lowest number at `from` or above that is not in the set.
    ///
    /// It climbs while words are full, and then descends to the gap that it found.
    pub(super) fn first_free(&self, from: u32) -> Option<u32> {
        let (mut level, mut place) = (0, from);
        loop {
            let gaps = !self.word(level, place / WORD) & (u64::MAX << (place % WORD));
            if gaps != 0 {
                place = place / WORD * WORD + gaps.trailing_zeros();
                break;
            }
            // Behind this word: no number has more than 32 bits, so the levels above are never left.
            place = (place / WORD).checked_add(1)?;
            level += 1;
            if level == LEVELS {
                return None;
            }
        }
        while level > 0 {
            level -= 1;
            let word = !self.word(level, place);
            place = place.checked_mul(WORD)?.checked_add(word.trailing_zeros())?;
        }
        Some(place)
    }

    fn word(&self, level: usize, index: u32) -> u64 {
        self.levels[level].get(index as usize).copied().unwrap_or(0)
    }
}

const fn bit(number: u32) -> u64 {
    1 << (number % WORD)
}
