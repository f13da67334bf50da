//! [`Shape`]: what a frame amounts to on a wire, and how a part of it is taken.

use crate::frame::{Body, Flags, Icmp, Options, Segment, Transport};
use crate::{Frame, Packet};

pub(super) const ETHERNET_BYTES: u32 = 14;
const IP_BYTES: u32 = 20;
const TCP_BYTES: u32 = 20;
const UDP_BYTES: u32 = 8;
const ICMP_BYTES: u32 = 8;
/// An ARP packet; Ethernet pads frames to 60 bytes, which is not counted, as captures do not.
const ARP_BYTES: u32 = 28;

/// What a frame amounts to on a wire: so many packets, all but the last of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(super) pieces: u32,
    /// How many bytes each piece has but the last, all headers included.
    pub(super) piece_bytes: u32,
    /// How many bytes the last piece has.
    pub(super) last_bytes: u32,
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
        match &frame.body {
            Body::Ip(packet) => Self::of_packet(packet, u32::from(mtu)),
            Body::Arp(_) => Ok(Self::single(ETHERNET_BYTES + ARP_BYTES)),
            Body::Other { bytes, .. } => Self::of_rest(ETHERNET_BYTES + bytes.len() as u32, mtu),
            Body::Broken(bytes) => Self::of_rest(bytes.len() as u32, mtu),
        }
    }

    fn of_rest(bytes: u32, mtu: u16) -> Result<Self, TooLarge> {
        if bytes <= ETHERNET_BYTES + u32::from(mtu) { Ok(Self::single(bytes)) } else { Err(TooLarge) }
    }

    #[inline]
    fn single(bytes: u32) -> Self {
        Self { pieces: 1, piece_bytes: bytes, last_bytes: bytes, is_divisible: false }
    }

    #[inline]
    fn of_packet(packet: &Packet, mtu: u32) -> Result<Self, TooLarge> {
        if let Transport::Tcp(segment) = &packet.transport {
            let headers = IP_BYTES + TCP_BYTES + options_bytes(&segment.options);
            let (payload, cut) = (segment.payload.len() as u32, u32::from(segment.cut));
            if cut != 0 && payload > cut {
                return Self::of_segments(headers, payload, cut, mtu);
            }
            return Self::of_bytes(packet, headers + payload, mtu);
        }
        Self::of_bytes(packet, IP_BYTES + transport_bytes(&packet.transport), mtu)
    }

    fn of_segments(headers: u32, payload: u32, cut: u32, mtu: u32) -> Result<Self, TooLarge> {
        if headers + cut > mtu {
            return Err(TooLarge);
        }
        let pieces = payload.div_ceil(cut);
        let last = payload - (pieces - 1) * cut;
        Ok(Self {
            pieces,
            piece_bytes: ETHERNET_BYTES + headers + cut,
            last_bytes: ETHERNET_BYTES + headers + last,
            is_divisible: true,
        })
    }

    #[inline]
    fn of_bytes(packet: &Packet, bytes: u32, mtu: u32) -> Result<Self, TooLarge> {
        if bytes <= mtu {
            return Ok(Self::single(ETHERNET_BYTES + bytes));
        }
        if !packet.may_fragment {
            return Err(TooLarge);
        }
        let step = (mtu - IP_BYTES) / 8 * 8;
        let (payload, headers) = (bytes - IP_BYTES, ETHERNET_BYTES + IP_BYTES);
        let pieces = payload.div_ceil(step);
        let last_bytes = headers + payload - (pieces - 1) * step;
        Ok(Self { pieces, piece_bytes: headers + step, last_bytes, is_divisible: false })
    }

    /// How many bytes all pieces have.
    #[inline]
    pub(super) fn bytes(&self) -> u32 {
        (self.pieces - 1) * self.piece_bytes + self.last_bytes
    }

    /// How many bytes one piece has.
    #[inline]
    pub(super) fn bytes_of(&self, piece: u32) -> u32 {
        if piece + 1 == self.pieces { self.last_bytes } else { self.piece_bytes }
    }
}

/// How many bytes the options of a segment take on the wire.
fn options_bytes(options: &Options) -> u32 {
    let begins = u32::from(options.segment_bytes_max.is_some()) * 4
        + u32::from(options.window_shift.is_some()) * 3
        + u32::from(options.selective) * 2;
    let ranges = options.received.as_ref().map_or(0, |ranges| 2 + 8 * ranges.len() as u32);
    (begins + u32::from(options.timestamps.is_some()) * 10 + ranges).next_multiple_of(4)
}

fn transport_bytes(transport: &Transport) -> u32 {
    match transport {
        Transport::Tcp(segment) => {
            TCP_BYTES + options_bytes(&segment.options) + segment.payload.len() as u32
        }
        Transport::Udp(datagram) => UDP_BYTES + datagram.payload.len() as u32,
        Transport::Icmp(Icmp::EchoRequest(echo) | Icmp::EchoReply(echo)) => {
            ICMP_BYTES + echo.payload.len() as u32
        }
        Transport::Icmp(
            Icmp::Unreachable { about, .. } | Icmp::TooBig { about, .. } | Icmp::TimeExceeded { about, .. },
        ) => ICMP_BYTES + IP_BYTES + about.transport.len() as u32,
        Transport::Icmp(Icmp::Other { bytes, .. }) => ICMP_BYTES / 2 + bytes.len() as u32,
        Transport::Fragment(fragment) => fragment.bytes.len() as u32,
        Transport::Other { bytes, .. } => bytes.len() as u32,
    }
}

/// The pieces `from..to` of a TCP segment that has `pieces`, as a frame of their own.
pub(super) fn part(frame: &Frame, pieces: u32, from: u32, to: u32) -> Frame {
    let (head, Some((packet, segment))) = (frame, tcp(frame)) else { return frame.clone() };
    if from == 0 && to == pieces {
        return frame.clone();
    }
    let cut = usize::from(segment.cut);
    let begin = from as usize * cut;
    let end = (to as usize * cut).min(segment.payload.len());
    let only_last = if to == pieces { 0 } else { Flags::FIN.0 | Flags::PSH.0 };
    let only_first = if from == 0 { 0 } else { Flags::SYN.0 };
    // A flag that begins a connection takes a number of its own, before all bytes.
    let first = begin as u32 + u32::from(from > 0 && segment.flags.contains(Flags::SYN));
    let transport = Transport::Tcp(Segment {
        sequence: segment.sequence.wrapping_add(first),
        flags: Flags(segment.flags.0 & !(only_last | only_first)),
        payload: segment.payload.slice(begin, end),
        options: segment.options.clone(),
        ..*segment
    });
    Frame { body: Body::Ip(Packet { transport, ..*packet }), ..*head }
}

fn tcp(frame: &Frame) -> Option<(&Packet, &Segment)> {
    match &frame.body {
        Body::Ip(packet) => match &packet.transport {
            Transport::Tcp(segment) => Some((packet, segment)),
            _ => None,
        },
        _ => None,
    }
}

/// The frame with a bit that is wrong, as a receiver finds it.
pub(super) fn broken(frame: &Frame, _draw: u64) -> Frame {
    Frame { body: Body::Broken(bytes::Bytes::new()), ..*frame }
}
