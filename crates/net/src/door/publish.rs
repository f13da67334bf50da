//! Addresses of the host that lead to ports of machines: [`Publish`] says which, [`TcpDoor`] and [`UdpDoor`] carry.
//!
//! Whoever connects to the host's address talks to the machine through a *gateway*: a machine of the fabric whose
//! sockets make the other half of each connection. So the machine sees the gateway's address, and firewalls, links
//! and captures see the traffic. Bytes are slices of what the host read; who does not read stops whoever sends,
//! through both halves; who finishes sending may still receive.
//!
//! [`Splices`] are what such a door is made of, for those whose connections lead somewhere else.

mod datagrams;
mod far;
mod host;
mod splice;
mod splices;
mod streams;

use std::net::SocketAddr;

use ironloom_core::metrics::{Counter, Gauge, MetricError, Scope};
use ironloom_core::{Duration, MachineId};

pub use datagrams::UdpDoor;
pub use far::{Far, GatewaySocket, Gone};
pub use host::{HostListener, HostStream, is_about_one};
pub use splices::{Broken, Over, Splices};
pub use streams::TcpDoor;

/// Which address of the host leads where.
#[derive(Debug, Clone)]
pub struct Publish {
    /// The address of the host; port 0 stands for any free one.
    pub address: SocketAddr,
    /// The machine through whose sockets it leads.
    pub gateway: MachineId,
    /// The address and port of the machine that is published, as the gateway reaches it.
    pub target: SocketAddr,
    /// Whom the traffic is counted for.
    pub usage: Usage,
    /// How many connections, or remote sides of datagrams, there may be at once.
    pub connections_max: usize,
    /// After how long without a datagram the remote side is forgotten.
    pub idle_after: Duration,
}

impl Publish {
    /// An address of the host that leads to `target` through the sockets of `gateway`, counted for nobody else.
    #[must_use]
    pub fn new(address: SocketAddr, gateway: MachineId, target: SocketAddr) -> Self {
        Self {
            address,
            gateway,
            target,
            usage: Usage::default(),
            connections_max: 10_000,
            idle_after: Duration::from_secs(60),
        }
    }
}

/// What came to a machine from outside, and what it answered. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Bytes that came from outside.
    pub bytes_in: Counter,
    /// Bytes that went outside.
    pub bytes_out: Counter,
    /// Connections, or remote sides of datagrams, that were let in.
    pub connections: Counter,
    /// How many of these there are.
    pub connections_now: Gauge,
    /// Connections that were not let in, because there were too many or the gateway had no socket for them.
    pub refused: Counter,
    /// Datagrams that were lost at the door.
    pub dropped: Counter,
}

impl Usage {
    /// Counters that appear among the metrics of a scope, which should bear the machine's name.
    ///
    /// # Errors
    ///
    /// If the scope has metrics of these names, or too many.
    pub fn in_scope(scope: &Scope) -> Result<Self, MetricError> {
        Ok(Self {
            bytes_in: scope.counter("published_bytes_in", "Bytes that came from outside")?,
            bytes_out: scope.counter("published_bytes_out", "Bytes that went outside")?,
            connections: scope
                .counter("published_connections", "Connections from outside that were let in")?,
            connections_now: scope
                .gauge("published_connections_now", "Connections from outside that there are")?,
            refused: scope.counter("published_refused", "Connections from outside that were not let in")?,
            dropped: scope.counter("published_dropped", "Datagrams that were lost at the door")?,
        })
    }
}
