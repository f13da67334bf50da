//! [`Switch`]: carries frames between its ports by the addresses of cards.
//!
//! It learns which card is behind which port from what it hears, forgets what it has not heard for long, and sends to
//! all ports what it cannot place. What could go wrong with that is bounded: the table, what one port may put into it,
//! and how much of what comes from one port is sent to all.
//! A question for an address whose port is known goes to that port alone, so that a question among a thousand
//! machines is one frame and not a thousand.

mod storm;
mod table;

use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant, Map};

use crate::frame::{Arp, ArpOperation, Body};
use crate::{Frame, Mac, Node, Outbox, Port};
use storm::Bucket;
use table::{Lesson, Table};

/// The limits of a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many cards it remembers.
    pub cards_max: usize,
    /// How many cards it remembers behind one port.
    pub port_cards_max: u32,
    /// For how long it remembers a card that says nothing.
    pub age: Duration,
    /// How many frames a second from one port it sends to all others.
    pub storm_rate: u32,
    /// How many such frames it sends at once, after a while without any.
    pub storm_burst: u32,
    /// Who hears a question for an address.
    pub questions: Questions,
}

/// Who hears a question for an address (ARP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Questions {
    /// The port to which the address was assigned; if it was assigned to none, all ports that are not settled.
    #[default]
    Directed,
    /// All ports, as in a switch that knows nothing of addresses.
    Flooded,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cards_max: 1 << 17,
            port_cards_max: 8_192,
            age: Duration::from_secs(300),
            storm_rate: 2_000,
            storm_burst: 4_000,
            questions: Questions::default(),
        }
    }
}

/// What a switch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// How many frames went to the one port they were for.
    pub forwarded: u64,
    /// How many frames went to all ports.
    pub flooded: u64,
    /// How many questions went to the one port whose address was asked for.
    pub directed: u64,
    /// How many frames were for somebody behind the port they came from.
    pub local: u64,
    /// How many frames were dropped because too many from their port had gone to all.
    pub storm: u64,
    /// How many frames were dropped because two isolated ports may not talk.
    pub isolated: u64,
    /// How many frames were dropped at ports that are blocked, so that there is no loop.
    pub blocked: u64,
    /// How many frames were dropped because they claimed to come from many cards.
    pub malformed: u64,
    /// How many cards were not remembered because there was no room.
    pub unlearned: u64,
    /// How often a card was found behind another port than before.
    pub moved: u64,
}

/// Whether a port may talk to ports of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// It may talk to all.
    #[default]
    Open,
    /// It may talk to open ports only.
    Isolated,
}

/// Carries frames between its ports.
#[derive(Debug)]
pub struct Switch {
    config: Config,
    ports: Vec<PortState>,
    table: Table,
    /// The ports to which addresses were assigned.
    assigned: Map<Ipv4Addr, Port>,
    /// The attached ports that are not settled, in order: who may have an address that was assigned to no port.
    unsettled: Vec<Port>,
    counters: Counters,
}

#[derive(Debug, Clone)]
struct PortState {
    is_attached: bool,
    /// Nothing enters or leaves, because another way leads there.
    is_blocked: bool,
    isolation: Isolation,
    bucket: Bucket,
}

/// Where a frame goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exit {
    One(Port),
    Many(Flood),
}

/// Which ports a frame goes to that is not for one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flood {
    All,
    /// Those that may have any address.
    Unsettled,
}

impl Switch {
    /// A switch without ports. `key` keeps guests from choosing addresses that are slow to find.
    #[must_use]
    pub fn new(config: Config, key: u64) -> Self {
        let table = Table::new(key, config.cards_max, config.port_cards_max, config.age);
        Self {
            config,
            ports: Vec::new(),
            table,
            assigned: Map::default(),
            unsettled: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Something is connected to a port.
    pub fn attach(&mut self, port: Port) {
        let place = usize::from(port.number());
        if place >= self.ports.len() {
            let vacant = PortState {
                is_attached: false,
                is_blocked: false,
                isolation: Isolation::Open,
                bucket: Bucket::full(self.config.storm_burst),
            };
            self.ports.resize(place + 1, vacant);
        }
        self.ports[place].is_attached = true;
        self.settle(port, false);
    }

    /// Nothing is connected to a port any more: what was learned of it is forgotten.
    pub fn detach(&mut self, port: Port) {
        if let Some(state) = self.ports.get_mut(usize::from(port.number())) {
            state.is_attached = false;
            state.is_blocked = false;
            state.isolation = Isolation::Open;
            self.table.forget(port);
            self.settle(port, true);
        }
    }

    /// Tells which port has an address, so that questions for it need not go to all.
    pub fn assign(&mut self, address: Ipv4Addr, port: Port) {
        self.assigned.insert(address, port);
    }

    /// An address is no longer at a port.
    pub fn unassign(&mut self, address: Ipv4Addr) {
        self.assigned.remove(&address);
    }

    /// Tells whether who is at a port has the addresses that were assigned to it and no others, so that it need not
    /// hear questions for those.
    pub fn settle(&mut self, port: Port, is_settled: bool) {
        match self.unsettled.binary_search(&port) {
            Ok(place) if is_settled => {
                self.unsettled.remove(place);
            }
            Err(place) if !is_settled => self.unsettled.insert(place, port),
            _ => {}
        }
    }

    /// Keeps a port from talking to others of its kind, or lets it.
    pub fn isolate(&mut self, port: Port, isolation: Isolation) {
        if let Some(state) = self.ports.get_mut(usize::from(port.number())) {
            state.isolation = isolation;
        }
    }

    /// Lets nothing pass a port because another way leads where it leads, or lets it pass again.
    pub fn block(&mut self, port: Port, is_blocked: bool) {
        if let Some(state) = self.ports.get_mut(usize::from(port.number())) {
            state.is_blocked = is_blocked;
            self.table.forget(port);
        }
    }

    /// Whether a port is blocked, so that there is no loop.
    #[must_use]
    pub fn is_blocked(&self, port: Port) -> bool {
        self.ports.get(usize::from(port.number())).is_some_and(|state| state.is_blocked)
    }

    /// What it did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many cards it remembers.
    #[must_use]
    pub fn cards(&self) -> usize {
        self.table.len()
    }

    /// The port behind which a card was heard, if that is not too long ago.
    #[must_use]
    pub fn port_of(&self, card: Mac, now: Instant) -> Option<Port> {
        self.table.port_of(card, now)
    }

    /// Passes a frame on that is for one port only, through which `may_pass` lets it; otherwise it does nothing.
    #[inline]
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        from: Port,
        frame: &Frame,
        may_pass: impl FnOnce(Port) -> bool,
    ) -> Option<Port> {
        let Exit::One(to) = self.place(now, frame) else { return None };
        let is_open = |port: Port| {
            let state = self.ports.get(usize::from(port.number()));
            state.is_some_and(|state| state.is_attached && !state.is_blocked)
        };
        let passes = from != to && is_open(from) && is_open(to) && !are_isolated(&self.ports, from, to);
        if !passes || frame.source.is_multicast() || !may_pass(to) {
            return None;
        }
        self.learn(now, from, frame.source);
        let is_multicast = frame.target.is_multicast();
        *(if is_multicast { &mut self.counters.directed } else { &mut self.counters.forwarded }) += 1;
        Some(to)
    }

    /// Takes note of a frame, and says where it goes; `None` if it goes no further.
    #[inline]
    pub(crate) fn direct(&mut self, now: Instant, port: Port, frame: &Frame) -> Option<Exit> {
        if !self
            .ports
            .get(usize::from(port.number()))
            .is_some_and(|state| state.is_attached && !state.is_blocked)
        {
            self.counters.blocked += 1;
            return None;
        }
        if frame.source.is_multicast() {
            self.counters.malformed += 1;
            return None;
        }
        self.learn(now, port, frame.source);
        let exit = self.place(now, frame);
        match exit {
            Exit::One(to) if !self.may_leave(port, to, frame) => None,
            exit => Some(exit),
        }
    }

    #[inline]
    fn learn(&mut self, now: Instant, port: Port, source: Mac) {
        match self.table.learn(now, port, source) {
            Lesson::Known => {}
            Lesson::Moved => self.counters.moved += 1,
            Lesson::NoRoom => self.counters.unlearned += 1,
        }
    }

    #[inline]
    fn place(&self, now: Instant, frame: &Frame) -> Exit {
        if !frame.target.is_multicast() {
            return self.table.port_of(frame.target, now).map_or(Exit::Many(Flood::All), Exit::One);
        }
        match &frame.body {
            Body::Arp(Arp { operation: ArpOperation::Request, source, target, .. })
                if self.config.questions == Questions::Directed && source != target =>
            {
                self.assigned.get(target).map_or(Exit::Many(Flood::Unsettled), |port| Exit::One(*port))
            }
            _ => Exit::Many(Flood::All),
        }
    }

    /// Whether a frame may leave by the port that it is for.
    #[inline]
    fn may_leave(&mut self, from: Port, to: Port, frame: &Frame) -> bool {
        let counters = &mut self.counters;
        let is_open = |to: &PortState| to.is_attached && !to.is_blocked;
        let counter = if from == to {
            &mut counters.local
        } else if !self.ports.get(usize::from(to.number())).is_some_and(is_open) {
            &mut counters.blocked
        } else if are_isolated(&self.ports, from, to) {
            &mut counters.isolated
        } else {
            let is_multicast = frame.target.is_multicast();
            *(if is_multicast { &mut counters.directed } else { &mut counters.forwarded }) += 1;
            return true;
        };
        *counter += 1;
        false
    }

    /// Sends a frame to all ports that it may be for.
    #[cold]
    pub(crate) fn flood(&mut self, now: Instant, from: Port, to: Flood, frame: Frame, out: &mut Outbox) {
        let bucket = &mut self.ports[usize::from(from.number())].bucket;
        if !bucket.take(now, self.config.storm_rate, self.config.storm_burst) {
            self.counters.storm += 1;
            return;
        }
        self.counters.flooded += 1;
        match to {
            Flood::All => {
                self.spread(from, (0..self.ports.len()).map(|number| Port::new(number as u16)), frame, out);
            }
            Flood::Unsettled => self.spread(from, self.unsettled.iter().copied(), frame, out),
        }
    }

    /// Sends a frame to all of `ports` to which it may go.
    fn spread(&self, from: Port, ports: impl Iterator<Item = Port>, frame: Frame, out: &mut Outbox) {
        let isolation = self.ports[usize::from(from.number())].isolation;
        let mut targets = ports.filter(|port| {
            let state = &self.ports[usize::from(port.number())];
            let may_talk = isolation == Isolation::Open || state.isolation == Isolation::Open;
            *port != from && state.is_attached && !state.is_blocked && may_talk
        });
        let Some(mut next) = targets.next() else { return };
        for port in targets {
            out.send(next, frame.clone());
            next = port;
        }
        out.send(next, frame);
    }
}

impl Node for Switch {
    #[inline]
    fn handle(&mut self, now: Instant, port: Port, frame: Frame, out: &mut Outbox) {
        match self.direct(now, port, &frame) {
            Some(Exit::One(to)) => out.send(to, frame),
            Some(Exit::Many(to)) => self.flood(now, port, to, frame, out),
            None => {}
        }
    }

    fn expire(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn next_event(&self) -> Option<Instant> {
        None
    }
}

#[inline]
fn are_isolated(ports: &[PortState], from: Port, to: Port) -> bool {
    let isolation = |port: Port| ports[usize::from(port.number())].isolation;
    isolation(from) == Isolation::Isolated && isolation(to) == Isolation::Isolated
}

#[cfg(test)]
mod tests;
