//! [`Readiness`]: whether a system call on a socket is worth it, and who waits until it is.
//!
//! The kernel tells of each change once (edge-triggered), so a change that is overlooked is lost. Two parties meet
//! here: the *owner* of the socket, who tries and finds that nothing more is to be had, and the *reactor*, who hears
//! of changes. They share one word:
//!
//! ```text
//! | tick … | write closed | read closed | write | read |
//! ```
//!
//! 1. The owner takes a [`Glance`] at the word. If its side is ready it makes its system call, and if that moved less
//!    than was asked for, or nothing, it *spends* the readiness, but only if the tick is still that of the glance.
//! 2. The reactor *raises* what it heard: it sets bits and advances the tick in one step. So a change that happened
//!    after the owner's call, but was heard before the owner spent, is not spent with the rest.
//! 3. If its side is not ready the owner leaves its waker and glances again. The reactor sets the word first and takes
//!    the wakers afterwards, under the same lock. Whoever comes second at the lock sees what the first one did, so
//!    either the reactor finds the waker or the owner finds the readiness.
//!
//! A change before the owner's call may be heard after it. That costs one system call that finds nothing; the other
//! way around would cost a connection that hangs.
//!
//! *Closed* stays set when a short read spends: data and the end of the stream may arrive together and be told of
//! once, and after the data was read short nobody would tell of the end again. Only a call that finds nothing at all
//! spends it, because then it was wrong.

use std::mem;
use std::task::Waker;

use super::sync::{AtomicUsize, Mutex, MutexGuard, Ordering};

/// A direction of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

/// What the owner saw of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Glance(usize);

/// What became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Signal(usize);

/// What the owner's system call showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Less than was asked for: all that there was.
    Short,
    /// Nothing: it would block.
    Refused,
}

/// The readiness of both sides of one socket, and a waker for each.
#[derive(Debug)]
pub(crate) struct Readiness {
    word: AtomicUsize,
    /// Whom to wake, by side.
    wakers: Mutex<[Option<Waker>; 2]>,
}

const TICK: usize = 1 << 4;

impl Side {
    /// Ready, and closed.
    const fn bits(self) -> (usize, usize) {
        match self {
            Self::Read => (Signal::READ.0, Signal::READ_CLOSED.0),
            Self::Write => (Signal::WRITE.0, Signal::WRITE_CLOSED.0),
        }
    }
}

impl Signal {
    pub(crate) const READ: Self = Self(1);
    pub(crate) const WRITE: Self = Self(2);
    pub(crate) const READ_CLOSED: Self = Self(4);
    pub(crate) const WRITE_CLOSED: Self = Self(8);
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const EVERYTHING: Self = Self(15);

    /// Both together.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The signal, if the condition holds.
    #[must_use]
    pub(crate) const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NOTHING }
    }

    const fn concerns(self, side: Side) -> bool {
        let (ready, closed) = side.bits();
        self.0 & (ready | closed) != 0
    }
}

impl Glance {
    /// Of a new socket: whatever is wanted is tried first.
    pub(crate) const NEW: Self = Self(Signal::READ.0 | Signal::WRITE.0);

    pub(crate) const fn is_ready(self, side: Side) -> bool {
        Signal(self.0).concerns(side)
    }

    /// The word after a change was heard of.
    #[must_use]
    pub(crate) const fn raised(self, signal: Signal) -> Self {
        Self((self.0 | signal.0).wrapping_add(TICK))
    }

    /// The word after the owner, who had seen `seen`, found nothing more; `None` if something was heard since.
    pub(crate) const fn spent(self, side: Side, seen: Self, spent: Spent) -> Option<Self> {
        if self.0 / TICK != seen.0 / TICK {
            return None;
        }
        let (ready, closed) = side.bits();
        Some(match spent {
            Spent::Short => Self(self.0 & !ready),
            Spent::Refused => Self(self.0 & !(ready | closed)),
        })
    }
}

impl Readiness {
    pub(crate) fn new() -> Self {
        Self { word: AtomicUsize::new(Glance::NEW.0), wakers: Mutex::new([None, None]) }
    }

    /// How things stand. Take it before the system call that it decides on.
    pub(crate) fn glance(&self) -> Glance {
        Glance(self.word.load(Ordering::Acquire))
    }

    /// The owner's system call, decided on by `seen`, found the end of what there is.
    pub(crate) fn spend(&self, side: Side, seen: Glance, spent: Spent) {
        self.change(|word| word.spent(side, seen, spent));
    }

    /// Leaves a waker for the side in place of the one before; whether it is ready after all.
    pub(crate) fn wait(&self, side: Side, waker: &Waker) -> bool {
        // Cloned and dropped outside of the lock: wakers are foreign code.
        let mut other = Some(waker.clone());
        let mut wakers = self.lock();
        let place = &mut wakers[side as usize];
        if place.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            mem::swap(place, &mut other);
        }
        drop(wakers);
        drop(other);
        self.glance().is_ready(side)
    }

    /// A change was heard of: who must be woken for it is put into `woken`.
    pub(crate) fn raise(&self, signal: Signal, woken: &mut Vec<Waker>) {
        self.change(|word| Some(word.raised(signal)));
        let mut wakers = self.lock();
        for side in [Side::Read, Side::Write] {
            if signal.concerns(side) {
                woken.extend(mem::take(&mut wakers[side as usize]));
            }
        }
    }

    /// Replaces the word in one step, unless there is nothing to replace it with.
    fn change(&self, next: impl Fn(Glance) -> Option<Glance>) {
        let mut word = self.word.load(Ordering::Relaxed);
        while let Some(next) = next(Glance(word)) {
            match self.word.compare_exchange_weak(word, next.0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => word = found,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.wakers.lock().expect("no foreign code that panics runs under this lock")
    }
}

#[cfg(test)]
mod tests;
