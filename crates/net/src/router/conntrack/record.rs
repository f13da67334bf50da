//! [`FlowRecord`]: a conversation, to be shown.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::router::firewall::Protocol;
use crate::router::{Address, Traffic};

use super::{Direction, Flow, Marks, Stage};

/// A conversation as a router knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowRecord {
    /// Its protocol.
    pub protocol: u8,
    /// The two ends with which packets arrive that go as its first did; for echoes the asker's port is the identifier.
    pub original: (SocketAddr, SocketAddr),
    /// The two ends with which answers arrive.
    pub reply: (SocketAddr, SocketAddr),
    /// Whether anybody answered.
    pub is_replied: bool,
    /// How far it has come.
    pub stage: Stage,
    /// When it is forgotten, unless another packet comes.
    pub deadline: Instant,
    /// What went each way: as the first packet, and as its answer.
    pub traffic: [Traffic; 2],
}

impl FlowRecord {
    pub(in crate::router) fn of<A: Address>(flow: &Flow<A>) -> Self {
        let ends = |direction: Direction| {
            let ends = flow.ends[direction as usize];
            let end = |address: IpAddr, port| SocketAddr::new(address, port);
            (end(ends.source.ip(), ends.source_port), end(ends.target.ip(), ends.target_port))
        };
        let traffic = |at: usize| Traffic { packets: flow.packets[at].into(), bytes: flow.bytes[at] };
        let Protocol(protocol) = flow.kind.protocol();
        Self {
            protocol,
            original: ends(Direction::Original),
            reply: ends(Direction::Reply),
            is_replied: flow.marks.contains(Marks::REPLIED),
            stage: flow.stage,
            deadline: flow.deadline,
            traffic: [traffic(0), traffic(1)],
        }
    }

    /// Whether it is translated.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        (self.original.1, self.original.0) != self.reply
    }
}
