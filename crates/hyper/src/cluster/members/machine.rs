//! [`Members`]: one host's view of who is in the machine; the edges of the state machine.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::Instant;

use super::config::MembersConfig;
use super::coordinator::Coordinator;
use super::event::{Input, Output, State};
use super::lease::Leases;
use super::message::{Change, Denied, MemberMessage, Refused, RequestId, Why, Wish};
use super::participant::Performing;
use crate::cluster::{Epoch, HostId, HostSet};

/// What this host asked for.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) request: RequestId,
    pub(super) wish: Wish,
    pub(super) until: Instant,
}

/// Who is in the machine, and whether it may go on, as one host sees it.
///
/// Every call of [`handle`](Self::handle) must be followed by draining [`poll`](Self::poll).
#[derive(Debug)]
pub struct Members {
    pub(super) config: MembersConfig,
    pub(super) here: HostId,
    pub(super) state: State,
    pub(super) epoch: Epoch,
    pub(super) hosts: HostSet,
    /// What is to begin, if this host stands still for that.
    pub(super) pending: Option<Change>,
    pub(super) leases: Leases,
    /// Whether an operation demands that harts stand still.
    pub(super) is_quiet: bool,
    /// Since when harts have stood still, if they do.
    pub(super) paused: Instant,
    /// Whether the driver was told that harts may run.
    pub(super) is_running: bool,
    pub(super) performing: Option<Performing>,
    pub(super) coordinator: Coordinator,
    pub(super) asking: Option<Asking>,
    /// Whom a host asks that wants to join.
    via: Option<HostId>,
    asked: u64,
    next_beat: Instant,
    outputs: VecDeque<Output>,
    refused: BTreeMap<Refused, u64>,
}

impl Members {
    /// One of the hosts with which a machine begins, or begins again. All of them must be told the same.
    ///
    /// A machine that begins again takes an epoch that is higher by two at least than any that its hosts were in.
    ///
    /// # Panics
    ///
    /// If the host is not among them.
    #[must_use]
    pub fn new(config: MembersConfig, here: HostId, first: Change, now: Instant) -> Self {
        assert!(first.hosts.contains(here), "a founder is a member");
        let mut members = Self::outside(config, here, State::Member, now);
        (members.epoch, members.hosts) = (first.epoch, first.hosts);
        let until = now.saturating_add(members.config.start_timeout);
        members.leases.need(first.hosts.without(here), until);
        members.outputs.push_back(Output::Begin(first));
        members.settle(now);
        members
    }

    /// A host that wants to become a member, and asks one for that.
    #[must_use]
    pub fn newcomer(config: MembersConfig, here: HostId, via: HostId, now: Instant) -> Self {
        let mut members = Self::outside(config, here, State::Joining, now);
        members.via = Some(via);
        members.ask(now, Wish::Join);
        members.settle(now);
        members
    }

    fn outside(config: MembersConfig, here: HostId, state: State, now: Instant) -> Self {
        Self {
            here,
            state,
            epoch: Epoch::default(),
            hosts: HostSet::EMPTY,
            pending: None,
            leases: Leases::new(config.lease),
            // Founders wait for leases only; who joins waits to be told.
            is_quiet: state == State::Joining,
            paused: now,
            is_running: false,
            performing: None,
            coordinator: Coordinator::default(),
            asking: None,
            via: None,
            asked: 0,
            next_beat: now,
            outputs: VecDeque::new(),
            refused: BTreeMap::new(),
            config,
        }
    }

    /// What this host is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The epoch, and who is in it.
    #[must_use]
    pub const fn membership(&self) -> Change {
        Change { epoch: self.epoch, hosts: self.hosts }
    }

    /// What is to begin when all hosts stand still, if that is why they do.
    #[must_use]
    pub const fn next(&self) -> Option<Change> {
        self.pending
    }

    /// Who leads operations.
    #[must_use]
    pub const fn coordinator(&self) -> Option<HostId> {
        self.hosts.first()
    }

    /// Whether harts may run now. Who runs them, or lets anything reach a device, asks this again after every pause
    /// of its own, since a lease may have run out in it.
    #[must_use]
    pub fn may_run(&self, now: Instant) -> bool {
        self.is_running && self.leases.are_held(now)
    }

    /// How often what was said was not listened to, for this reason.
    #[must_use]
    pub fn refused(&self, why: Refused) -> u64 {
        self.refused.get(&why).copied().unwrap_or(0)
    }

    /// Whether those of the members that remain may start the machine again, if all of them have stopped and answer
    /// to nobody else who asks: they are more than half, or half with the lowest.
    #[must_use]
    pub fn may_restart(&self, remaining: HostSet) -> bool {
        let is_stopped = matches!(self.state, State::Stopped { .. }) && remaining.contains(self.here);
        let pending = self.pending.is_none_or(|change| is_quorum(change.hosts, remaining));
        is_stopped && pending && is_quorum(self.hosts, remaining)
    }

    /// From when on those who [`may_restart`](Self::may_restart) may do so, because no host of the machine runs any
    /// more, wherever it is; `None` if this host has not stopped.
    #[must_use]
    pub fn fenced_at(&self) -> Option<Instant> {
        let State::Stopped { at, .. } = self.state else { return None };
        Some(self.config.fenced(at))
    }

    /// When [`Input::Tick`] is due at the latest.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        match self.state {
            State::Joining => Some(self.next_beat),
            State::Member => self.leases.next_event().into_iter().chain([self.next_beat]).min(),
            State::Left | State::Stopped { .. } => None,
        }
    }

    /// What must happen next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Consumes what happens.
    pub fn handle(&mut self, now: Instant, input: Input) {
        // Whoever has slept must not act on what it hears before it knows for how long.
        self.settle(now);
        match input {
            Input::Tick => {}
            Input::Message(from, message) => self.hear(now, from, message),
            Input::Lost(host, why) => self.lose(now, host, why),
            Input::Ask(wish) => self.ask(now, wish),
            Input::Done(step) => self.performed(now, step),
        }
        self.settle(now);
    }

    fn hear(&mut self, now: Instant, from: HostId, message: MemberMessage) {
        if let State::Stopped { host, why, .. } = self.state {
            if self.hosts.contains(from) && !matches!(message, MemberMessage::Stop { .. }) {
                self.send(from, MemberMessage::Stop { epoch: self.epoch, host, why });
            }
            return;
        }
        match message {
            MemberMessage::Beat { epoch, number, heard } => {
                if self.is_member(from, epoch) {
                    self.leases.hear(now, from, number, heard);
                }
            }
            MemberMessage::Ask { epoch, host, request, wish } => {
                self.asked_for(now, from, epoch, (host, request), wish);
            }
            MemberMessage::Answer { request, denied, .. } => self.answered(request, denied),
            MemberMessage::Step { id, step } => self.perform(now, from, id, step),
            MemberMessage::Done { id } => self.done(now, from, id),
            MemberMessage::Stop { epoch, host, why } => {
                if self.state == State::Member && self.is_member(from, epoch) {
                    self.stop(now, host, why);
                }
            }
        }
    }

    /// Whether a host is a member and speaks of this epoch, or of one that it may be in while this one begins or ends.
    pub(super) fn is_member(&mut self, from: HostId, epoch: Epoch) -> bool {
        let refused = if self.state != State::Member || !self.hosts.contains(from) || from == self.here {
            Refused::UnknownHost
        } else if epoch.next() < self.epoch {
            Refused::OldEpoch
        } else if self.epoch.next() < epoch {
            Refused::NewEpoch
        } else {
            return true;
        };
        self.refuse(refused);
        false
    }

    fn lose(&mut self, now: Instant, host: HostId, why: Why) {
        if self.state == State::Member && self.hosts.contains(host) {
            self.stop(now, host, why);
        } else if self.state == State::Member {
            self.give_up_on(now, host);
        }
    }

    fn ask(&mut self, now: Instant, wish: Wish) {
        let denied = match self.state {
            State::Stopped { .. } => Some(Denied::Stopped),
            State::Left => Some(Denied::Stranger),
            _ => self.asking.is_some().then_some(Denied::Busy),
        };
        if let Some(denied) = denied {
            return self.emit(Output::Ended(wish, Err(denied)));
        }
        self.asked += 1;
        let request = RequestId(self.config.run.get(), self.asked);
        self.asking = Some(Asking { request, wish, until: now.saturating_add(self.config.ask_timeout) });
        self.next_beat = now;
    }

    fn answered(&mut self, request: RequestId, denied: Option<Denied>) {
        match &self.asking {
            Some(asking) if asking.request == request => self.end_asking(denied.map_or(Ok(()), Err)),
            _ => self.refuse(Refused::OutOfState),
        }
    }

    pub(super) fn end_asking(&mut self, result: Result<(), Denied>) {
        if let Some(asking) = self.asking.take() {
            self.emit(Output::Ended(asking.wish, result));
        }
    }

    /// Stops here, and tells everybody.
    pub(super) fn stop(&mut self, now: Instant, host: HostId, why: Why) {
        self.state = State::Stopped { host, why, at: now };
        self.is_running = false;
        self.coordinator = Coordinator::default();
        self.emit(Output::Stop { host, why });
        self.end_asking(Err(Denied::Stopped));
        // Who is about to leave is not missed if the others have begun without it, and is missed anyway if not.
        if self.pending.is_none_or(|change| change.hosts.contains(self.here)) {
            let told = self.pending.map_or(self.hosts, |change| union(self.hosts, change.hosts));
            for other in told.without(self.here).iter() {
                self.send(other, MemberMessage::Stop { epoch: self.epoch, host, why });
            }
        }
    }

    /// Does what time demands.
    fn settle(&mut self, now: Instant) {
        if self.state == State::Member {
            if let Some(host) = self.leases.expired(now) {
                return self.stop(now, host, Why::Unheard);
            }
            self.lead(now);
        }
        if matches!(self.state, State::Member | State::Joining) && self.next_beat <= now {
            self.next_beat = now.saturating_add(self.config.beat);
            self.beat(now);
        }
        let may_run = self.state == State::Member && !self.is_quiet;
        if may_run && !self.is_running && self.leases.are_held(now) {
            self.is_running = true;
            self.emit(Output::Continue { paused: now.saturating_since(self.paused) });
        }
    }

    /// Says what must be said again and again.
    fn beat(&mut self, now: Instant) {
        if self.state == State::Member {
            let number = self.leases.beat(now);
            for other in self.hosts.without(self.here).iter() {
                let heard = self.leases.heard_of(other);
                self.send(other, MemberMessage::Beat { epoch: self.epoch, number, heard });
            }
            self.remind(now);
        }
        let Some(asking) = &self.asking else { return };
        if asking.until <= now {
            return self.end_asking(Err(Denied::Late));
        }
        let (host, request, wish) = (self.here, asking.request, asking.wish);
        if let Some(to) = if self.state == State::Joining { self.via } else { self.coordinator() } {
            self.say(now, to, MemberMessage::Ask { epoch: self.epoch, host, request, wish });
        }
    }

    /// Says something to a host, which may be this one.
    pub(super) fn say(&mut self, now: Instant, to: HostId, message: MemberMessage) {
        if to == self.here {
            self.hear(now, to, message);
        } else {
            self.send(to, message);
        }
    }

    pub(super) fn send(&mut self, to: HostId, message: MemberMessage) {
        self.emit(Output::Send(to, message));
    }

    pub(super) fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn refuse(&mut self, why: Refused) {
        *self.refused.entry(why).or_default() += 1;
    }
}

/// Whether some hosts are more than half of all, or half with the lowest: of two groups that share no host one at most.
fn is_quorum(all: HostSet, some: HostSet) -> bool {
    let some = HostSet::from_bits(some.bits() & all.bits());
    let half = some.len() * 2;
    half > all.len() || half == all.len() && all.first().is_some_and(|lowest| some.contains(lowest))
}

pub(super) const fn union(one: HostSet, other: HostSet) -> HostSet {
    HostSet::from_bits(one.bits() | other.bits())
}
