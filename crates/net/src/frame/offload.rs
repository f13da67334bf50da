//! Frames of cards that leave checksums to others, as the cards of guests do.
//!
//! Between a guest and the fabric nothing is damaged, so that summing every byte on both sides would be for nothing: a
//! frame comes in without its transport's checksum being looked at, and goes out with only that of the pseudo header,
//! which whoever puts it on a wire completes.

use bytes::Bytes;

use super::{Body, Frame, Malformed, Packet, Transport, tcp, udp};

/// Whether the checksums of transports are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// They must be right.
    Checked,
    /// They may be anything.
    Ignored,
}

/// Where a checksum is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsummed {
    /// From which byte of the frame on bytes are to be summed.
    pub start: u16,
    /// How many bytes after that the checksum is.
    pub offset: u16,
}

impl Frame {
    /// Reads a frame as [`parse`](Self::parse) does, but for the checksum of its TCP segment or UDP datagram, which may be
    /// anything.
    ///
    /// # Errors
    ///
    /// If a length, a version, another checksum or an option is wrong.
    pub fn parse_unsummed(bytes: Bytes) -> Result<Self, Malformed> {
        Self::parse_with(bytes, Sums::Ignored)
    }

    /// Appends the headers of a frame that carries `packet`, a piece of this one's: the payload is to follow, and the
    /// checksum of the transport holds only the sum of the pseudo header.
    ///
    /// `None`, and nothing is appended, if it carries neither a TCP segment nor a UDP datagram.
    pub fn emit_head(&self, packet: &Packet, out: &mut Vec<u8>) -> Option<Unsummed> {
        let offset = match &packet.transport {
            Transport::Tcp(_) => tcp::CHECKSUM,
            Transport::Udp(_) => udp::CHECKSUM,
            _ => return None,
        };
        let first = out.len();
        self.emit_ethernet(packet.ethertype(), out);
        packet.emit_header(packet.len(), out);
        let start = out.len();
        match &packet.transport {
            Transport::Tcp(segment) => segment.emit_header(out),
            Transport::Udp(datagram) => datagram.emit_header(out),
            _ => {}
        }
        let sum = packet.ends().sum(packet.protocol(), packet.transport.len());
        out[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
        Some(Unsummed { start: (start - first) as u16, offset: offset as u16 })
    }

    /// The packet that it carries, if any.
    #[must_use]
    pub fn packet(&self) -> Option<&Packet> {
        match &self.body {
            Body::Ip(packet) => Some(packet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum;
    use super::*;
    use crate::Mac;
    use crate::frame::{Datagram, Flags, Options, Payload, Segment};

    fn frame(transport: Transport) -> Frame {
        let packet = Packet {
            source: [10, 0, 0, 1].into(),
            target: [10, 0, 0, 2].into(),
            hops: 64,
            service: 0,
            identification: 7,
            may_fragment: false,
            transport,
        };
        Frame { source: Mac::local(1), target: Mac::local(2), body: Body::Ip(packet) }
    }

    fn frames() -> [Frame; 2] {
        let payload = Payload::from(vec![7; 1_001]);
        let datagram = Datagram { source: 1, target: 2, payload: payload.clone() };
        let options = Options { window_shift: Some(3), ..Options::default() };
        let segment = Segment {
            source: 1,
            target: 2,
            sequence: 3,
            acknowledgement: 4,
            flags: Flags::ACK,
            window: 5,
            cut: 0,
            options,
            payload,
        };
        [frame(Transport::Udp(datagram)), frame(Transport::Tcp(segment))]
    }

    #[test]
    fn a_head_with_its_checksum_completed_begins_the_whole_frame() {
        for frame in frames() {
            let packet = frame.packet().unwrap();
            let mut bytes = Vec::new();
            let missing = frame.emit_head(packet, &mut bytes).unwrap();
            bytes.extend_from_slice(&[7; 1_001]);
            let start = usize::from(missing.start);
            let sum = !checksum::sum(&bytes[start..]);
            let at = start + usize::from(missing.offset);
            bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(bytes, frame.to_bytes());
        }
    }

    #[test]
    fn a_frame_is_read_whatever_the_checksum_of_its_transport() {
        for frame in frames() {
            let mut bytes = frame.to_bytes().to_vec();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            assert!(Frame::parse(bytes.clone().into()).is_err());
            bytes[last] ^= 1;
            bytes[34 + 6] ^= 1;
            bytes[34 + 16] ^= 1;
            assert!(Frame::parse_unsummed(bytes.clone().into()).is_ok());
            bytes[24] ^= 1;
            assert!(Frame::parse_unsummed(bytes.into()).is_err(), "the checksum of the packet still counts");
        }
    }

    #[test]
    fn others_have_no_head() {
        let frame = frame(Transport::Other { protocol: 99, bytes: Bytes::from_static(b"x") });
        let mut bytes = Vec::new();
        assert_eq!(frame.emit_head(frame.packet().unwrap(), &mut bytes), None);
        assert!(bytes.is_empty());
    }
}
