//! [`Foresight`]: having in the cache what the next events are about.
//!
//! What an event touches is found step by step: the frame says for which machine it is, the machine where its stack is,
//! the stack where its sockets are. Each step is a wait for memory, so for each the processor is asked some events
//! ahead, one step after the other.

use super::agenda::Event;
use super::equipment::Kind;
use super::layout::MACHINE;
use super::machine::Run;
use super::shard::{Shard, machine_index};
use crate::Frame;
use crate::raw::prefetch;

/// How many events ahead each step is taken.
const STEPS: [usize; 5] = [12, 9, 6, 4, 2];

/// For how many of the next events each step was taken already.
#[derive(Debug, Default)]
pub(super) struct Foresight([usize; STEPS.len()]);

impl Shard {
    /// Takes the next step for what comes next, now that one event less is ahead.
    #[inline]
    pub(super) fn foresee(&mut self) {
        for (step, ahead) in STEPS.into_iter().enumerate() {
            let mut done = self.foresight.0[step].saturating_sub(1);
            while done < ahead
                && let Some(event) = self.traffic.agenda.upcoming(done)
            {
                self.fetch(step, event);
                done += 1;
            }
            self.foresight.0[step] = done;
        }
    }

    #[inline]
    fn fetch(&self, step: usize, event: Event) {
        if event.key.is_wake() {
            return self.fetch_seat(step + 1, event.subject);
        }
        match self.traffic.flights.flight(event.subject) {
            place if step == 0 => prefetch(place),
            Some(flight) if step > 2 && flight.target.seat & MACHINE == 0 => {
                self.fetch_flow(flight.target.seat, &flight.frame, step == 4);
            }
            Some(flight) if step == 4 && flight.target.seat & MACHINE != 0 => {
                let machine = self.machines.get(machine_index(flight.target.seat));
                if let Some(Run::Stack(stack, _)) = machine.and_then(|machine| machine.run()) {
                    stack.fetch_socket(&flight.frame);
                }
            }
            Some(flight) => self.fetch_seat(step, flight.target.seat),
            None => {}
        }
    }

    /// Has fetched what a router knows of the conversation of a frame.
    #[inline]
    pub(super) fn fetch_flow(&self, seat: u32, frame: &Frame, is_flow: bool) {
        if let Some(Kind::Router(router)) = self.equipment.get(seat as usize).map(|equipment| &equipment.kind)
        {
            router.fetch(frame, is_flow);
        }
    }

    #[inline]
    fn fetch_seat(&self, step: usize, seat: u32) {
        if seat & MACHINE == 0 {
            if let (1, Some(equipment)) = (step, self.equipment.get(seat as usize)) {
                match &equipment.kind {
                    Kind::Switch(switch) => prefetch(&**switch),
                    Kind::Router(router) => prefetch(&**router),
                    Kind::Vacant | Kind::Door | Kind::Node(_) => {}
                }
            }
            return;
        }
        let Some(machine) = self.machines.get(machine_index(seat)) else { return };
        match step {
            1 => prefetch(machine),
            2 => {
                if let Some(life) = &machine.life {
                    prefetch(&**life);
                }
                if let Some(lane) = self.traffic.lanes.get(machine.lane as usize) {
                    prefetch(lane);
                }
            }
            3 => {
                if let Some(Run::Stack(stack, _)) = machine.run() {
                    stack.fetch();
                }
            }
            _ => {}
        }
    }
}
