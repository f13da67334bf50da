//! [`Agenda`]: what will happen, ordered by instant and then by [`Key`].

use ironloom_core::{Instant, TimerWheel};

use super::StationId;

/// The order of events within one instant: frames before wake-ups; frames by lane and number, wake-ups by station.
///
/// It says nothing about when the event was planned or by which shard, so it is the same on any number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

const WAKE: u64 = 1 << 63;

impl Key {
    #[inline]
    pub(super) fn frame(lane: u32, number: u32) -> Self {
        Self(u64::from(lane) << 32 | u64::from(number))
    }

    pub(super) fn wake(station: StationId) -> Self {
        Self(WAKE | u64::from(station.number()))
    }

    #[inline]
    pub(super) fn is_wake(self) -> bool {
        self.0 & WAKE != 0
    }

    /// The lane of a frame.
    pub(super) fn lane(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// Lanes are numbered with 31 bits, so that the highest bit of a key is free.
pub(super) const LINKS_MAX: usize = 1 << 30;

/// Something that will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) key: Key,
    /// Where the frame is kept, or the seat of who wakes up.
    pub(super) subject: u32,
}

const _: () = assert!(size_of::<Event>() <= 24, "events are moved often");

/// What will happen.
///
/// The future is in a timer wheel. What is due in the present instant is in a small heap of its own, latest first, so
/// that what is planned for this very instant joins it in order.
#[derive(Debug)]
pub(super) struct Agenda {
    wheel: TimerWheel<Event>,
    at: Instant,
    present: Vec<Event>,
}

impl Agenda {
    pub(super) fn new() -> Self {
        Self { wheel: TimerWheel::new(u32::MAX as usize), at: Instant::ZERO, present: Vec::new() }
    }

    /// Plans an event. What lies in the past happens now.
    #[inline]
    pub(super) fn push(&mut self, at: Instant, event: Event) {
        if at <= self.at && !self.present.is_empty() {
            return self.join(event);
        }
        self.wheel.insert(at, event).expect("memory ends before four billion events do");
    }

    /// The next event, if it is due at `until` or before.
    #[inline]
    pub(super) fn pop(&mut self, until: Instant) -> Option<(Instant, Event)> {
        if self.present.is_empty() && !self.enter_next(until) {
            return None;
        }
        // What was planned for this instant meanwhile, with nothing else left of it, waits in the wheel.
        if self.at <= until { self.present.pop().map(|event| (self.at, event)) } else { None }
    }

    /// A bound on the future: nothing happens before it.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.present.is_empty() { self.wheel.next_bound() } else { Some(self.at) }
    }

    /// What will probably happen as the `nth` from now, if that is known.
    #[inline]
    pub(super) fn upcoming(&self, nth: usize) -> Option<Event> {
        match nth.checked_sub(self.present.len()) {
            Some(beyond) => self.wheel.upcoming(beyond).copied(),
            None => Some(self.present[self.present.len() - 1 - nth]),
        }
    }

    fn join(&mut self, event: Event) {
        let place = self.present.partition_point(|other| *other > event);
        self.present.insert(place, event);
    }

    /// Takes all events of the next instant out of the wheel.
    #[inline]
    fn enter_next(&mut self, until: Instant) -> bool {
        let Some(first) = self.wheel.poll(until) else { return false };
        self.at = first.deadline;
        self.present.push(first.value);
        if self.wheel.next_bound().is_some_and(|bound| bound <= self.at) {
            while let Some(other) = self.wheel.poll(self.at) {
                self.present.push(other.value);
            }
            self.present.sort_unstable_by(|left, right| right.cmp(left));
        }
        true
    }
}
