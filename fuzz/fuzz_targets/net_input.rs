//! [`Input`]: packets out of bytes, near enough to what is expected to get somewhere.

#![allow(dead_code, reason = "each target uses a part of it")]

use ironloom_net::frame::{
    Body, Datagram, Echo, Flags, Fragment, Icmp, Options, Quote, Segment, Timestamps, Transport, Unreachable,
};
use ironloom_net::{Frame, Mac, Packet};

/// Bytes that are used up from the front.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next two bytes as a number.
    pub fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// Up to so many bytes.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (first, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        first
    }

    /// A number that is mostly small: 0 to 63 bytes, or one of some that matter.
    fn len(&mut self) -> Option<usize> {
        let byte = self.byte()?;
        let large = [1_460, 2_920, 9_000, 65_000];
        Some(if byte < 192 { usize::from(byte & 63) } else { large[usize::from(byte & 3)] })
    }

    /// A number near another one.
    fn near(&mut self, number: u32) -> Option<u32> {
        let byte = self.byte()?;
        Some(match byte {
            0..128 => number,
            128..192 => number.wrapping_add(u32::from(byte & 63)),
            192..224 => number.wrapping_sub(u32::from(byte & 31)),
            _ => number.wrapping_add_signed(i32::from(self.word()? as i16) << (byte & 15)),
        })
    }

    /// A segment that could answer another one.
    pub fn segment(&mut self, ports: (u16, u16), last: Option<&Segment>) -> Option<Segment> {
        let (sequence, acknowledgement) = last.map_or((7, 7), |last| {
            let flags = last.flags.contains(Flags::SYN) || last.flags.contains(Flags::FIN);
            let end = last.sequence.wrapping_add(last.payload.len() as u32 + u32::from(flags));
            (last.acknowledgement, end)
        });
        let (sequence, acknowledgement) = (self.near(sequence)?, self.near(acknowledgement)?);
        let (flags, shape) = (Flags(self.byte()?), self.byte()?);
        let stamps = || Timestamps { value: u32::from(shape), echo: 0 };
        let received = [(acknowledgement.wrapping_add(10), acknowledgement.wrapping_add(u32::from(shape)))];
        let options = Options {
            segment_bytes_max: (shape & 1 > 0).then_some(u16::from(shape) << 4),
            window_shift: (shape & 2 > 0).then_some((shape >> 3).min(14)),
            selective: shape & 4 > 0,
            timestamps: (shape & 8 > 0).then(stamps),
            received: (shape & 16 > 0).then(|| received.into()),
        };
        let (window, len) = (self.word()?, self.len()?);
        Some(Segment {
            source: ports.0,
            target: ports.1,
            sequence,
            acknowledgement,
            flags,
            window,
            cut: if len > 1_460 { 1_460 } else { 0 },
            options,
            payload: vec![shape; len].into(),
        })
    }

    /// A message about a packet.
    pub fn icmp(&mut self, about: &Packet) -> Option<Icmp> {
        let kind = self.byte()?;
        let about = Box::new(Quote::of(about));
        Some(match kind % 4 {
            0 => Icmp::TooBig { mtu: self.word()?, about },
            1 => Icmp::TimeExceeded { in_transit: kind & 4 > 0, about },
            _ => {
                let reasons = [
                    Unreachable::Network,
                    Unreachable::Host,
                    Unreachable::Protocol,
                    Unreachable::Port,
                    Unreachable::Prohibited,
                    Unreachable::Other(kind),
                ];
                Icmp::Unreachable { reason: reasons[usize::from(kind >> 2) % 6], about }
            }
        })
    }

    /// Something that is neither a segment nor a message about an error.
    pub fn other(&mut self, ports: (u16, u16)) -> Option<Transport> {
        let (kind, len) = (self.byte()?, self.len()?);
        let payload = vec![kind; len];
        Some(match kind % 4 {
            0 => Transport::Udp(Datagram { source: ports.0, target: ports.1, payload: payload.into() }),
            1 => {
                let echo = Echo { identifier: ports.0, sequence: 1, payload: payload.into() };
                Transport::Icmp(if kind & 4 > 0 { Icmp::EchoReply(echo) } else { Icmp::EchoRequest(echo) })
            }
            2 => Transport::Fragment(Fragment {
                protocol: [1, 6, 17, 99][usize::from(kind >> 2 & 3)],
                offset: u16::from(self.byte()?) * 8,
                more: kind & 128 > 0,
                bytes: payload.into(),
            }),
            _ => Transport::Other { protocol: 128 | kind, bytes: payload.into() },
        })
    }

    /// The bytes of a frame, whatever they are.
    pub fn raw(&mut self) -> Option<Frame> {
        let len = usize::from(self.byte()?);
        let bytes = bytes::Bytes::copy_from_slice(self.take(len));
        let body = Body::Broken(bytes.clone());
        let broken = Frame { source: Mac::local(1), target: Mac::BROADCAST, body };
        Some(Frame::parse(bytes).unwrap_or(broken))
    }
}

/// A packet between two addresses.
pub fn packet(source: [u8; 4], target: [u8; 4], hops: u8, transport: Transport) -> Packet {
    Packet {
        source: source.into(),
        target: target.into(),
        hops,
        service: 0,
        identification: u16::from(hops & 3),
        may_fragment: hops & 1 > 0,
        transport,
    }
}

/// What leaves can be read by others: cut to what a wire carries, each piece is the same after it was bytes.
pub fn check(frame: &Frame, mtu: u16) {
    let Body::Ip(packet) = &frame.body else {
        let bytes = frame.to_bytes();
        assert!(matches!(frame.body, Body::Broken(_)) || Frame::parse(bytes).as_ref() == Ok(frame));
        return;
    };
    for piece in packet.cut(mtu).take(3) {
        let piece = Frame { body: Body::Ip(piece), ..frame.clone() };
        assert_eq!(Frame::parse(piece.to_bytes()), Ok(piece));
    }
}
