//! [`Node`]: a datacenter in real time.

mod inbox;
mod listen;
mod pace;
mod paced;
mod report;
mod run;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use ironloom_core::{Clock, Duration, WallClock};
use ironloom_net::door::Door;
use parking_lot::Mutex;
use thiserror::Error;

use crate::doors::{Doors, ListenError};
use crate::world::pair;
use crate::{
    Datacenter, Description, DescriptionError, KeepError, Order, Outcome, Reply, Subscription, World,
};

pub(crate) use paced::Paced;
pub use report::LateReport;

use inbox::Inbox;
use run::{Begin, Running};

/// A datacenter in real time: a world whose time goes by as a clock's does, on a thread of its own.
///
/// It is a handle: clones are the same node, and any thread or task may have one. When the last is dropped, the node stops
/// and its thread ends; the [`World`] stays as it is, and can be looked at, gone on with, or started again.
///
/// ```
/// use ironloom_node::prelude::*;
///
/// let world = World::builder(7)
///     .pacing(Pacing::WindowsPerSecond(60))
///     .machine("loom", |loom| loom)
///     .build()?;
///
/// let node = Node::start(world)?;
/// let weaving = node.exec("loom", "seq 3 | tac"); // or `node.exec(..).await`
/// assert_eq!(weaving.wait()?.text(), "3\n2\n1\n");
/// assert_eq!(node.late_report().skipped, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

/// How a node is run.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// How late a window may be over before that is told.
    pub late_after: Duration,
    /// How far the world may be behind its clock. What is more is left out: a host that slept for a night does not make up
    /// for it.
    pub lag_max: Duration,
    /// How long windows are run at most before doors have their turn.
    pub turn_max: Duration,
    /// How many orders may wait.
    pub orders_max: usize,
    /// How often what changed is committed, if the world is kept. Nothing is while nothing changes.
    pub commit_every: Duration,
    /// How many threads run services in Rust, once there is one.
    pub service_workers: usize,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            late_after: Duration::from_millis(20),
            lag_max: Duration::from_secs(1),
            turn_max: Duration::from_millis(10),
            orders_max: 1 << 16,
            commit_every: Duration::from_secs(1),
            service_workers: 2,
        }
    }
}

/// Why a node does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The host gives no thread, or cannot be waited for.
    #[error("the host does not let the node run: {0}")]
    Host(#[from] io::Error),
    /// The description of its world makes no sense.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The world that it is to run cannot be opened or made.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// It cannot listen where the description says.
    #[error("listener `{name}`: {error}")]
    Listen {
        /// The name of the listener.
        name: String,
        /// Why not.
        error: ListenError,
    },
    /// It has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// What all handles share.
struct Shared {
    inbox: Arc<Inbox>,
    running: Arc<Running>,
    doors: Arc<Doors>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Node {
    /// Lets the time of a world go by as its description says, and listens where that says.
    ///
    /// # Errors
    ///
    /// If the host gives no thread, or it cannot listen.
    pub fn start(world: World) -> Result<Self, NodeError> {
        Self::start_with(world, NodeConfig::default(), WallClock::start())
    }

    /// The same, as `config` says and by another clock.
    ///
    /// # Errors
    ///
    /// If the host gives no thread, or it cannot listen.
    pub fn start_with(
        world: World,
        config: NodeConfig,
        clock: impl Clock + 'static,
    ) -> Result<Self, NodeError> {
        let listens = !world.core.lock().listeners.is_empty();
        let node = Self::begin(Begin::World(world), config, Arc::new(clock))?;
        if listens {
            node.ready()?;
        }
        Ok(node)
    }

    /// Builds the world of a description on the node's thread, and then lets its time go by. Orders may be given at once,
    /// and wait until it is there.
    ///
    /// ```
    /// use ironloom_node::prelude::*;
    ///
    /// let town = World::builder(7).machine("desk", |desk| desk.count(1_000).in_cell()).describe()?;
    /// let node = Node::launch(town)?;
    /// let hello = node.exec("desk-1000", "echo hello");
    /// node.ready()?;
    /// assert_eq!(hello.wait()?.text(), "hello\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the host gives no thread. What is wrong with the description, and that it cannot listen as that says, is told by
    /// [`ready`](Self::ready).
    pub fn launch(description: Description) -> Result<Self, NodeError> {
        let clock = Arc::new(WallClock::start());
        Self::begin(Begin::Description(Box::new(description)), NodeConfig::default(), clock)
    }

    /// Makes a world where it is [kept](World::create) from now on, and lets its time go by. What changes is committed every
    /// [`commit_every`](NodeConfig::commit_every), when somebody [asks](Datacenter::commit), and when the node stops.
    ///
    /// ```
    /// use ironloom_node::prelude::*;
    ///
    /// let directory = tempfile::tempdir()?;
    /// let town = World::builder(7).machine("loom", |loom| loom).describe()?;
    ///
    /// let node = Node::create(directory.path(), town)?;
    /// node.exec("loom", "echo linen > /root/cloth").wait()?;
    /// node.commit().wait()?; // From here on neither a crash nor a power failure takes it.
    /// drop(node);
    ///
    /// let node = Node::open(directory.path())?;
    /// assert_eq!(node.exec("loom", "cat /root/cloth").wait()?.text(), "linen\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the host gives no thread. What else stands in the way is told by [`ready`](Self::ready).
    pub fn create(path: impl Into<PathBuf>, description: Description) -> Result<Self, NodeError> {
        let begin = Begin::Create(path.into(), Box::new(description));
        Self::begin(begin, NodeConfig::default(), Arc::new(WallClock::start()))
    }

    /// Opens a world that is kept, as [`World::open`] does, and lets its time go by.
    ///
    /// # Errors
    ///
    /// If the host gives no thread. What else stands in the way is told by [`ready`](Self::ready).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, NodeError> {
        Self::begin(Begin::Open(path.into()), NodeConfig::default(), Arc::new(WallClock::start()))
    }

    fn begin(begin: Begin, config: NodeConfig, clock: Arc<dyn Clock>) -> Result<Self, NodeError> {
        let inbox = Arc::new(Inbox::new(config.orders_max));
        let running = Arc::new(Running::default());
        let doors = Doors::new(Arc::clone(&clock), config.service_workers);
        let (for_thread, table) = ((Arc::clone(&inbox), Arc::clone(&running)), Arc::clone(&doors));
        let thread = run::spawn(begin, config, clock, for_thread, table)?;
        Ok(Self { shared: Arc::new(Shared { inbox, running, doors, thread: Mutex::new(Some(thread)) }) })
    }

    /// Blocks the thread until the world is built and its time goes by; the world, to be looked at.
    ///
    /// # Errors
    ///
    /// If the description makes no sense, it cannot listen, or the host cannot be waited for. It is told to the first who asks; others learn
    /// that the node has stopped.
    pub fn ready(&self) -> Result<World, NodeError> {
        self.shared.running.ready()
    }

    /// Whether it runs, or is about to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.shared.running.has_ended()
    }

    /// How well it keeps up with its clock.
    #[must_use]
    pub fn late_report(&self) -> LateReport {
        self.shared.running.report.lock().clone()
    }

    /// Opens a door to the host's network, and waits until it is open.
    ///
    /// # Errors
    ///
    /// If the host refuses, or the node has stopped.
    pub fn open_door(&self, door: impl Door + 'static) -> Result<(), NodeError> {
        let (answer, opened) = mpsc::sync_channel(1);
        self.shared.running.visit(Box::new(move |driver| {
            // Who does not wait for it any more has stopped.
            let _ = answer.send(driver.open(door));
        }));
        self.shared.inbox.wake();
        opened.recv().map_err(|_| NodeError::Stopped)?.map_err(NodeError::Host)
    }

    /// Makes it stop, and waits until it has: orders that wait are answered that it has stopped, and what came in by its
    /// listeners is broken off.
    ///
    /// # Panics
    ///
    /// If the node's thread panicked.
    pub fn stop(&self) {
        self.shared.inbox.stop();
        if let Some(Err(panic)) = self.shared.take_thread().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        self.shared.doors.close();
    }
}

impl Datacenter for Node {
    /// It is carried out after the window that runs now, in the order in which orders were given.
    fn submit(&self, order: Order) -> Reply<Outcome> {
        let (answer, reply) = pair();
        self.shared.inbox.give(order, answer);
        reply
    }

    /// While the world is built it is waited for.
    fn subscribe(&self, events_max: usize) -> Subscription {
        self.shared.running.subscribe(events_max)
    }
}

impl Shared {
    /// The thread, to be waited for by anybody but itself.
    fn take_thread(&self) -> Option<JoinHandle<()>> {
        let thread = self.thread.lock().take()?;
        (thread.thread().id() != std::thread::current().id()).then_some(thread)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.inbox.stop();
        if let Some(thread) = self.take_thread() {
            // Whoever drops it does not ask what became of it.
            drop(thread.join());
        }
        self.doors.close();
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("is_running", &self.is_running()).finish_non_exhaustive()
    }
}
