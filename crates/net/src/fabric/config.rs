//! [`Config`]: the limits of a fabric, and [`FabricError`]: why something cannot be built into it.

use std::sync::Arc;

use ironloom_core::{Duration, MachineId};
use thiserror::Error;

use super::{LinkId, StationId};
use crate::link::ProfileError;
use crate::router::RouterError;
use crate::stack;

/// The limits of a fabric.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many shards there are: how many threads can work on it at once. Results do not depend on it.
    pub shards: u16,
    /// How long a frame is under way at least between two groups of stations.
    ///
    /// Groups may be carried by different shards, and a shard may run ahead of the others by no more than this.
    pub group_latency_min: Duration,
    /// How many stations there may be.
    pub stations_max: usize,
    /// How many ports a station may have.
    pub ports_max: u16,
    /// How many frames may be under way in a shard. It guards the host's memory: where it is reached, results depend
    /// on the number of shards.
    pub frames_max: usize,
    /// How many outputs a shard keeps until they are polled; more frames and captures are dropped and counted.
    pub outputs_max: usize,
    /// Whether the fabric keeps a digest of all that happens. Then each router looks at each packet: there are no ways
    /// through several routers that are taken at once.
    pub digest: bool,
    /// The limits of the stacks of machines.
    pub stack: Arc<stack::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: 1,
            group_latency_min: Duration::from_micros(50),
            stations_max: 4_000_000,
            ports_max: u16::MAX,
            frames_max: 16 << 20,
            outputs_max: 1 << 20,
            digest: true,
            stack: Arc::default(),
        }
    }
}

/// Why something cannot be built into a fabric, or changed in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FabricError {
    /// There are as many stations as there may be.
    #[error("there are {max} stations already: raise stations_max")]
    Stations {
        /// The limit.
        max: usize,
    },
    /// There are as many links as can be numbered.
    #[error("there are {max} links already")]
    Links {
        /// The limit.
        max: usize,
    },
    /// A station has as many ports as it may have.
    #[error("{station} has {max} ports already: use another, or raise ports_max up to 65535")]
    Ports {
        /// Which station.
        station: StationId,
        /// The limit.
        max: u16,
    },
    /// There is no such station.
    #[error("there is no {station}")]
    NoStation {
        /// Which station.
        station: StationId,
    },
    /// There is no such machine.
    #[error("{machine} is not part of the network")]
    NoMachine {
        /// Which machine.
        machine: MachineId,
    },
    /// What runs on a machine is no stack, so it has no sockets here.
    #[error("{machine} runs something of its own in place of a stack")]
    Foreign {
        /// Which machine.
        machine: MachineId,
    },
    /// What runs on a machine is in the fabric, so nobody else sends for it.
    #[error("{machine} runs in the fabric: move it out before frames are sent from its card")]
    Inside {
        /// Which machine.
        machine: MachineId,
    },
    /// There is no such link.
    #[error("there is no {link}")]
    NoLink {
        /// Which link.
        link: LinkId,
    },
    /// The station is of another kind.
    #[error("{station} is not {wanted}")]
    Kind {
        /// Which station.
        station: StationId,
        /// What it was taken for.
        wanted: &'static str,
    },
    /// A machine with this id is there already.
    #[error("{machine} is part of the network already")]
    MachineExists {
        /// Which machine.
        machine: MachineId,
    },
    /// A link within no time between stations that may be carried by different threads.
    #[error(
        "a link between groups takes at least {min}, not {latency}: lower group_latency_min, or place one station beside the other"
    )]
    Latency {
        /// How long it would take.
        latency: Duration,
        /// How long it must take at least.
        min: Duration,
    },
    /// A link cannot be like that.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A router refuses.
    #[error("{station}: {error}")]
    Router {
        /// Which router.
        station: StationId,
        /// Why.
        error: RouterError,
    },
}
