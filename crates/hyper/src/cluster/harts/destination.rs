//! How a hart arrives: the side of a move that takes.

use ironloom_core::Instant;

use super::message::Body;
use super::record::{NUMBERS_MAX, Place, Role, Seen};
use super::timer::Timer;
use super::{HartId, Harts, Letter, Output, Refusal, Refused};
use crate::cluster::HostId;

impl<L: Letter> Harts<L> {
    pub(super) fn on_prepare(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        term: u64,
    ) -> Result<(), Refused> {
        check_number(term)?;
        if term <= self.record(hart).place.term {
            return self.stale();
        }
        if self.record(hart).role.is_home() {
            return Err(Refused::OutOfState { host: from, hart });
        }
        match self.record(hart).role.arrival() {
            Some((_, other)) if other > term => return self.stale(),
            Some(known) if known == (from, term) => {
                if matches!(self.record(hart).role, Role::Reserved { .. }) {
                    self.say_move(hart);
                }
                return self.stale();
            }
            Some((_, other)) if other == term => return Err(Refused::OutOfState { host: from, hart }),
            // Who proposes a higher term lives with the hart, so the lower one was abandoned.
            Some(_) => self.record(hart).role = Role::Away,
            // The hart was given away from here, and must have been run there to be proposed.
            None => self.finish_giving(now, hart),
        }
        self.reserve(now, from, hart, term);
        Ok(())
    }

    fn reserve(&mut self, now: Instant, from: HostId, hart: HartId, term: u64) {
        let taken = self.records.iter().filter(|record| record.role.takes_slot()).count();
        let refusal = match (self.leaving.is_some(), taken >= self.config.slots) {
            (true, _) => Some(Refusal::Leaving),
            (_, true) => Some(Refusal::Full),
            _ => None,
        };
        if let Some(why) = refusal {
            self.send(from, hart, Body::Refuse { term, why });
            self.settle(hart);
            return;
        }
        let timer = Timer::new(now, &self.config);
        self.record(hart).role = Role::Reserved { from, term, timer };
        self.say_move(hart);
    }

    pub(super) fn on_state(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        (term, seen, state): (u64, Seen, Vec<u8>),
    ) -> Result<(), Refused> {
        let timer = Timer::new(now, &self.config);
        let fit = self.check_state(hart, &seen, &state);
        let record = self.record(hart);
        match &record.role {
            Role::Reserved { from: source, term: known, .. } if (*source, *known) == (from, term) => {}
            Role::Accepted { from: source, term: known, .. } if (*source, *known) == (from, term) => {
                self.say_move(hart);
                return self.stale();
            }
            _ if term <= record.place.term => return self.stale(),
            _ => {
                self.send(from, hart, Body::Refuse { term, why: Refusal::Unasked });
                return self.stale();
            }
        }
        if fit.is_err() {
            record.role = Role::Away;
            self.send(from, hart, Body::Refuse { term, why: Refusal::Unfit });
            self.settle(hart);
            return fit;
        }
        record.role = Role::Accepted { from, term, seen, state, timer };
        self.say_move(hart);
        Ok(())
    }

    fn check_state(&self, hart: HartId, seen: &Seen, state: &[u8]) -> Result<(), Refused> {
        if state.len() > self.config.state_bytes_max {
            return Err(Refused::Length { found: state.len(), limit: self.config.state_bytes_max });
        }
        if let Some(host) = seen.keys().find(|host| !self.hosts.contains(**host)) {
            return Err(Refused::Stranger { host: *host });
        }
        let posted = self.records[hart.index()].outbox.last();
        match seen.get(&self.here) {
            Some(number) if *number > posted => Err(Refused::Number { number: *number }),
            _ => seen.values().try_for_each(|number| check_number(*number)),
        }
    }

    pub(super) fn on_commit(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        term: u64,
    ) -> Result<(), Refused> {
        let here = self.here;
        let record = self.record(hart);
        match &mut record.role {
            Role::Accepted { from: source, term: known, seen, state, .. }
                if (*source, *known) == (from, term) =>
            {
                let (seen, state) = (std::mem::take(seen), std::mem::take(state));
                record.role = Role::Here { seen, journey: None };
                record.place = Place { host: here, term };
                self.counters.arrived += 1;
                self.outputs.push_back(Output::Thaw { hart, state });
                self.send(from, hart, Body::Committed { term });
                self.settle(hart);
                self.evacuate(now);
                Ok(())
            }
            _ if term <= record.place.term => {
                self.send(from, hart, Body::Committed { term });
                self.stale()
            }
            _ => Err(Refused::OutOfState { host: from, hart }),
        }
    }

    pub(super) fn on_abandon(&mut self, from: HostId, hart: HartId, term: u64) -> Result<(), Refused> {
        if self.record(hart).role.arrival() != Some((from, term)) {
            return self.stale();
        }
        self.record(hart).role = Role::Away;
        self.settle(hart);
        Ok(())
    }

    pub(super) fn on_whereabouts(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        host: HostId,
        term: u64,
    ) -> Result<(), Refused> {
        check_number(term)?;
        if !self.hosts.contains(host) {
            return Err(Refused::Stranger { host });
        }
        if host == self.here || term <= self.record(hart).place.term {
            return self.stale();
        }
        if self.record(hart).role.is_home() {
            return Err(Refused::OutOfState { host: from, hart });
        }
        self.learn(now, hart, Place { host, term });
        Ok(())
    }

    /// A hart that does not live here is known to live at a place of a higher term than was known.
    pub(super) fn learn(&mut self, now: Instant, hart: HartId, place: Place) {
        self.finish_giving(now, hart);
        let hosts = self.hosts;
        let record = self.record(hart);
        let was_gone = !hosts.contains(record.place.host);
        record.place = place;
        // A lower term that was not committed never will be.
        if record.role.arrival().is_some_and(|(_, term)| term < place.term) {
            record.role = Role::Away;
            self.settle(hart);
        }
        if was_gone {
            self.resend(now, hart);
        }
    }
}

/// Whether a number leaves room for the next one.
pub(super) const fn check_number(number: u64) -> Result<(), Refused> {
    if number < NUMBERS_MAX { Ok(()) } else { Err(Refused::Number { number }) }
}
