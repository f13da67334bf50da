//! [`Shape`]: what a frame amounts to on a wire, and how a part of it is taken.

use ironloom_core::{Rng, Seed};

use crate::frame::{Body, Flags, Segment, Transport};
use crate::{Frame, Packet};

const ETHERNET_BYTES: u32 = 14;
const IP_BYTES: u32 = 20;

/// What a frame amounts to on a wire: so many packets, all but the last of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) pieces: u32,
    /// How many bytes each piece has but the last, all headers included.
    piece_bytes: u32,
    /// How many bytes the last piece has.
    last_bytes: u32,
    /// Whether one piece can do without the others: those of a TCP segment can, fragments of a packet cannot.
    pub(super) is_divisible: bool,
}

/// A packet is larger than the link carries, and must not be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Shape {
    /// How a frame looks on a link that carries packets of `mtu` bytes.
    #[inline]
    pub(super) fn of(frame: &Frame, mtu: u16) -> Result<Self, TooLarge> {
        let (bytes, mtu) = (frame.wire_len() as u32, u32::from(mtu));
        if bytes <= ETHERNET_BYTES + mtu {
            let is_cut = matches!(&frame.body, Body::Ip(packet) if packet.pieces_on_wire() > 1);
            if !is_cut {
                return Ok(Self { pieces: 1, piece_bytes: bytes, last_bytes: bytes, is_divisible: false });
            }
        }
        let Body::Ip(packet) = &frame.body else { return Err(TooLarge) };
        match &packet.transport {
            Transport::Tcp(segment) if packet.pieces_on_wire() > 1 => {
                Self::of_segments(segment, bytes, packet.pieces_on_wire() as u32, mtu)
            }
            _ => Self::of_fragments(packet, bytes, mtu),
        }
    }

    fn of_segments(segment: &Segment, bytes: u32, pieces: u32, mtu: u32) -> Result<Self, TooLarge> {
        let headers = (bytes - segment.payload.len() as u32) / pieces;
        let piece_bytes = headers + u32::from(segment.cut);
        if piece_bytes > ETHERNET_BYTES + mtu {
            return Err(TooLarge);
        }
        let last_bytes = bytes - (pieces - 1) * piece_bytes;
        Ok(Self { pieces, piece_bytes, last_bytes, is_divisible: true })
    }

    /// Machines do not cut what they send: a packet that would be cut into fragments travels whole, and counts as them.
    fn of_fragments(packet: &Packet, bytes: u32, mtu: u32) -> Result<Self, TooLarge> {
        if !packet.may_fragment {
            return Err(TooLarge);
        }
        let headers = ETHERNET_BYTES + IP_BYTES;
        let (payload, step) = (bytes - headers, (mtu - IP_BYTES) / 8 * 8);
        let pieces = payload.div_ceil(step);
        let last_bytes = headers + payload - (pieces - 1) * step;
        Ok(Self { pieces, piece_bytes: headers + step, last_bytes, is_divisible: false })
    }

    /// How many bytes all pieces have.
    #[inline]
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.pieces - 1) * u64::from(self.piece_bytes) + u64::from(self.last_bytes)
    }

    /// How many bytes one piece has.
    #[inline]
    pub(super) fn bytes_of(&self, piece: u32) -> u32 {
        if piece + 1 == self.pieces { self.last_bytes } else { self.piece_bytes }
    }
}

/// The pieces `from..to` of a frame, as a frame of their own; all of it if it is no segment that can be cut.
pub(super) fn part(frame: &Frame, pieces: u32, from: u32, to: u32) -> Frame {
    let Body::Ip(packet) = &frame.body else { return frame.clone() };
    let Transport::Tcp(segment) = &packet.transport else { return frame.clone() };
    if from == 0 && to == pieces {
        return frame.clone();
    }
    let cut = usize::from(segment.cut);
    let begin = from as usize * cut;
    let end = (to as usize * cut).min(segment.payload.len());
    // A flag that begins a connection takes a number of its own, before all bytes.
    let skipped = begin as u32 + u32::from(from > 0 && segment.flags.contains(Flags::SYN));
    let mut flags = segment.flags;
    if from > 0 {
        flags = flags.without(Flags::SYN | Flags::CWR);
    }
    if to < pieces {
        flags = flags.without(Flags::FIN | Flags::PSH | Flags::RST);
    }
    let transport = Transport::Tcp(Segment {
        sequence: segment.sequence.wrapping_add(skipped),
        flags,
        payload: segment.payload.slice(begin, end),
        options: segment.options.clone(),
        ..*segment
    });
    let identification = packet.identification.wrapping_add(from as u16);
    Frame { body: Body::Ip(Packet { transport, identification, ..*packet }), ..*frame }
}

/// The frame with a bit that is wrong, as a receiver finds it. Which bit is a matter of `draw`.
pub(super) fn broken(frame: &Frame, draw: u64) -> Frame {
    frame.corrupt(&mut Rng::new(Seed::new(draw)))
}
