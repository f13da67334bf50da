//! [`Doors`]: the table of a node's listeners.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::{Clock, Duration, Instant};
use ironloom_net::door::Driver;
use ironloom_sched::reactor::{self, Address};
use ironloom_sched::{Config, Context, Drained, Handle, Kernel};
use parking_lot::Mutex;

use super::entrance::Entrance;
use super::listener::{Lead, Native, StartService, Target};
use super::passage::Passage;
use super::place::{Bound, BoundSocket, SocketFile};
use super::stage::Stage;
use super::{Draining, ListenError, Listener};
use crate::node::Paced;

/// The table of a node's listeners.
pub(crate) struct Doors {
    clock: Arc<dyn Clock>,
    entries: Mutex<BTreeMap<String, Entry>>,
    /// What runs services in Rust, once there is one, and how many workers it is to have.
    kernel: Mutex<Option<Kernel>>,
    workers: usize,
    /// How many were opened.
    opened: AtomicU64,
}

struct Entry {
    entrance: Arc<Entrance>,
    stage: Arc<Stage>,
    address: Address,
    leads_to: String,
    /// What carries its connections, if that is no door to the world.
    native: Option<Arc<Native>>,
    /// What is removed when nobody may come any more, if no door does that.
    file: Option<SocketFile>,
}

/// A listener of a node: where it is, where it leads, and what came in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListenerInfo {
    /// What it is called.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// Where its connections lead.
    pub leads_to: String,
    /// Whether nobody may come any more.
    pub is_draining: bool,
    /// What came in.
    pub counts: ListenerCounts,
}

/// What came in by a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListenerCounts {
    /// Connections that were let in.
    pub accepted: u64,
    /// Connections that are open.
    pub active: usize,
    /// Connections that were turned away because there were as many as there may be, or what they lead to was not there.
    pub refused: u64,
    /// Connections that were turned away because of where they came from.
    pub turned_away: u64,
    /// Bytes that came in. Services in Rust do not count them.
    pub bytes_in: Option<u64>,
    /// Bytes that went out. Services in Rust do not count them.
    pub bytes_out: Option<u64>,
}

/// A door to the world that is to be opened.
pub(crate) struct Opening {
    pub(crate) name: String,
    pub(crate) address: Address,
    passage: Passage,
    target: Target,
}

/// What is to be done to begin to listen.
pub(crate) enum Begun {
    /// It listens.
    Done(Address),
    /// A door is to be opened where the world is.
    Inside(Box<Opening>),
}

impl Doors {
    pub(crate) fn new(clock: Arc<dyn Clock>, workers: usize) -> Arc<Self> {
        let (entries, kernel) = <_>::default();
        Arc::new(Self { clock, entries, kernel, workers, opened: AtomicU64::new(0) })
    }

    /// Begins to listen. A door to the world has its name and its place by then, and is to be [opened](Self::open) or
    /// [forgotten](Self::forget).
    pub(crate) fn begin(&self, name: &str, listener: Listener) -> Result<Begun, ListenError> {
        let entrance = Entrance::new(name, &listener)?;
        let place = listener.place()?;
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| !entry.stage.is_over());
        if entries.contains_key(name) {
            return Err(ListenError::NameTaken { name: name.to_owned() });
        }
        let mut bound = place.bind()?;
        let (stage, address, leads_to) = (Arc::default(), bound.address.clone(), listener.lead.to_string());
        let mut entry =
            Entry { entrance, stage, address: address.clone(), leads_to, native: None, file: None };
        let begun = match listener.lead {
            Lead::Service(start) => {
                entry.file = bound.file.take();
                entry.native = Some(Arc::new(self.start(start, bound, &entry.entrance)?));
                Begun::Done(address)
            }
            Lead::Inside(target) => {
                let number = self.opened.fetch_add(1, Ordering::Relaxed);
                let (entrance, stage) = (Arc::clone(&entry.entrance), Arc::clone(&entry.stage));
                let clock = Arc::clone(&self.clock);
                let passage = Passage::new(number, entrance, stage, clock, target.clone(), bound);
                let passage = passage.map_err(|error| ListenError::Host { at: place.to_string(), error })?;
                Begun::Inside(Box::new(Opening { name: name.to_owned(), address, passage, target }))
            }
        };
        entries.insert(name.to_owned(), entry);
        Ok(begun)
    }

    /// Opens a door to the world, on the thread where that is; if what it leads to is not there, the table forgets it.
    pub(crate) fn open(&self, opening: Opening, driver: &mut Driver<Paced>) -> Result<(), ListenError> {
        let Opening { name, address, passage, target } = opening;
        let core = driver.driven().hold();
        let is_there = match &target {
            Target::Port { machine, port } => core.route_to(machine, *port).map(drop),
            Target::Command { machine, .. } => core
                .machine(machine)
                .map(drop)
                .map_err(|_| ListenError::NoMachine { machine: target.machine().to_owned() }),
        };
        let opened = is_there.and_then(|()| {
            driver.open(passage).map_err(|error| ListenError::Host { at: address.to_string(), error })
        });
        opened.inspect_err(|_| self.forget(&name))
    }

    /// A listener was not opened after all.
    pub(crate) fn forget(&self, name: &str) {
        self.entries.lock().remove(name);
    }

    fn start(
        &self,
        start: StartService,
        bound: Bound,
        entrance: &Arc<Entrance>,
    ) -> Result<Native, ListenError> {
        let kernel = self.kernel()?;
        let reactor = kernel.reactor().map_err(ironloom_sched::OpenError::from)?;
        let at = bound.address.to_string();
        let listener = match bound.socket {
            BoundSocket::Tcp(listener) => reactor::Listener::from_tcp(&reactor, listener),
            BoundSocket::Unix(listener) => reactor::Listener::from_unix(&reactor, listener),
        };
        let listener = listener.map_err(|error| ListenError::Host { at, error })?;
        Ok(start(&kernel, listener, Arc::clone(entrance))?)
    }

    /// What runs services in Rust.
    fn kernel(&self) -> Result<Handle, ListenError> {
        let mut kernel = self.kernel.lock();
        if let Some(kernel) = &*kernel {
            return Ok(kernel.handle().clone());
        }
        let started = Kernel::start(Config::with_workers(self.workers))?;
        Ok(kernel.insert(started).handle().clone())
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<ListenerInfo> {
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| !entry.stage.is_over());
        entries.iter().map(|(name, entry)| entry.info(name)).collect()
    }

    /// Lets nobody in any more, and ends what is left after a while. Whoever carries is to be woken then.
    pub(crate) fn drain(&self, name: &str, within: Duration) -> Draining {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(name).filter(|entry| !entry.stage.is_over()) else {
            return Draining(Err(ListenError::Unknown { name: name.to_owned() }));
        };
        let is_first = entry.stage.drains_until().is_none();
        entry.stage.drain(self.clock.now().saturating_add(within));
        let stage = Arc::clone(&entry.stage);
        if let Some(native) = entry.native.clone().filter(|_| is_first) {
            entry.file = None;
            drop(entries);
            if let Err(error) = self.stop(native, within, Arc::clone(&stage)) {
                return Draining(Err(error));
            }
        }
        Draining(Ok(stage))
    }

    /// Stops a service in Rust.
    fn stop(&self, native: Arc<Native>, within: Duration, stage: Arc<Stage>) -> Result<(), ListenError> {
        let stopping = self.kernel()?.spawn(async move |_: Context<()>| {
            // One that ended by itself has nothing left.
            let drained = native.stop(within).await.unwrap_or(Drained { ended: 0, killed: 0 });
            stage.finish(drained);
        });
        stopping.map(drop).map_err(|error| ListenError::Service(error.into()))
    }

    /// How long it is until one of them is to be looked at.
    pub(crate) fn idle_for(&self) -> Option<Duration> {
        let entries = self.entries.lock();
        let there = entries.values().filter(|entry| !entry.stage.is_over());
        let next: Option<Instant> = there.filter_map(|entry| entry.stage.alarm()).min();
        next.map(|at| at.saturating_since(self.clock.now()))
    }

    /// The node has ended: so does what it let in.
    pub(crate) fn close(&self) {
        let entries = std::mem::take(&mut *self.entries.lock());
        let left = |entry: &Entry| Drained { ended: 0, killed: entry.counts().active };
        // Who waits for a service finds that it has ended, and does not know how.
        entries.values().for_each(|entry| entry.stage.decide(left(entry)));
        let kernel = self.kernel.lock().take();
        drop(kernel);
        entries.values().for_each(|entry| entry.stage.finish(left(entry)));
    }
}

impl Entry {
    fn info(&self, name: &str) -> ListenerInfo {
        ListenerInfo {
            name: name.to_owned(),
            address: self.address.clone(),
            leads_to: self.leads_to.clone(),
            is_draining: self.stage.drains_until().is_some(),
            counts: self.counts(),
        }
    }

    fn counts(&self) -> ListenerCounts {
        let turned_away = self.entrance.turned.load(Ordering::Relaxed);
        let Some(native) = &self.native else {
            let usage = &self.entrance.usage;
            return ListenerCounts {
                accepted: usage.connections.value(),
                active: usize::try_from(usage.connections_now.value()).unwrap_or(0),
                refused: usage.refused.value(),
                turned_away,
                bytes_in: Some(usage.bytes_in.value()),
                bytes_out: Some(usage.bytes_out.value()),
            };
        };
        let (counts, by_site) = match &**native {
            Native::Site(server) => (server.counts(), server.turned_away()),
            Native::Service(service) => (service.counts(), 0),
        };
        let turned_away = turned_away + by_site;
        // Those that were turned away were accepted first.
        let accepted = counts.accepted.saturating_sub(turned_away);
        let (active, refused) = (counts.active, counts.refused);
        ListenerCounts { accepted, active, refused, turned_away, bytes_in: None, bytes_out: None }
    }
}

impl Native {
    async fn stop(&self, within: Duration) -> Result<Drained, ironloom_sched::CallError> {
        match self {
            Self::Site(server) => server.stop(within).await,
            Self::Service(service) => service.stop(within).await,
        }
    }
}
