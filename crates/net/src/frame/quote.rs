//! [`Quote`]: the packet that an ICMP message is about, and its translation.

use std::net::IpAddr;

use bytes::{Buf as _, Bytes};

use super::ends::Ends;
use super::ip::{HEADER_BYTES, HEADER_BYTES_V6, Header};
use super::{Layer, Malformed, Packet, Quote, Transport, checksum, icmp, tcp, udp};

/// The most bytes of a message about an error, its own IP header included (RFC 1812, section 4.3.2.3).
const MESSAGE_BYTES_MAX: usize = 576;

/// How much of what follows the header of a packet is quoted at most, and at least.
const TRANSPORT_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 2 * HEADER_BYTES - icmp::HEADER_BYTES;
const TRANSPORT_BYTES_MIN: usize = 8;

impl Quote {
    /// The quote of a packet as it would be on the wire: of a segment that is cut there, its first piece.
    ///
    /// All of it is quoted if it fits into a message of 576 bytes, or else as much as fits; but of a TCP segment that
    /// does not fit only eight bytes, which end before its checksum, since readers would find that one wrong.
    ///
    /// No error may be told about a fragment that is not the first; whoever tells errors does not ask for its quote.
    #[must_use]
    pub fn of(packet: &Packet) -> Self {
        let head = packet.head();
        let mut transport = Vec::new();
        head.emit_transport(&mut transport);
        let is_cut_tcp = matches!(head.transport, Transport::Tcp(_)) && transport.len() > TRANSPORT_BYTES_MAX;
        transport.truncate(if is_cut_tcp { TRANSPORT_BYTES_MIN } else { TRANSPORT_BYTES_MAX });
        Self {
            source: head.source,
            target: head.target,
            protocol: head.protocol(),
            hops: head.hops,
            service: head.service,
            identification: head.identification,
            may_fragment: head.may_fragment,
            bytes: u16::try_from(head.len()).unwrap_or(u16::MAX),
            transport: transport.into(),
        }
    }

    /// The ports of the packet, if it was of TCP or UDP and they are quoted.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match (self.protocol, &self.transport[..]) {
            (tcp::PROTOCOL | udp::PROTOCOL, &[a, b, c, d, ..]) => {
                Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
            }
            _ => None,
        }
    }

    /// The sequence number of the packet, if it was of TCP and it is quoted.
    #[must_use]
    pub fn sequence(&self) -> Option<u32> {
        match (self.protocol, &self.transport[..]) {
            (tcp::PROTOCOL, &[_, _, _, _, a, b, c, d, ..]) => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The identifier of the packet, if it was an echo or its answer and it is quoted.
    #[must_use]
    pub fn echo_identifier(&self) -> Option<u16> {
        match (self.protocol, &self.transport[..]) {
            (icmp::PROTOCOL, &[icmp::ECHO_REQUEST | icmp::ECHO_REPLY, 0, _, _, high, low, ..]) => {
                Some(u16::from_be_bytes([high, low]))
            }
            _ => None,
        }
    }

    /// Changes where the packet came from, as translation did on its way, and with it the checksum of its transport.
    pub fn set_source(&mut self, source: IpAddr) {
        self.set_ends(source, self.target);
    }

    /// Changes where the packet went.
    pub fn set_target(&mut self, target: IpAddr) {
        self.set_ends(self.source, target);
    }

    /// Changes the port it came from, if it [has ports](Self::ports), and with it the checksum.
    pub fn set_source_port(&mut self, port: u16) {
        if self.ports().is_some() {
            self.set_word(0, port);
        }
    }

    /// Changes the port it went to, if it [has ports](Self::ports).
    pub fn set_target_port(&mut self, port: u16) {
        if self.ports().is_some() {
            self.set_word(2, port);
        }
    }

    /// Changes its identifier, if it [has one](Self::echo_identifier).
    pub fn set_echo_identifier(&mut self, identifier: u16) {
        if self.echo_identifier().is_some() {
            self.set_word(4, identifier);
        }
    }

    fn set_word(&mut self, at: usize, word: u16) {
        let mut transport = self.transport.to_vec();
        let (before, after) = ([transport[at], transport[at + 1]], word.to_be_bytes());
        transport[at..at + 2].copy_from_slice(&after);
        self.adjust(&mut transport, &before, &after);
        self.transport = transport.into();
    }

    fn set_ends(&mut self, source: IpAddr, target: IpAddr) {
        let before = self.ends().sum(0, 0);
        (self.source, self.target) = (source, target);
        let after = self.ends().sum(0, 0);
        if self.protocol == tcp::PROTOCOL || self.protocol == udp::PROTOCOL {
            let mut transport = self.transport.to_vec();
            self.adjust(&mut transport, &before.to_be_bytes(), &after.to_be_bytes());
            self.transport = transport.into();
        }
    }

    /// Changes the checksum of a transport, if it is quoted and there is one, as some bytes under it have changed.
    fn adjust(&self, transport: &mut [u8], before: &[u8], after: &[u8]) {
        let at = match self.protocol {
            tcp::PROTOCOL => tcp::CHECKSUM,
            udp::PROTOCOL => udp::CHECKSUM,
            _ => icmp::CHECKSUM,
        };
        let Some(field) = transport.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) else {
            return;
        };
        let found = u16::from_be_bytes(*field);
        let adjusted = checksum::adjust(found, before, after);
        *field = match self.protocol {
            udp::PROTOCOL if found == 0 => return,
            udp::PROTOCOL => udp::said(adjusted),
            _ => adjusted,
        }
        .to_be_bytes();
    }

    pub(super) fn wire_len(&self) -> usize {
        let header_len = match self.ends() {
            Ends::V4(..) => HEADER_BYTES,
            Ends::V6(..) => HEADER_BYTES_V6,
        };
        header_len + self.transport.len()
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let header = Header {
            ends: self.ends(),
            protocol: self.protocol,
            hops: self.hops,
            service: self.service,
            identification: self.identification,
            may_fragment: self.may_fragment,
            more: false,
            offset: 0,
            bytes: usize::from(self.bytes),
        };
        header.emit(out);
        out.extend_from_slice(&self.transport);
    }

    /// Reads what an error is about; `None` if it is a fragment that is not the first.
    ///
    /// The checksum of its header is not looked at: routers quote packets whose hops they have already counted.
    pub(super) fn parse(mut bytes: Bytes) -> Result<Option<Self>, Malformed> {
        let (header, header_len) = Header::parse(Layer::Quote, &bytes)?;
        if header.offset != 0 {
            return Ok(None);
        }
        bytes.truncate(header.bytes);
        bytes.advance(header_len);
        let (source, target) = header.ends.addresses();
        Ok(Some(Self {
            source,
            target,
            protocol: header.protocol,
            hops: header.hops,
            service: header.service,
            identification: header.identification,
            may_fragment: header.may_fragment,
            // Without the options of the header, which are not carried.
            bytes: (header.bytes - (header_len - HEADER_BYTES)) as u16,
            transport: bytes,
        }))
    }
}

impl Transport {
    /// The number of the protocol in a packet of version 4.
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        match self {
            Self::Tcp(_) => tcp::PROTOCOL,
            Self::Udp(_) => udp::PROTOCOL,
            Self::Icmp(_) => icmp::PROTOCOL,
            Self::Fragment(fragment) => fragment.protocol,
            Self::Other { protocol, .. } => *protocol,
        }
    }
}
