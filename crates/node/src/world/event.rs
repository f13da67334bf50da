//! [`Event`]: what happened in a world.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, Instant};
use ironloom_state::BatchId;
use ironloom_vm::MachineState;
use ironloom_vm::os::{Exit, Pid};

use super::LinkName;

/// Something that happened in a world, as a value that can be kept and sent.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[non_exhaustive]
pub enum Event {
    /// A machine is about something else now.
    Machine {
        /// When.
        at: Instant,
        /// Which machine.
        machine: String,
        /// What it is now.
        state: MachineState,
    },
    /// A process of a machine has ended.
    Process {
        /// When.
        at: Instant,
        /// On which machine.
        machine: String,
        /// Which process.
        pid: Pid,
        /// How.
        exit: Exit,
    },
    /// The network is another.
    Network {
        /// When.
        at: Instant,
        /// What changed.
        change: NetworkChange,
    },
    /// There was not enough of something.
    Resource {
        /// When.
        at: Instant,
        /// Of what.
        shortage: Shortage,
    },
    /// What happened by then is kept for good.
    Committed {
        /// By when.
        at: Instant,
        /// The commit.
        commit: BatchId,
    },
    /// Something broke.
    Failure {
        /// When.
        at: Instant,
        /// Which machine.
        machine: String,
        /// What happened to it.
        failure: Failure,
    },
}

/// What changed in the network.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum NetworkChange {
    /// A link went down.
    LinkDown(LinkName),
    /// A link came up.
    LinkUp(LinkName),
    /// A link is not like it was.
    LinkChanged(LinkName),
    /// A router has a rule more.
    RuleAdded(String),
}

/// Of what there was not enough.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum Shortage {
    /// A window was over later than it should have been.
    Late(LateWindow),
    /// So many windows' time was left out, as the world was too far behind its clock.
    Skipped {
        /// How many windows.
        windows: u64,
    },
    /// What comes from outside is written down no further; the log is good up to there.
    Log {
        /// What stood in the way.
        reason: String,
    },
    /// A commit could not be stored. What was to be in it is in the next.
    Storage {
        /// What stood in the way.
        reason: String,
    },
}

/// A window that was over later than it should have been, and why.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct LateWindow {
    /// The window's end, in the time of the world.
    pub at: Instant,
    /// How late it was, by the clock.
    pub late: Duration,
    /// How long it took, by the clock. If that is less, the windows before it were late.
    pub took: Duration,
    /// How much of it went into the network.
    pub network: Duration,
    /// How much of it went into running machines.
    pub machines: Duration,
    /// How much of it went into looking at what they did.
    pub settling: Duration,
    /// The machine that did the most in it, if any did something.
    pub busiest: Option<String>,
    /// How much that did, in safepoints.
    pub safepoints: u64,
}

/// What happened to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum Failure {
    /// It was killed by an injected fault.
    Killed,
    /// It went down by a fault of the host's.
    Crashed,
}
