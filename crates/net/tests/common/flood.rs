//! [`Flood`]: a machine that sends frames of any kind, as fast as it is told to.

use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant};
use ironloom_net::frame::{Body, Datagram, Flags, Options, Segment, Transport};
use ironloom_net::{Frame, Mac, Node, Outbox, Packet, Payload, Port};

/// Sends frames, one after the other, and hears nothing.
pub(crate) struct Flood<F> {
    next: Instant,
    every: Duration,
    left: u64,
    sent: u64,
    make: F,
}

impl<F: FnMut(u64) -> Frame + Send> Flood<F> {
    /// So many frames, so many a second, of which `make` gives the n-th.
    pub(crate) fn new(from: Instant, frames: u64, per_second: u64, make: F) -> Box<Self> {
        let every = Duration::from_nanos(1_000_000_000 / per_second);
        Box::new(Self { next: from, every, left: frames, sent: 0, make })
    }
}

impl<F: FnMut(u64) -> Frame + Send> Node for Flood<F> {
    fn handle(&mut self, _: Instant, _: Port, _: Frame, _: &mut Outbox) {}

    fn expire(&mut self, now: Instant, out: &mut Outbox) {
        while self.left > 0 && self.next <= now {
            out.send(Port::new(0), (self.make)(self.sent));
            self.sent += 1;
            self.left -= 1;
            self.next = self.next.saturating_add(self.every);
        }
    }

    fn next_event(&self) -> Option<Instant> {
        (self.left > 0).then_some(self.next)
    }
}

/// A packet in a frame.
pub(crate) fn framed(cards: (Mac, Mac), ends: (Ipv4Addr, Ipv4Addr), transport: Transport) -> Frame {
    let packet = Packet {
        source: ends.0.into(),
        target: ends.1.into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport,
    };
    Frame { source: cards.0, target: cards.1, body: Body::Ip(packet) }
}

/// A segment that asks for a connection.
pub(crate) fn syn(source: u16, target: u16) -> Transport {
    Transport::Tcp(Segment {
        source,
        target,
        sequence: u32::from(source) << 8,
        acknowledgement: 0,
        flags: Flags::SYN,
        window: 60_000,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    })
}

/// A datagram of a hundred bytes.
pub(crate) fn datagram(source: u16, target: u16) -> Transport {
    Transport::Udp(Datagram { source, target, payload: vec![7; 100].into() })
}
