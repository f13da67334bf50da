//! [`Harts`]: which host each hart lives on, how it moves, and how letters follow it.
//!
//! *Moving.* The source asks the destination for a slot, freezes the hart at a safe point, sends its state, and when it
//! hears that this has arrived it gives the hart up for good; when the destination hears that, it runs the hart. Until
//! it has given the hart up the source can take it back, and does so when the destination is gone or slow. So at every
//! moment one host alone may run the hart, and two that live lose none. It stands still for three messages.
//!
//! *Letters.* Each host numbers its letters to each hart and keeps them until it hears that they were delivered. Which
//! letters a hart has had is part of its state and moves with it. So letters may be lost, doubled, reordered and sent on
//! to wherever the hart went, and each is still delivered once and in order.
//!
//! *Whereabouts.* Each move has a *term*, higher than all before; of two things that are said about where a hart lives
//! the one of the higher term is true. Who is asked for a hart that has left sends on what it was sent, only ever to a
//! place of a higher term, so nothing is sent in circles.
//!
//! Sans-IO: every call is followed by draining [`Harts::poll`]; [`Harts::wake`] is called when [`Harts::next_event`] is due.

mod config;
mod destination;
mod epochs;
mod error;
mod id;
mod letters;
mod message;
mod outbox;
mod output;
mod record;
mod source;
mod timer;

use std::collections::VecDeque;

use ironloom_core::Instant;

use self::message::Body;
use self::record::{Place, Record, Role, Seen};
use self::timer::Timer;
use super::{Epoch, HostId, HostSet};

pub use config::HartsConfig;
pub use error::{MoveFailure, MoveRefused, PostRefused, Refused};
pub use id::{HARTS_MAX, HartId};
pub use message::{HartMessage, Letter, Refusal};
pub use output::{HartsCounters, Output};

/// The term of what was only said to a host that joined.
const GUESS: u64 = 0;

/// The term by which a hart is at its home.
const HOME: u64 = 1;

/// The harts of a machine, as one of its hosts knows them.
#[derive(Debug, Clone)]
pub struct Harts<L> {
    config: HartsConfig,
    here: HostId,
    epoch: Epoch,
    hosts: HostSet,
    leaving: Option<Leaving>,
    records: Vec<Record<L>>,
    /// One bit for each hart of which something is going to be due.
    pending: u64,
    outputs: VecDeque<Output<L>>,
    counters: HartsCounters,
}

/// How far this host is in leaving the machine.
#[derive(Debug, Clone, Hash)]
struct Leaving {
    /// When to ask again those who did not take a hart.
    timer: Timer,
    drained: bool,
}

impl<L: Letter> Harts<L> {
    /// The harts of a machine that begins, of which each begins at its home. Those of this host are its to run.
    ///
    /// # Panics
    ///
    /// If there are more than 64 harts, a home is none of the hosts, or the window is empty.
    #[must_use]
    pub fn new(config: HartsConfig, here: HostId, hosts: HostSet, homes: &[HostId], epoch: Epoch) -> Self {
        assert!(homes.iter().all(|home| hosts.contains(*home)), "harts live at hosts of the machine");
        let role = |home| {
            if home == here { Role::Here { seen: Seen::new(), journey: None } } else { Role::Away }
        };
        let record = |home: &HostId| Record::new(Place { host: *home, term: HOME }, role(*home));
        let records = homes.iter().map(record).collect();
        Self::with_records(config, here, hosts, records, epoch)
    }

    /// The harts of a machine that this host joins, of which none lives here. Where they are said to be may be out of
    /// date.
    ///
    /// # Panics
    ///
    /// If there are more than 64 harts, one is said to be here, or the window is empty.
    #[must_use]
    pub fn join(config: HartsConfig, here: HostId, hosts: HostSet, places: &[HostId], epoch: Epoch) -> Self {
        assert!(!places.contains(&here), "no hart lives at a host before that joins");
        let record = |place: &HostId| Record::new(Place { host: *place, term: GUESS }, Role::Away);
        let records = places.iter().map(record).collect();
        Self::with_records(config, here, hosts, records, epoch)
    }

    fn with_records(
        config: HartsConfig,
        here: HostId,
        hosts: HostSet,
        records: Vec<Record<L>>,
        epoch: Epoch,
    ) -> Self {
        assert!(records.len() <= HARTS_MAX, "a machine has at most {HARTS_MAX} harts");
        assert!(hosts.contains(here), "a host of the machine is among its hosts");
        assert!(config.window > 0 && config.letters_max > 0, "some letters can be on their way");
        let (outputs, counters) = (VecDeque::new(), HartsCounters::default());
        Self { config, here, epoch, hosts, leaving: None, records, pending: 0, outputs, counters }
    }

    /// Where a hart lives, as far as is known here; `None` if there is no such hart.
    #[must_use]
    pub fn host_of(&self, hart: HartId) -> Option<HostId> {
        self.records.get(hart.index()).map(|record| record.place.host)
    }

    /// Where each hart lives, as far as is known here.
    pub fn places(&self) -> impl Iterator<Item = (HartId, HostId)> + '_ {
        self.records.iter().enumerate().map(|(index, record)| (HartId::at(index), record.place.host))
    }

    /// Whether a hart lives here, be it that it stands still for being moved.
    #[must_use]
    pub fn lives_here(&self, hart: HartId) -> bool {
        self.records.get(hart.index()).is_some_and(|record| record.role.is_home())
    }

    /// Whether a hart is between two hosts of which this is one.
    #[must_use]
    pub fn is_moving(&self, hart: HartId) -> bool {
        let settled = |role: &Role| matches!(role, Role::Away | Role::Here { journey: None, .. });
        self.records.get(hart.index()).is_some_and(|record| !settled(&record.role))
    }

    /// How many harts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many letters of this host to a hart were not delivered yet.
    #[must_use]
    pub fn waiting(&self, hart: HartId) -> usize {
        self.records.get(hart.index()).map_or(0, |record| record.outbox.len())
    }

    /// The letters of this host that were not delivered yet, as far as is known.
    pub fn unheard(&self) -> impl Iterator<Item = &L> {
        // What waits has a time when it is said again.
        pending(self.pending).flat_map(|hart| self.records[hart.index()].outbox.letters())
    }

    /// The membership in which this host is.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How often things happened.
    #[must_use]
    pub const fn counters(&self) -> &HartsCounters {
        &self.counters
    }

    /// What must happen next. To be called until there is nothing more, in this order.
    pub fn poll(&mut self) -> Option<Output<L>> {
        self.outputs.pop_front()
    }

    /// When [`wake`](Self::wake) is to be called, if nothing else happens.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        let leaving = self.leaving.as_ref().filter(|leaving| !leaving.drained);
        let due = pending(self.pending).filter_map(|hart| self.records[hart.index()].due()).min();
        debug_assert_eq!(due, self.records.iter().filter_map(Record::due).min(), "what is due is watched");
        [due, leaving.map(|leaving| leaving.timer.due())].into_iter().flatten().min()
    }

    /// Says again what was not answered, and gives up what took too long.
    pub fn wake(&mut self, now: Instant) {
        for hart in pending(self.pending) {
            if self.record(hart).due().is_some_and(|due| due <= now) {
                self.wake_move(now, hart);
                self.wake_letters(now, hart);
                self.watch(hart);
            }
        }
        let config = self.config;
        if self.leaving.as_mut().is_some_and(|leaving| !leaving.drained && leaving.timer.fire(now, &config)) {
            self.records.iter_mut().for_each(|record| record.refused_by = HostSet::EMPTY);
        }
        self.evacuate(now);
    }

    /// Takes in a message of another host.
    ///
    /// # Errors
    ///
    /// If nobody who keeps to the rules can have said this now. Nothing has changed then, except that there is no slot any
    /// more for a hart whose state makes no sense.
    pub fn receive(&mut self, now: Instant, from: HostId, message: HartMessage<L>) -> Result<(), Refused> {
        let hart = message.hart;
        let received = self.check(from, &message).and_then(|()| match message.body {
            Body::Prepare { term } => self.on_prepare(now, from, hart, term),
            Body::Ready { term } => self.on_ready(now, from, hart, term),
            Body::Refuse { term, why } => self.on_refuse(from, hart, term, why),
            Body::State { term, seen, state } => self.on_state(now, from, hart, (term, seen, state)),
            Body::Accept { term } => self.on_accept(now, from, hart, term),
            Body::Commit { term } => self.on_commit(now, from, hart, term),
            Body::Committed { term } => self.on_committed(now, from, hart, term),
            Body::Abandon { term } => self.on_abandon(from, hart, term),
            Body::Letters { sender, term, first, letters } => {
                self.on_letters(from, hart, record::Held { sender, term, first, letters })
            }
            Body::Delivered { term, upto, gap } => self.on_delivered(now, from, hart, (term, upto, gap)),
            Body::Whereabouts { host, term } => self.on_whereabouts(now, from, hart, host, term),
        });
        match received {
            Ok(()) => self.watch(hart),
            Err(_) => self.counters.refused += 1,
        }
        self.evacuate(now);
        received
    }

    fn check(&self, from: HostId, message: &HartMessage<L>) -> Result<(), Refused> {
        if from == self.here || !self.hosts.contains(from) {
            return Err(Refused::Stranger { host: from });
        }
        if message.epoch != self.epoch {
            return Err(Refused::OtherEpoch { said: message.epoch, now: self.epoch });
        }
        if message.hart.index() >= self.records.len() {
            return Err(Refused::NoSuchHart { hart: message.hart });
        }
        Ok(())
    }

    fn send(&mut self, to: HostId, hart: HartId, body: Body<L>) {
        let message = HartMessage { epoch: self.epoch, hart, body };
        self.outputs.push_back(Output::Send { to, message });
    }

    fn record(&mut self, hart: HartId) -> &mut Record<L> {
        &mut self.records[hart.index()]
    }

    /// Something may be due of a hart from now on, or nothing more.
    fn watch(&mut self, hart: HartId) {
        let due = self.records[hart.index()].due().is_some();
        self.pending = self.pending & !(1 << hart.index()) | u64::from(due) << hart.index();
    }

    /// What came is from before something that has happened since.
    const fn stale(&mut self) -> Result<(), Refused> {
        self.counters.stale += 1;
        Ok(())
    }
}

/// The harts whose bits are set.
fn pending(mut bits: u64) -> impl Iterator<Item = HartId> {
    std::iter::from_fn(move || {
        let index = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(HartId::at(index))
    })
}

#[cfg(test)]
mod tests;
