//! [`SignalSet`]: some of the signals.

use std::fmt;

use super::Signal;

/// Some of the signals.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SignalSet(u32);

impl SignalSet {
    /// None of them.
    pub const EMPTY: Self = Self(0);

    /// One of them.
    #[must_use]
    pub const fn of(signal: Signal) -> Self {
        Self(1 << signal.number())
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has this one.
    #[must_use]
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    /// Adds one.
    pub const fn insert(&mut self, signal: Signal) {
        self.0 |= Self::of(signal).0;
    }

    /// Takes one out.
    pub const fn remove(&mut self, signal: Signal) {
        self.0 &= !Self::of(signal).0;
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that the other does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Takes out the one to act on next: [`Signal::Kill`] before all, then by number.
    pub fn pop(&mut self) -> Option<Signal> {
        let next = if self.contains(Signal::Kill) { Some(Signal::Kill) } else { self.iter().next() };
        if let Some(signal) = next {
            self.remove(signal);
        }
        next
    }

    /// Those that it has, by number.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::ALL.iter().copied().filter(move |signal| self.contains(*signal))
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        let mut set = Self::EMPTY;
        signals.into_iter().for_each(|signal| set.insert(signal));
        set
    }
}
