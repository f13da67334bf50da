//! [`ListenError`]: why there is no listener.

use std::io;
use std::path::PathBuf;

use ironloom_sched::{CallError, OpenError, StartError};
use thiserror::Error;

/// Why there is no listener.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another listener has the name.
    #[error("there is a listener named `{name}` already: drain it, or take another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no listener of this name.
    #[error("there is no listener named `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Nobody can listen there.
    #[error("`{at}` is no address to listen at: write `127.0.0.1:8080` or `unix:/run/shop.sock`")]
    Place {
        /// What was written.
        at: String,
    },
    /// This is no network of those that may come in.
    #[error("`{network}` is no network: write `127.0.0.0/8` or `::1/128`")]
    Network {
        /// What was written.
        network: String,
    },
    /// Somebody listens there.
    #[error("somebody listens at {at} already: stop that, or listen elsewhere; port 0 is any that is free")]
    InUse {
        /// Where.
        at: String,
    },
    /// There is something else.
    #[error("{} is there already and no socket: remove it, or listen elsewhere", .path.display())]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// The host does not let this program listen there.
    #[error("this program may not listen at {at}: take a port from 1024 on, or a path that it may write")]
    NotPermitted {
        /// Where.
        at: String,
    },
    /// The host refuses.
    #[error("cannot listen at {at}: {error}")]
    Host {
        /// Where.
        at: String,
        /// Why not.
        error: io::Error,
    },
    /// It leads to a machine that is not there.
    #[error("there is no machine named `{machine}`: create it first")]
    NoMachine {
        /// The machine.
        machine: String,
    },
    /// It leads to a port of a machine that has no network.
    #[error("`{machine}` cannot be reached: connect it to a switch that has a subnet, or lead to a command")]
    NoNetwork {
        /// The machine.
        machine: String,
    },
    /// The network of the machine has no place for who brings connections to it.
    #[error("`{machine}` cannot be reached: {reason}")]
    NoGateway {
        /// The machine.
        machine: String,
        /// Why not.
        reason: String,
    },
    /// There are no processes for services of Rust.
    #[error(transparent)]
    Kernel(#[from] StartError),
    /// There is no process for this service.
    #[error(transparent)]
    Service(#[from] OpenError),
    /// The service ended by itself before it was drained.
    #[error("the service has ended: {0}")]
    Ended(#[from] CallError),
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}
