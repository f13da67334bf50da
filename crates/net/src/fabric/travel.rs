//! How a frame travels: over a lane, and past the equipment that would only pass it on.
//!
//! What a switch or a router does with a frame whose way it knows is done when the frame is sent, at the instant at
//! which it will arrive there, rather than as an event of its own: so a frame costs one event, however many hops its
//! way has. That is possible within a group, where nobody else could see the difference, and as long as what a lane
//! does with a frame depends on nothing that is sent in between: not where there is a rate, or losses come in bursts.
//!
//! A frame is judged by its way as it is when the frame is sent: a link that goes down while the frame is under way,
//! or a card that moves, concerns those that follow.

use ironloom_core::Instant;

use super::Point;
use super::agenda::{Event, Key};
use super::equipment::{Equipment, Kind};
use super::flights::Flight;
use super::layout::{Layout, NONE};
use super::paths::{self, Passed, Path, Paths, STEPS_MAX};
use super::shard::{Crossing, Traffic};
use crate::Frame;
use crate::link::{Arrival, DropReason, Target};

/// How many hops a frame goes ahead of time. More are events: what leads in circles must not hold the clock.
const HOPS_MAX: u32 = 64;

/// A lane that a frame is on, and when and as what it arrives at its end.
#[derive(Debug, Clone, Copy)]
struct Leg {
    at: Instant,
    key: Key,
    lane: u32,
}

/// What became of the attempt to take a path.
enum Taken {
    /// There is none.
    No,
    /// The frame is at its end.
    Ahead(Leg),
    /// The frame was dropped on its way.
    Nowhere,
}

/// The routers in a row that a frame passed. Most frames pass one at the most.
struct Trail {
    first: Option<Passed>,
    others: Vec<Passed>,
    is_over: bool,
}

impl Trail {
    /// A trail that begins; where a digest is kept, each hop is in it, so none is passed over.
    #[inline]
    fn new(is_wanted: bool) -> Self {
        Self { first: None, others: Vec::new(), is_over: !is_wanted }
    }

    #[inline]
    fn add(&mut self, key: Option<paths::Key>, seat: u32, lane: u32) {
        let passed = key.filter(|_| !self.is_over).map(|key| Passed { key, seat, lane });
        match passed {
            None => self.is_over = true,
            Some(_) if self.first.is_none() => self.first = passed,
            Some(passed) => {
                self.others.push(passed);
                self.is_over = self.others.len() + 1 == STEPS_MAX;
            }
        }
    }

    /// Something else than a router comes next.
    #[inline]
    fn end(&mut self) {
        self.is_over |= self.first.is_some();
    }

    /// Makes a path of it, if it is worth one; whether it was.
    #[inline]
    fn keep(self, now: Instant, equipment: &mut [Equipment]) -> bool {
        match self.first {
            Some(first) if !self.others.is_empty() => {
                keep_path(now, first, self.others, equipment);
                true
            }
            _ => false,
        }
    }
}

#[cold]
fn keep_path(now: Instant, first: Passed, mut passed: Vec<Passed>, equipment: &mut [Equipment]) {
    passed.insert(0, first);
    let Equipment { station, paths, .. } = &mut equipment[first.seat as usize];
    let mut paths = paths.take().unwrap_or_else(|| Box::new(Paths::new(station.number().into())));
    paths.keep(now, &passed, equipment);
    equipment[first.seat as usize].paths = Some(paths);
}

impl Traffic {
    /// Sends a frame from where a lane begins.
    #[inline]
    pub(super) fn send(&mut self, layout: &Layout, equipment: &mut [Equipment], lane: u32, frame: Frame) {
        let target = self.lanes[lane as usize].target;
        if let Some(subject) = self.place(target, frame) {
            self.travel(layout, equipment, lane, subject);
        }
    }

    /// Gives a frame its place, if there is one.
    #[inline]
    pub(super) fn place(&mut self, target: Target, frame: Frame) -> Option<u32> {
        if self.flights.len() >= self.frames_max {
            self.tally.overflowed += 1;
            return None;
        }
        Some(self.flights.insert(Flight { frame, target, is_watched: false }))
    }

    /// Sends a frame that is in its place, as far as its way is known.
    #[inline]
    pub(super) fn travel(&mut self, layout: &Layout, equipment: &mut [Equipment], lane: u32, subject: u32) {
        let Some(mut leg) = self.put_on(layout, self.now, lane, subject) else { return };
        let mut trail = Trail::new(self.digest.is_none());
        for _ in 1..HOPS_MAX {
            if !self.lanes[leg.lane as usize].is_near {
                break;
            }
            leg = match self.take_path(layout, equipment, leg, subject) {
                Taken::Ahead(next) => {
                    trail.end();
                    next
                }
                Taken::Nowhere => return,
                Taken::No => {
                    let Some(lane) = self.pass(layout, equipment, leg, subject, &mut trail) else { break };
                    let Some(next) = self.put_on(layout, leg.at, lane, subject) else {
                        self.has_paths |= trail.keep(leg.at, equipment);
                        return;
                    };
                    next
                }
            };
        }
        self.has_paths |= trail.keep(leg.at, equipment);
        self.agenda.push(leg.at, Event { key: leg.key, subject });
    }

    /// Leads a frame past all routers of a path that begins where it arrives.
    #[inline]
    fn take_path(&mut self, layout: &Layout, equipment: &mut [Equipment], leg: Leg, subject: u32) -> Taken {
        let Some(Flight { frame, target, .. }) = self.flights.flight_mut(subject) else { return Taken::No };
        let Some(mut paths) = equipment[target.seat as usize].paths.take() else { return Taken::No };
        let seat = target.seat as usize;
        let taken = match paths::Key::of(target.port, frame) {
            Some(key) => match paths.find(leg.at, &key, equipment) {
                Some(path) => self.follow_path(layout, path, leg, subject),
                None => Taken::No,
            },
            None => Taken::No,
        };
        equipment[seat].paths = Some(paths);
        taken
    }

    #[inline]
    fn follow_path(&mut self, layout: &Layout, path: &mut Path, mut leg: Leg, subject: u32) -> Taken {
        let is_free = self.digest.is_none()
            && layout.partitions.is_empty()
            && self.lanes[leg.lane as usize].taps == 0
            && path.steps().iter().all(|step| self.lanes[step.lane as usize].taps == 0);
        let Some(flight) = self.flights.flight_mut(subject) else { return Taken::No };
        let Some(traffic) = is_free.then(|| path.apply(&mut flight.frame)).flatten() else {
            return Taken::No;
        };
        let mut target = flight.target;
        for step in path.steps() {
            let lane = &mut self.lanes[step.lane as usize];
            if let Some((at, number)) = lane.carry(leg.at, layout.lines.line(lane.line), traffic) {
                leg = Leg { at, key: Key::frame(lane.id, number), lane: step.lane };
                target = lane.target;
            } else if let Some(next) = self.put_on(layout, leg.at, step.lane, subject) {
                (leg, target) = (next, self.lanes[step.lane as usize].target);
            } else {
                return Taken::Nowhere;
            }
        }
        if let Some(flight) = self.flights.flight_mut(subject) {
            flight.target = target;
        }
        Taken::Ahead(leg)
    }

    /// Lets equipment pass a frame on that arrives there at `at`, if it is known now what it will do; over which lane.
    #[inline]
    fn pass(
        &mut self,
        layout: &Layout,
        equipment: &mut [Equipment],
        Leg { at, key, .. }: Leg,
        subject: u32,
        trail: &mut Trail,
    ) -> Option<u32> {
        let Flight { frame, target, is_watched } = self.flights.flight_mut(subject)?;
        let Equipment { kind, ports, .. } = &mut equipment[target.seat as usize];
        let mut lane = NONE;
        let lanes = &self.lanes;
        let may_pass = |port: crate::Port| {
            lane = ports.get(usize::from(port.number())).map_or(NONE, |exit| exit.lane);
            lanes.get(lane as usize).is_some_and(|lane| layout.lines.line(lane.line).is_stateless)
        };
        let arrived = (*is_watched).then(|| frame.clone());
        let (seat, known) = (target.seat, paths::Key::of(target.port, frame));
        let print = self.digest.is_some().then(|| super::digest::fingerprint(frame));
        match kind {
            Kind::Switch(switch) => {
                switch.pass(at, target.port, frame, may_pass)?;
                trail.end();
            }
            Kind::Router(router) => {
                router.pass_known(at, target.port, frame, may_pass)?;
                trail.add(known, seat, lane);
            }
            Kind::Door | Kind::Node(_) | Kind::Vacant => return None,
        };
        if let (Some(digest), Some(print)) = (&mut self.digest, print) {
            digest.add_print(at, key.number(), print);
        }
        if let Some(frame) = arrived {
            self.capture(layout, at, key.lane(), Point::Arrived, frame);
        }
        Some(lane)
    }

    /// Puts a frame that is in its place on a lane; when it arrives, if it does so in this shard, once and as it is.
    #[inline]
    fn put_on(&mut self, layout: &Layout, sent: Instant, place: u32, subject: u32) -> Option<Leg> {
        let lane = &mut self.lanes[place as usize];
        let (target, id, taps) = (lane.target, lane.id, lane.taps);
        let flight = self.flights.flight_mut(subject)?;
        flight.target = target;
        flight.is_watched = taps & Point::Arrived.bit() != 0;
        let copy = (taps & Point::Sent.bit() != 0).then(|| flight.frame.clone());
        let mut whole = None;
        if layout.is_parted(id, &flight.frame) {
            lane.drop_frame(DropReason::Partition, 1);
        } else {
            let line = layout.lines.line(lane.line);
            lane.offer(sent, &flight.frame, line, &layout.chance, |arrival| match arrival.instead {
                None => whole = Some((arrival.at, Key::frame(id, arrival.number))),
                Some(_) => self.parts.push(arrival),
            });
        }
        if whole.is_none() || target.shard != self.number {
            self.leave(target, whole.take(), subject);
        }
        if !self.parts.is_empty() {
            self.send_parts(target, id, taps);
        }
        if let Some(frame) = copy {
            self.capture(layout, sent, id, Point::Sent, frame);
        }
        whole.map(|(at, key)| Leg { at, key, lane: place })
    }

    /// Takes a frame out of its place that does not arrive in this shard.
    fn leave(&mut self, target: Target, arrival: Option<(Instant, Key)>, subject: u32) {
        let flight = self.flights.take(subject);
        if let (Some((at, key)), Some(flight)) = (arrival, flight) {
            self.crossings[usize::from(target.shard)].push(Crossing { at, key, flight });
        }
    }

    /// Sends what became of a frame on its lane.
    #[cold]
    fn send_parts(&mut self, target: Target, lane: u32, taps: u8) {
        let mut parts = std::mem::take(&mut self.parts);
        for Arrival { at, number, instead } in parts.drain(..) {
            let Some(frame) = instead else { continue };
            let flight = Flight { frame, target, is_watched: taps & Point::Arrived.bit() != 0 };
            let key = Key::frame(lane, number);
            if target.shard == self.number {
                self.plan(at, key, flight);
            } else {
                self.crossings[usize::from(target.shard)].push(Crossing { at, key, flight });
            }
        }
        self.parts = parts;
    }
}
