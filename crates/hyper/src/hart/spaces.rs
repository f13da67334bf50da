//! [`Spaces`]: short numbers for address spaces, which the tags of the TLBs have room for.

use super::raw::CONTEXTS;

/// How many numbers there are: a context also has two bits for the mode.
const NUMBERS: u64 = CONTEXTS >> 2;

/// How many spaces are remembered at once; switching between more forgets translations.
const KNOWN: usize = 16;

/// Which number stands for which value of `satp`. A number is never used for another space before everything was forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Spaces {
    known: Vec<(u64, u64)>,
    next: u64,
}

impl Spaces {
    pub(crate) fn new() -> Self {
        Self { known: Vec::with_capacity(KNOWN), next: 1 }
    }

    /// The number of a space, if it has one or one is left.
    pub(crate) fn number(&mut self, satp: u64) -> Option<u64> {
        if let Some(place) = self.known.iter().position(|(known, _)| *known == satp) {
            self.known.swap(0, place);
            return Some(self.known[0].1);
        }
        if self.next == NUMBERS {
            return None;
        }
        if self.known.len() == KNOWN {
            self.known.pop();
        }
        let number = self.next;
        self.next += 1;
        self.known.insert(0, (satp, number));
        Some(number)
    }

    /// Gives every space a new number the next time.
    pub(crate) fn renew(&mut self) {
        self.known.clear();
    }

    /// Gives the spaces with an identifier (`ASID`) a new number the next time.
    pub(crate) fn renew_identifier(&mut self, identifier: u64) {
        self.known.retain(|(satp, _)| satp >> 44 & 0xffff != identifier);
    }

    /// Begins with all numbers again, after everything was forgotten.
    pub(crate) fn restart(&mut self) {
        self.known.clear();
        self.next = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_given_twice_before_a_restart() {
        let mut spaces = Spaces::new();
        let first = spaces.number(7).unwrap();
        assert_eq!(spaces.number(7), Some(first));
        spaces.renew();
        assert_ne!(spaces.number(7), Some(first));
        let mut seen = vec![first];
        while let Some(number) = spaces.number(seen.len() as u64 * 1_000) {
            assert!(!seen.contains(&number), "{number} was given before");
            seen.push(number);
        }
        assert_eq!(seen.len() as u64, NUMBERS - 2);
        spaces.restart();
        assert!(spaces.number(7).is_some());
    }

    #[test]
    fn an_identifier_is_renewed_alone() {
        let mut spaces = Spaces::new();
        let (one, two) = (8 << 60 | 1 << 44, 8 << 60 | 2 << 44);
        let numbers = [spaces.number(one).unwrap(), spaces.number(two).unwrap()];
        spaces.renew_identifier(1);
        assert_ne!(spaces.number(one).unwrap(), numbers[0]);
        assert_eq!(spaces.number(two).unwrap(), numbers[1]);
    }
}
