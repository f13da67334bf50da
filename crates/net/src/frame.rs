//! [`Frame`]: what travels on a link.
//!
//! Within a fabric a frame travels *parsed*: headers as values, payloads as shared slices of what the sender wrote, no
//! checksums, a TCP segment of up to 64 KiB or a datagram of any size as one frame. It becomes bytes only when
//! somebody looks ([`emit`](Frame::emit)): a capture, a raw socket, a TAP, a guest's card; there it is also cut to
//! what the wire carries. What comes from outside is parsed ([`parse`](Frame::parse)), checksums included.

use std::net::IpAddr;

use bytes::Bytes;

use crate::Mac;

mod arp;
mod checksum;
mod corrupt;
mod cut;
mod emit;
mod ends;
mod icmp;
mod ip;
mod malformed;
mod offload;
mod options;
mod parse;
mod payload;
mod quote;
mod reassembly;
mod tcp;
mod udp;
mod written;

#[cfg(test)]
pub(crate) mod tests;

use self::offload::Sums;
pub use cut::Pieces;
pub use malformed::{Layer, Malformed};
pub use offload::Unsummed;
pub use payload::Payload;
pub use reassembly::{Expired, NotReassembled, Reassembly, ReassemblyConfig};

/// What travels on a link: who sends it to whom, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whose card it left.
    pub source: Mac,
    /// Whose card it is for.
    pub target: Mac,
    /// What it says.
    pub body: Body,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A question or an answer about who has an address.
    Arp(Arp),
    /// A packet of the internet protocol.
    Ip(Packet),
    /// Something that is not understood here, and is carried as it is.
    Other {
        /// The type of what follows.
        ethertype: u16,
        /// What follows the Ethernet header.
        bytes: Bytes,
    },
    /// What a fault made of a frame: all its bytes, of which some checksum or length is wrong.
    Broken(Bytes),
}

/// A question or an answer about who has an IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is a question or an answer.
    pub operation: ArpOperation,
    /// The card of who asks or answers.
    pub source_mac: Mac,
    /// The address of who asks or answers; unspecified in a probe.
    pub source: std::net::Ipv4Addr,
    /// The card of who is asked or answered; unspecified in a question.
    pub target_mac: Mac,
    /// The address that is asked for, or of who asked.
    pub target: std::net::Ipv4Addr,
}

/// Whether it is a question or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArpOperation {
    /// Who has the target address?
    Request,
    /// The source has it.
    Reply,
}

/// A packet of the internet protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub target: IpAddr,
    /// How many more routers it may pass (TTL).
    pub hops: u8,
    /// The class of service: DSCP and ECN.
    pub service: u8,
    /// What fragments of one packet have in common.
    pub identification: u16,
    /// Whether it may be cut into fragments on its way.
    pub may_fragment: bool,
    /// What it carries.
    pub transport: Transport,
}

/// What a packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A piece of a TCP connection.
    Tcp(Segment),
    /// A UDP datagram.
    Udp(Datagram),
    /// A message about the network itself.
    Icmp(Icmp),
    /// A part of a packet that was too large for a link.
    Fragment(Fragment),
    /// Another protocol, carried as it is.
    Other {
        /// Its number.
        protocol: u8,
        /// What follows the IP header.
        bytes: Bytes,
    },
}

/// A piece of a TCP connection.
///
/// Its payload may be larger than what a wire carries in one packet: where it leaves the fabric it is cut into segments
/// of [`cut`](Segment::cut) bytes, as a network card with segmentation offload does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The port it comes from.
    pub source: u16,
    /// The port it goes to.
    pub target: u16,
    /// The number of its first byte.
    pub sequence: u32,
    /// The number of the byte that is expected next, if [`Flags::ACK`] is set.
    pub acknowledgement: u32,
    /// What else it says.
    pub flags: Flags,
    /// How much the sender can take, before scaling.
    pub window: u16,
    /// How many bytes of payload a packet on the wire may carry; 0 for "all of it".
    pub cut: u16,
    /// What is negotiated, or said besides.
    pub options: Options,
    /// The bytes.
    pub payload: Payload,
}

/// The flags of a TCP segment, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more bytes follow.
    pub const FIN: Self = Self(0x01);
    /// A connection begins.
    pub const SYN: Self = Self(0x02);
    /// There is no such connection (any more).
    pub const RST: Self = Self(0x04);
    /// The receiver should not wait for more.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement means something.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer means something; ours is always 0.
    pub const URG: Self = Self(0x20);
    /// A packet arrived that had met congestion on its way.
    pub const ECE: Self = Self(0x40);
    /// The sender has slowed down.
    pub const CWR: Self = Self(0x80);

    /// Whether all of `other`'s flags are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags but for `other`'s.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            (Self::SYN, 'S'),
            (Self::FIN, 'F'),
            (Self::RST, 'R'),
            (Self::PSH, 'P'),
            (Self::URG, 'U'),
            (Self::ECE, 'E'),
            (Self::CWR, 'W'),
            (Self::ACK, '.'),
        ];
        names.iter().filter(|(flag, _)| self.contains(*flag)).try_for_each(|(_, name)| write!(f, "{name}"))
    }
}

/// The options of a TCP segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The largest segment that the sender takes, in a segment that begins a connection.
    pub segment_bytes_max: Option<u16>,
    /// By how many bits windows are shifted, in a segment that begins a connection.
    pub window_shift: Option<u8>,
    /// Whether selective acknowledgements may be sent, in a segment that begins a connection.
    pub selective: bool,
    /// The sender's time, and the last that it heard from the receiver.
    pub timestamps: Option<Timestamps>,
    /// What was received out of order: first and one past the last sequence number of up to four ranges, of which the
    /// first holds what arrived last. In a box because it is rare.
    pub received: Option<Box<[(u32, u32)]>>,
}

/// The times in a TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's time.
    pub value: u32,
    /// The last time that the sender heard from the receiver.
    pub echo: u32,
}

/// A UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The port it comes from.
    pub source: u16,
    /// The port it goes to.
    pub target: u16,
    /// The bytes: at most 65,507.
    pub payload: Payload,
}

/// A message about the network itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Icmp {
    /// Are you there?
    EchoRequest(Echo),
    /// I am.
    EchoReply(Echo),
    /// A packet could not be delivered.
    Unreachable {
        /// Why not.
        reason: Unreachable,
        /// Which packet.
        about: Box<Quote>,
    },
    /// A packet was too large for a link and must not be cut.
    TooBig {
        /// The largest packet that the link carries.
        mtu: u16,
        /// Which packet.
        about: Box<Quote>,
    },
    /// A packet passed too many routers, or its fragments came too late.
    TimeExceeded {
        /// Whether it passed too many routers; otherwise fragments were missing.
        in_transit: bool,
        /// Which packet.
        about: Box<Quote>,
    },
    /// Something else, carried as it is.
    Other {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// What follows the checksum: at least four bytes.
        bytes: Bytes,
    },
}

/// A question whether somebody is there, or its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Who asks.
    pub identifier: u16,
    /// Which of its questions it is.
    pub sequence: u16,
    /// What comes back with the answer.
    pub payload: Payload,
}

/// Why a packet could not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// No route leads to its network.
    Network,
    /// Nobody answers for its address.
    Host,
    /// Its protocol is not spoken there.
    Protocol,
    /// Nobody listens on its port.
    Port,
    /// A firewall does not let it pass.
    Prohibited,
    /// Another code.
    Other(u8),
}

/// The packet that a message is about: its header, and the first bytes that followed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Where it came from.
    pub source: IpAddr,
    /// Where it went.
    pub target: IpAddr,
    /// Its protocol.
    pub protocol: u8,
    /// How many more routers it might have passed.
    pub hops: u8,
    /// Its class of service.
    pub service: u8,
    /// Its identification.
    pub identification: u16,
    /// Whether it might have been cut.
    pub may_fragment: bool,
    /// How many bytes it had in all.
    pub bytes: u16,
    /// The first bytes after its IP header: at least eight, unless it had fewer.
    pub transport: Bytes,
}

/// A part of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The protocol of the whole.
    pub protocol: u8,
    /// Where in the whole it begins, in bytes: a multiple of eight.
    pub offset: u16,
    /// Whether others follow it.
    pub more: bool,
    /// Its bytes.
    pub bytes: Bytes,
}
