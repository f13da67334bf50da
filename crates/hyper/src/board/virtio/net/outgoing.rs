//! What a guest sends: bytes become frames.

use bytes::Bytes;
use ironloom_net::Frame;
use ironloom_net::frame::{Body, Malformed, Transport};
use vm_memory::GuestMemory;

use super::{HEADER_BYTES, NEEDS_SUM, Net, PACKET_BYTES_MAX, TO_BE_CUT};
use crate::board::virtio::ring::{Chain, Ring};
use crate::board::virtio::{Broken, Left, Turn};

/// The bytes of an Ethernet header.
const ETHERNET_BYTES: usize = 14;
/// The longest frame that a guest may send.
const FRAME_BYTES_MAX: u64 = PACKET_BYTES_MAX as u64 + ETHERNET_BYTES as u64 + 4;

/// The least payload of a piece, below which cutting would make more frames than is reasonable.
const CUT_MIN: u16 = 48;

/// Whether a segment shall be cut that has met congestion; nothing is done differently.
const ECN: u8 = virtio_bindings::virtio_net::VIRTIO_NET_HDR_GSO_ECN as u8;

impl Net {
    /// Hands over what the guest has sent next, and whether it waits to send more.
    pub(in crate::board) fn take_frame(&mut self) -> Option<(Frame, bool)> {
        let frame = self.output.pop_front()?;
        self.output_bytes = self.output_bytes.saturating_sub(weight(&frame));
        Some((frame, std::mem::take(&mut self.is_full)))
    }

    /// Takes what the guest sends.
    pub(super) fn take<M: GuestMemory>(
        &mut self,
        ring: &mut Ring,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let mut chain = Chain::default();
        while !turn.is_over() {
            if self.output.len() >= self.frames_max as usize || self.output_bytes >= self.frame_bytes_max {
                self.is_full = true;
                return Ok(Left::Idle);
            }
            if !ring.take(memory, &mut chain)? {
                return Ok(Left::Idle);
            }
            match read(memory, &chain)? {
                Some(frame) => {
                    self.output_bytes += weight(&frame);
                    self.output.push_back(frame);
                }
                None => self.counters.malformed += 1,
            }
            ring.push(memory, &chain, 0)?;
            turn.spend(chain.readable().len());
        }
        Ok(Left::Work)
    }
}

/// How many bytes a frame is charged for while it waits.
pub(super) fn weight(frame: &Frame) -> u64 {
    frame.wire_len() as u64
}

/// The frame that a request asks to send, if it is one.
fn read<M: GuestMemory>(memory: &M, chain: &Chain) -> Result<Option<Frame>, Broken> {
    let mut source = chain.readable();
    let mut header = [0; HEADER_BYTES];
    if source.len() < header.len() as u64 {
        return Err(Broken);
    }
    source.read(memory, &mut header)?;
    if source.len() > FRAME_BYTES_MAX || source.len() < ETHERNET_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = vec![0; source.len() as usize];
    source.read(memory, &mut bytes)?;
    Ok(parse(&header, bytes).ok().and_then(|frame| prepare(frame, &header)))
}

/// Reads a frame whose checksum may be missing.
fn parse(header: &[u8; HEADER_BYTES], mut bytes: Vec<u8>) -> Result<Frame, Malformed> {
    if header[0] & NEEDS_SUM == 0 {
        return Frame::parse(bytes.into());
    }
    let is_v4 = bytes[12..14] == [8, 0];
    if is_v4 {
        let frame = Frame::parse_unsummed(Bytes::from(bytes))?;
        if frame
            .packet()
            .is_some_and(|packet| matches!(packet.transport, Transport::Tcp(_) | Transport::Udp(_)))
        {
            return Ok(frame);
        }
        bytes = frame.to_bytes().into();
    }
    // What the fabric carries as bytes has to be complete.
    sum(&mut bytes, field(header, 6), field(header, 8));
    Frame::parse(bytes.into())
}

/// Says at which size a segment is to be cut. `None` if what the guest says of that cannot be.
fn prepare(mut frame: Frame, header: &[u8; HEADER_BYTES]) -> Option<Frame> {
    if header[1] == 0 {
        return Some(frame);
    }
    let cut = field(header, 4);
    let Body::Ip(packet) = &mut frame.body else { return None };
    let Transport::Tcp(segment) = &mut packet.transport else { return None };
    if header[1] & !ECN != TO_BE_CUT || cut < CUT_MIN {
        return None;
    }
    if segment.payload.len() > cut.into() {
        segment.cut = cut;
    }
    Some(frame)
}

fn field(header: &[u8; HEADER_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([header[at], header[at + 1]])
}

/// Completes a checksum; if it is not within the bytes, nothing is done.
fn sum(bytes: &mut [u8], start: u16, offset: u16) {
    let (start, place) = (usize::from(start), usize::from(start) + usize::from(offset));
    let Some(summed) = bytes.get(start..) else { return };
    let words = summed.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0)));
    let mut total: u64 = words.sum();
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    if let Some(target) = bytes.get_mut(place..place + 2) {
        target.copy_from_slice(&(!(total as u16)).to_be_bytes());
    }
}
