//! Frames become bytes.

use bytes::Bytes;

use super::ip::{ETHERTYPE, ETHERTYPE_V6, FRAGMENT_BYTES_V6, HEADER_BYTES, HEADER_BYTES_V6, Header};
use super::{Body, Frame, Packet, Transport, arp, icmp, udp};

/// The bytes of an Ethernet header.
pub(super) const ETHERNET_BYTES: usize = 14;

/// The least bytes of a frame on a cable, without the checksum that cards add.
const FRAME_BYTES_MIN: usize = 60;

impl Frame {
    /// How many bytes cross the wire for it, headers of all pieces included.
    ///
    /// That is what [`emit`](Self::emit) writes, unless it is a segment that is still to be cut: then every piece has
    /// headers of its own.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        match &self.body {
            Body::Ip(packet) => packet.wire_len() + packet.pieces_on_wire() * ETHERNET_BYTES,
            _ => self.len(),
        }
    }

    /// How many bytes [`emit`](Self::emit) writes.
    fn len(&self) -> usize {
        match &self.body {
            Body::Arp(_) => ETHERNET_BYTES + arp::BYTES,
            Body::Ip(packet) => ETHERNET_BYTES + packet.len(),
            Body::Other { bytes, .. } => ETHERNET_BYTES + bytes.len(),
            Body::Broken(bytes) => bytes.len(),
        }
    }

    /// Appends its bytes: all headers, with right checksums, and the payload.
    ///
    /// A segment is not cut: that is what [`Packet::cut`] is for. The length of a packet of more than 65,535 bytes, which
    /// a header cannot say, is written as 0.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.reserve(self.len());
        let ethertype = match &self.body {
            Body::Arp(_) => arp::ETHERTYPE,
            Body::Ip(packet) => packet.ethertype(),
            Body::Other { ethertype, .. } => *ethertype,
            Body::Broken(bytes) => return out.extend_from_slice(bytes),
        };
        self.emit_ethernet(ethertype, out);
        match &self.body {
            Body::Arp(arp) => arp.emit(out),
            Body::Ip(packet) => packet.emit(out),
            Body::Other { bytes, .. } | Body::Broken(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Appends the bytes of a frame that carries a piece of this one's packet.
    pub(crate) fn emit_with(&self, piece: &Packet, out: &mut Vec<u8>) {
        self.emit_ethernet(piece.ethertype(), out);
        piece.emit(out);
    }

    /// Appends its bytes, and zeros until they are as many as a cable wants.
    pub fn emit_padded(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.emit(out);
        if out.len() - start < FRAME_BYTES_MIN {
            out.resize(start + FRAME_BYTES_MIN, 0);
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::new();
        self.emit(&mut bytes);
        bytes.into()
    }

    pub(super) fn emit_ethernet(&self, ethertype: u16, out: &mut Vec<u8>) {
        let mut header = [0; ETHERNET_BYTES];
        header[..6].copy_from_slice(&self.target.bytes());
        header[6..12].copy_from_slice(&self.source.bytes());
        header[12..].copy_from_slice(&ethertype.to_be_bytes());
        out.extend_from_slice(&header);
    }
}

impl Packet {
    /// How many bytes cross the wire for it without Ethernet headers: those of all pieces, if it is a segment that is
    /// still to be cut.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        let repeated = match &self.transport {
            Transport::Tcp(segment) => {
                (self.pieces_on_wire() - 1) * (self.header_len() + segment.header_len())
            }
            _ => 0,
        };
        self.len() + repeated
    }

    /// Appends its bytes; see [`Frame::emit`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        let len = self.len();
        out.reserve(len);
        self.emit_header(len, out);
        self.emit_transport(out);
    }

    /// Appends its header, which says that it has so many bytes.
    pub(super) fn emit_header(&self, len: usize, out: &mut Vec<u8>) {
        let (more, offset) = match &self.transport {
            Transport::Fragment(fragment) => (fragment.more, fragment.offset),
            _ => (false, 0),
        };
        let header = Header {
            ends: self.ends(),
            protocol: self.protocol(),
            hops: self.hops,
            service: self.service,
            identification: self.identification,
            may_fragment: self.may_fragment,
            more,
            offset,
            bytes: len,
        };
        header.emit(out);
    }

    pub(super) fn emit_transport(&self, out: &mut Vec<u8>) {
        match &self.transport {
            Transport::Tcp(segment) => segment.emit(self.ends(), out),
            Transport::Udp(datagram) => datagram.emit(self.ends(), out),
            Transport::Icmp(icmp) => icmp.emit(self.ends(), out),
            Transport::Fragment(fragment) => out.extend_from_slice(&fragment.bytes),
            Transport::Other { bytes, .. } => out.extend_from_slice(bytes),
        }
    }

    /// How many bytes it has, not cut.
    pub(super) fn len(&self) -> usize {
        self.header_len() + self.transport.len()
    }

    /// How many of them are before the transport.
    pub(super) fn header_len(&self) -> usize {
        match &self.transport {
            _ if self.is_v4() => HEADER_BYTES,
            Transport::Fragment(fragment) if fragment.more || fragment.offset != 0 => {
                HEADER_BYTES_V6 + FRAGMENT_BYTES_V6
            }
            _ => HEADER_BYTES_V6,
        }
    }

    /// The number of its protocol.
    pub(super) fn protocol(&self) -> u8 {
        match &self.transport {
            Transport::Icmp(_) if !self.is_v4() => icmp::PROTOCOL_V6,
            transport => transport.protocol(),
        }
    }

    pub(super) fn ethertype(&self) -> u16 {
        if self.is_v4() { ETHERTYPE } else { ETHERTYPE_V6 }
    }
}

impl Transport {
    /// How many bytes it has, not cut.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Tcp(segment) => segment.header_len() + segment.payload.len(),
            Self::Udp(datagram) => udp::HEADER_BYTES + datagram.payload.len(),
            Self::Icmp(icmp) => icmp.wire_len(),
            Self::Fragment(fragment) => fragment.bytes.len(),
            Self::Other { bytes, .. } => bytes.len(),
        }
    }
}
