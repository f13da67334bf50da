//! TCP segments on the wire.

use bytes::{Buf as _, Bytes};
use smoltcp::wire::{TcpPacket, TcpSeqNumber};

use super::ends::Ends;
use super::{Flags, Layer, Malformed, Options, Segment, Sums, checksum};

pub(super) const PROTOCOL: u8 = 6;

/// The bytes of a header without options, and with as many as there can be.
const HEADER_BYTES: usize = 20;
const HEADER_BYTES_MAX: usize = 60;

const FLAGS: usize = 13;
pub(super) const CHECKSUM: usize = 16;

impl Segment {
    pub(super) fn header_len(&self) -> usize {
        HEADER_BYTES + self.options.wire_len()
    }

    pub(super) fn emit(&self, ends: Ends, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        self.emit_header(bytes);
        self.payload.pieces().iter().for_each(|piece| bytes.extend_from_slice(piece));
        let segment = &mut bytes[start..];
        let sum = checksum::add(ends.sum(PROTOCOL, segment.len()), checksum::sum(segment));
        segment[CHECKSUM..CHECKSUM + 2].copy_from_slice(&(!sum).to_be_bytes());
    }

    /// Appends its header without a checksum.
    pub(super) fn emit_header(&self, bytes: &mut Vec<u8>) {
        let options = self.options.emit();
        let header_len = HEADER_BYTES + options.len();
        let mut header = [0; HEADER_BYTES_MAX];
        let mut packet = TcpPacket::new_unchecked(&mut header);
        packet.set_src_port(self.source);
        packet.set_dst_port(self.target);
        packet.set_seq_number(TcpSeqNumber(self.sequence.cast_signed()));
        packet.set_ack_number(TcpSeqNumber(self.acknowledgement.cast_signed()));
        packet.set_header_len(header_len as u8);
        packet.set_window_len(self.window);
        header[FLAGS] = self.flags.0;
        header[HEADER_BYTES..header_len].copy_from_slice(&options);
        bytes.extend_from_slice(&header[..header_len]);
    }

    pub(super) fn parse(ends: Ends, mut bytes: Bytes, sums: Sums) -> Result<Self, Malformed> {
        let layer = Layer::Tcp;
        Malformed::check_len(layer, bytes.len(), HEADER_BYTES)?;
        let packet = TcpPacket::new_unchecked(&bytes[..]);
        let header_len = usize::from(packet.header_len());
        if header_len < HEADER_BYTES || header_len > bytes.len() {
            return Err(Malformed::Length { layer, says: header_len, bytes: bytes.len() });
        }
        if sums == Sums::Checked && !ends.agree(PROTOCOL, &bytes) {
            return Err(Malformed::Checksum { layer, found: packet.checksum() });
        }
        let segment = Self {
            source: packet.src_port(),
            target: packet.dst_port(),
            sequence: packet.seq_number().0.cast_unsigned(),
            acknowledgement: packet.ack_number().0.cast_unsigned(),
            flags: Flags(bytes[FLAGS]),
            window: packet.window_len(),
            cut: 0,
            options: Options::parse(&bytes[HEADER_BYTES..header_len])?,
            payload: super::Payload::EMPTY,
        };
        bytes.advance(header_len);
        Ok(Self { payload: bytes.into(), ..segment })
    }
}
