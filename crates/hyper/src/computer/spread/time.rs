//! How far hosts are in the computer's time, and how far each may go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::Instant;
use parking_lot::Mutex;

use super::message::{HostMessage, State};
use super::{Host, Share};
use crate::cluster::{HostId, HostSet};

/// How far each host has said that it is.
#[derive(Debug)]
pub(super) struct Times {
    /// By the numbers of hosts. Those that are no hosts are infinitely far.
    reached: Box<[AtomicU64]>,
    /// Which harts are started there.
    started: Box<[AtomicU64]>,
    /// What this host said last.
    told: AtomicU64,
    /// Held while something is said, so that what was true before is not said after what is true now.
    telling: Mutex<()>,
    /// For what this host waits.
    awaited: AtomicU64,
    /// Harts on their way from here or to here, and their times: nobody may go further as if they were not.
    travelling: Mutex<BTreeMap<usize, Instant>>,
}

impl Times {
    pub(super) fn new(share: &Share) -> Self {
        let counts = |host: usize| {
            HostId::new(host as u8).is_some_and(|host| host != share.here && share.hosts.contains(host))
        };
        Self {
            reached: (0..64).map(|host| AtomicU64::new(if counts(host) { 0 } else { u64::MAX })).collect(),
            started: (0..64).map(|_| AtomicU64::new(0)).collect(),
            told: AtomicU64::new(0),
            telling: Mutex::default(),
            awaited: AtomicU64::new(u64::MAX),
            travelling: Mutex::default(),
        }
    }
}

impl Host {
    /// Counts the times of these hosts from now on.
    pub(super) fn count_times(&self, hosts: HostSet) {
        for (number, reached) in self.times.reached.iter().enumerate() {
            let host = HostId::new(number as u8).filter(|host| *host != self.share.here);
            let counts = host.is_some_and(|host| hosts.contains(host));
            if counts && reached.load(Ordering::SeqCst) == u64::MAX {
                reached.store(self.times.told.load(Ordering::SeqCst), Ordering::SeqCst); // until it says so itself
            } else if !counts {
                reached.store(u64::MAX, Ordering::SeqCst);
                self.times.started[number].store(0, Ordering::SeqCst);
            }
        }
        self.yard.news.notify_all();
    }

    /// Says that this host does nothing before an instant by itself.
    ///
    /// Others need not know of each step: only that somebody goes back, or that they might wait.
    pub(in crate::computer) fn reach(&self, reached: Instant) {
        let reached = self.earliest_traveller().map_or(reached, |earliest| reached.min(earliest));
        let told = self.times.told.load(Ordering::SeqCst);
        let (reached, step) = (reached.as_nanos(), self.share.lead.as_nanos() / 4);
        if reached < told || reached >= told.saturating_add(step) {
            self.times.told.store(reached, Ordering::SeqCst);
            self.tell_state();
        }
    }

    /// Up to when, in the computer's time, this host does nothing any more unless it is asked to; so it has told the others.
    /// The least of all hosts is how far the computer is.
    #[must_use]
    pub fn reached(&self) -> Instant {
        Instant::from_nanos(self.times.told.load(Ordering::SeqCst))
    }

    /// How far this host may go.
    pub(in crate::computer) fn bound(&self) -> Instant {
        let slowest = self.times.reached.iter().map(|reached| reached.load(Ordering::SeqCst)).min();
        let slowest = Instant::from_nanos(slowest.unwrap_or(u64::MAX));
        self.earliest_traveller()
            .map_or(slowest, |earliest| slowest.min(earliest))
            .saturating_add(self.share.lead)
    }

    fn earliest_traveller(&self) -> Option<Instant> {
        self.times.travelling.lock().values().min().copied()
    }

    /// A hart is on its way, from here or to here.
    pub(super) fn travels(&self, hart: usize, now: Instant) {
        self.times.travelling.lock().insert(hart, now);
        self.reach(Instant::from_nanos(self.times.told.load(Ordering::SeqCst)));
    }

    /// A hart runs again, here or elsewhere.
    pub(in crate::computer) fn lands(&self, hart: usize) {
        self.times.travelling.lock().remove(&hart);
        self.yard.news.notify_all(); // who waits for others may wait for nobody now
    }

    /// Wants to be told when it may go so far.
    pub(in crate::computer) fn await_bound(&self, instant: Instant) {
        self.times.awaited.store(instant.as_nanos(), Ordering::SeqCst);
    }

    /// The harts that are started, here or elsewhere.
    pub(in crate::computer) fn started(&self) -> u64 {
        let elsewhere = self.times.started.iter().map(|started| started.load(Ordering::SeqCst));
        elsewhere.fold(self.yard.started(), |all, some| all | some)
    }

    /// Tells all hosts how far this one is.
    pub(in crate::computer) fn tell_state(&self) {
        let _turn = self.times.telling.lock();
        let reached = Instant::from_nanos(self.times.told.load(Ordering::SeqCst));
        let (started, room) = (self.yard.started(), self.room_for_others());
        let (cores, load) = self.crowd();
        let state = State { reached, started, room, cores, load, ended: self.ended() };
        for host in self.others().iter() {
            self.send(host, &HostMessage::State(state));
        }
    }

    /// Hears how far another host is.
    pub(super) fn hear_of(&self, from: HostId, state: State) {
        if !self.is_likely(&state) {
            return self.refused.add(1);
        }
        self.hear_of_crowd(from, &state);
        self.hear_of_room(from, state.room);
        let from = usize::from(from.number());
        self.times.reached[from].store(state.reached.as_nanos(), Ordering::SeqCst);
        self.times.started[from].store(state.started, Ordering::SeqCst);
        if let Some(ending) = state.ended
            && self.ended.set(ending).is_ok()
        {
            self.yard.ring();
        }
        if self.bound().as_nanos() >= self.times.awaited.load(Ordering::SeqCst) {
            self.yard.news.notify_all();
        }
    }
}
