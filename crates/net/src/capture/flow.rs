//! [`Flow`]: what two ends said to each other, counted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::frame::{Icmp, Packet, Transport};

/// What two ends said to each other.
///
/// Ports are those of TCP and UDP; an echo has its identifier for both, everything else 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The number of the protocol.
    pub protocol: u8,
    /// Who spoke first.
    pub source: SocketAddr,
    /// To whom.
    pub target: SocketAddr,
    /// When it began.
    pub first: Instant,
    /// When something was said last.
    pub last: Instant,
    /// What the source said.
    pub sent: Tally,
    /// What the target said.
    pub received: Tally,
    /// Why it ended.
    pub end: FlowEnd,
}

/// How much was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The packets, as they are on a wire.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

impl Tally {
    pub(super) fn add(&mut self, packet: &Packet) {
        self.packets += packet.pieces_on_wire() as u64;
        self.bytes += packet.wire_len() as u64;
    }
}

/// Why a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowEnd {
    /// Both ends of a connection said that they had finished.
    Finished,
    /// One end broke the connection, or refused it.
    Reset,
    /// Nothing was said for long.
    Idle,
    /// The log had no room for it any longer.
    Evicted,
    /// The log was closed before it ended.
    Open,
}

impl FlowEnd {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Finished, Self::Reset, Self::Idle, Self::Evicted, Self::Open];

    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for FlowEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One line: protocol, ends, times, what was said each way in packets and bytes, and why it ended.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            1 => f.write_str("icmp")?,
            6 => f.write_str("tcp")?,
            17 => f.write_str("udp")?,
            other => write!(f, "ip-{other}")?,
        }
        let Self { source, target, first, last, sent, received, end, .. } = self;
        write!(f, " {source} > {target} {first}..{last}")?;
        write!(f, " {}/{} {}/{} {end}", sent.packets, sent.bytes, received.packets, received.bytes)
    }
}

/// What the packets of a flow have in common, whichever way they go: the lesser end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    protocol: u8,
    ends: [(IpAddr, u16); 2],
}

impl FlowKey {
    /// The flow of a packet, and whether its source is the lesser end.
    pub(super) fn of(packet: &Packet) -> (Self, bool) {
        let (source, target) = match &packet.transport {
            Transport::Tcp(segment) => (segment.source, segment.target),
            Transport::Udp(datagram) => (datagram.source, datagram.target),
            Transport::Icmp(Icmp::EchoRequest(echo) | Icmp::EchoReply(echo)) => {
                (echo.identifier, echo.identifier)
            }
            Transport::Icmp(_) | Transport::Fragment(_) | Transport::Other { .. } => (0, 0),
        };
        let (source, target) = ((packet.source, source), (packet.target, target));
        let is_lesser = source <= target;
        let ends = if is_lesser { [source, target] } else { [target, source] };
        (Self { protocol: packet.transport.protocol(), ends }, is_lesser)
    }

    pub(super) const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The ends, of which the lesser is first or second.
    pub(super) fn ends(&self, lesser_first: bool) -> (SocketAddr, SocketAddr) {
        let [lesser, greater] = self.ends.map(SocketAddr::from);
        if lesser_first { (lesser, greater) } else { (greater, lesser) }
    }
}
