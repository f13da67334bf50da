//! [`TimerWheel`]: a million timers, each exact to the nanosecond, for the price of a few cache lines.
//!
//! A hierarchical wheel over all 64 bits of an [`Instant`]: eight levels of 256 slots, one level a byte. A timer rests
//! in the level of the highest byte in which its deadline differs from the wheel's present, in the slot that this byte
//! names. So level 0 holds the timers of the next 256 ns, a slot for each; level 3 those of the next four seconds.
//! When the present enters a slot with many timers, they move to lower levels. A slot with few is not worth that: it
//! is sorted and becomes the *near* run, from which timers expire.
//!
//! Three decisions make it fast (measured in `docs/performance.md`). A slot is a vector of 16-byte entries rather than
//! a linked list of timers, so a timer moves down without its own cache line being touched. A timer that is cancelled
//! in a slot leaves its entry behind, to be recognised by its generation; a slot in which most entries are dead is
//! swept, so what lies dead is never more than what lives, plus a constant for each slot. And sorting a few entries at
//! once is cheaper than letting each fall through levels in which it is alone.
//!
//! Invariants: entries of a slot are in the order in which they were inserted; the near run is in order of deadlines,
//! then of insertion; whatever is in the levels is due at the near run's end or later. The present enters a slot before any
//! timer can be inserted below it, so timers with one deadline expire in the order of insertion.

mod arena;
mod level;
mod near;

use std::fmt;

use thiserror::Error;

use crate::Instant;

use arena::Arena;
use level::{Entry, Levels};
use near::Near;

pub use arena::TimerId;

/// Timers that are inserted, cancelled and expire in constant time, in exact order.
///
/// The wheel is told the time: [`poll`](TimerWheel::poll) gives the timers that are due, one at a time, by deadline
/// and then by insertion. Between two polls timers may be inserted and cancelled at will.
///
/// ```
/// use ironloom_core::{Duration, Instant, TimerWheel};
///
/// let at = |millis| Instant::ZERO.saturating_add(Duration::from_millis(millis));
/// let mut wheel = TimerWheel::new(1_000);
/// wheel.insert(at(20), "retransmit").unwrap();
/// let idle = wheel.insert(at(5), "idle").unwrap();
/// wheel.cancel(idle);
///
/// assert!(wheel.poll(at(10)).is_none());
/// let expired = wheel.poll(at(30)).unwrap();
/// assert_eq!((expired.deadline, expired.value), (at(20), "retransmit"));
/// ```
#[derive(Clone)]
pub struct TimerWheel<T> {
    /// The latest instant that was polled to: what is inserted before it is due at once.
    now: u64,
    /// Where the levels count from. No live timer in them is due before this.
    present: u64,
    levels: Levels,
    near: Near,
    arena: Arena<T>,
    timers_max: usize,
}

/// A timer whose deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired<T> {
    /// When it was due.
    pub deadline: Instant,
    /// What was inserted.
    pub value: T,
}

impl<T> TimerWheel<T> {
    /// A wheel at time zero, for at most `timers_max` timers at once. It allocates nothing yet.
    ///
    /// # Panics
    ///
    /// If `timers_max` is above 2³².
    #[must_use]
    pub fn new(timers_max: usize) -> Self {
        assert!(u32::try_from(timers_max.saturating_sub(1)).is_ok(), "timers are numbered with 32 bits");
        Self {
            now: 0,
            present: 0,
            levels: Levels::default(),
            near: Near::default(),
            arena: Arena::default(),
            timers_max,
        }
    }

    /// Sets a timer. A deadline in the past is due at once, behind what is due already.
    ///
    /// # Errors
    ///
    /// If there are as many timers as there may be; the value comes back.
    #[inline]
    pub fn insert(&mut self, deadline: Instant, value: T) -> Result<TimerId, WheelFull<T>> {
        if self.arena.len() >= self.timers_max {
            return Err(WheelFull { value, timers_max: self.timers_max });
        }
        let deadline = deadline.as_nanos().max(self.now);
        let id = self.arena.insert(deadline, value);
        let entry = Entry { deadline, id };
        if self.near.covers(deadline) {
            self.near.insert(entry);
            self.relieve_near();
        } else {
            self.levels.push(self.present, entry);
        }
        Ok(id)
    }

    /// Stops a timer and returns its value; `None` if it has expired or was cancelled before.
    #[inline]
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let (deadline, value) = self.arena.remove(id)?;
        let entry = Entry { deadline, id };
        if !self.near.remove(entry, |other| self.arena.is_live(other.id)) {
            self.levels.bury(self.present, entry, &self.arena);
        }
        Some(value)
    }

    /// The next timer that is due at `now`, or `None` if there is none.
    ///
    /// Call it until it returns `None`. A `now` before one of an earlier call finds only what is due by then.
    #[inline]
    pub fn poll(&mut self, now: Instant) -> Option<Expired<T>> {
        let now = now.as_nanos();
        loop {
            while let Some(entry) = self.near.pop_due(now) {
                if let Some((deadline, value)) = self.arena.remove(entry.id) {
                    self.now = self.now.max(deadline);
                    return Some(Expired { deadline: Instant::from_nanos(deadline), value });
                }
            }
            if !self.near.is_empty() || !self.enter_next_slot(now) {
                self.now = self.now.max(now);
                return None;
            }
        }
    }

    /// A bound on the future: nothing is due before it; `None` if there are no timers.
    ///
    /// It is the next deadline, or a little before it where timers were cancelled; never later. Polling at this
    /// instant finds a timer or brings the bound closer. A timer at [`Instant::MAX`] counts too, so a simulation that
    /// jumps from bound to bound should not use that for "never": it would jump to the end of time.
    #[must_use]
    pub fn next_bound(&self) -> Option<Instant> {
        if self.arena.len() == 0 {
            return None;
        }
        let near = self.near.first();
        near.or_else(|| Some(self.levels.first(self.present)?.earliest)).map(Instant::from_nanos)
    }

    /// What will probably expire as the `nth` from now, counted from 0; `None` if that is not in order yet.
    ///
    /// It is for looking ahead: to have ready what a timer is about when it expires. What is inserted or cancelled
    /// meanwhile may come before it.
    #[must_use]
    #[inline]
    pub fn upcoming(&self, nth: usize) -> Option<&T> {
        let entry = self.near.nth(nth)?;
        Some(self.arena.timer(entry.id)?.1)
    }

    /// When a timer is due and what it carries; `None` if it has expired or was cancelled.
    #[must_use]
    pub fn timer(&self, id: TimerId) -> Option<(Instant, &T)> {
        let (deadline, value) = self.arena.timer(id)?;
        Some((Instant::from_nanos(deadline), value))
    }

    /// All timers in the order in which they will expire, which is the order to set them again in another wheel.
    ///
    /// It sorts them first: this is for taking snapshots and for looking inside, not for every step.
    pub fn iter(&self) -> impl Iterator<Item = (TimerId, Instant, &T)> {
        let mut entries: Vec<&Entry> = self.near.entries().chain(self.levels.entries()).collect();
        // Stable: timers with one deadline are in one slot, or in the near run, in the order of insertion.
        entries.sort_by_key(|entry| entry.deadline);
        entries.into_iter().filter_map(|entry| {
            let (deadline, value) = self.timer(entry.id)?;
            Some((entry.id, deadline, value))
        })
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Whether no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arena.len() == 0
    }

    /// Moves the present to the first slot that holds anything, or to `now` if that comes first; whether it was a slot.
    fn enter_next_slot(&mut self, now: u64) -> bool {
        let slot = self.levels.first(self.present).filter(|slot| slot.start <= now);
        let Some(slot) = slot else {
            self.present = self.present.max(now);
            self.near.begin(u128::from(self.present));
            return false;
        };
        self.present = self.present.max(slot.start);
        let entries = self.levels.take(slot.level, slot.index, &self.arena);
        if slot.level == 0 || entries.len() <= near::ENTRIES_MAX / 2 {
            // Looking at all timers at once overlaps the cache misses that they would cost one by one.
            self.near.fill(&entries, slot.end, |entry| self.arena.timer(entry.id).is_some());
        } else {
            self.near.begin(u128::from(self.present));
            entries.iter().for_each(|entry| self.levels.push(self.present, *entry));
        }
        self.levels.give_back(slot.level, slot.index, entries);
        true
    }

    /// Moves the later half of the near run to the levels once there are too many to keep in order.
    #[inline]
    fn relieve_near(&mut self) {
        if self.near.is_crowded() {
            for entry in self.near.split_off_half() {
                self.levels.push(self.present, entry);
            }
        }
    }
}

impl<T> fmt::Debug for TimerWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerWheel")
            .field("timers", &self.len())
            .field("now", &Instant::from_nanos(self.now))
            .field("next_bound", &self.next_bound())
            .finish_non_exhaustive()
    }
}

/// A [`TimerWheel`] holds as many timers as it may.
#[derive(Clone, PartialEq, Eq, Error)]
#[error("the wheel is full: timers_max is {timers_max}")]
pub struct WheelFull<T> {
    /// What the timer was to carry.
    pub value: T,
    /// How many timers there may be.
    pub timers_max: usize,
}

impl<T> fmt::Debug for WheelFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WheelFull").field("timers_max", &self.timers_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
