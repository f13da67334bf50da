//! [`World`]: routers and hosts with wires between them, and time that passes when nothing happens.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ironloom_core::{Duration, Instant, Rng, Seed};

use crate::frame::{Arp, ArpOperation, Body, Datagram, Echo, Flags, Icmp, Options, Segment, Transport};
use crate::router::{Config, Interface, Route, Router};
use crate::{Frame, Mac, Node, Outbox, Packet, Payload, Port};

/// How long a frame is under way on a wire.
const LATENCY: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Router(usize, u16),
    Host(usize),
}

/// A machine with one address, which answers for it and keeps what it receives.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) mac: Mac,
    pub(super) address: IpAddr,
    pub(super) received: Vec<Packet>,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) routers: Vec<Router>,
    pub(super) hosts: Vec<Host>,
    wires: BTreeMap<Place, Place>,
    queue: BTreeMap<(Instant, u64), (Place, Frame)>,
    sent: u64,
    /// All frames that were on a wire.
    pub(super) seen: Vec<Frame>,
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn net(text: &str) -> ipnet::IpNet {
    text.parse().unwrap()
}

pub(super) fn port(number: u16) -> Port {
    Port::new(number)
}

/// The card of a router's port.
pub(super) fn card(router: usize, port: u16) -> Mac {
    Mac::local(0x1000 + router as u64 * 0x100 + u64::from(port))
}

impl World {
    pub(super) fn router(&mut self, config: Config, addresses: &[&str]) -> usize {
        let number = self.routers.len();
        let mut router = Router::new(config, &mut Rng::new(Seed::new(number as u64)));
        for (at, address) in addresses.iter().enumerate() {
            let interface = Interface::new(card(number, at as u16), net(address));
            router.add_interface(port(at as u16), interface).unwrap();
        }
        self.routers.push(router);
        number
    }

    /// A host on a router's port.
    pub(super) fn host(&mut self, router: usize, port: u16, address: &str) -> usize {
        let number = self.hosts.len();
        let mac = Mac::local(0x10_0000 + number as u64);
        self.hosts.push(Host { mac, address: ip(address), received: Vec::new() });
        self.wire(Place::Host(number), Place::Router(router, port));
        number
    }

    pub(super) fn wire(&mut self, one: Place, other: Place) {
        self.wires.insert(one, other);
        self.wires.insert(other, one);
    }

    pub(super) fn route(&mut self, router: usize, network: &str, via: &str, through: u16) {
        let route = Route { network: net(network), via: Some(ip(via)), port: port(through), metric: 10 };
        self.routers[router].routes_mut().insert(route).unwrap();
    }

    /// A frame from a host to the router next to it.
    pub(super) fn send(&mut self, host: usize, packet: Packet) {
        let Some(Place::Router(router, number)) = self.wires.get(&Place::Host(host)).copied() else {
            panic!("host {host} is not next to a router")
        };
        let frame =
            Frame { source: self.hosts[host].mac, target: card(router, number), body: Body::Ip(packet) };
        self.send_frame(host, frame);
    }

    pub(super) fn send_frame(&mut self, host: usize, frame: Frame) {
        self.travel(Place::Host(host), frame);
    }

    fn travel(&mut self, from: Place, frame: Frame) {
        self.seen.push(frame.clone());
        if let Some(&to) = self.wires.get(&from) {
            self.sent += 1;
            self.queue.insert((self.now.saturating_add(LATENCY), self.sent), (to, frame));
        }
    }

    /// Lets everything arrive that is under way.
    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(((at, _), (to, frame))) = self.queue.pop_first() else { return };
            self.now = at;
            self.arrive(to, frame);
        }
        panic!("frames travel for ever");
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.settle();
        let end = self.now.saturating_add(Duration::from_secs(seconds));
        for _ in 0..100_000 {
            let events = self.routers.iter().enumerate();
            let next = events.filter_map(|(at, router)| Some((router.next_event()?, at))).min();
            let Some((due, at)) = next.filter(|(due, _)| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            let mut out = Outbox::new();
            self.routers[at].expire(self.now, &mut out);
            self.deliver(at, &mut out);
            self.settle();
        }
        panic!("routers have something to do for ever");
    }

    pub(super) fn deliver(&mut self, router: usize, out: &mut Outbox) {
        while let Some((through, frame)) = out.next_frame() {
            self.travel(Place::Router(router, through.number()), frame);
        }
    }

    fn arrive(&mut self, to: Place, frame: Frame) {
        match to {
            Place::Router(router, number) => {
                let mut out = Outbox::new();
                self.routers[router].handle(self.now, port(number), frame, &mut out);
                self.deliver(router, &mut out);
            }
            Place::Host(host) => self.receive(host, frame),
        }
    }

    fn receive(&mut self, number: usize, frame: Frame) {
        let host = &mut self.hosts[number];
        if frame.target != host.mac && !frame.target.is_multicast() {
            return;
        }
        match frame.body {
            Body::Ip(packet) => host.received.push(packet),
            Body::Arp(arp) if arp.operation == ArpOperation::Request && host.address == arp.target => {
                let answer = Arp {
                    operation: ArpOperation::Reply,
                    source_mac: host.mac,
                    source: arp.target,
                    target_mac: arp.source_mac,
                    target: arp.source,
                };
                let frame = Frame { source: host.mac, target: arp.source_mac, body: Body::Arp(answer) };
                self.travel(Place::Host(number), frame);
            }
            _ => {}
        }
    }

    /// What a host has received since it was last asked.
    pub(super) fn received(&mut self, host: usize) -> Vec<Packet> {
        self.settle();
        std::mem::take(&mut self.hosts[host].received)
    }

    /// The one packet that a host has received since it was last asked.
    pub(super) fn one(&mut self, host: usize) -> Packet {
        let mut received = self.received(host);
        assert_eq!(received.len(), 1, "host {host} received {received:?}; {:?}", self.drops());
        received.remove(0)
    }

    pub(super) fn drops(&self) -> Vec<Vec<(crate::router::Reason, u64)>> {
        self.routers.iter().map(|router| router.drops().iter().collect()).collect()
    }
}

pub(super) fn packet(source: &str, target: &str, transport: Transport) -> Packet {
    Packet {
        source: ip(source),
        target: ip(target),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: false,
        transport,
    }
}

pub(super) fn udp(source: (&str, u16), target: (&str, u16), payload: &[u8]) -> Packet {
    let payload = Payload::from(payload.to_vec());
    let datagram = Datagram { source: source.1, target: target.1, payload };
    packet(source.0, target.0, Transport::Udp(datagram))
}

pub(super) fn tcp(source: (&str, u16), target: (&str, u16), flags: Flags, numbers: (u32, u32)) -> Packet {
    let segment = Segment {
        source: source.1,
        target: target.1,
        sequence: numbers.0,
        acknowledgement: numbers.1,
        flags,
        window: 65_000,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    };
    packet(source.0, target.0, Transport::Tcp(segment))
}

pub(super) fn ping(source: &str, target: &str, identifier: u16) -> Packet {
    let echo = Echo { identifier, sequence: 1, payload: Payload::from(vec![7; 8]) };
    packet(source, target, Transport::Icmp(Icmp::EchoRequest(echo)))
}

/// What a machine would answer: the same with source and target exchanged.
pub(super) fn answer(packet: &Packet) -> Packet {
    let mut answer = packet.clone();
    (answer.source, answer.target, answer.hops) = (packet.target, packet.source, 64);
    match &mut answer.transport {
        Transport::Udp(datagram) => std::mem::swap(&mut datagram.source, &mut datagram.target),
        Transport::Tcp(segment) => std::mem::swap(&mut segment.source, &mut segment.target),
        Transport::Icmp(icmp) => {
            if let Icmp::EchoRequest(echo) = icmp {
                *icmp = Icmp::EchoReply(echo.clone());
            }
        }
        _ => {}
    }
    answer
}

/// The ports of a packet, or the identifier of an echo twice.
pub(super) fn ports(packet: &Packet) -> (u16, u16) {
    match &packet.transport {
        Transport::Udp(datagram) => (datagram.source, datagram.target),
        Transport::Tcp(segment) => (segment.source, segment.target),
        Transport::Icmp(Icmp::EchoRequest(echo) | Icmp::EchoReply(echo)) => {
            (echo.identifier, echo.identifier)
        }
        other => panic!("{other:?} has no ports"),
    }
}
