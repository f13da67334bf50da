//! [`LinksConfig`]: who a host is to the others, and what its links may cost.

use ironloom_core::Duration;

use crate::cluster::HostSet;
use crate::cluster::link::{FRAME_BYTES_MAX, Identity};

/// Who a host is to the others, and what its links may cost.
#[derive(Debug, Clone)]
pub struct LinksConfig {
    /// Who this host is.
    pub identity: Identity,
    /// Which hosts may have a link to it; [`Peers::expect`](super::Peers::expect) says otherwise later.
    pub hosts: HostSet,
    /// How many bytes a frame may have; a message may have four less.
    pub frame_bytes_max: usize,
    /// Whether what is sent is compressed where that makes it shorter. It costs processor time, so it pays where the network
    /// is slower than that: up to about a gigabit a second.
    pub packs: bool,
    /// How many bytes may wait for a host that reads slower than they are sent. Over that its link is closed.
    pub backlog_bytes_max: usize,
    /// How many that have connected may not have said yet who they are. Over that, more are turned away.
    pub handshakes_max: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a call to [`Links::connect`](super::Links::connect) may take.
    pub connect_timeout: Duration,
    /// How long after a link was lost, or was refused, it is dialled again; twice as long each time that fails.
    pub redial_first: Duration,
    /// How long between two times that a lost link is dialled, at most.
    pub redial_max: Duration,
}

impl LinksConfig {
    /// What suits a few hosts on a network without detours.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            hosts: HostSet::from_bits(u64::MAX),
            frame_bytes_max: FRAME_BYTES_MAX,
            packs: false,
            backlog_bytes_max: 16 << 20,
            handshakes_max: 32,
            handshake_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            redial_first: Duration::from_millis(5),
            redial_max: Duration::from_secs(1),
        }
    }
}
