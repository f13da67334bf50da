//! [`Lan`]: machines with services on one wire, for tests.

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};
use parking_lot::Mutex;

use crate::stack::{Config, Stack};
use crate::{Frame, Host, Interface, Mac, Node, Outbox, Port, Readiness, Service, SocketId};

/// How long a frame takes.
const DELAY: Duration = Duration::from_micros(100);

/// A service that a test can look into while it runs.
pub(crate) struct Shared<S>(pub(crate) Arc<Mutex<S>>);

impl<S: Service> Service for Shared<S> {
    fn start(&mut self, host: &mut Host<'_>) {
        self.0.lock().start(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        self.0.lock().ready(host, socket, readiness);
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        self.0.lock().timer(host, token);
    }
}

/// Machines with services on one wire: what one sends arrives at all others, a little later.
pub(crate) struct Lan {
    pub(crate) now: Instant,
    machines: Vec<Machine>,
    wire: VecDeque<(Instant, usize, Frame)>,
    /// How many of a thousand frames are lost.
    pub(crate) loss: u64,
    /// How many frames were sent.
    pub(crate) frames: u64,
    rng: Rng,
}

struct Machine {
    stack: Stack,
    service: Box<dyn Service>,
    out: Outbox,
    is_linked: bool,
}

impl Lan {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::ZERO.saturating_add(Duration::from_secs(1));
        let rng = Rng::new(Seed::new(seed));
        Self { now, machines: Vec::new(), wire: VecDeque::new(), loss: 0, frames: 0, rng }
    }

    /// Adds a machine with an address and a service, which starts at once.
    pub(crate) fn add<S: Service + 'static>(&mut self, address: &str, service: S) -> Arc<Mutex<S>> {
        let card = self.card().with_address(address.parse().unwrap());
        self.add_with(&card, service)
    }

    /// Adds a machine without an address.
    pub(crate) fn add_bare<S: Service + 'static>(&mut self, service: S) -> Arc<Mutex<S>> {
        let card = self.card();
        self.add_with(&card, service)
    }

    /// The card of the next machine.
    fn card(&self) -> Interface {
        Interface::new(Mac::local(self.machines.len() as u64 + 1))
    }

    fn add_with<S: Service + 'static>(&mut self, card: &Interface, service: S) -> Arc<Mutex<S>> {
        let service = Arc::new(Mutex::new(service));
        let mut stack = Stack::new(Arc::new(Config::default()), &mut self.rng);
        stack.attach(card);
        let mut out = Outbox::new();
        service.lock().start(&mut Host::new(self.now, 0, &mut stack, &mut out));
        let shared = Box::new(Shared(Arc::clone(&service)));
        self.machines.push(Machine { stack, service: shared, out, is_linked: true });
        self.serve(self.machines.len() - 1);
        service
    }

    /// Uses a machine's network as its service would.
    pub(crate) fn host<R>(&mut self, machine: usize, use_it: impl FnOnce(&mut Host<'_>) -> R) -> R {
        let Machine { stack, out, .. } = &mut self.machines[machine];
        let result = use_it(&mut Host::new(self.now, 0, stack, out));
        self.serve(machine);
        result
    }

    /// Pulls the cable of a machine, or plugs it in.
    pub(crate) fn link(&mut self, machine: usize, is_linked: bool) {
        self.machines[machine].is_linked = is_linked;
    }

    /// Lets the service hear, and moves what its machine says onto the wire.
    fn serve(&mut self, machine: usize) {
        let Machine { stack, service, out, is_linked } = &mut self.machines[machine];
        stack.serve(self.now, 0, &mut **service, out);
        while let Some((_, frame)) = out.next_frame() {
            self.frames += 1;
            if *is_linked && !self.rng.chance(self.loss, 1_000) {
                self.wire.push_back((self.now.saturating_add(DELAY), machine, frame));
            }
        }
    }

    /// Does what happens next, if that is not after `until`.
    fn step(&mut self, until: Instant) -> bool {
        let wire = self.wire.front().map(|(at, ..)| *at);
        let next = self.machines.iter().filter_map(|machine| machine.stack.next_event()).chain(wire).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some((_, from, frame)) = self.wire.pop_front_if(|(at, ..)| *at <= self.now) {
            for to in (0..self.machines.len()).filter(|to| *to != from) {
                let Machine { stack, out, is_linked, .. } = &mut self.machines[to];
                if *is_linked {
                    stack.handle(self.now, Port::new(0), frame.clone(), out);
                    self.serve(to);
                }
            }
        }
        for machine in 0..self.machines.len() {
            let Machine { stack, out, .. } = &mut self.machines[machine];
            if stack.next_event().is_some_and(|next| next <= self.now) {
                stack.expire(self.now, out);
                self.serve(machine);
            }
        }
        true
    }

    /// Lets everything happen within a time.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        while self.step(until) {}
        self.now = until;
    }
}
