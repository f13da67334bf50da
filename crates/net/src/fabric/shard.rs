//! [`Shard`]: some of the stations, and all that happens to them.
//!
//! Within a window no shard sees anything of another: what it sends there lies in `crossings` until the window ends.

use std::collections::VecDeque;

use ironloom_core::Instant;

use super::absent;
use super::agenda::{Agenda, Event, Key};
use super::digest::Digest;
use super::equipment::{Equipment, Kind};
use super::flights::{Flight, Flights};
use super::foresight::Foresight;
use super::layout::{Layout, MACHINE, NONE};
use super::machine::{Alarm, Machine, Run};
use super::{LinkId, Output, Point, StationId, Way};
use crate::link::{Arrival, DropReason, Lane, Target};
use crate::{Frame, Outbox, Port, switch};

/// For how many frames that enter together it is fetched what they need.
const FETCHED_FRAMES: usize = 16;

/// Some of the stations, and all that happens to them.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) machines: Vec<Machine>,
    pub(super) free_machines: Vec<u32>,
    pub(super) equipment: Vec<Equipment>,
    pub(super) free_equipment: Vec<u32>,
    pub(super) traffic: Traffic,
    pub(super) out: Outbox,
    pub(super) foresight: Foresight,
}

/// What is under way in a shard.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) number: u16,
    pub(super) now: Instant,
    pub(super) agenda: Agenda,
    pub(super) flights: Flights,
    /// What became of the frame that is being put on a lane, if it does not simply arrive.
    pub(super) parts: Vec<Arrival>,
    /// Whether there are ways through several routers.
    pub(super) has_paths: bool,
    pub(super) lanes: Vec<Lane>,
    pub(super) free_lanes: Vec<u32>,
    /// What was sent to other shards, for each of them.
    pub(super) crossings: Vec<Vec<Crossing>>,
    pub(super) outputs: Vec<Told>,
    pub(super) digest: Option<Digest>,
    pub(super) tally: Tally,
    pub(super) frames_max: usize,
    outputs_max: usize,
}

/// What a shard did, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many events happened: frames that arrived, and wake-ups.
    pub events: u64,
    /// How many of these were wake-ups.
    pub wakes: u64,
    /// How many frames were dropped because their link was gone when they arrived.
    pub gone: u64,
    /// How many frames were dropped because too many were under way.
    pub overflowed: u64,
    /// How many outputs were dropped because nobody polled.
    pub unheard: u64,
    /// How many frames were sent through ports to which nothing is connected.
    pub unplugged: u64,
}

impl Tally {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            wakes: self.wakes + other.wakes,
            gone: self.gone + other.gone,
            overflowed: self.overflowed + other.overflowed,
            unheard: self.unheard + other.unheard,
            unplugged: self.unplugged + other.unplugged,
        }
    }
}

/// A frame that is on its way to another shard.
#[derive(Debug)]
pub(super) struct Crossing {
    pub(super) at: Instant,
    pub(super) key: Key,
    pub(super) flight: Flight,
}

/// An output, and where and when it came about.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: Instant,
    pub(super) station: StationId,
    pub(super) output: Output,
}

impl Shard {
    pub(super) fn new(number: u16, config: &super::Config) -> Self {
        Self {
            machines: Vec::new(),
            free_machines: Vec::new(),
            equipment: Vec::new(),
            free_equipment: Vec::new(),
            traffic: Traffic {
                number,
                now: Instant::ZERO,
                agenda: Agenda::new(),
                flights: Flights::default(),
                parts: Vec::new(),
                has_paths: false,
                lanes: Vec::new(),
                free_lanes: Vec::new(),
                crossings: (0..config.shards).map(|_| Vec::new()).collect(),
                outputs: Vec::new(),
                digest: config.digest.then(Digest::default),
                tally: Tally::default(),
                frames_max: config.frames_max,
                outputs_max: config.outputs_max,
            },
            out: Outbox::new(),
            foresight: Foresight::default(),
        }
    }

    /// Lets everything happen that is due at `until` or before.
    pub(super) fn run(&mut self, layout: &Layout, until: Instant) {
        while let Some((at, event)) = self.traffic.agenda.pop(until) {
            self.traffic.now = at;
            self.traffic.tally.events += 1;
            self.foresee();
            if event.key.is_wake() {
                self.wake(layout, event.subject);
            } else {
                self.arrive(layout, event);
            }
        }
        self.traffic.now = self.traffic.now.max(until);
    }

    /// Takes over what other shards sent.
    pub(super) fn receive(&mut self, crossings: &mut Vec<Crossing>) {
        for Crossing { at, key, flight } in crossings.drain(..) {
            self.traffic.plan(at, key, flight);
        }
    }

    #[inline]
    fn arrive(&mut self, layout: &Layout, event: Event) {
        let now = self.traffic.now;
        let Some(flight) = self.traffic.flights.flight_mut(event.subject) else { return };
        let target = flight.target;
        if flight.is_watched {
            let frame = flight.frame.clone();
            self.traffic.capture(layout, now, event.key.lane(), Point::Arrived, frame);
        }
        let is_known = if target.seat & MACHINE != 0 {
            self.machines.get(machine_index(target.seat)).map(|machine| machine.generation)
        } else {
            let ports = &self.equipment[target.seat as usize].ports;
            ports.get(usize::from(target.port.number())).map(|exit| exit.generation)
        };
        if is_known != Some(target.generation) {
            self.traffic.flights.take(event.subject);
            self.traffic.tally.gone += 1;
            return;
        }
        if let Some(digest) = &mut self.traffic.digest
            && let Some(flight) = self.traffic.flights.flight_mut(event.subject)
        {
            digest.add(now, event.key.number(), &flight.frame);
        }
        if target.seat & MACHINE != 0 {
            let Some(flight) = self.traffic.flights.take(event.subject) else { return };
            self.enter_machine(layout, machine_index(target.seat), target.port, flight.frame);
        } else {
            self.enter_equipment(layout, event.subject, target);
        }
    }

    #[inline]
    fn enter_machine(&mut self, layout: &Layout, index: usize, port: Port, frame: Frame) {
        let machine = &mut self.machines[index];
        match &mut machine.life {
            Some(life) if matches!(life.run, Run::Outside) => {
                let output = Output::Frame { at: self.traffic.now, port: machine.station, frame };
                return self.traffic.tell(machine.station, output);
            }
            Some(life) => life.handle(self.traffic.now, port, frame, &mut self.out),
            None => absent::answer(machine, &frame, &mut self.out),
        }
        self.settle_machine(layout, index);
    }

    /// Lets equipment handle a frame. Where it only passes it on, the frame stays in its place.
    #[inline]
    fn enter_equipment(&mut self, layout: &Layout, subject: u32, target: Target) {
        let Self { equipment, traffic, out, .. } = self;
        let equipment = &mut equipment[target.seat as usize];
        let (now, port) = (traffic.now, target.port);
        let Some(flight) = traffic.flights.flight_mut(subject) else { return };
        let forwarded = match &mut equipment.kind {
            Kind::Switch(switch) => match switch.direct(now, port, &flight.frame) {
                Some(switch::Exit::One(to)) => Some(to),
                Some(switch::Exit::Many(to)) => {
                    switch.flood(now, port, to, flight.take_frame(), out);
                    None
                }
                None => None,
            },
            Kind::Router(router) => router.forward(now, port, &mut flight.frame, out),
            Kind::Node(node) => {
                node.handle(now, port, flight.take_frame(), out);
                None
            }
            Kind::Door => {
                let output = Output::Frame { at: now, port: equipment.station, frame: flight.take_frame() };
                traffic.tell(equipment.station, output);
                None
            }
            Kind::Vacant => None,
        };
        self.settle_equipment(layout, target.seat);
        match forwarded {
            Some(port) => self.relay(layout, target.seat, port, subject),
            None => drop(self.traffic.flights.take(subject)),
        }
    }

    /// Passes a frame on through a port of equipment.
    #[inline]
    fn relay(&mut self, layout: &Layout, seat: u32, port: Port, subject: u32) {
        match self.equipment[seat as usize].lane(port, &mut self.traffic, layout) {
            Some(lane) => self.traffic.travel(layout, &mut self.equipment, lane, subject),
            None => {
                self.traffic.flights.take(subject);
                self.traffic.tally.unplugged += 1;
            }
        }
    }

    fn wake(&mut self, layout: &Layout, seat: u32) {
        let now = self.traffic.now;
        self.traffic.tally.wakes += 1;
        if seat & MACHINE != 0 {
            let index = machine_index(seat);
            let Some(life) = self.machines.get_mut(index).and_then(|machine| machine.life.as_mut()) else {
                return;
            };
            if life.alarm.ring(now) {
                life.expire(now, &mut self.out);
                self.settle_machine(layout, index);
            }
            return;
        }
        let Some(equipment) = self.equipment.get_mut(seat as usize) else { return };
        if equipment.alarm.ring(now) {
            if let Some(node) = equipment.kind.node() {
                node.expire(now, &mut self.out);
            }
            self.settle_equipment(layout, seat);
        }
    }

    /// Sends what a machine gave back, and plans when it wakes up.
    #[inline]
    pub(super) fn settle_machine(&mut self, layout: &Layout, index: usize) {
        let machine = &mut self.machines[index];
        while let Some((port, frame)) = self.out.next_frame() {
            if port.number() != 0 || machine.link.number() == NONE {
                self.traffic.tally.unplugged += 1;
                continue;
            }
            if machine.lane == NONE {
                machine.lane = self.traffic.open_lane(layout, machine.link, machine.station);
            }
            if machine.may_send(&frame) {
                self.traffic.send(layout, &mut self.equipment, machine.lane, frame);
            } else {
                self.traffic.lanes[machine.lane as usize].drop_frame(DropReason::Spoofed, 1);
            }
        }
        while let Some((socket, readiness)) = self.out.next_notice() {
            let at = self.traffic.now;
            let output = Output::Ready { at, machine: machine.id, socket, readiness };
            self.traffic.tell(machine.station, output);
        }
        while let Some(token) = self.out.next_timer() {
            let at = self.traffic.now;
            self.traffic.tell(machine.station, Output::Timer { at, machine: machine.id, token });
        }
        if let Some(life) = &mut machine.life
            && let Some(next) = life.next_event()
        {
            self.traffic.arm(&mut life.alarm, machine.station, MACHINE | index as u32, next);
        }
    }

    /// Sends what a piece of equipment gave back, and plans when it wakes up.
    #[inline]
    pub(super) fn settle_equipment(&mut self, layout: &Layout, seat: u32) {
        while let Some((port, frame)) = self.out.next_frame() {
            match self.equipment[seat as usize].lane(port, &mut self.traffic, layout) {
                Some(lane) => self.traffic.send(layout, &mut self.equipment, lane, frame),
                None => self.traffic.tally.unplugged += 1,
            }
        }
        while self.out.next_notice().is_some() || self.out.next_timer().is_some() {}
        let equipment = &mut self.equipment[seat as usize];
        if let Some(node) = equipment.kind.node()
            && let Some(next) = node.next_event()
        {
            self.traffic.arm(&mut equipment.alarm, equipment.station, seat, next);
        }
    }

    /// Sends frames from a door. While one goes its way, what those behind it need is fetched.
    pub(super) fn inject(&mut self, layout: &Layout, seat: u32, frames: impl Iterator<Item = Frame>) {
        let Some(lane) = self.equipment[seat as usize].lane(Port::new(0), &mut self.traffic, layout) else {
            self.traffic.tally.unplugged += frames.count() as u64;
            return;
        };
        let target = self.traffic.lanes[lane as usize].target;
        let mut waiting = VecDeque::with_capacity(FETCHED_FRAMES);
        for frame in frames {
            let Some(subject) = self.traffic.place(target, frame) else { continue };
            if self.traffic.lanes[lane as usize].is_near {
                self.fetch_for(target.seat, subject, false);
                if let Some(before) = waiting.len().checked_sub(FETCHED_FRAMES / 2) {
                    self.fetch_for(target.seat, waiting[before], true);
                }
            }
            waiting.push_back(subject);
            if waiting.len() == FETCHED_FRAMES
                && let Some(first) = waiting.pop_front()
            {
                self.traffic.travel(layout, &mut self.equipment, lane, first);
            }
        }
        for subject in waiting {
            self.traffic.travel(layout, &mut self.equipment, lane, subject);
        }
    }

    fn fetch_for(&self, seat: u32, subject: u32, is_flow: bool) {
        if let Some(flight) = self.traffic.flights.flight(subject) {
            self.fetch_flow(seat, &flight.frame, is_flow);
        }
    }

    /// Tells all routers what went by them.
    pub(super) fn tell_routers(&mut self) {
        if !self.traffic.has_paths {
            return;
        }
        for seat in 0..self.equipment.len() {
            if let Some(mut paths) = self.equipment[seat].paths.take() {
                paths.tell(self.traffic.now, &mut self.equipment);
                self.equipment[seat].paths = Some(paths);
            }
        }
    }

    /// Forgets all paths, because a lane goes by which one may lead.
    pub(super) fn forget_paths(&mut self) {
        self.tell_routers();
        if std::mem::take(&mut self.traffic.has_paths) {
            self.equipment.iter_mut().for_each(|equipment| equipment.paths = None);
        }
    }

    /// Lets somebody use what runs behind a machine's card, and sends what came of it.
    pub(super) fn visit<R>(
        &mut self,
        layout: &Layout,
        index: usize,
        visit: impl FnOnce(Instant, &mut Run, &mut Outbox) -> R,
    ) -> Option<R> {
        let life = self.machines[index].life.as_mut()?;
        let result = visit(self.traffic.now, &mut life.run, &mut self.out);
        self.settle_machine(layout, index);
        Some(result)
    }
}

impl Equipment {
    /// The lane that leads away from a port; `None` if nothing is connected there.
    #[inline]
    fn lane(&mut self, port: Port, traffic: &mut Traffic, layout: &Layout) -> Option<u32> {
        let exit = self.ports.get_mut(usize::from(port.number())).filter(|exit| !exit.is_vacant())?;
        if exit.lane == NONE {
            exit.lane = traffic.open_lane(layout, exit.link, self.station);
        }
        Some(exit.lane)
    }
}

impl Traffic {
    /// Makes the lane that leads from a station over a link.
    #[cold]
    fn open_lane(&mut self, layout: &Layout, link_id: LinkId, from: StationId) -> u32 {
        let link = layout.link(link_id).expect("a port leads to a link that is there");
        let way = usize::from(link.ends[0].station != from);
        let to = link.ends[1 - way];
        let station = layout.station(to.station).expect("a link ends at stations that are there");
        let target =
            Target { seat: station.seat, port: to.port, shard: station.shard, generation: to.generation };
        let group = layout.station(from).map(|from| from.group);
        let mut lane = Lane::new(link_id.number() << 1 | way as u32, link.lines[way], target);
        lane.is_near = station.seat & MACHINE == 0 && group == Some(station.group);
        (lane.is_down, lane.taps) = (link.is_down[way], link.taps[way]);
        if let Some(place) = self.free_lanes.pop() {
            self.lanes[place as usize] = lane;
            return place;
        }
        self.lanes.push(lane);
        (self.lanes.len() - 1) as u32
    }

    pub(super) fn plan(&mut self, at: Instant, key: Key, flight: Flight) {
        if self.flights.len() >= self.frames_max {
            self.tally.overflowed += 1;
            return;
        }
        let subject = self.flights.insert(flight);
        self.agenda.push(at, Event { key, subject });
    }

    #[inline]
    fn arm(&mut self, alarm: &mut Alarm, station: StationId, seat: u32, at: Instant) {
        if at < Instant::MAX
            && let Some(at) = alarm.set(at.max(self.now))
        {
            self.agenda.push(at, Event { key: Key::wake(station), subject: seat });
        }
    }

    fn tell(&mut self, station: StationId, output: Output) {
        self.tell_at(self.now, station, output);
    }

    fn tell_at(&mut self, at: Instant, station: StationId, output: Output) {
        if self.outputs.len() >= self.outputs_max
            && !matches!(output, Output::Ready { .. } | Output::Timer { .. })
        {
            self.tally.unheard += 1;
            return;
        }
        self.outputs.push(Told { at, station, output });
    }

    #[cold]
    pub(super) fn capture(&mut self, layout: &Layout, at: Instant, lane: u32, point: Point, frame: Frame) {
        let link_id = LinkId::new(lane >> 1);
        let way = if lane & 1 == 0 { Way::Forth } else { Way::Back };
        let Some(link) = layout.link(link_id) else { return };
        let end = if point == Point::Sent { way as usize } else { 1 - way as usize };
        let output = Output::Captured { at, link: link_id, way, point, frame };
        self.tell_at(at, link.ends[end].station, output);
    }
}

impl Kind {
    fn node(&mut self) -> Option<&mut dyn crate::Node> {
        match self {
            Self::Switch(switch) => Some(&mut **switch),
            Self::Router(router) => Some(&mut **router),
            Self::Node(node) => Some(&mut **node),
            Self::Vacant | Self::Door => None,
        }
    }
}

#[inline]
pub(super) fn machine_index(seat: u32) -> usize {
    (seat & !MACHINE) as usize
}
