//! [`World`]: a datacenter in virtual time.

mod assemble;
mod computer_keeping;
mod computer_orders;
mod computers;
mod core;
mod datacenter;
mod event;
mod execute;
mod gateway;
mod hub;
mod measures;
mod network;
mod order;
mod pending;
mod piped;
mod recording;
mod reply;
mod window;

use std::ops::ControlFlow;
use std::sync::Arc;

use ironloom_blob::MemoryStore;
use ironloom_core::trace::Digest;
use ironloom_core::{Duration, Instant, MachineId};
use ironloom_hyper::Computer;
use ironloom_vm::Machines;
use parking_lot::Mutex;

use crate::description::Builder;
use crate::replay::Entry as Written;
use crate::{Description, DescriptionError};

pub use assemble::Progress;
pub use datacenter::Datacenter;
pub use event::{Event, Failure, LateWindow, NetworkChange, Shortage};
pub use hub::Subscription;
pub use order::{Fault, LinkName, Order, OrderError, Outcome};
pub use reply::Reply;

pub(crate) use self::core::{Core, Entry};
pub(crate) use assemble::Ground;
pub(crate) use computers::{Contents, Kept, PIN as COMPUTERS_PIN, Still};
pub(crate) use hub::Hub;
pub(crate) use piped::{Holder, PipedNews};
pub(crate) use reply::{Answer, pair};

/// A datacenter in virtual time: what happens in it is its description and the orders that it is given, and nothing else.
///
/// It is a handle: clones are the same world, and any thread may have one. Time goes by only while somebody lets it.
///
/// ```
/// use ironloom_node::prelude::*;
///
/// let world = World::builder(7)
///     .network("lan", "10.1.0.0/24")
///     .machine("web", |web| web.at("lan").runs("httpd -q -p 80").file("/var/www/index.html", "hello\n"))
///     .machine("desk", |desk| desk.at("lan"))
///     .names("example", "lan", [10, 1, 0, 53])
///     .build()?;
///
/// assert_eq!(world.exec("desk", "curl -s http://web.example/").wait()?.text(), "hello\n");
///
/// world.inject(Fault::cut("web")).wait()?;
/// let cut_off = world.exec("desk", "curl -s -m 2 http://web.example/").wait()?;
/// assert_ne!(cut_off.exit.code(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) core: Arc<Mutex<Core>>,
}

impl World {
    /// Draws a world as on a whiteboard.
    #[must_use]
    pub fn builder(seed: u64) -> Builder {
        Builder::new(seed)
    }

    /// The world of a description. Its machines are switched on; nothing has run yet.
    ///
    /// # Errors
    ///
    /// If something in the description makes no sense.
    pub fn new(description: &Description) -> Result<Self, DescriptionError> {
        Self::watched(description, |_| ControlFlow::Continue(()))
    }

    /// The same, and somebody is told after each machine how far it is, and may end it.
    ///
    /// # Errors
    ///
    /// If something in the description makes no sense, or `watch` said that it was enough.
    pub fn watched(
        description: &Description,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, DescriptionError> {
        let store = Arc::new(MemoryStore::new());
        let ground = Ground { store, images: None, seed: description.seed() };
        let core = Core::assemble(description, &ground, &mut watch)?;
        Ok(Self { core: Arc::new(Mutex::new(core)) })
    }

    /// What time it is in it.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.core.lock().machines.now()
    }

    /// Runs the next window in which something happens; whether anything will ever happen.
    #[expect(clippy::must_use_candidate, reason = "who takes one step may not care whether there was one")]
    pub fn step(&self) -> bool {
        self.core.lock().step_until(Instant::MAX, &mut |_| ())
    }

    /// Lets so much time go by.
    pub fn run_for(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
        while self.step_until(until) {}
        self.core.lock().idle_until(until);
    }

    /// Lets time go by until something is so, or so much is over; whether it is so.
    ///
    /// It is asked after each window.
    ///
    /// ```
    /// use ironloom_node::prelude::*;
    ///
    /// let world = World::builder(1)
    ///     .machine("loom", |loom| loom.runs("sh -c 'sleep 5; echo woven > /tmp/cloth'"))
    ///     .build()?;
    /// let is_woven = world.run_until(Duration::from_secs(60), |world| {
    ///     world.read_file("loom", "/tmp/cloth").wait().is_ok()
    /// });
    /// assert!(is_woven);
    /// assert_eq!(world.now().as_nanos() / 1_000_000_000, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_until(&self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let until = self.now().saturating_add(limit);
        loop {
            if is_so(self) {
                return true;
            }
            if !self.step_until(until) {
                self.core.lock().idle_until(until);
                return is_so(self);
            }
        }
    }

    /// Lets time go by until nothing will ever happen by itself, or so much is over; whether all is idle.
    ///
    /// Who waits for time to go by is not idle.
    #[expect(clippy::must_use_candidate, reason = "whoever only waits may not care")]
    pub fn run_to_idle(&self, limit: Duration) -> bool {
        let until = self.now().saturating_add(limit);
        while self.step_until(until) {}
        let mut core = self.core.lock();
        let is_idle = core.next_event().is_none();
        if !is_idle {
            core.idle_until(until);
        }
        is_idle
    }

    /// All that happened so far, in one number: two runs with the same digest did the same.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.core.lock().digest()
    }

    /// The names of all machines with an operating system of ours, in order.
    #[must_use]
    pub fn machines(&self) -> Vec<String> {
        let core = self.core.lock();
        let machines = core.entries().filter(|(_, entry)| !core.is_computer(entry.id));
        machines.map(|(name, _)| name.clone()).collect()
    }

    /// The names of all computers, in order.
    #[must_use]
    pub fn computers(&self) -> Vec<String> {
        let core = self.core.lock();
        let computers = core.entries().filter(|(_, entry)| core.is_computer(entry.id));
        computers.map(|(name, _)| name.clone()).collect()
    }

    /// The id of a machine or a computer, if there is one of this name.
    #[must_use]
    pub fn machine_id(&self, name: &str) -> Option<MachineId> {
        self.core.lock().machine(name).ok().map(|entry| entry.id)
    }

    /// What is in a file of a machine. Other than [`read_file`](Datacenter::read_file) that is no order, so nothing of it is part
    /// of the world's [digest](Self::digest): a [`Replay`](crate::Replay) goes on as if nobody had looked.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or no such file.
    pub fn peek(&self, machine: &str, path: &str) -> Result<Vec<u8>, OrderError> {
        self.core.lock().peek(machine, path)
    }

    /// Looks at what is below, or changes it, for what there is no order for. What is done here is not written down.
    pub fn visit<R>(&self, visit: impl FnOnce(&mut Machines) -> R) -> R {
        let mut core = self.core.lock();
        core.write_down(|| Written::Visit);
        let result = visit(&mut core.machines);
        core.settle();
        result
    }

    /// Looks at a computer, if there is one of this name, or changes it, for what there is no order for. What is done here is
    /// not written down, and time is let go by elsewhere.
    pub fn visit_computer<R>(&self, name: &str, visit: impl FnOnce(&mut Computer) -> R) -> Option<R> {
        let mut core = self.core.lock();
        core.write_down(|| Written::Visit);
        let id = core.machine(name).ok()?.id;
        core.visit_computer(id, visit)
    }

    /// Runs one window by then. Others who want the world get it between two.
    fn step_until(&self, until: Instant) -> bool {
        let mut core = self.core.lock();
        let ran = core.step_until(until, &mut |_| ());
        parking_lot::MutexGuard::unlock_fair(core);
        ran
    }
}

impl Datacenter for World {
    /// Carries it out at once, and lets time go by until it is done.
    fn submit(&self, order: Order) -> Reply<Outcome> {
        let (answer, reply) = pair();
        self.core.lock().execute(order, answer);
        while !reply.is_ready() && self.step_until(Instant::MAX) {}
        reply
    }

    fn subscribe(&self, events_max: usize) -> Subscription {
        self.core.lock().hub.subscribe(events_max)
    }
}
