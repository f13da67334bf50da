//! [`Sequence`]: the number of a byte of a stream, which wraps around.

use std::fmt;

/// The number of a byte of a stream.
///
/// Numbers wrap around, so one is before another if the way forward to it is the shorter one.
/// That is no total order; hence no `Ord`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sequence(u32);

impl Sequence {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// The number so many bytes later.
    pub(crate) const fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The number so many bytes earlier.
    pub(crate) const fn minus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    /// How many bytes it is after an earlier one.
    pub(crate) const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    pub(crate) const fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    pub(crate) const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// The later one.
    pub(crate) const fn later(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    /// The earlier one.
    pub(crate) const fn earlier(self, other: Self) -> Self {
        if self.is_before(other) { self } else { other }
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn wraps_around() {
        let (old, new) = (Sequence::new(u32::MAX - 1), Sequence::new(3));
        assert!(old.is_before(new) && new.is_after(old) && !old.is_before(old));
        assert_eq!(new.since(old), 5);
        assert_eq!((old.plus(5), new.minus(5)), (new, old));
        assert_eq!((old.later(new), old.earlier(new)), (new, old));
    }
}
