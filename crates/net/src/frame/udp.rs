//! UDP datagrams on the wire.

use bytes::{Buf as _, Bytes};
use smoltcp::wire::UdpPacket;

use super::ends::Ends;
use super::{Datagram, Layer, Malformed, Sums, checksum};

pub(super) const PROTOCOL: u8 = 17;
pub(super) const HEADER_BYTES: usize = 8;
pub(super) const CHECKSUM: usize = 6;

impl Datagram {
    pub(super) fn emit(&self, ends: Ends, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        self.emit_header(bytes);
        self.payload.pieces().iter().for_each(|piece| bytes.extend_from_slice(piece));
        let datagram = &mut bytes[start..];
        let sum = checksum::add(ends.sum(PROTOCOL, datagram.len()), checksum::sum(datagram));
        datagram[CHECKSUM..CHECKSUM + 2].copy_from_slice(&said(!sum).to_be_bytes());
    }

    /// Appends its header without a checksum.
    pub(super) fn emit_header(&self, bytes: &mut Vec<u8>) {
        let mut header = [0; HEADER_BYTES];
        let mut packet = UdpPacket::new_unchecked(&mut header);
        packet.set_src_port(self.source);
        packet.set_dst_port(self.target);
        // As in the IP header, 0 says that it is more than can be said.
        packet.set_len(u16::try_from(HEADER_BYTES + self.payload.len()).unwrap_or(0));
        bytes.extend_from_slice(&header);
    }

    pub(super) fn parse(ends: Ends, mut bytes: Bytes, sums: Sums) -> Result<Self, Malformed> {
        let layer = Layer::Udp;
        Malformed::check_len(layer, bytes.len(), HEADER_BYTES)?;
        let says = usize::from(UdpPacket::new_unchecked(&bytes[..]).len());
        if says < HEADER_BYTES || says > bytes.len() {
            return Err(Malformed::Length { layer, says, bytes: bytes.len() });
        }
        bytes.truncate(says);
        let packet = UdpPacket::new_unchecked(&bytes[..]);
        let (source, target, found) = (packet.src_port(), packet.dst_port(), packet.checksum());
        if found != 0 && sums == Sums::Checked && !ends.agree(PROTOCOL, &bytes) {
            return Err(Malformed::Checksum { layer, found });
        }
        bytes.advance(HEADER_BYTES);
        Ok(Self { source, target, payload: bytes.into() })
    }
}

/// A checksum as UDP says it: 0 says that there is none, so that its other representation is used.
pub(super) fn said(checksum: u16) -> u16 {
    if checksum == 0 { 0xFFFF } else { checksum }
}
