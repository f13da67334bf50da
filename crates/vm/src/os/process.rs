//! [`Process`]: a running program.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::sync::Arc;

use ironloom_core::Instant;

use super::waiters::{TaskId, Waiters};
use super::{Credentials, Dispositions, Environment, Signal, SignalSet};

/// The number of a process on its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Pid(pub u32);

impl Pid {
    /// The machine itself: the parent of whoever has lost its own. It takes no signals.
    pub const INIT: Self = Self(1);
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum Exit {
    /// It said so.
    Code(u8),
    /// A signal ended it.
    Signal(Signal),
}

impl Exit {
    /// The script could not go on.
    pub const ERROR: Self = Self::Code(1);

    /// The exit code as a shell shows it: 128 and the number of the signal, if one ended it.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal.number(),
        }
    }

    /// The signal that ended it.
    #[must_use]
    pub const fn signal(self) -> Option<Signal> {
        match self {
            Self::Code(_) => None,
            Self::Signal(signal) => Some(signal),
        }
    }
}

/// What a process is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    /// It runs, or waits.
    Running,
    /// A signal stopped it; it goes on when it is told to.
    Stopped,
    /// It has ended, and its parent was not told yet.
    Ended(Exit),
}

/// Which file a process runs, and with what.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// The file.
    pub(crate) path: Arc<[u8]>,
    /// What it is called in lists.
    pub(crate) name: Arc<[u8]>,
    /// Its arguments, without the name.
    pub(crate) arguments: Arc<[Box<[u8]>]>,
}

/// A running program.
#[derive(Debug)]
pub struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) group: Pid,
    pub(crate) who: Credentials,
    pub(crate) invocation: Invocation,
    pub(crate) environment: Environment,
    pub(crate) cwd: Arc<[u8]>,
    pub(crate) umask: u16,
    pub(crate) nice: i8,
    pub(crate) state: ProcessState,
    pub(crate) started: Instant,
    /// How many safepoints it has passed.
    pub(crate) spent: u64,
    /// What it has open, by number: places among the machine's descriptions.
    pub(crate) descriptors: Vec<Option<u32>>,
    /// Its threads, the main one first.
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) dispositions: Dispositions,
    pub(crate) pending: SignalSet,
    /// Functions of the script for signals: the signal, and a reference of the heap.
    pub(crate) handlers: Vec<(Signal, crate::luau::Kept)>,
    /// Who waits for one of its children.
    pub(crate) for_children: Waiters,
    /// What is there for parents that look at output and send input without pipes.
    pub(crate) relay: Option<Box<Relay>>,
    /// The console that Ctrl-C comes from.
    pub(crate) console: Option<u32>,
    /// What it wants to be given back when it is started again.
    pub(crate) checkpoint: Option<Arc<[u8]>>,
    /// Whether the checkpoint comes from an earlier life.
    pub(crate) is_restored: bool,
    /// Its sockets for messages: ports, and the socket of each; port 0 is the one that it sends from.
    pub(crate) messages: Vec<(u16, ironloom_net::SocketId)>,
    /// Who was heard at which of these.
    pub(crate) peers: Vec<(std::net::SocketAddr, ironloom_net::SocketId)>,
    /// How the random numbers of the script go on.
    pub(crate) random: Option<Box<ironloom_core::Rng>>,
    /// What its modules have returned.
    pub(crate) modules: Option<Box<crate::machine::Modules>>,
    /// Which of the scripts it is that have run in the heap; 0 before it begins.
    pub(crate) life: u32,
    /// What it polls, if it does.
    pub(crate) polls: Option<Box<crate::machine::Polls>>,
}

/// The streams of a child that was started without any: its parent reads and writes them by its number.
#[derive(Debug)]
pub(crate) struct Relay {
    /// The description that its input is written to.
    pub(crate) input: u32,
    /// The description that holds what it has written.
    pub(crate) output: u32,
    /// Up to where its parent has seen what it wrote, if that ever looked.
    pub(crate) seen: Option<u64>,
    /// Whether its parent knows that it has ended, if that ever asked.
    pub(crate) knows_end: Option<bool>,
}

impl Process {
    /// Whether it has not ended.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        !matches!(self.state, ProcessState::Ended(_))
    }

    /// Whether a signal has stopped it.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self.state, ProcessState::Stopped)
    }

    /// Its number.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// As whom it acts.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.who
    }

    /// What it is about.
    #[must_use]
    pub const fn state(&self) -> ProcessState {
        self.state
    }

    /// How much it has done, in safepoints.
    #[must_use]
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.invocation.name
    }

    /// Whether another process may send it signals.
    pub(crate) fn may_be_signaled_by(&self, who: &Credentials) -> bool {
        who.is_root()
            || [who.uid, who.real_uid]
                .iter()
                .any(|uid| *uid == self.who.real_uid || *uid == self.who.saved_uid)
    }
}
