//! [`Machine`]: a computer in miniature.

mod allowance;
mod background;
mod description;
mod hosted;
mod left;
mod life;
mod limits;
mod loopback;
mod modules;
mod network;
mod network_view;
mod operation;
mod output;
mod overview;
mod owner;
mod polling;
mod programs;
mod reading;
mod record;
mod replace;
mod settle;
mod signals;
mod spec;
mod start;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ironloom_core::{Instant, MachineId, Rng};
use ironloom_net::SocketId;
use ironloom_net::fabric::Lent;

use crate::luau::{Bytecode, Dropped, Kept, Thread};
use crate::machines::MachineState;
use crate::os::slab::Slab;
use crate::os::table::Table;
use crate::os::waiters::Waiters;
use crate::os::{Accounts, Caller, Files, Pid, TaskId, Users, WatchId};
use crate::unit::{Ran, Wants};

use allowance::Allowance;
pub(crate) use background::Foreground;
use description::{Description, PipeEntry, SocketWaiters};
use output::Output;
use task::{Task, TaskState};

pub(crate) use description::{ConsoleEntry, Object};
pub(crate) use hosted::HostEnd;
use hosted::Told;
pub use left::Checkpoint;
use left::Left;
pub use life::ExitStatus;
pub use limits::Limits;
use loopback::Loopback;
pub(crate) use modules::{MODULES_MAX, Module, Modules};
pub(crate) use network::{bind_errno, connect_errno, socket_errno};
pub(crate) use network_view::NetworkTables;
pub(crate) use operation::{Listing, Operation, Part};
pub(crate) use owner::{CLOSED, Owner};
pub(crate) use polling::{Polled, Polls};
pub use programs::Programs;
pub(crate) use reading::{GATHERED_BYTES_MAX, Wanted};
pub(crate) use record::ProcessRecord;
pub use spec::{Heap, MachineSpec};
pub(crate) use start::{Invoked, Streams};

/// A computer in miniature: users, processes, files, a network card.
///
/// It is a value that is told the time. What runs on it are Luau scripts, which the unit that it is in
/// lets run.
#[derive(Debug)]
// In this order: of half a million machines hardly any is in the cache, and what is touched whenever one runs comes first.
#[repr(C)]
pub struct Machine {
    pub(crate) now: Instant,
    /// What it is about.
    pub(crate) state: MachineState,
    /// Under which number the heap counts its memory.
    pub(crate) category: u8,
    /// Whether it went down, and nobody was told yet.
    pub(crate) has_crashed: bool,
    /// Whether it is among those that may have changed.
    pub(crate) is_changed: bool,
    /// Whether it uses its network, so that it is lent whenever it runs.
    pub(crate) uses_network: bool,
    /// Whether it has a network card.
    has_network: bool,
    pub(crate) current: Current,
    pub(crate) limits: Arc<Limits>,
    /// Its network, while it runs and uses it.
    pub(crate) network: Option<Box<Lent>>,
    /// Its network if it has no card, while it uses it.
    loopback: Option<Box<Loopback>>,
    /// Those that wait until a time, the next one last.
    sleepers: Vec<(Instant, TaskId)>,
    /// Those that can go on, in order.
    ready: VecDeque<TaskId>,
    pub(crate) tasks: Slab<Task>,
    pub(crate) allowance: Allowance,
    /// How much memory its scripts had after its heap was collected last because there was little left.
    pub(crate) collected: usize,
    pub(crate) work: Work,
    /// Processes that ended since this was looked at last.
    pub(crate) ended: Vec<ExitStatus>,
    pub(crate) output: Output,
    pub(crate) table: Table,
    /// Who waits for the network to be lent.
    for_network: Waiters,
    pub(crate) files: Files,
    pub(crate) id: MachineId,
    pub(crate) programs: Arc<Programs>,
    pub(crate) rng: Rng,
    pub(crate) users: Users,
    pub(crate) open: Slab<Description>,
    pipes: Slab<PipeEntry>,
    pub(crate) consoles: Slab<ConsoleEntry>,
    pub(crate) sockets: BTreeMap<SocketId, SocketWaiters>,
    watchers: BTreeMap<WatchId, Waiters>,
    network_config: Arc<ironloom_net::stack::Config>,
    /// Its address, if it has one.
    address: Option<std::net::IpAddr>,
    /// Sockets to be closed as soon as the network is there.
    closing: Vec<SocketId>,
    /// What those before have left to processes that are still to come; nothing costs nothing.
    left: Option<Box<Left>>,
    /// Whose pipes have something new for the host, if there are any.
    told: Option<Box<Told>>,
}

/// What a machine is made of.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) hostname: Arc<str>,
    pub(crate) cores: u16,
    pub(crate) memory_bytes: usize,
    pub(crate) limits: Arc<Limits>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) files: Files,
    pub(crate) network_config: Arc<ironloom_net::stack::Config>,
    pub(crate) has_network: bool,
    pub(crate) address: Option<std::net::IpAddr>,
}

/// Who runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current {
    pub(crate) pid: Pid,
    pub(crate) task: TaskId,
}

/// What is to be done with the heap when no script runs.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Processes that were made and have no thread yet, and what they run.
    pub(crate) starts: Vec<(Pid, Start)>,
    /// Functions that are to be called because of signals.
    pub(crate) calls: Vec<(Pid, Kept, &'static str)>,
    /// Threads of which nobody has any more use.
    pub(crate) threads: Vec<Thread>,
    /// Values that nobody keeps any more.
    pub(crate) kept: Vec<Kept>,
    /// Objects of other machines that were collected while this one ran.
    pub(crate) dropped: Vec<Dropped>,
}

/// What a process is to run.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) bytecode: Bytecode,
    pub(crate) key: ironloom_blob::BlobId,
}

impl Machine {
    /// A machine on which nothing has run yet.
    pub(crate) fn new(id: MachineId, made: Made, rng: Rng) -> Self {
        let output = Output::new(made.limits.output_bytes_per_window);
        Self {
            id,
            table: Table::new(made.hostname, made.cores, made.memory_bytes as u64),
            limits: made.limits,
            programs: made.programs,
            now: Instant::ZERO,
            rng,
            files: made.files,
            users: Users::default(),
            tasks: Slab::default(),
            ready: VecDeque::new(),
            sleepers: Vec::new(),
            open: Slab::default(),
            pipes: Slab::default(),
            consoles: Slab::default(),
            sockets: BTreeMap::new(),
            watchers: BTreeMap::new(),
            network: None,
            loopback: None,
            network_config: made.network_config,
            for_network: Waiters::default(),
            has_network: made.has_network,
            address: made.address,
            closing: Vec::new(),
            left: None,
            told: None,
            ended: Vec::new(),
            uses_network: false,
            current: Current { pid: Pid::INIT, task: TaskId(0) },
            work: Work::default(),
            category: 0,
            state: MachineState::Created,
            has_crashed: false,
            is_changed: false,
            allowance: Allowance::new(),
            output,
            collected: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> MachineId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.table.hostname
    }

    /// Its files.
    #[must_use]
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// Its files, to be changed.
    pub const fn files_mut(&mut self) -> &mut Files {
        &mut self.files
    }

    /// What it may have.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The users and groups that there are now.
    pub(crate) fn accounts(&mut self) -> Arc<Accounts> {
        self.users.accounts(&self.files)
    }

    /// The name of a user, or the number if there is none.
    pub(crate) fn user_name(&mut self, uid: u32) -> Vec<u8> {
        self.accounts().user_name(uid)
    }

    /// Its processes, by number.
    pub fn processes(&self) -> impl Iterator<Item = &crate::os::Process> {
        self.table.iter()
    }

    /// Whether somebody can go on.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.work.starts.is_empty() || !self.work.calls.is_empty()
    }

    /// Whether it has more to do in the next window, though nothing happens to it.
    pub(crate) fn wants_window(&self) -> bool {
        self.has_work() || self.output.is_waited_for()
    }

    /// Whether somebody waits for the network to be lent.
    fn wants_network(&self) -> bool {
        !self.for_network.is_empty()
    }

    /// Reads what is needed of it whenever it runs; what it gives means nothing.
    pub(crate) fn warm(&self) -> usize {
        let sleeper = self.sleepers.last().and_then(|(_, task)| self.tasks.get(task.0));
        sleeper.and_then(|task| task.thread.as_ref()).map_or(0, Thread::warm)
            ^ self.work.starts.len()
            ^ self.work.dropped.len()
            ^ self.ended.len()
            ^ usize::from(self.table.cores)
            ^ self.collected
            ^ usize::from(self.network.is_some())
            ^ usize::from(self.for_network.is_empty())
    }

    /// What is to be done about it after it ran.
    pub(crate) fn report(&self, slot: u8) -> Ran {
        let wants = match () {
            () if self.wants_network() => Wants::Network,
            () if self.wants_window() => Wants::Window,
            () => Wants::Nothing,
        };
        let has_news =
            self.network.is_some() || self.has_crashed || !self.ended.is_empty() || self.told.is_some();
        Ran { slot, wants, deadline: self.next_deadline(), has_news, spent: self.allowance.spent() }
    }

    /// The process that runs.
    pub(crate) fn process(&self) -> &crate::os::Process {
        self.table.get(self.current.pid).expect("the process that runs is there")
    }

    /// Where whoever follows what happens finds it.
    pub(crate) fn span(&self) -> tracing::Span {
        let pid = self.current.pid.0;
        tracing::trace_span!("process", machine = self.hostname(), pid, program = %self.program_name())
    }

    fn program_name(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.process().invocation.name)
    }

    /// The process that runs, to be changed.
    pub(crate) fn process_mut(&mut self) -> &mut crate::os::Process {
        self.table.get_mut(self.current.pid).expect("the process that runs is there")
    }

    /// The next task that can go on. It runs from now on.
    pub(crate) fn next_ready(&mut self) -> Option<(TaskId, Thread)> {
        while let Some(id) = self.ready.pop_front() {
            let Some(task) = self.tasks.get_mut(id.0).filter(|task| task.state == TaskState::Ready) else {
                continue;
            };
            if let Some(thread) = task.thread.take() {
                task.state = TaskState::Running;
                self.current = Current { pid: task.pid, task: id };
                return Some((id, thread));
            }
        }
        None
    }
}

/// How a process asks for files.
///
/// # Panics
///
/// If there is no such process.
pub(crate) fn caller_of(table: &Table, pid: Pid) -> Caller<'_> {
    let process = table.get(pid).expect("the process that runs is there");
    Caller {
        who: &process.who,
        cwd: &process.cwd,
        umask: process.umask,
        now: table.now,
        pid: pid.0,
        views: table,
    }
}
