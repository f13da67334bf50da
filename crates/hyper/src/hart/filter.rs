//! [`Filter`]: a set of numbers that may say yes too often, never no.

const WORDS: usize = 128;

/// A set of numbers that may say yes too often, never no: what tells whether something may have to be forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Filter([u64; WORDS]);

impl Filter {
    pub(crate) const fn new() -> Self {
        Self([0; WORDS])
    }

    pub(crate) const fn insert(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.0[word] |= bit;
    }

    pub(crate) const fn may_contain(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.0[word] & bit != 0
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(0);
    }

    const fn place(number: u64) -> (usize, u64) {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51;
        ((hash >> 6) as usize % WORDS, 1 << (hash & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_until_it_is_cleared() {
        let mut filter = Filter::new();
        for number in 0..100 {
            filter.insert(number * 977);
        }
        assert!((0..100).all(|number| filter.may_contain(number * 977)));
        let wrong = (0..10_000).filter(|number| filter.may_contain(1_000_000 + number)).count();
        assert!(wrong < 300, "{wrong} of 10,000 others are taken for members");
        filter.clear();
        assert!(!filter.may_contain(0));
    }
}
