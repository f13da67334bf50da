//! [`World`]: hosts, what is on its way between them, and what must never be seen.

use std::collections::BTreeMap;

use ironloom_core::{Rng, Seed};

use super::*;

/// How bad the network and the hosts are.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    pub(super) delay_max: Duration,
    /// Of a thousand messages, how many are lost, and how many come twice.
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// How long a host takes for what it is told to do.
    pub(super) work_max: Duration,
}

impl Weather {
    pub(super) fn fair() -> Self {
        Self { delay_max: millis(1), lost: 0, doubled: 0, work_max: millis(1) }
    }
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Message(HostId, MemberMessage),
    Done(StepId),
}

pub(super) struct Seat {
    pub(super) members: Members,
    /// Whether the process exists.
    pub(super) is_alive: bool,
    /// Until when the process does not run.
    pub(super) asleep_until: Instant,
    /// When it stopped, died or was told to.
    pub(super) stopped: Option<Instant>,
    pub(super) ended: Vec<(Wish, Result<(), Denied>)>,
    pub(super) pauses: Vec<Duration>,
    pub(super) snapshots: Vec<u64>,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) seats: BTreeMap<HostId, Seat>,
    /// Those who can reach each other, if not all can.
    pub(super) island: Option<HostSet>,
    due: BTreeMap<(Instant, u64), (HostId, Due)>,
    count: u64,
    epochs: BTreeMap<Epoch, HostSet>,
}

impl World {
    pub(super) fn new(seed: u64, founders: HostSet, weather: Weather) -> Self {
        let mut world = Self {
            now: Instant::from_nanos(1_000_000_000),
            rng: Rng::new(Seed::new(seed)),
            weather,
            seats: BTreeMap::new(),
            island: None,
            due: BTreeMap::new(),
            count: 0,
            epochs: BTreeMap::new(),
        };
        let first = Change { epoch: Epoch::new(1), hosts: founders };
        for host in founders.iter() {
            world.sit(host, Members::new(config(), host, first, world.now));
        }
        world
    }

    fn sit(&mut self, host: HostId, members: Members) {
        let (ended, pauses, snapshots) = (Vec::new(), Vec::new(), Vec::new());
        let (is_alive, asleep_until, stopped) = (true, Instant::ZERO, None);
        self.seats.insert(host, Seat { members, is_alive, asleep_until, stopped, ended, pauses, snapshots });
        self.drain(host);
    }

    pub(super) fn join(&mut self, host: HostId, via: HostId) {
        self.count += 1;
        let config = MembersConfig { run: Incarnation::new(self.count), ..config() };
        self.sit(host, Members::newcomer(config, host, via, self.now));
    }

    pub(super) fn ask(&mut self, host: HostId, wish: Wish) {
        self.input(host, Input::Ask(wish));
    }

    pub(super) fn seat(&self, host: HostId) -> &Seat {
        &self.seats[&host]
    }

    pub(super) fn kill(&mut self, host: HostId) {
        let seat = self.seats.get_mut(&host).unwrap();
        seat.is_alive = false;
        seat.stopped.get_or_insert(self.now);
    }

    pub(super) fn sleep(&mut self, host: HostId, duration: Duration) {
        self.seats.get_mut(&host).unwrap().asleep_until = self.now.saturating_add(duration);
    }

    pub(super) fn is_awake(&self, host: HostId) -> bool {
        let seat = &self.seats[&host];
        seat.is_alive && seat.asleep_until <= self.now
    }

    pub(super) fn input(&mut self, host: HostId, input: Input) {
        if self.is_awake(host) {
            self.seats.get_mut(&host).unwrap().members.handle(self.now, input);
            self.drain(host);
        }
    }

    /// When something happens next.
    fn next_event(&self) -> Option<Instant> {
        let awake = self.seats.values().filter(|seat| seat.is_alive);
        let ticks = awake.filter_map(|seat| Some(seat.members.next_event()?.max(seat.asleep_until)));
        self.due.keys().map(|(due, _)| *due).take(1).chain(ticks).min()
    }

    /// Lets time pass, from one event to the next.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now.saturating_add(duration);
        while self.now < end {
            self.now = self.next_event().map_or(end, |next| next.clamp(self.now, end));
            while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (host, due) = entry.remove();
                match due {
                    Due::Message(from, message) => self.input(host, Input::Message(from, message)),
                    Due::Done(step) => self.input(host, Input::Done(step)),
                }
            }
            let numbers: Vec<HostId> = self.seats.keys().copied().collect();
            for host in numbers {
                if self.seats[&host].members.next_event().is_some_and(|due| due <= self.now) {
                    self.input(host, Input::Tick);
                }
            }
            self.check();
        }
    }

    fn schedule(&mut self, delay_max: Duration, host: HostId, due: Due) {
        let delay = Duration::from_nanos(self.rng.below(delay_max.as_nanos() + 1));
        self.count += 1;
        self.due.insert((self.now.saturating_add(delay), self.count), (host, due));
    }

    fn send(&mut self, from: HostId, to: HostId, message: MemberMessage) {
        let encoded = borsh::to_vec(&message).unwrap();
        assert_eq!(borsh::from_slice::<MemberMessage>(&encoded).unwrap(), message);
        let is_cut = self.island.is_some_and(|island| island.contains(from) != island.contains(to));
        if is_cut || !self.seats.contains_key(&to) || self.rng.chance(self.weather.lost, 1_000) {
            return;
        }
        self.schedule(self.weather.delay_max, to, Due::Message(from, message));
        if self.rng.chance(self.weather.doubled, 1_000) {
            let longer = self.weather.delay_max.saturating_mul(20);
            self.schedule(longer, to, Due::Message(from, message));
        }
    }

    /// Does what a host says must happen.
    fn drain(&mut self, host: HostId) {
        while let Some(output) = self.seats.get_mut(&host).unwrap().members.poll() {
            let (now, work_max) = (self.now, self.weather.work_max);
            let seat = self.seats.get_mut(&host).unwrap();
            match output {
                Output::Send(to, message) => self.send(host, to, message),
                Output::Quiesce(step) | Output::Drain(step) => self.schedule(work_max, host, Due::Done(step)),
                Output::Mark { step, snapshot } => {
                    seat.snapshots.push(snapshot);
                    self.nobody_runs_beside(host);
                    self.schedule(work_max, host, Due::Done(step));
                }
                Output::Begin(change) => {
                    let known = *self.epochs.entry(change.epoch).or_insert(change.hosts);
                    assert_eq!(known, change.hosts, "{:?} has two memberships", change.epoch);
                }
                Output::Continue { paused } => seat.pauses.push(paused),
                Output::Ended(wish, result) => seat.ended.push((wish, result)),
                Output::Stop { .. } | Output::Left => {
                    seat.stopped.get_or_insert(now);
                    assert!(!seat.members.may_run(now));
                }
                Output::Cancelled => {}
            }
        }
    }

    /// Those whose harts run now.
    pub(super) fn running(&self) -> HostSet {
        self.seats
            .iter()
            .filter(|(host, seat)| self.is_awake(**host) && seat.members.may_run(self.now))
            .map(|(host, _)| *host)
            .collect()
    }

    fn nobody_runs_beside(&self, host: HostId) {
        let others = self.seats[&host].members.membership().hosts;
        assert!(
            HostSet::from_bits(others.bits() & self.running().bits()).is_empty(),
            "a snapshot of a machine that runs"
        );
    }

    /// What must never be seen.
    pub(super) fn check(&self) {
        let running = self.running();
        let mut epochs = running.iter().map(|host| self.seats[&host].members.membership());
        if let Some(first) = epochs.next() {
            assert!(epochs.all(|other| other == first), "two epochs run at once");
            // Whoever has stopped is not outlived by more than a lease.
            for member in first.hosts.iter() {
                let stopped = self.seats.get(&member).and_then(|seat| seat.stopped);
                let outlived = stopped.map(|stopped| self.now.saturating_since(stopped));
                assert!(
                    outlived.is_none_or(|outlived| outlived <= config().lease),
                    "{member} stopped long ago"
                );
            }
        }
        let stopped = self.stopped();
        for seat in self.seats.values() {
            let is_fenced = seat.members.fenced_at().is_some_and(|fenced| fenced <= self.now);
            if is_fenced && seat.members.may_restart(stopped) {
                assert!(running.is_empty(), "it runs although it is fenced");
            }
        }
    }

    /// Those who can be asked whether to start again.
    fn stopped(&self) -> HostSet {
        let has_stopped =
            |seat: &Seat| seat.is_alive && matches!(seat.members.state(), State::Stopped { .. });
        self.seats.iter().filter(|(_, seat)| has_stopped(seat)).map(|(host, _)| *host).collect()
    }

    /// Of two groups that share nobody, at most one may start again.
    pub(super) fn check_restart(&self) -> bool {
        let stopped = self.stopped();
        let may = |group: HostSet| group.iter().any(|host| self.seats[&host].members.may_restart(group));
        for bits in 0..64 {
            let group = HostSet::from_bits(bits & stopped.bits());
            let others = HostSet::from_bits(!bits & stopped.bits());
            assert!(!(may(group) && may(others)), "{group:?} and {others:?} may both start again");
        }
        may(stopped)
    }
}
