//! [`Event`]: what happened to machines.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Instant, MachineId};

use crate::os::{Exit, Pid};

/// What a machine is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum MachineState {
    /// It was made, and nothing has run yet.
    #[default]
    Created,
    /// It starts what `/etc/bootstrap` says.
    Booting,
    /// It runs.
    Running,
    /// It does not run until it is resumed; nothing is lost.
    Suspended,
    /// It was shut down: no processes are left.
    Stopped,
    /// It went down by a fault of the host's.
    Crashed,
    /// It is gone.
    Destroyed,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A machine is about something else now.
    State {
        /// When.
        at: Instant,
        /// Which machine.
        machine: MachineId,
        /// What it is now.
        state: MachineState,
    },
    /// A process has ended.
    Ended {
        /// When.
        at: Instant,
        /// On which machine.
        machine: MachineId,
        /// Which process.
        pid: Pid,
        /// How.
        exit: Exit,
    },
}
