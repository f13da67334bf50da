//! How a hart leaves: the side of a move that gives.

use ironloom_core::{Duration, Instant};

use super::message::Body;
use super::record::{Journey, NUMBERS_MAX, Place, Role};
use super::timer::Timer;
use super::{HartId, Harts, Letter, MoveFailure, MoveRefused, Output, Refusal, Refused};
use crate::cluster::HostId;

impl<L: Letter> Harts<L> {
    /// Begins to move a hart of this host to another. It runs on until [`Output::Freeze`].
    ///
    /// # Errors
    ///
    /// If it does not live here, is moving already, or cannot go there.
    pub fn begin_move(&mut self, now: Instant, hart: HartId, to: HostId) -> Result<(), MoveRefused> {
        let Some(record) = self.records.get_mut(hart.index()) else {
            return Err(MoveRefused::NoSuchHart { hart });
        };
        let journey = match &mut record.role {
            Role::Here { journey, .. } if journey.is_none() => journey,
            Role::Here { .. } | Role::Frozen { .. } => return Err(MoveRefused::Moving { hart }),
            _ => return Err(MoveRefused::Elsewhere { hart, host: record.place.host }),
        };
        if to == self.here {
            return Err(MoveRefused::There { hart, host: to });
        }
        if !self.hosts.contains(to) {
            return Err(MoveRefused::NoSuchHost { host: to });
        }
        let term = record.tried.max(record.place.term) + 1;
        if term >= NUMBERS_MAX {
            return Err(MoveRefused::Worn { hart });
        }
        let deadline = now.saturating_add(self.config.prepare_max);
        *journey = Some(Journey { to, term, timer: Timer::new(now, &self.config), deadline });
        record.tried = term;
        self.send(to, hart, Body::Prepare { term });
        self.watch(hart);
        Ok(())
    }

    /// A hart that was to freeze has stopped, and this is what it is.
    ///
    /// # Panics
    ///
    /// If it was not to freeze, or its state is larger than the configuration allows.
    pub fn frozen(&mut self, now: Instant, hart: HartId, state: Vec<u8>) {
        assert!(state.len() <= self.config.state_bytes_max, "the state of a hart is within its limit");
        let config = self.config;
        let Role::Frozen { journey, state: kept @ None, .. } = &mut self.record(hart).role else {
            panic!("{hart} was not to freeze");
        };
        *kept = Some(state);
        if let Some(journey) = journey {
            journey.wait(now, config.freeze_max);
            journey.timer = Timer::new(now, &config);
            self.say_move(hart);
        } else {
            self.take_back(hart);
        }
        self.watch(hart);
        self.evacuate(now);
    }

    /// A hart that was asked to stop must not go now: it runs on here. If this host leaves, it is asked again later.
    ///
    /// # Panics
    ///
    /// If it was not asked to stop, or has stopped.
    pub fn stay(&mut self, now: Instant, hart: HartId) {
        self.fail_move(hart, MoveFailure::Late);
        self.frozen(now, hart, Vec::new());
    }

    /// Says what the other side of a move waits for.
    pub(super) fn say_move(&mut self, hart: HartId) {
        let record = &self.records[hart.index()];
        let (to, body) = match &record.role {
            Role::Here { journey: Some(journey), .. } => (journey.to, Body::Prepare { term: journey.term }),
            Role::Frozen { journey: Some(journey), seen, state: Some(state), .. } => {
                let (term, seen, state) = (journey.term, seen.clone(), state.clone());
                (journey.to, Body::State { term, seen, state })
            }
            Role::Giving { .. } => (record.place.host, Body::Commit { term: record.place.term }),
            Role::Reserved { from, term, .. } => (*from, Body::Ready { term: *term }),
            Role::Accepted { from, term, .. } => (*from, Body::Accept { term: *term }),
            Role::Away | Role::Here { .. } | Role::Frozen { .. } => return,
        };
        self.send(to, hart, body);
    }

    pub(super) fn wake_move(&mut self, now: Instant, hart: HartId) {
        let config = self.config;
        let role = &mut self.record(hart).role;
        let told = !matches!(role, Role::Frozen { state: None, .. });
        if told && role.journey().is_some_and(|journey| journey.deadline <= now) {
            self.fail_move(hart, MoveFailure::Late);
        } else if role.timer().is_some_and(|timer| timer.fire(now, &config)) {
            self.say_move(hart);
        }
    }

    /// Gives an attempt to move up; the hart runs on here.
    pub(super) fn fail_move(&mut self, hart: HartId, why: MoveFailure) {
        let record = self.record(hart);
        let (Role::Here { journey, .. } | Role::Frozen { journey, .. }) = &mut record.role else { return };
        let Some(Journey { to, term, .. }) = journey.take() else { return };
        record.refused_by = record.refused_by.with(to);
        self.counters.failed += 1;
        if self.hosts.contains(to) {
            self.send(to, hart, Body::Abandon { term });
        }
        self.outputs.push_back(Output::MoveFailed { hart, to, why });
        self.take_back(hart);
    }

    /// Runs a hart on that stood still, if its state is known.
    fn take_back(&mut self, hart: HartId) {
        let record = self.record(hart);
        let Role::Frozen { seen, state, .. } = &mut record.role else { return };
        let Some(state) = state.take() else { return };
        record.role = Role::Here { seen: std::mem::take(seen), journey: None };
        self.outputs.push_back(Output::Thaw { hart, state });
        self.settle(hart);
    }

    pub(super) fn on_ready(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        term: u64,
    ) -> Result<(), Refused> {
        let record = self.record(hart);
        match &mut record.role {
            Role::Here { seen, journey: journey @ Some(_) } if is_to(journey.as_ref(), from, term) => {
                let (seen, journey) = (std::mem::take(seen), journey.take());
                record.role = Role::Frozen { seen, journey, since: now, state: None };
                self.outputs.push_back(Output::Freeze { hart });
                Ok(())
            }
            Role::Frozen { journey, .. } if is_to(journey.as_ref(), from, term) => self.stale(),
            _ if record.place.host == from && record.place.term >= term => self.stale(),
            _ => {
                self.send(from, hart, Body::Abandon { term });
                self.stale()
            }
        }
    }

    pub(super) fn on_refuse(
        &mut self,
        from: HostId,
        hart: HartId,
        term: u64,
        why: Refusal,
    ) -> Result<(), Refused> {
        if self.record(hart).role.journey().is_some_and(|journey| journey.to == from && journey.term == term)
        {
            self.fail_move(hart, MoveFailure::Refused(why));
            return Ok(());
        }
        self.stale()
    }

    pub(super) fn on_accept(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        term: u64,
    ) -> Result<(), Refused> {
        let timer = Timer::new(now, &self.config);
        let record = self.record(hart);
        match &record.role {
            Role::Frozen { journey, state: Some(_), since, .. } if is_to(journey.as_ref(), from, term) => {
                record.role = Role::Giving { since: *since, timer };
                record.place = Place { host: from, term };
                self.counters.departed += 1;
                self.say_move(hart);
                self.tell_whereabouts(hart);
                self.settle(hart);
                self.resend(now, hart);
                Ok(())
            }
            _ if record.place == (Place { host: from, term }) => {
                self.send(from, hart, Body::Commit { term });
                self.stale()
            }
            _ => {
                self.send(from, hart, Body::Abandon { term });
                self.stale()
            }
        }
    }

    /// Tells everybody but the one who runs the hart where that is.
    fn tell_whereabouts(&mut self, hart: HartId) {
        let Place { host, term } = self.records[hart.index()].place;
        for to in self.hosts.without(self.here).without(host).iter() {
            self.send(to, hart, Body::Whereabouts { host, term });
        }
    }

    pub(super) fn on_committed(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        term: u64,
    ) -> Result<(), Refused> {
        let record = self.record(hart);
        if matches!(record.role, Role::Giving { .. }) && record.place == (Place { host: from, term }) {
            self.finish_giving(now, hart);
            return Ok(());
        }
        self.stale()
    }

    /// The other host is known to have run the hart.
    pub(super) fn finish_giving(&mut self, now: Instant, hart: HartId) {
        let record = self.record(hart);
        let Role::Giving { since, .. } = record.role else { return };
        let (to, downtime): (_, Duration) = (record.place.host, now.saturating_since(since));
        record.role = Role::Away;
        self.outputs.push_back(Output::Moved { hart, to, downtime });
    }
}

/// Whether an attempt to move is this one.
fn is_to(journey: Option<&Journey>, host: HostId, term: u64) -> bool {
    journey.is_some_and(|journey| journey.to == host && journey.term == term)
}
