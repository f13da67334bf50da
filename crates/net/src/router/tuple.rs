//! [`Tuple`]: what packets of one flow have in common.

use std::hash::{Hash, Hasher};

use crate::Packet;
use crate::frame::{Icmp, Quote, Transport};

use super::Address;
use super::firewall::Protocol;

/// Who talks to whom: addresses and ports, or the identifier of an echo in the place of the asker's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ends<A> {
    pub(super) source: A,
    pub(super) target: A,
    pub(super) source_port: u16,
    pub(super) target_port: u16,
}

impl<A: Copy> Ends<A> {
    /// The ends as an answer has them.
    #[inline]
    pub(super) fn reversed(self) -> Self {
        Self {
            source: self.target,
            target: self.source,
            source_port: self.target_port,
            target_port: self.source_port,
        }
    }
}

/// What packets of one direction of a flow have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tuple<A> {
    pub(super) ends: Ends<A>,
    pub(super) kind: Kind,
}

/// A protocol, with the two directions of an echo told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind(u8);

impl Kind {
    pub(super) const TCP: Self = Self(Protocol::TCP.0);
    pub(super) const UDP: Self = Self(Protocol::UDP.0);
    pub(super) const ECHO_REQUEST: Self = Self(Protocol::ICMP.0);
    /// A number that no protocol has: it is reserved.
    pub(super) const ECHO_REPLY: Self = Self(u8::MAX);

    /// The kind of a protocol that has no ports; `None` if no protocol has the number.
    fn other(protocol: u8) -> Option<Self> {
        let kind = Self(protocol);
        let is_taken = [Self::TCP, Self::UDP, Self::ECHO_REQUEST, Self::ECHO_REPLY].contains(&kind);
        (!is_taken).then_some(kind)
    }

    #[inline]
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::ECHO_REQUEST => Self::ECHO_REPLY,
            Self::ECHO_REPLY => Self::ECHO_REQUEST,
            other => other,
        }
    }

    #[inline]
    pub(super) fn protocol(self) -> Protocol {
        Protocol(if self == Self::ECHO_REPLY { Protocol::ICMP.0 } else { self.0 })
    }

    pub(super) fn has_ports(self) -> bool {
        self == Self::TCP || self == Self::UDP
    }
}

impl<A: Address> Tuple<A> {
    /// What a packet has in common with others of its flow; `None` if it belongs to no flow by itself.
    #[inline]
    pub(crate) fn of(packet: &Packet) -> Option<Self> {
        let (kind, source_port, target_port) = match &packet.transport {
            Transport::Tcp(segment) => (Kind::TCP, segment.source, segment.target),
            Transport::Udp(datagram) => (Kind::UDP, datagram.source, datagram.target),
            Transport::Icmp(Icmp::EchoRequest(echo)) => (Kind::ECHO_REQUEST, echo.identifier, 0),
            Transport::Icmp(Icmp::EchoReply(echo)) => (Kind::ECHO_REPLY, 0, echo.identifier),
            Transport::Other { protocol, .. } => (Kind::other(*protocol)?, 0, 0),
            Transport::Icmp(_) | Transport::Fragment(_) => return None,
        };
        let (source, target) = (A::of(packet.source)?, A::of(packet.target)?);
        Some(Self { ends: Ends { source, target, source_port, target_port }, kind })
    }

    /// What a quoted packet had in common with others of its flow.
    pub(super) fn quoted(quote: &Quote) -> Option<Self> {
        let (source, target) = (A::of(quote.source)?, A::of(quote.target)?);
        let (kind, source_port, target_port) = if let Some((source, target)) = quote.ports() {
            (Kind(quote.protocol), source, target)
        } else if let Some(identifier) = quote.echo_identifier() {
            match quote.transport.first()? {
                0 => (Kind::ECHO_REPLY, 0, identifier),
                _ => (Kind::ECHO_REQUEST, identifier, 0),
            }
        } else {
            (Kind::other(quote.protocol)?, 0, 0)
        };
        Some(Self { ends: Ends { source, target, source_port, target_port }, kind })
    }

    #[inline]
    pub(super) fn reversed(self) -> Self {
        Self { ends: self.ends.reversed(), kind: self.kind.reversed() }
    }
}

impl<A: Address> Hash for Tuple<A> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        A::hash_pair(self.ends.source, self.ends.target, state);
        let ports = u64::from(self.ends.source_port) << 16 | u64::from(self.ends.target_port);
        state.write_u64(ports << 8 | u64::from(self.kind.0));
    }
}

/// Gives a packet other ends; it keeps its kind.
#[inline]
pub(super) fn rewrite<A: Address>(packet: &mut Packet, ends: Ends<A>) {
    packet.source = ends.source.ip();
    packet.target = ends.target.ip();
    match &mut packet.transport {
        Transport::Tcp(segment) => {
            segment.source = ends.source_port;
            segment.target = ends.target_port;
        }
        Transport::Udp(datagram) => {
            datagram.source = ends.source_port;
            datagram.target = ends.target_port;
        }
        Transport::Icmp(Icmp::EchoRequest(echo)) => echo.identifier = ends.source_port,
        Transport::Icmp(Icmp::EchoReply(echo)) => echo.identifier = ends.target_port,
        Transport::Icmp(_) | Transport::Fragment(_) | Transport::Other { .. } => {}
    }
}

/// Gives a quoted packet other ends; it keeps its kind.
pub(super) fn rewrite_quote<A: Address>(quote: &mut Quote, Tuple { ends, kind }: Tuple<A>) {
    quote.set_source(ends.source.ip());
    quote.set_target(ends.target.ip());
    quote.set_source_port(ends.source_port);
    quote.set_target_port(ends.target_port);
    quote.set_echo_identifier(if kind == Kind::ECHO_REPLY { ends.target_port } else { ends.source_port });
}
