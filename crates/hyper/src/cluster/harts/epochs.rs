//! What a change of the machine's hosts does to harts, and how a host empties itself.

use ironloom_core::Instant;

use super::message::Body;
use super::record::Role;
use super::timer::Timer;
use super::{HartId, Harts, Leaving, Letter, MoveFailure, Output};
use crate::cluster::{Epoch, HostId, HostSet};

impl<L: Letter> Harts<L> {
    /// The machine has other hosts from now on. What was under way to one that is gone is taken back, and what a host
    /// that is gone has posted is forgotten.
    ///
    /// Each epoch is to be announced, so that a host which is gone and comes back is known to begin anew.
    ///
    /// # Panics
    ///
    /// If the epoch is not a later one, or this host is not part of it.
    pub fn begin_epoch(&mut self, now: Instant, epoch: Epoch, hosts: HostSet) {
        assert!(epoch > self.epoch, "epochs count up");
        assert!(hosts.contains(self.here), "a host is part of the machine that it is told of");
        let old = std::mem::replace(&mut self.hosts, hosts);
        self.epoch = epoch;
        let gone = HostSet::from_bits(old.bits() & !hosts.bits());
        let fresh = HostSet::from_bits(hosts.bits() & !old.bits());
        for hart in (0..self.records.len()).map(HartId::at) {
            self.forget(hart, gone);
            self.introduce(hart, fresh);
            self.hurry(now, hart);
            self.watch(hart);
        }
        self.wake(now);
    }

    fn forget(&mut self, hart: HartId, gone: HostSet) {
        let record = self.record(hart);
        record.held.retain(|letters| !gone.contains(letters.sender));
        if let Some(seen) = record.role.seen() {
            seen.retain(|host, _| !gone.contains(*host));
        }
        if record.role.journey().is_some_and(|journey| gone.contains(journey.to)) {
            self.fail_move(hart, MoveFailure::Gone);
        } else if record.role.arrival().is_some_and(|(from, _)| gone.contains(from)) {
            record.role = Role::Away;
            self.settle(hart);
        } else if matches!(record.role, Role::Giving { .. }) && gone.contains(record.place.host) {
            record.role = Role::Away;
        }
        let place = self.record(hart).place.host;
        if gone.contains(place) {
            self.outputs.push_back(Output::Missing { hart, host: place });
        }
    }

    /// Tells hosts that are new of a hart that lives here.
    fn introduce(&mut self, hart: HartId, fresh: HostSet) {
        let record = &self.records[hart.index()];
        if record.role.is_home() {
            let term = record.place.term;
            for to in fresh.iter() {
                self.send(to, hart, Body::Whereabouts { host: self.here, term });
            }
        }
    }

    /// What was said in the last epoch is not heard in this one, so it is said again.
    fn hurry(&mut self, now: Instant, hart: HartId) {
        let record = self.record(hart);
        if let Some(timer) = record.role.timer() {
            timer.hurry(now);
        }
        if let Some(timer) = &mut record.outbox.timer {
            timer.hurry(now);
        }
    }

    /// Moves all harts of this host away and takes none any more. [`Output::Drained`] says when nothing is left.
    pub fn leave(&mut self, now: Instant) {
        if self.leaving.is_none() {
            self.leaving = Some(Leaving { timer: Timer::new(now, &self.config), drained: false });
            self.evacuate(now);
        }
    }

    /// Whether this host is to leave the machine.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// If this host is leaving, moves on what can be moved, and says when nothing is left.
    pub(super) fn evacuate(&mut self, now: Instant) {
        if self.leaving.as_ref().is_none_or(|leaving| leaving.drained) {
            return;
        }
        for hart in (0..self.records.len()).map(HartId::at) {
            if !matches!(self.records[hart.index()].role, Role::Here { journey: None, .. }) {
                continue;
            }
            if let Some(to) = self.shelter(hart) {
                // A hart that cannot move any more stays, and so does its host.
                let _worn = self.begin_move(now, hart, to);
            }
        }
        let empty = self.records.iter().all(|record| {
            matches!(record.role, Role::Away) && record.outbox.is_empty() && record.held.is_empty()
        });
        if let Some(leaving) = self.leaving.as_mut().filter(|_| empty) {
            leaving.drained = true;
            self.outputs.push_back(Output::Drained);
        }
    }

    /// The host that takes a hart when this one leaves: of those who did not refuse, the one with the fewest harts.
    fn shelter(&self, hart: HartId) -> Option<HostId> {
        let open = self.hosts.without(self.here).iter();
        let open = open.filter(|host| !self.records[hart.index()].refused_by.contains(*host));
        open.min_by_key(|host| self.bound_for(*host))
    }

    /// How many harts live at a host or are on their way to it, as far as is known here.
    fn bound_for(&self, host: HostId) -> usize {
        let bound = |role: &Role| match role {
            Role::Here { journey, .. } | Role::Frozen { journey, .. } => {
                journey.as_ref().map(|journey| journey.to)
            }
            _ => None,
        };
        self.records.iter().filter(|record| bound(&record.role).unwrap_or(record.place.host) == host).count()
    }
}
