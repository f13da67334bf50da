//! [`Core`]: a world as one value, which whoever has it lets go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use ironloom_core::borsh::BorshSerialize;
use ironloom_core::trace::Digest;
use ironloom_core::{Duration, Instant, MachineId, Map, Rng, Trace};
use ironloom_net::Subnet;
use ironloom_net::fabric::{Output, StationId};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::topology::Topology;
use ironloom_vm::os::{Exit, Pid, Signal};
use ironloom_vm::{
    self as vm, ConsoleId, Finished, Image, MachineError, MachineSpec, MachineState, Machines, Phase,
};
use parking_lot::Mutex;

use super::assemble::cut;
use super::computers::Computers;
use super::gateway::Gateway;
use super::hub::Hub;
use super::measures::Measures;
use super::pending::Pending;
use super::piped::PipedTable;
use super::{Event, Failure, OrderError, Outcome};
use crate::keep::{Keeper, NetworkChanges};
use crate::replay::{Entry as Written, Recorder};
use crate::{ListenerTable, MachineTable, Pacing};

/// A world as one value, which whoever has it lets go on.
pub(crate) struct Core {
    pub(crate) machines: Machines,
    pub(crate) hub: Hub,
    /// Whether what comes out of the network goes to doors; else it is forgotten.
    pub(crate) has_doors: bool,
    /// What came out of the network and waits for doors.
    pub(super) outputs: VecDeque<Output>,
    pub(crate) window: Duration,
    pub(crate) pacing: Pacing,
    pub(super) computers: Computers,
    pub(super) topology: Topology,
    pub(super) stations: BTreeMap<String, StationId>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(crate) images: BTreeMap<String, Image>,
    /// What the names of machines end with that say none.
    pub(super) zone: Option<String>,
    pub(super) rng: Rng,
    pub(super) consoles: BTreeMap<u64, ConsoleId>,
    pub(super) next_console: u64,
    pub(super) trace: Trace,
    /// Commands under way.
    pub(super) pending: BTreeMap<(MachineId, Pid), Pending>,
    /// Until when they have time.
    pub(super) deadlines: BTreeSet<(Instant, MachineId, Pid)>,
    /// Commands in the hands of doors.
    pub(super) piped: PipedTable,
    /// The gateways of doors, by what they are connected to.
    pub(super) gateways: BTreeMap<String, Gateway>,
    /// Where a node is to listen.
    pub(crate) listeners: BTreeMap<String, ListenerTable>,
    /// Counts changes of which machines there are.
    pub(crate) generation: u64,
    pub(crate) entries: BTreeMap<String, Entry>,
    names: Map<MachineId, String>,
    /// How many machines were made after the world was.
    pub(crate) made: u64,
    /// What was done to the network since it was described.
    pub(crate) changes: NetworkChanges,
    /// Who sees to it that it is kept, if it is.
    pub(crate) keeper: Option<Keeper>,
    /// What a monitor sees, if there is one.
    pub(crate) measures: Option<Measures>,
    /// Who writes down what comes from outside, if somebody does.
    pub(crate) recorder: Option<Arc<Mutex<Recorder>>>,
}

/// A machine, as a world knows it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: MachineId,
    /// What it is connected to.
    pub(crate) at: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// What it is like, beside its files.
    pub(crate) table: Arc<MachineTable>,
}

impl Core {
    pub(super) fn new(machines: Machines, topology: Topology, rng: Rng) -> Self {
        Self {
            machines,
            computers: Computers::default(),
            topology,
            rng,
            hub: Hub::default(),
            has_doors: false,
            outputs: VecDeque::new(),
            window: Duration::ZERO,
            pacing: Pacing::default(),
            stations: BTreeMap::new(),
            subnets: BTreeMap::new(),
            images: BTreeMap::new(),
            zone: None,
            consoles: BTreeMap::new(),
            next_console: 0,
            trace: Trace::new(),
            pending: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            piped: PipedTable::default(),
            gateways: BTreeMap::new(),
            listeners: BTreeMap::new(),
            generation: 0,
            entries: BTreeMap::new(),
            names: Map::default(),
            made: 0,
            changes: NetworkChanges::default(),
            keeper: None,
            measures: None,
            recorder: None,
        }
    }

    /// A machine by its name.
    pub(crate) fn machine(&self, name: &str) -> Result<&Entry, OrderError> {
        self.entries.get(name).ok_or_else(|| OrderError::unknown("machine", name))
    }

    /// All machines, by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&String, &Entry)> + Clone {
        self.entries.iter()
    }

    pub(crate) fn name_of(&self, id: MachineId) -> Option<&String> {
        self.names.get(&id)
    }

    /// An id that no machine had, even one of the same name.
    pub(super) fn fresh_id(&mut self, name: &str) -> MachineId {
        self.made += 1;
        MachineId::random(&mut self.rng.split("machine", self.made).split(cut(name), 0))
    }

    /// Puts a machine where the network has it already, or one without a network, and switches it on.
    pub(super) fn settle_in(&mut self, name: &str, entry: Entry, image: &Image) -> Result<(), MachineError> {
        let spec = self.spec(name, &entry, image);
        if entry.at.is_some() {
            self.machines.inhabit(entry.id, &spec)?;
        } else {
            self.machines.create_as(entry.id, &spec)?;
        }
        let is_off = entry.table.is_off;
        self.enter(name, entry, is_off)
    }

    pub(super) fn spec(&self, name: &str, entry: &Entry, image: &Image) -> MachineSpec {
        let table = &*entry.table;
        let mut spec = MachineSpec::new(name, image).heap(table.heap.heap());
        spec.cores = table.cores.unwrap_or(spec.cores);
        spec.memory_bytes =
            table.memory.map_or(spec.memory_bytes, |size| usize::try_from(size.0).unwrap_or(usize::MAX));
        spec.disk_bytes = table.disk.map_or(spec.disk_bytes, |size| size.0);
        let zone = self.zone.as_ref();
        spec.dns_name = table.name.clone().or_else(|| zone.map(|zone| format!("{name}.{zone}")));
        if let Some(IpAddr::V4(address)) = entry.address {
            let subnet = entry.at.as_deref().and_then(|at| self.subnet_of(at));
            let length = subnet.and_then(|name| Some(self.subnets.get(name)?.network().prefix_len()));
            spec.address = Ipv4Net::new(address, length.unwrap_or(32)).ok();
        }
        spec
    }

    /// The subnet of the machines at a switch.
    pub(super) fn subnet_of(&self, switch: &str) -> Option<&String> {
        self.topology.switches.get(switch)?.subnet.as_ref()
    }

    /// Keeps a machine that was made, and switches it on.
    pub(super) fn enter(&mut self, name: &str, entry: Entry, is_off: bool) -> Result<(), MachineError> {
        let id = entry.id;
        self.enlist(name, entry);
        if is_off { Ok(()) } else { self.machines.boot(id) }
    }

    /// Notes what a machine or a computer is called.
    pub(super) fn enlist(&mut self, name: &str, entry: Entry) {
        self.generation += 1;
        self.names.insert(entry.id, name.to_owned());
        self.entries.insert(name.to_owned(), entry);
    }

    /// Forgets a machine that is gone.
    pub(super) fn leave(&mut self, name: &str) {
        let Some(entry) = self.entries.remove(name) else { return };
        self.generation += 1;
        self.names.remove(&entry.id);
        self.changes.forget(name);
        if let Some(keeper) = &mut self.keeper {
            keeper.note_gone(entry.id);
        }
        let subnet = entry.at.as_deref().and_then(|at| self.subnet_of(at)).cloned();
        if let (Some(subnet), Some(address)) = (subnet, entry.address)
            && let Some(subnet) = self.subnets.get_mut(&subnet)
        {
            let _ = subnet.free(address); // It was taken when the machine came.
        }
        self.consoles.retain(|_, console| console.machine() != entry.id);
    }

    /// Runs the next window if it ends at `until` or before, or lets the time of a command be over; whether it did.
    pub(crate) fn step_until(&mut self, until: Instant, watch: &mut dyn FnMut(Phase)) -> bool {
        let deadline = self.deadlines.first().map(|(at, ..)| *at).filter(|at| *at <= until);
        let next = self.next_window().filter(|next| *next <= deadline.unwrap_or(until));
        self.write_step(next.is_some() || deadline.is_some());
        match (next, deadline) {
            (Some(end), _) => self.run_window(end, watch),
            (None, Some(deadline)) => self.pass_to(deadline),
            (None, None) => {}
        }
        self.settle();
        if let Some(measures) = self.measures.as_mut().filter(|_| next.is_some()) {
            measures.ran(self.entries.len(), self.machines.fabric());
        }
        self.seal_if_full();
        next.is_some() || deadline.is_some()
    }

    /// Lets time go by in which nothing happens.
    pub(crate) fn idle_until(&mut self, until: Instant) {
        self.write_down(|| Written::Idle(until));
        self.pass_to(until);
        self.settle();
    }

    /// When something happens next.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        let deadline = self.deadlines.first().map(|(at, ..)| *at);
        self.next_window().into_iter().chain(deadline).min()
    }

    /// Tells those who want to know what happened.
    pub(crate) fn settle(&mut self) {
        while let Some(event) = self.machines.poll() {
            match event {
                vm::Event::State { at, machine, state } => self.state_changed(at, machine, state),
                vm::Event::Ended { at, machine, pid, exit } => self.ended(at, machine, pid, exit),
            }
        }
        let now = self.machines.now();
        while let Some((at, machine, pid)) = self.deadlines.first().copied()
            && at <= now
        {
            if !self.end_hung_up(at, machine, pid) {
                self.give_up(machine, pid);
            }
        }
        self.hear_piped();
        self.hear_network();
    }

    /// Records something that counts for the digest, and tells it to whoever listens.
    pub(crate) fn happened(&mut self, at: Instant, event: &Event) {
        self.trace.record(at, "event", event);
        self.tell(event);
    }

    /// Tells it to whoever listens, and to monitors.
    pub(crate) fn tell(&mut self, event: &Event) {
        tracing::debug!(?event);
        self.measures.iter().for_each(|measures| measures.happened(event));
        self.hub.tell(event);
    }

    /// All that happened, in one number.
    pub(crate) fn digest(&self) -> Digest {
        let mut trace = self.trace.clone();
        let frames = self.machines.fabric().digest();
        trace.record(self.machines.now(), "digest", &(frames, self.entries.len() as u64));
        self.record_computers(&mut trace);
        trace.digest()
    }

    pub(super) fn record(&mut self, label: &'static str, what: &(impl BorshSerialize + std::fmt::Debug)) {
        self.trace.record(self.machines.now(), label, what);
    }

    pub(super) fn state_changed(&mut self, at: Instant, id: MachineId, state: MachineState) {
        let Some(machine) = self.names.get(&id).cloned() else { return };
        if state == MachineState::Crashed {
            let failure = Failure::Crashed;
            self.happened(at, &Event::Failure { at, machine: machine.clone(), failure });
        }
        self.happened(at, &Event::Machine { at, machine, state });
    }

    fn ended(&mut self, at: Instant, id: MachineId, pid: Pid, exit: Exit) {
        if let Some(machine) = self.names.get(&id).cloned() {
            self.happened(at, &Event::Process { at, machine, pid, exit });
        }
        self.piped.ended(id, pid, exit);
        let Some(pending) = self.pending.remove(&(id, pid)) else { return };
        self.deadlines.remove(&(pending.deadline, id, pid));
        let Pending { machine, job, answer, .. } = pending;
        answer.give(match self.machines.collect(job) {
            Ok(written) => {
                Ok(Outcome::Finished(Finished { exit, output: written.output, errors: written.errors }))
            }
            Err(_) => Err(OrderError::Gone { machine }),
        });
    }

    /// Kills a command whose time is over.
    fn give_up(&mut self, id: MachineId, pid: Pid) {
        let Some(pending) = self.pending.remove(&(id, pid)) else { return };
        self.deadlines.remove(&(pending.deadline, id, pid));
        let _ = self.machines.signal(id, pid, Signal::Kill); // It may have ended, and its machine be gone.
        let Pending { machine, job, answer, limit, .. } = pending;
        let error = match self.machines.collect(job) {
            Ok(vm::Written { output, errors }) => OrderError::TimedOut { machine, limit, output, errors },
            Err(_) => OrderError::Gone { machine },
        };
        answer.give(Err(error));
    }

    /// Nobody lets time go by any more, so nobody is left waiting for a command. The commands go on when time does.
    pub(crate) fn abandon_all(&mut self) {
        self.write_down(|| Written::Abandon);
        self.deadlines.clear();
        self.abandon_all_piped();
        for (_, Pending { job, answer, .. }) in std::mem::take(&mut self.pending) {
            let _ = self.machines.collect(job); // Nobody wants what it wrote.
            answer.give(Err(OrderError::Stopped));
        }
    }

    /// Gives up commands of a machine that is about to vanish.
    pub(super) fn abandon(&mut self, id: MachineId) {
        self.abandon_piped(id);
        let of_machine = (id, Pid(0))..=(id, Pid(u32::MAX));
        let pids: Vec<Pid> = self.pending.range(of_machine).map(|((_, pid), _)| *pid).collect();
        for pid in pids {
            let Some(Pending { machine, deadline, answer, .. }) = self.pending.remove(&(id, pid)) else {
                continue;
            };
            self.deadlines.remove(&(deadline, id, pid));
            answer.give(Err(OrderError::Gone { machine }));
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("now", &self.machines.now())
            .field("machines", &self.entries.len())
            .finish_non_exhaustive()
    }
}
