//! What a fabric does.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};

use super::*;
use crate::frame::{Arp, ArpOperation, Body, Datagram, Echo, Icmp, Transport};
use crate::link::{DropReason, LinkProfile};
use crate::{Mac, Node, Outbox, Packet, Payload, Port, switch};

fn millis(count: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(count))
}

fn micros(count: u64) -> LinkProfile {
    LinkProfile { latency: Duration::from_micros(count), ..LinkProfile::default() }
}

fn packet(source: Ipv4Addr, target: Ipv4Addr, transport: Transport) -> Body {
    Body::Ip(Packet {
        source: source.into(),
        target: target.into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport,
    })
}

fn echo(source: Ipv4Addr, target: Ipv4Addr, sequence: u16) -> Body {
    let payload = Payload::from(vec![7; 56]);
    let echo = Echo { identifier: 1, sequence, payload };
    packet(source, target, Transport::Icmp(Icmp::EchoRequest(echo)))
}

/// A network of one switch with a door and some machines, of which the n-th has the address 10.0.0.n.
struct Bench {
    fabric: Fabric,
    switch: StationId,
    door: StationId,
    rng: Rng,
    machines: Vec<MachineId>,
}

const DOOR: Mac = Mac::new([2, 0, 0, 0, 0, 1]);
const DOOR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);

impl Bench {
    fn new(machines: u8) -> Self {
        let mut fabric = Fabric::new(Config::default(), Seed::new(1));
        let switch = fabric.add_switch("lan", Place::Apart, switch::Config::default()).unwrap();
        let door = fabric.add_door("tap", Place::Beside(switch)).unwrap();
        fabric.connect(switch, door, micros(0), micros(0)).unwrap();
        let mut bench = Self { fabric, switch, door, rng: Rng::new(Seed::new(2)), machines: Vec::new() };
        for _ in 0..machines {
            bench.add();
        }
        bench
    }

    fn address(number: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, number as u8)
    }

    fn add(&mut self) -> MachineId {
        let id = MachineId::random(&mut self.rng);
        self.machines.push(id);
        let address = ipnet::Ipv4Net::new(Self::address(self.machines.len()), 24).unwrap();
        let spec = MachineSpec {
            address: Some(address),
            down: micros(100),
            up: micros(100),
            ..MachineSpec::new(id, "machine", self.switch)
        };
        self.fabric.add_machine(&spec).unwrap();
        id
    }

    fn mac(&self, number: usize) -> Mac {
        Mac::of_machine(self.machines[number - 1], 0)
    }

    /// Puts a frame in at the door.
    fn put(&mut self, target: Mac, body: Body) {
        let now = self.fabric.now();
        let frame = Frame { source: DOOR, target, body };
        self.fabric.handle(now, Input::Frame { port: self.door, frame }).unwrap();
    }

    /// What comes out at the door by then.
    fn take(&mut self, until: Instant) -> Vec<(Instant, Frame)> {
        self.fabric.run_until(until);
        std::iter::from_fn(|| self.fabric.poll())
            .map(|output| match output {
                Output::Frame { at, frame, .. } => (at, frame),
                other => panic!("{other:?} is no frame"),
            })
            .collect()
    }

    fn ask(&mut self, number: usize) {
        let arp = Arp {
            operation: ArpOperation::Request,
            source_mac: DOOR,
            source: DOOR_ADDRESS,
            target_mac: Mac::UNSPECIFIED,
            target: Self::address(number),
        };
        self.put(Mac::BROADCAST, Body::Arp(arp));
    }
}

#[test]
fn machines_that_were_never_used_answer() {
    let mut bench = Bench::new(3);
    bench.ask(2);
    let answers = bench.take(millis(1));
    let [(at, Frame { body: Body::Arp(arp), .. })] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(*at, Instant::from_nanos(200_000));
    assert_eq!((arp.source_mac, arp.source), (bench.mac(2), Bench::address(2)));

    let mac = bench.mac(2);
    bench.put(mac, echo(DOOR_ADDRESS, Bench::address(2), 5));
    let answers = bench.take(millis(2));
    let [(_, Frame { body: Body::Ip(packet), .. })] = &answers[..] else { panic!("{answers:?}") };
    let Transport::Icmp(Icmp::EchoReply(echo)) = &packet.transport else { panic!("{packet:?}") };
    assert_eq!(echo.sequence, 5);
    let switch = bench.fabric.switch(bench.switch).unwrap();
    assert_eq!((switch.counters().directed, switch.counters().flooded), (1, 0));
}
