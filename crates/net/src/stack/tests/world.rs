//! [`World`]: machines on one wire, with a clock that the test moves.

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};

use crate::stack::{Config, Stack};
use crate::{Frame, Host, Interface, Mac, Node, Outbox, Port, Readiness, SocketId};

/// How long a frame takes.
pub(super) const DELAY: Duration = Duration::from_micros(100);

/// Machines on one wire: what one sends arrives at all others, a little later.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) machines: Vec<Machine>,
    wire: VecDeque<(Instant, usize, Frame)>,
    /// How many of a thousand frames are lost.
    pub(super) loss: u64,
    rng: Rng,
    /// How many frames were carried.
    pub(super) frames: u64,
}

pub(super) struct Machine {
    pub(super) stack: Stack,
    out: Outbox,
    /// What was told of its sockets, and its timers.
    pub(super) notices: Vec<(SocketId, Readiness)>,
    pub(super) rings: Vec<u64>,
    /// Whether its cable is plugged in.
    pub(super) is_linked: bool,
}

impl World {
    /// Machines 10.0.0.1, 10.0.0.2 and so on.
    pub(super) fn new(count: usize) -> Self {
        Self::with(count, &Config::default())
    }

    pub(super) fn with(count: usize, config: &Config) -> Self {
        Self::with_cards(count, config, |number| {
            let address = format!("10.0.0.{number}/24").parse().unwrap();
            Interface::new(Mac::local(number as u64)).with_address(address)
        })
    }

    pub(super) fn with_cards(count: usize, config: &Config, card: impl Fn(usize) -> Interface) -> Self {
        let mut rng = Rng::new(Seed::new(count as u64));
        let config = Arc::new(config.clone());
        let machines = (1..=count).map(|number| {
            let mut stack = Stack::new(Arc::clone(&config), &mut rng);
            stack.attach(&card(number));
            Machine { stack, out: Outbox::new(), notices: Vec::new(), rings: Vec::new(), is_linked: true }
        });
        let machines = machines.collect();
        let now = Instant::ZERO.saturating_add(Duration::from_secs(1));
        Self { now, machines, wire: VecDeque::new(), loss: 0, rng, frames: 0 }
    }

    /// Uses a machine's network.
    pub(super) fn host<R>(&mut self, machine: usize, use_it: impl FnOnce(&mut Host<'_>) -> R) -> R {
        self.host_of(machine, 0, use_it)
    }

    pub(super) fn host_of<R>(
        &mut self,
        machine: usize,
        owner: u64,
        use_it: impl FnOnce(&mut Host<'_>) -> R,
    ) -> R {
        let Machine { stack, out, .. } = &mut self.machines[machine];
        let result = use_it(&mut Host::new(self.now, owner, stack, out));
        self.collect(machine);
        result
    }

    /// Lets a machine tell which addresses it has.
    pub(super) fn announce(&mut self, machine: usize) {
        let Machine { stack, out, .. } = &mut self.machines[machine];
        stack.announce(Port::new(0), out);
        self.collect(machine);
    }

    /// Lets a frame arrive at a machine now.
    pub(super) fn inject(&mut self, machine: usize, frame: Frame) {
        let Machine { stack, out, .. } = &mut self.machines[machine];
        stack.handle(self.now, Port::new(0), frame, out);
        self.collect(machine);
    }

    /// Moves what a machine said onto the wire.
    fn collect(&mut self, machine: usize) {
        let Machine { out, notices, rings, is_linked, .. } = &mut self.machines[machine];
        while let Some((_, frame)) = out.next_frame() {
            if *is_linked && !self.rng.chance(self.loss, 1_000) {
                self.wire.push_back((self.now.saturating_add(DELAY), machine, frame));
            }
        }
        while let Some(notice) = out.next_notice() {
            notices.push(notice);
        }
        while let Some(token) = out.next_timer() {
            rings.push(token);
        }
    }

    /// When something happens next.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let wire = self.wire.front().map(|(at, ..)| *at);
        self.machines.iter().filter_map(|machine| machine.stack.next_event()).chain(wire).min()
    }

    /// Does what happens next, if that is not after `until`.
    pub(super) fn step(&mut self, until: Instant) -> bool {
        let Some(next) = self.next_event().filter(|next| *next <= until) else { return false };
        self.now = self.now.max(next);
        while let Some((_, from, frame)) = self.wire.pop_front_if(|(at, ..)| *at <= self.now) {
            self.frames += 1;
            for to in (0..self.machines.len()).filter(|to| *to != from) {
                if self.machines[to].is_linked {
                    self.inject(to, frame.clone());
                }
            }
        }
        for machine in 0..self.machines.len() {
            let Machine { stack, out, .. } = &mut self.machines[machine];
            if stack.next_event().is_some_and(|next| next <= self.now) {
                stack.expire(self.now, out);
                let next = stack.next_event();
                assert!(next.is_none_or(|next| next > self.now), "{next:?} is not after {:?}", self.now);
                self.collect(machine);
            }
        }
        true
    }

    /// Lets everything happen until nothing is left to happen within a time.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        while self.step(until) {}
        self.now = until;
    }

    /// What was told of a machine's sockets since this was asked last.
    pub(super) fn take_notices(&mut self, machine: usize) -> Vec<(SocketId, Readiness)> {
        std::mem::take(&mut self.machines[machine].notices)
    }
}
