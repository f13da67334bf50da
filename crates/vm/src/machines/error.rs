//! [`MachineError`]: why something cannot be done with machines.

use ironloom_core::MachineId;
use ironloom_net::dns::RegisterError;
use ironloom_net::fabric::FabricError;
use ironloom_sched::SpawnError;
use thiserror::Error;

use crate::Errno;

use super::MachineState;

/// Why something cannot be done with machines.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MachineError {
    /// There is no such machine.
    #[error("there is no {machine}")]
    NoMachine {
        /// What was asked for.
        machine: MachineId,
    },
    /// There are as many machines as there may be.
    #[error("there are {machines_max} machines already: raise machines_max")]
    TooMany {
        /// How many there may be.
        machines_max: usize,
    },
    /// The network does not take the machine.
    #[error(transparent)]
    Network(#[from] FabricError),
    /// Another machine has this name in the DNS.
    #[error("the name {name} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The name of a machine is none that the DNS has.
    #[error("{name:?} is no name for a machine: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The DNS does not take the name of a machine.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// There are as many processes of the scheduler as there may be.
    #[error(transparent)]
    Schedule(#[from] SpawnError),
    /// The machine's system said no.
    #[error("{machine}: {what}: {errno}")]
    System {
        /// Which machine.
        machine: MachineId,
        /// What it was asked for.
        what: String,
        /// What it said.
        errno: Errno,
    },
    /// The machine is not in a state for that.
    #[error("{machine} is {state:?}: {wanted}")]
    State {
        /// Which machine.
        machine: MachineId,
        /// What it is.
        state: MachineState,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// It did not end in time.
    #[error("{machine}: {what} did not end within the time it was given; it was killed")]
    TimedOut {
        /// Which machine.
        machine: MachineId,
        /// What it was asked for.
        what: String,
    },
}
