//! Headers of the internet protocol on the wire.
//!
//! Version 4 is read and written, version 6 only written. Options of version 4 are accepted and dropped: nothing here
//! speaks them, so that a source route, for one, is never followed.

use smoltcp::wire::{Ipv4Packet, Ipv6Packet};

use super::ends::Ends;
use super::{Layer, Malformed, checksum};

pub(super) const ETHERTYPE: u16 = 0x0800;
pub(super) const ETHERTYPE_V6: u16 = 0x86DD;

pub(super) const HEADER_BYTES: usize = 20;
pub(super) const HEADER_BYTES_V6: usize = 40;

/// The extension header of a fragment.
pub(super) const FRAGMENT_BYTES_V6: usize = 8;
const FRAGMENT_PROTOCOL_V6: u8 = 44;

/// The most bytes of a packet: what its header can say.
pub(super) const PACKET_BYTES_MAX: usize = 0xFFFF;

/// What a header says.
pub(super) struct Header {
    pub(super) ends: Ends,
    pub(super) protocol: u8,
    pub(super) hops: u8,
    pub(super) service: u8,
    pub(super) identification: u16,
    pub(super) may_fragment: bool,
    /// Whether other fragments follow.
    pub(super) more: bool,
    /// Where in the whole packet this fragment begins.
    pub(super) offset: u16,
    /// How many bytes the packet has, this header included.
    pub(super) bytes: usize,
}

impl Header {
    /// Whether it is that of a fragment.
    pub(super) fn is_fragment(&self) -> bool {
        self.more || self.offset != 0
    }

    /// Appends it. A length that cannot be said is written as 0, as cards with segmentation offload are given it.
    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        match self.ends {
            Ends::V4(source, target) => {
                let mut header = [0; HEADER_BYTES];
                let mut packet = Ipv4Packet::new_unchecked(&mut header);
                packet.set_version(4);
                packet.set_header_len(HEADER_BYTES as u8);
                packet.set_dscp(self.service >> 2);
                packet.set_ecn(self.service);
                packet.set_total_len(u16::try_from(self.bytes).unwrap_or(0));
                packet.set_ident(self.identification);
                packet.set_frag_offset(self.offset);
                packet.set_dont_frag(!self.may_fragment);
                packet.set_more_frags(self.more);
                packet.set_hop_limit(self.hops);
                packet.set_next_header(self.protocol.into());
                packet.set_src_addr(source);
                packet.set_dst_addr(target);
                packet.set_checksum(!checksum::sum(packet.as_ref()));
                out.extend_from_slice(&header);
            }
            Ends::V6(source, target) => {
                let mut header = [0; HEADER_BYTES_V6];
                let mut packet = Ipv6Packet::new_unchecked(&mut header);
                packet.set_version(6);
                packet.set_traffic_class(self.service);
                packet
                    .set_payload_len(u16::try_from(self.bytes.saturating_sub(HEADER_BYTES_V6)).unwrap_or(0));
                let next = if self.is_fragment() { FRAGMENT_PROTOCOL_V6 } else { self.protocol };
                packet.set_next_header(next.into());
                packet.set_hop_limit(self.hops);
                packet.set_src_addr(source);
                packet.set_dst_addr(target);
                out.extend_from_slice(&header);
                self.emit_fragment_v6(out);
            }
        }
    }

    fn emit_fragment_v6(&self, out: &mut Vec<u8>) {
        if self.is_fragment() {
            let [high, low] = (self.offset & !7 | u16::from(self.more)).to_be_bytes();
            let [first, second] = self.identification.to_be_bytes();
            let extension: [u8; FRAGMENT_BYTES_V6] = [self.protocol, 0, high, low, 0, 0, first, second];
            out.extend_from_slice(&extension);
        }
    }

    /// Reads the header of version 4 at the front of some bytes, and how many bytes it has. The length it says is at
    /// least its own; whether there are so many bytes, and whether its checksum is right, is not looked at.
    pub(super) fn parse(layer: Layer, bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        Malformed::check_len(layer, bytes.len(), HEADER_BYTES)?;
        let packet = Ipv4Packet::new_unchecked(bytes);
        if packet.version() != 4 {
            return Err(Malformed::Version { layer, version: packet.version() });
        }
        let header_len = usize::from(packet.header_len());
        if header_len < HEADER_BYTES || header_len > bytes.len() {
            return Err(Malformed::Length { layer, says: header_len, bytes: bytes.len() });
        }
        let total = usize::from(packet.total_len());
        if total < header_len {
            return Err(Malformed::Length { layer, says: total, bytes: header_len });
        }
        let header = Self {
            ends: Ends::V4(packet.src_addr(), packet.dst_addr()),
            protocol: packet.next_header().into(),
            hops: packet.hop_limit(),
            service: packet.dscp() << 2 | packet.ecn(),
            identification: packet.ident(),
            may_fragment: !packet.dont_frag(),
            more: packet.more_frags(),
            offset: packet.frag_offset(),
            bytes: total,
        };
        Ok((header, header_len))
    }
}
