//! What lets a fabric lead packets past a router whose answer is known.
//!
//! Whoever forwards the packets of a conversation by a [`FlowAction`] must do so only while it is
//! [valid](Router::is_valid), must give packets back to the router that could change the conversation
//! ([`FlowAction::admits`]), and [accounts](Router::account) for what went by, before the conversation would be
//! forgotten for its silence.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironloom_core::Instant;

use super::conntrack::{Direction, FlowId, Found, Stage};
use super::tuple::{self, Ends, Tuple};
use super::{Family, Router, Traffic};
use crate::frame::{Body, Flags, Transport};
use crate::{Frame, Mac, Packet, Port};

/// What a router does with the packets of one direction of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowAction {
    /// The conversation, and the direction.
    pub flow: FlowId,
    /// The port through which they leave.
    pub output: Port,
    /// The card they come from then.
    pub source_mac: Mac,
    /// The card they are for.
    pub target_mac: Mac,
    /// The address and port, or identifier, that they come from then.
    pub source: (IpAddr, u16),
    /// The address and port, or identifier, that they go to.
    pub target: (IpAddr, u16),
    /// The largest packet that the next link carries.
    pub mtu: u16,
    /// How many hops less they have: 0 or 1.
    pub hops: u8,
    /// The generation of the router in which this holds.
    pub generation: u32,
    /// Until when it holds.
    pub until: Instant,
}

impl FlowAction {
    /// Whether a packet may be led past the router: it changes nothing about its conversation, and nothing has to be
    /// said about it.
    #[must_use]
    #[inline]
    pub fn admits(&self, packet: &Packet) -> bool {
        let is_plain = match &packet.transport {
            Transport::Tcp(segment) => {
                segment.flags.without(Flags::PSH | Flags::ECE | Flags::CWR | Flags::URG) == Flags::ACK
            }
            _ => true,
        };
        is_plain && packet.hops > self.hops && (packet.may_fragment || packet.fits(self.mtu))
    }

    /// Does to a frame of the conversation what the router would do.
    #[inline]
    pub fn apply(&self, frame: &mut Frame) {
        frame.source = self.source_mac;
        frame.target = self.target_mac;
        let Body::Ip(packet) = &mut frame.body else { return };
        packet.hops = packet.hops.saturating_sub(self.hops);
        let ((source, source_port), (target, target_port)) = (self.source, self.target);
        match (source, target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                tuple::rewrite(packet, Ends { source, target, source_port, target_port });
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                tuple::rewrite(packet, Ends { source, target, source_port, target_port });
            }
            _ => {}
        }
    }
}

impl Router {
    /// What the router does with packets like this one; `None` if it has to look at each.
    ///
    /// It is known for conversations that were answered, once a packet has gone this way.
    #[must_use]
    pub fn flow(&self, packet: &Packet) -> Option<FlowAction> {
        match packet.source {
            IpAddr::V4(_) => self.action::<Ipv4Addr>(packet),
            IpAddr::V6(_) => self.action::<Ipv6Addr>(packet),
        }
    }

    fn action<A: Family>(&self, packet: &Packet) -> Option<FlowAction> {
        self.action_of(&Tuple::<A>::of(packet)?)
    }

    /// What the router does with packets of one direction of a conversation.
    pub(crate) fn action_for(&self, tuple: &Tuple<Ipv4Addr>) -> Option<FlowAction> {
        self.action_of(tuple)
    }

    fn action_of<A: Family>(&self, tuple: &Tuple<A>) -> Option<FlowAction> {
        let flows = A::flows_of(&self.flows);
        let found = flows.look_up(tuple)?;
        let Found { index, direction } = found;
        let flow = flows.flow(index);
        let way = flow.ways[direction as usize];
        let is_steady = matches!(flow.stage, Stage::Established | Stage::Replied);
        if way.generation != self.generation || !is_steady {
            return None;
        }
        let place = self.place(way.port)?;
        let ends = flow.leaving(direction);
        Some(FlowAction {
            flow: flows.id(found),
            output: way.port,
            source_mac: place.interface.mac,
            target_mac: way.mac,
            source: (ends.source.ip(), ends.source_port),
            target: (ends.target.ip(), ends.target_port),
            mtu: place.interface.mtu,
            hops: u8::from(!place.is_own() && !self.came_from_own(flow, direction)),
            generation: self.generation,
            until: self.refresh.min(flow.deadline),
        })
    }

    fn came_from_own<A: Family>(&self, flow: &super::conntrack::Flow<A>, direction: Direction) -> bool {
        self.own.contains_key(&flow.ends[direction as usize].source.ip())
    }

    /// Whether what the router does with a conversation is still what it said.
    #[must_use]
    #[inline]
    pub fn is_valid(&self, now: Instant, action: &FlowAction) -> bool {
        self.is_of(action.generation) && now < action.until
    }

    /// Whether nothing changed since it was of this generation.
    #[inline]
    pub(crate) fn is_of(&self, generation: u32) -> bool {
        self.generation == generation
    }

    /// Takes into account what was led past the router; whether the conversation is still known.
    pub fn account(&mut self, now: Instant, input: Port, flow: FlowId, traffic: Traffic) -> bool {
        let accounted = if flow.is_v6 {
            self.account_family::<Ipv6Addr>(now, flow, traffic)
        } else {
            self.account_family::<Ipv4Addr>(now, flow, traffic)
        };
        let Some(output) = accounted else { return false };
        if let Some(place) = self.place_mut(input) {
            place.counters.received += traffic;
        }
        if let Some(place) = self.place_mut(output) {
            place.counters.sent += traffic;
        }
        true
    }

    fn account_family<A: Family>(&mut self, now: Instant, id: FlowId, traffic: Traffic) -> Option<Port> {
        let flows = A::flows(&mut self.flows);
        let flow = flows.account(now, &self.config.conntrack, id, traffic)?;
        let at = id.direction as usize;
        let (slot, port) = (flow.slots[at], flow.ways[at].port);
        self.firewall.count_at(slot, traffic);
        Some(port)
    }
}
