//! [`Unit`]: machines whose scripts live in one heap, and that run one after another.
//!
//! A unit is one process of the scheduler: any worker may run it, but only one at a time. With [`Heap::Own`] a machine has
//! a unit of its own, with [`Heap::Cell`] up to 255 share one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use ironloom_blob::BlobId;
use ironloom_core::{Budget, Instant, Map};
use ironloom_sched::{Context, ExitReason, Guest};
use parking_lot::Mutex;

use crate::luau::{Dropped, Fuel, Furnished, Outcome, Prototype, State, Thread};
use crate::machine::{Heap, Machine, Owner, Programs, Start};
use crate::machines::MachineState;
use crate::os::{Exit, Pid, TaskId};

/// How many machines share a cell: one number is for what nobody has alone.
pub(crate) const CELL_MACHINES_MAX: usize = 255;

/// How many programs a heap keeps that no process may be running.
const PROTOTYPES_MAX: usize = 256;

/// How many bytes of a heap are looked at by the collector in the time of a safepoint.
const COLLECTED_BYTES: usize = 64;
/// A heap that has not grown by this much is not collected.
const COLLECTED_BYTES_MIN: usize = 32 << 10;

/// Machines whose scripts live in one heap.
#[derive(Debug)]
pub(crate) struct Unit {
    kind: Heap,
    /// Made when the first script runs, and dropped after the last one.
    heap: Option<ScriptHeap>,
    pub(crate) machines: Vec<Option<Box<Machine>>>,
    /// Machines that are to run, in order.
    pub(crate) woken: VecDeque<u8>,
    /// Which machines use the network, so that it is lent to them before they run.
    pub(crate) networked: Slots,
    /// What became of the machines that ran in this round.
    pub(crate) ran: Vec<Ran>,
    /// Which window it is.
    pub(crate) window: u64,
    pub(crate) now: Instant,
    /// Whether it is to end.
    pub(crate) is_over: bool,
}

/// Places in a unit, a bit for each.
#[derive(Debug, Default)]
pub(crate) struct Slots([u64; 4]);

impl Slots {
    pub(crate) const fn contains(&self, slot: u8) -> bool {
        self.0[slot as usize / 64] & 1 << (slot % 64) != 0
    }

    const fn set(&mut self, slot: u8, is_in: bool) {
        let bit = 1 << (slot % 64);
        let bits = &mut self.0[slot as usize / 64];
        *bits = if is_in { *bits | bit } else { *bits & !bit };
    }
}

/// What is to be done about a machine that ran. Whoever drives the windows looks at this, and at the machine only if there
/// is a need: the machine is in the cache of the worker that ran it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) slot: u8,
    pub(crate) wants: Wants,
    /// When it is to be run again though nothing happens to it.
    pub(crate) deadline: Option<Instant>,
    /// Whether it has a network to give back, or something to tell.
    pub(crate) has_news: bool,
    /// How much it did in this window, in safepoints.
    pub(crate) spent: u64,
}

/// What a machine that ran waits for, beside events and deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Nothing,
    /// To be lent the network and run again.
    Network,
    /// The next window.
    Window,
}

#[derive(Debug)]
struct ScriptHeap {
    state: State<Machine>,
    prototypes: Map<BlobId, Prototype>,
    /// How many scripts have begun in it.
    lives: u32,
    /// Whether somebody found no memory, so that what the dead have left is to be collected at once.
    is_full: bool,
    /// How much memory it had after it was collected last.
    collected: usize,
}

impl Unit {
    pub(crate) fn new(kind: Heap) -> Self {
        Self {
            kind,
            heap: None,
            machines: Vec::new(),
            woken: VecDeque::new(),
            networked: Slots::default(),
            ran: Vec::new(),
            window: 0,
            now: Instant::ZERO,
            is_over: false,
        }
    }

    /// Puts a machine in, and says where.
    pub(crate) fn insert(&mut self, mut machine: Machine) -> u8 {
        let slot = self.machines.iter().position(Option::is_none).unwrap_or(self.machines.len());
        machine.category = slot as u8 + 1;
        if slot == self.machines.len() {
            self.machines.push(None);
        }
        self.machines[slot] = Some(Box::new(machine));
        slot as u8
    }

    /// Takes a machine out, with all that its scripts have in the heap.
    pub(crate) fn remove(&mut self, slot: u8) {
        let Some(mut machine) = self.machines.get_mut(usize::from(slot)).and_then(Option::take) else {
            return;
        };
        self.networked.set(slot, false);
        let pids: Vec<Pid> = machine.processes().map(crate::os::Process::pid).collect();
        for pid in pids {
            machine.end(pid, Exit::Signal(crate::os::Signal::Kill));
            machine.discard(pid);
        }
        if let Some(heap) = &mut self.heap {
            heap.prepare(&mut machine);
        }
    }

    /// Runs all machines that were woken, as far as they may go in this window; how many safepoints they passed.
    pub(crate) fn run(&mut self) -> u64 {
        self.warm();
        let mut spent = 0;
        let mut has_idle = false;
        while let Some(slot) = self.woken.pop_front() {
            let Some(mut machine) = self.machines[usize::from(slot)].take() else { continue };
            if machine.state == MachineState::Suspended {
                self.machines[usize::from(slot)] = Some(machine);
                continue;
            }
            let ran = catch_unwind(AssertUnwindSafe(|| self.run_machine(&mut machine)));
            self.report(slot, &mut machine);
            has_idle |= !machine.has_threads();
            self.machines[usize::from(slot)] = Some(machine);
            match ran {
                Ok(safepoints) => spent += safepoints,
                Err(_) => self.crash(),
            }
        }
        if has_idle && !self.machines.iter().flatten().any(|machine| machine.has_threads()) {
            self.heap = None;
        }
        spent
    }

    /// Reads a little of all machines that are to run, so that they come from memory at the same time: of many machines
    /// hardly any is in the cache.
    fn warm(&self) {
        let woken = self.woken.iter().filter_map(|slot| self.machines[usize::from(*slot)].as_ref());
        std::hint::black_box(woken.fold(0, |sum, machine| sum ^ machine.warm()));
    }

    fn report(&mut self, slot: u8, machine: &mut Machine) {
        self.networked.set(slot, machine.uses_network);
        self.ran.push(machine.report(slot));
    }

    /// A function of the host panicked: the heap cannot be used any more, and all machines whose scripts lived in it are
    /// down. Their files are as they were.
    pub(crate) fn crash(&mut self) {
        self.heap = None;
        for (slot, machine) in self.machines.iter_mut().enumerate() {
            if let Some(machine) = machine.as_mut().filter(|machine| machine.has_threads()) {
                machine.crash();
                self.ran.push(machine.report(slot as u8));
            }
        }
    }

    fn run_machine(&mut self, machine: &mut Machine) -> u64 {
        machine.now = self.now;
        machine.table.now = self.now;
        machine.network_settled();
        machine.run_loopback();
        machine.wake_sleepers();
        machine.wake_watchers();
        let cores = u64::from(machine.table.cores);
        machine.allowance.begin(self.window, cores * u64::from(machine.limits.safepoints_per_core));
        let waiters = machine.output.begin(self.window, machine.limits.output_bytes_per_window);
        machine.wake_all(waiters);
        let mut spent = 0;
        while machine.has_work() && machine.allowance.left() > 0 {
            let heap = self.heap.get_or_insert_with(|| ScriptHeap::new(self.kind, &machine.programs));
            heap.prepare(machine);
            let Some((task, thread)) = machine.next_ready() else { continue };
            let _span = machine.span().entered();
            let used = u64::from(heap.resume(self.kind, machine, task, thread));
            machine.settle_loopback();
            machine.wake_watchers();
            machine.allowance.spend(used);
            spent += used;
            self.deliver(std::mem::take(&mut machine.work.dropped));
        }
        if let Some(heap) = &mut self.heap {
            heap.prepare(machine);
        }
        machine.table.network = None;
        machine.drop_unused_loopback();
        spent
    }

    /// Tells machines that objects of theirs were collected while another one ran. One that can go on by that runs as well.
    fn deliver(&mut self, dropped: Vec<Dropped>) {
        for dropped in dropped {
            let slot = Owner::of(dropped.value).category.wrapping_sub(1);
            let Some(Some(machine)) = self.machines.get_mut(usize::from(slot)) else { continue };
            machine.object_dropped(dropped);
            let is_awake = machine.state != MachineState::Suspended && machine.has_work();
            if is_awake && !self.woken.contains(&slot) {
                self.woken.push_back(slot);
            }
        }
    }
}

impl ScriptHeap {
    fn new(kind: Heap, programs: &Programs) -> Self {
        let furnished = match kind {
            Heap::Own => Furnished::OnDemand,
            Heap::Cell => Furnished::Whole,
        };
        let mut state = State::new(programs.libraries(), furnished);
        // Luau paces its collector by the clock, which scripts could see: `collect_if_due` does not.
        state.stop_pacing();
        Self { collected: state.used(), state, prototypes: Map::default(), lives: 0, is_full: false }
    }

    /// Does what could not be done while a script ran.
    fn prepare(&mut self, machine: &mut Machine) {
        for thread in std::mem::take(&mut machine.work.threads) {
            self.state.release(thread);
        }
        for kept in std::mem::take(&mut machine.work.kept) {
            self.state.forget(kept);
        }
        if std::mem::take(&mut self.is_full) {
            self.state.collect();
        }
        for (pid, start) in std::mem::take(&mut machine.work.starts) {
            self.begin(machine, pid, &start);
        }
        for (pid, handler, signal) in std::mem::take(&mut machine.work.calls) {
            let thread = {
                let Some(main) = machine.main_thread(pid) else { continue };
                self.state.spawn_kept(main, handler, &[signal.as_bytes()])
            };
            machine.add_handler_task(pid, signal, thread);
        }
    }

    /// Gives a new process its thread.
    fn begin(&mut self, machine: &mut Machine, pid: Pid, start: &Start) {
        let prototype = match self.prototype(machine, pid, start) {
            Ok(prototype) => prototype,
            Err(text) => {
                machine.complain(pid, &format!("{text}\n"));
                machine.end(pid, Exit::Code(126));
                return;
            }
        };
        let Some(process) = machine.table.get(pid) else { return };
        let arguments = Arc::clone(&process.invocation.arguments);
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| &**argument).collect();
        let thread = self.state.spawn(prototype, &arguments, machine.category);
        self.lives = self.lives.wrapping_add(1).max(1);
        machine.begin_life(pid, self.lives);
        machine.add_main_task(pid, thread);
    }

    fn prototype(&mut self, machine: &Machine, pid: Pid, start: &Start) -> Result<Prototype, String> {
        if let Some(known) = self.prototypes.get(&start.key) {
            return Ok(*known);
        }
        if self.prototypes.len() >= PROTOTYPES_MAX {
            for (_, prototype) in self.prototypes.drain() {
                self.state.unload(prototype);
            }
        }
        let name = machine.table.get(pid).map_or_else(Vec::new, |process| process.invocation.path.to_vec());
        let name = crate::luau::chunk_name(&name);
        let prototype = self.state.load(start.bytecode.as_bytes(), &name)?;
        self.prototypes.insert(start.key, prototype);
        Ok(prototype)
    }

    /// Runs a task for a slice; how much it spent.
    fn resume(&mut self, kind: Heap, machine: &mut Machine, task: TaskId, mut thread: Thread) -> u32 {
        let limits = &machine.limits;
        let nice = machine.table.get(machine.current.pid).map_or(0, |process| process.nice);
        let left = u32::try_from(machine.allowance.left()).unwrap_or(u32::MAX);
        let fuel = Fuel {
            slice: slice_for(nice, limits.slice_safepoints).min(left).max(1),
            grace: limits.grace_safepoints,
        };
        let memory_max = machine.table.memory_bytes as usize;
        let collecting = self.collect_if_due(kind, machine, memory_max);
        let memory = match kind {
            Heap::Own => memory_max,
            // What the others have is theirs; this one may add what it has left.
            Heap::Cell => {
                let has = self.state.category_bytes(machine.category);
                self.state.used() + memory_max.saturating_sub(has)
            }
        };
        let (outcome, spent) = self.state.resume(&mut thread, machine, fuel, memory);
        let has = self.memory_of(kind, machine);
        machine.table.memory_used_bytes = has as u64;
        let outcome =
            if has > memory_max { self.relieve(kind, machine, memory_max, outcome) } else { outcome };
        let dropped = self.state.take_dropped();
        dropped.into_iter().for_each(|dropped| machine.object_dropped(dropped));
        self.is_full |= outcome == Outcome::OutOfMemory;
        machine.settle(task, thread, outcome, spent);
        spent.saturating_add(collecting)
    }

    /// Collects if there is twice as much as after the last time, or the machine that is to run has little memory left; says
    /// what that costs, in safepoints.
    ///
    /// What is allocated ends a slice, so this comes in time, and at the same time in every run.
    fn collect_if_due(&mut self, kind: Heap, machine: &mut Machine, memory_max: usize) -> u32 {
        let (used, has) = (self.state.used(), self.memory_of(kind, machine));
        machine.collected = machine.collected.min(has);
        let is_due = used > self.collected.saturating_mul(2).saturating_add(COLLECTED_BYTES_MIN);
        let is_tight = has >= memory_max / 2 && has - machine.collected >= memory_max / 8;
        if !is_due && !is_tight {
            return 0;
        }
        self.collect();
        machine.collected = self.memory_of(kind, machine);
        u32::try_from(used / COLLECTED_BYTES).unwrap_or(u32::MAX)
    }

    fn collect(&mut self) {
        self.state.collect();
        self.state.stop_pacing();
        self.collected = self.state.used();
    }

    fn memory_of(&self, kind: Heap, machine: &Machine) -> usize {
        match kind {
            Heap::Own => self.state.used(),
            Heap::Cell => self.state.category_bytes(machine.category),
        }
    }

    /// A machine has more than it may: unless most of that is garbage, whoever ran last pays for it.
    fn relieve(&mut self, kind: Heap, machine: &Machine, memory_max: usize, outcome: Outcome) -> Outcome {
        self.collect();
        if self.memory_of(kind, machine) > memory_max { Outcome::OutOfMemory } else { outcome }
    }
}

/// How long the slices of a process are: from two whole ones, for the least nice, to a twentieth of one.
fn slice_for(nice: i8, whole: u32) -> u32 {
    let twentieths = (20 - i32::from(nice)).clamp(1, 40) as u32;
    u32::try_from(u64::from(whole) * u64::from(twentieths) / 20).unwrap_or(u32::MAX)
}

/// A unit as a process of the scheduler.
#[derive(Debug)]
pub(crate) struct UnitGuest(pub(crate) Arc<Mutex<Unit>>);

impl Guest<()> for UnitGuest {
    fn run(&mut self, budget: &mut Budget, context: &mut Context<()>) -> Poll<ExitReason> {
        while context.try_receive().is_some() {}
        let mut unit = self.0.lock();
        if unit.is_over {
            return Poll::Ready(ExitReason::Normal);
        }
        let spent = unit.run();
        // Whoever drives the windows wakes this again if there is more to do; the budget only counts.
        let count = spent.min(budget.remaining().saturating_sub(1));
        let _ = budget.spend(count);
        Poll::Pending
    }
}
