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
use super::shard::{Crossing, Traffic};
use crate::Frame;
use crate::link::{Arrival, DropReason, Target};

/// How many hops a frame goes ahead of time. More are events: what leads in circles must not hold the clock.
const HOPS_MAX: u32 = 64;

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
        let (mut lane, mut sent) = (lane, self.now);
        for hop in 1.. {
            let Some((at, key)) = self.put_on(layout, sent, lane, subject) else { return };
            let ahead = &self.lanes[lane as usize];
            let next = if ahead.is_near && hop < HOPS_MAX {
                self.pass(layout, equipment, at, key, subject)
            } else {
                None
            };
            let Some(next) = next else { return self.agenda.push(at, Event { key, subject }) };
            (lane, sent) = (next, at);
        }
    }

    /// Lets equipment pass a frame on that arrives there at `at`, if it is known now what it will do; over which lane.
    #[inline]
    fn pass(
        &mut self,
        layout: &Layout,
        equipment: &mut [Equipment],
        at: Instant,
        key: Key,
        subject: u32,
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
        let print = self.digest.is_some().then(|| super::digest::fingerprint(frame));
        match kind {
            Kind::Switch(switch) => switch.pass(at, target.port, frame, may_pass)?,
            Kind::Router(router) => router.pass_known(at, target.port, frame, may_pass)?,
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
    fn put_on(&mut self, layout: &Layout, sent: Instant, place: u32, subject: u32) -> Option<(Instant, Key)> {
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
        whole
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
