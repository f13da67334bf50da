//! How far hosts are in the computer's time, and how far each may go.
//!
//! Each host says how far it has *reached*: it does nothing before that unless it is asked to. The least of all is how far
//! the computer is, and nobody goes further than [`Share::lead`] beyond it. Whoever has nothing to do says a high number.
//!
//! What is on its way from one host to another, a hart or a letter that wakes one, belongs to the sender until the receiver
//! has it and has said how far that takes it back. A third host may hear that the sender goes on before it hears that the
//! receiver has gone back, and would take both for idle. So whoever says how far it is says as well what it had heard of
//! the others by then, and that it goes on counts only where as much was heard of them.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::message::{HostMessage, Parcel, State};
use super::{Host, Share};
use crate::cluster::harts::Harts;
use crate::cluster::{HOSTS_MAX, HostId, HostSet};

/// How far each host has said that it is.
#[derive(Debug)]
pub(super) struct Times(Mutex<Record>);

#[derive(Debug)]
struct Record {
    here: HostId,
    /// The other hosts.
    others: BTreeMap<HostId, Other>,
    /// How far this host is itself. What wakes it wakes it there, or later.
    now: Instant,
    /// Until when it has nothing to do, as far as it knows of nothing that is on its way.
    until: Instant,
    /// What this host said last, and how often it has said something else than before.
    told: Instant,
    number: u64,
    /// For what this host waits.
    awaited: Instant,
    /// Harts on their way from here or to here, and their times: nobody may go further as if they were not.
    travelling: BTreeMap<usize, Instant>,
    /// The earliest letter from here that wakes a hart elsewhere, and that may not be there yet.
    unheard: Option<Instant>,
}

/// What is known of another host.
#[derive(Debug, Default)]
struct Other {
    /// The number of what it said last.
    number: u64,
    /// How far it is at least.
    reached: Instant,
    /// Which harts are started there.
    started: u64,
    /// How far it has gone on since, and what must be heard of others before that counts.
    later: Option<(Instant, Vec<(HostId, u64)>)>,
}

impl Times {
    pub(super) fn new(share: &Share) -> Self {
        let others = share.hosts.without(share.here);
        Self(Mutex::new(Record {
            here: share.here,
            others: others.iter().map(|host| (host, Other::default())).collect(),
            now: Instant::ZERO,
            until: Instant::ZERO,
            told: Instant::ZERO,
            number: 0,
            awaited: Instant::MAX,
            travelling: BTreeMap::new(),
            unheard: None,
        }))
    }
}

impl Host {
    /// Counts the times of these hosts from now on.
    pub(super) fn count_times(&self, hosts: HostSet) {
        let mut record = self.times.0.lock();
        let (here, told) = (self.share.here, record.told);
        record.others.retain(|host, _| hosts.contains(*host));
        for host in hosts.without(here).iter() {
            // Until it says so itself.
            record.others.entry(host).or_insert_with(|| Other { reached: told, ..Other::default() });
        }
        record.settle();
        drop(record);
        self.yard.news.notify_all();
    }

    /// Says that this host, which is at `now`, does nothing before `until` by itself.
    ///
    /// Others need not know of each step: only that somebody goes back, or that they might wait.
    pub(in crate::computer) fn reach(&self, now: Instant, until: Instant) {
        let mut record = self.times.0.lock();
        (record.now, record.until) = (now, until);
        self.say_reached(&mut record, self.step());
    }

    /// Says that this host is at `end`, where it stops for now: others that stop there as well wait for that.
    pub(in crate::computer) fn reach_end(&self, end: Instant) {
        let mut record = self.times.0.lock();
        (record.now, record.until) = (end, end);
        self.say_reached(&mut record, Duration::from_nanos(1));
    }

    /// Says how far this host is, if it is further by a step or has gone back. With harts and letters on their way it is less
    /// than it seems.
    fn say_reached(&self, record: &mut Record, step: Duration) {
        let called = self.yard.called().map(|at| at.max(record.now));
        let earliest = record.on_the_way().into_iter().chain(called).min();
        let reached = earliest.map_or(record.until, |earliest| record.until.min(earliest));
        if reached < record.told || reached >= record.told.saturating_add(step) {
            record.told = reached;
            record.number += 1;
            self.send_state(record);
        }
    }

    /// Up to when, in the computer's time, this host does nothing any more unless it is asked to; so it has told the others.
    /// The least of all hosts is how far the computer is.
    #[must_use]
    pub fn reached(&self) -> Instant {
        self.times.0.lock().told
    }

    /// How far this host may go.
    pub(in crate::computer) fn bound(&self) -> Instant {
        self.times.0.lock().slowest().saturating_add(self.share.lead)
    }

    /// Whether nothing is left to be done before an instant, anywhere.
    pub(in crate::computer) fn have_all_reached(&self, instant: Instant) -> bool {
        self.times.0.lock().slowest() >= instant
    }

    /// A hart is on its way, from here or to here.
    pub(super) fn travels(&self, hart: usize, at: Instant) {
        let mut record = self.times.0.lock();
        record.travelling.insert(hart, at);
        self.say_reached(&mut record, self.step());
    }

    /// A hart runs again, here or elsewhere.
    pub(in crate::computer) fn lands(&self, hart: usize) {
        self.times.0.lock().travelling.remove(&hart);
        self.yard.news.notify_all(); // who waits for others may wait for nobody now
    }

    /// Letters were sent, delivered or acknowledged.
    pub(super) fn count_letters(&self, harts: &Harts<Parcel>) {
        let unheard = harts.unheard().filter(|parcel| parcel.wakes()).map(|parcel| parcel.at).min();
        let mut record = self.times.0.lock();
        let before = std::mem::replace(&mut record.unheard, unheard);
        self.say_reached(&mut record, self.step());
        let is_awaited = before != unheard && self.is_awaited(&record);
        drop(record);
        if is_awaited {
            self.yard.news.notify_all();
        }
    }

    /// Whether this host may go as far as somebody here waits for.
    fn is_awaited(&self, record: &Record) -> bool {
        record.slowest().saturating_add(self.share.lead) >= record.awaited
    }

    /// How much further this host must be for others to be told.
    fn step(&self) -> Duration {
        Duration::from_nanos(self.share.lead.as_nanos() / 4)
    }

    /// Wants to be told when it may go so far.
    pub(in crate::computer) fn await_bound(&self, instant: Instant) {
        self.times.0.lock().awaited = instant;
    }

    /// The harts that are started, here or elsewhere.
    pub(in crate::computer) fn started(&self) -> u64 {
        let elsewhere = self.times.0.lock().others.values().fold(0, |all, other| all | other.started);
        elsewhere | self.yard.started()
    }

    /// Tells all hosts how far this one is.
    pub(in crate::computer) fn tell_state(&self) {
        self.send_state(&self.times.0.lock());
    }

    fn send_state(&self, record: &Record) {
        let state = self.state_of(record);
        for host in self.others().iter() {
            self.send(host, &HostMessage::State(state.clone()));
        }
    }

    /// What this host says of itself.
    pub(super) fn own_state(&self) -> State {
        self.state_of(&self.times.0.lock())
    }

    fn state_of(&self, record: &Record) -> State {
        let (cores, load) = self.crowd();
        State {
            reached: record.told,
            number: record.number,
            heard: record.others.iter().map(|(host, other)| (*host, other.number)).collect(),
            started: self.yard.started(),
            room: self.room_for_others(),
            cores,
            load,
            ended: self.ended(),
        }
    }

    /// Hears how far another host is.
    pub(super) fn hear_of(&self, from: HostId, state: State) {
        if state.heard.len() > HOSTS_MAX || !self.is_likely(&state) {
            return self.refused.add(1);
        }
        self.hear_of_crowd(from, &state);
        self.hear_of_room(from, state.room);
        if let Some(ending) = state.ended
            && self.ended.set(ending).is_ok()
        {
            self.yard.ring();
        }
        let mut record = self.times.0.lock();
        record.hear(from, state);
        let is_awaited = self.is_awaited(&record);
        drop(record);
        if is_awaited {
            self.yard.news.notify_all();
        }
    }
}

impl Record {
    /// The earliest of what is on its way.
    fn on_the_way(&self) -> Option<Instant> {
        self.travelling.values().copied().chain(self.unheard).min()
    }

    /// How far the slowest is, of the others and of what is on its way.
    fn slowest(&self) -> Instant {
        let others = self.others.values().map(|other| other.reached).min();
        others.into_iter().chain(self.on_the_way()).min().unwrap_or(Instant::MAX)
    }

    fn hear(&mut self, from: HostId, state: State) {
        let told = self.told;
        let Some(other) = self.others.get_mut(&from).filter(|other| other.number <= state.number) else {
            return; // what is late has been said better since
        };
        let is_next = state.number <= other.number + 1;
        (other.number, other.started) = (state.number, state.started);
        if state.reached <= other.reached {
            (other.reached, other.later) = (state.reached, None);
        } else {
            if !is_next {
                // In what was missed it may have gone back, but hardly behind where this host is.
                other.reached = other.reached.min(told);
            }
            other.later = Some((state.reached, state.heard));
        }
        self.settle();
    }

    /// Lets those go on of whose word everything was heard that it rests on.
    fn settle(&mut self) {
        let numbers: BTreeMap<HostId, u64> =
            self.others.iter().map(|(host, other)| (*host, other.number)).collect();
        for other in self.others.values_mut() {
            let rests_on_known = |(_, heard): &mut (Instant, Vec<(HostId, u64)>)| {
                // Who is gone says nothing any more.
                heard.iter().all(|(host, number)| {
                    *host == self.here || numbers.get(host).is_none_or(|known| known >= number)
                })
            };
            if let Some((reached, _)) = other.later.take_if(rests_on_known) {
                other.reached = reached;
            }
        }
    }
}
