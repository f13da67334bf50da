//! Bytes become frames.
//!
//! Strict: every length, version and checksum must be right; a UDP checksum of 0 says that there is none. What is only
//! unknown is not refused but carried. What follows a packet in its frame is padding and is cut off.

use bytes::{Buf as _, Bytes};

use super::emit::ETHERNET_BYTES;
use super::ends::Ends;
use super::ip::{ETHERTYPE, HEADER_BYTES, Header, PACKET_BYTES_MAX};
use super::{
    Arp, Body, Datagram, Fragment, Frame, Icmp, Layer, Malformed, Packet, Segment, Sums, Transport, arp,
    checksum, icmp, tcp, udp,
};
use crate::Mac;

impl Frame {
    /// Reads a frame; payloads are slices of its bytes.
    ///
    /// ```
    /// use ironloom_net::Frame;
    /// use ironloom_net::frame::{Body, Layer};
    ///
    /// let question = b"\xFF\xFF\xFF\xFF\xFF\xFF\x02\0\0\0\0\x01\x08\x06\
    ///     \0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0A\0\0\x01\0\0\0\0\0\0\x0A\0\0\x02";
    /// let frame = Frame::parse(question[..].into()).unwrap();
    /// assert!(matches!(frame.body, Body::Arp(_)));
    /// assert_eq!(frame.to_bytes(), question[..]);
    ///
    /// let refused = Frame::parse(question[..40].into()).unwrap_err();
    /// assert_eq!(refused.layer(), Layer::Arp);
    /// assert_eq!(refused.to_string(), "arp packet has 26 bytes and needs 28");
    /// ```
    ///
    /// # Errors
    ///
    /// If a length, a version, a checksum or an option is wrong.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        Self::parse_with(bytes, Sums::Checked)
    }

    pub(super) fn parse_with(mut bytes: Bytes, sums: Sums) -> Result<Self, Malformed> {
        Malformed::check_len(Layer::Ethernet, bytes.len(), ETHERNET_BYTES)?;
        let (target, source) = addresses(&bytes);
        let ethertype = u16::from_be_bytes([bytes[12], bytes[13]]);
        bytes.advance(ETHERNET_BYTES);
        let body = match ethertype {
            ETHERTYPE => Body::Ip(Packet::parse_with(bytes, sums)?),
            arp::ETHERTYPE => Arp::parse(bytes)?,
            _ => Body::Other { ethertype, bytes },
        };
        Ok(Self { source, target, body })
    }
}

/// The target and the source at the front of a frame.
pub(super) fn addresses(bytes: &[u8]) -> (Mac, Mac) {
    let at = |from: usize| Mac::new(*bytes[from..].first_chunk().expect("a header has fourteen bytes"));
    (at(0), at(6))
}

impl Packet {
    /// Reads a packet of version 4; payloads are slices of its bytes.
    ///
    /// # Errors
    ///
    /// If a length, a version, a checksum or an option is wrong.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        Self::parse_with(bytes, Sums::Checked)
    }

    fn parse_with(mut bytes: Bytes, sums: Sums) -> Result<Self, Malformed> {
        let layer = Layer::Ip;
        let (header, header_len) = Header::parse(layer, &bytes)?;
        if header.bytes > bytes.len() {
            return Err(Malformed::Length { layer, says: header.bytes, bytes: bytes.len() });
        }
        if checksum::sum(&bytes[..header_len]) != checksum::RIGHT {
            return Err(Malformed::Checksum { layer, found: u16::from_be_bytes([bytes[10], bytes[11]]) });
        }
        bytes.truncate(header.bytes);
        bytes.advance(header_len);
        let transport = if header.is_fragment() {
            Transport::Fragment(Fragment::parse(&header, bytes)?)
        } else {
            Transport::parse(header.ends, header.protocol, bytes, sums)?
        };
        let (source, target) = header.ends.addresses();
        let Header { hops, service, identification, may_fragment, .. } = header;
        Ok(Self { source, target, hops, service, identification, may_fragment, transport })
    }
}

impl Fragment {
    fn parse(header: &Header, bytes: Bytes) -> Result<Self, Malformed> {
        let fragment = Self { protocol: header.protocol, offset: header.offset, more: header.more, bytes };
        if fragment.is_possible() {
            return Ok(fragment);
        }
        Err(Malformed::Fragment { offset: usize::from(fragment.offset), bytes: fragment.bytes.len() })
    }

    /// Whether it can be a part of a packet: not empty, of whole units unless it is the last, and within what a packet
    /// can be.
    pub(super) fn is_possible(&self) -> bool {
        let end = usize::from(self.offset) + self.bytes.len();
        let is_whole = !self.more || self.bytes.len().is_multiple_of(8);
        is_whole
            && self.offset.is_multiple_of(8)
            && !self.bytes.is_empty()
            && end <= PACKET_BYTES_MAX - HEADER_BYTES
    }
}

impl Transport {
    /// Reads what follows the header of a whole packet.
    pub(super) fn parse(ends: Ends, protocol: u8, bytes: Bytes, sums: Sums) -> Result<Self, Malformed> {
        Ok(match protocol {
            tcp::PROTOCOL => Self::Tcp(Segment::parse(ends, bytes, sums)?),
            udp::PROTOCOL => Self::Udp(Datagram::parse(ends, bytes, sums)?),
            icmp::PROTOCOL => Self::Icmp(Icmp::parse(bytes)?),
            _ => Self::Other { protocol, bytes },
        })
    }
}
