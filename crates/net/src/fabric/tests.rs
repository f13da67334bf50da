//! What a fabric does.

mod cloud;
mod outside;
mod paths;
mod shards;

use std::net::{Ipv4Addr, SocketAddr};

use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};

use super::*;
use crate::frame::{Arp, ArpOperation, Body, Echo, Icmp, Transport};
use crate::link::{DropReason, LinkProfile};
use crate::{Host, Mac, Node, Outbox, Packet, Payload, Port, Service, switch};

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

    fn take_frames(&mut self, until: Instant) -> usize {
        self.fabric.run_until(until);
        let outputs = std::iter::from_fn(|| self.fabric.poll());
        outputs.filter(|output| matches!(output, Output::Frame { .. })).count()
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

/// Answers datagrams on port 7 with themselves.
struct Echoes;

impl Service for Echoes {
    fn start(&mut self, host: &mut Host<'_>) {
        host.bind_udp("0.0.0.0:7".parse().unwrap()).unwrap();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        while let Ok(Some((payload, from))) = host.receive_from(socket) {
            host.send_to(socket, payload, from).unwrap();
        }
    }
}

/// Sends a datagram from machine 1 to a port of machine 2; what came back, after a second.
fn exchange(bench: &mut Bench, payload: &[u8]) -> Option<Vec<u8>> {
    let (from, to) = (bench.machines[0], SocketAddr::new(Bench::address(2).into(), 7));
    let payload = Payload::from(payload.to_vec());
    let socket = bench
        .fabric
        .host(from, |host| {
            let socket = host.bind_udp("0.0.0.0:0".parse().unwrap()).unwrap();
            host.send_to(socket, payload, to).unwrap();
            socket
        })
        .unwrap();
    let end = bench.fabric.now().saturating_add(Duration::from_millis(1_500)); // between two questions
    bench.fabric.run_until(end);
    let received = bench.fabric.host(from, |host| host.receive_from(socket).ok().flatten()).unwrap();
    received.map(|(payload, _)| payload.to_bytes().to_vec())
}

#[test]
fn services_answer_and_sockets_without_services_are_told() {
    let mut bench = Bench::new(2);
    bench.fabric.serve(bench.machines[1], Box::new(Echoes)).unwrap();
    assert_eq!(exchange(&mut bench, b"hello").as_deref(), Some(&b"hello"[..]));
    let outputs: Vec<Output> = std::iter::from_fn(|| bench.fabric.poll()).collect();
    let told = |output: &Output| {
        matches!(output, Output::Ready { machine, readiness, .. }
            if *machine == bench.machines[0] && readiness.contains(Readiness::READABLE))
    };
    assert!(outputs.iter().any(told), "{outputs:?}");
}

#[test]
fn what_a_machine_claims_to_be_is_checked() {
    struct Liar(Vec<Frame>);
    impl Node for Liar {
        fn handle(&mut self, _: Instant, _: Port, _: Frame, _: &mut Outbox) {}
        fn expire(&mut self, _: Instant, out: &mut Outbox) {
            self.0.drain(..).for_each(|frame| out.send(Port::new(0), frame));
        }
        fn next_event(&self) -> Option<Instant> {
            (!self.0.is_empty()).then_some(Instant::from_nanos(1))
        }
    }
    let mut bench = Bench::new(2);
    let (own, other) = (bench.mac(1), bench.mac(2));
    let arp = |source_mac, source| {
        Body::Arp(Arp {
            operation: ArpOperation::Reply,
            source_mac,
            source,
            target_mac: DOOR,
            target: DOOR_ADDRESS,
        })
    };
    let here = Bench::address(1);
    let frames = [
        (own, echo(here, DOOR_ADDRESS, 1)),
        (other, echo(here, DOOR_ADDRESS, 2)),
        (own, echo(Bench::address(2), DOOR_ADDRESS, 3)),
        (own, arp(own, here)),
        (own, arp(other, here)),
        (own, arp(own, DOOR_ADDRESS)),
        (own, Body::Broken(bytes::Bytes::from_static(b"anything"))),
    ];
    let frames = frames.map(|(source, body)| Frame { source, target: DOOR, body });
    let expected = [frames[0].clone(), frames[3].clone()];
    bench.fabric.install(bench.machines[0], Box::new(Liar(frames.to_vec()))).unwrap();
    let taken: Vec<Frame> = bench.take(millis(1)).into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(taken, expected);
    let link = bench.fabric.link_of(bench.machines[0]).unwrap();
    assert_eq!(bench.fabric.counters(link, Way::Back).unwrap().dropped(DropReason::Spoofed), 5);
}

#[test]
fn a_machine_that_is_removed_leaves_nothing_behind() {
    let mut bench = Bench::new(2);
    bench.fabric.serve(bench.machines[1], Box::new(Echoes)).unwrap();
    let mac = bench.mac(2);
    bench.put(mac, echo(DOOR_ADDRESS, Bench::address(2), 1));
    bench.fabric.run_until(Instant::from_nanos(50_000));
    bench.fabric.remove_machine(bench.machines[1]).unwrap();
    assert_eq!(bench.take(millis(5)), []);
    assert_eq!(bench.fabric.tally().gone, 1);
    assert_eq!(bench.fabric.station_of(bench.machines[1]), None);
    assert!(bench.fabric.remove_machine(bench.machines[1]).is_err());
    // Its place is taken by another, which hears nothing of what was meant for it.
    bench.add();
    bench.ask(2);
    assert_eq!(bench.take(millis(10)), [], "nobody has its address any more");
    bench.ask(3);
    assert_eq!(bench.take(millis(15)).len(), 1);
}

#[test]
fn stations_are_removed_with_their_links() {
    let mut bench = Bench::new(1);
    assert!(bench.fabric.remove_station(bench.switch).is_err(), "a machine is connected to it");
    bench.ask(1);
    bench.fabric.remove_machine(bench.machines[0]).unwrap();
    bench.fabric.remove_station(bench.switch).unwrap();
    assert_eq!(bench.fabric.name(bench.switch), None);
    let other = bench.fabric.add_switch("other", Place::Apart, switch::Config::default()).unwrap();
    bench.fabric.connect(other, bench.door, micros(100), micros(100)).unwrap();
    bench.switch = other;
    bench.add();
    bench.ask(2);
    assert_eq!(bench.take_frames(millis(1)), 1);
    assert_eq!(bench.fabric.tally().gone, 1);
}

#[test]
fn machines_come_and_go_without_leaving_anything() {
    let mut bench = Bench::new(0);
    for round in 0..2_000u32 {
        let id = bench.add();
        bench.fabric.host(id, |host| host.bind_udp("0.0.0.0:9".parse().unwrap()).unwrap()).unwrap();
        bench.ask(1);
        bench.fabric.run_until(millis(u64::from(round)));
        bench.fabric.remove_machine(id).unwrap();
        bench.machines.clear();
    }
    assert!(bench.fabric.layout.stations.len() <= 3 && bench.fabric.layout.links.len() <= 2);
    assert!(bench.fabric.layout.lines.len() <= 2);
}

#[test]
fn partitions_keep_machines_apart_until_they_heal() {
    let mut bench = Bench::new(3);
    bench.fabric.serve(bench.machines[1], Box::new(Echoes)).unwrap();
    let stations: Vec<StationId> =
        bench.machines.iter().map(|id| bench.fabric.station_of(*id).unwrap()).collect();
    assert!(exchange(&mut bench, b"before").is_some());
    let both = bench.fabric.part(&stations[..1], &stations[1..], Barrier::Both).unwrap();
    assert!(exchange(&mut bench, b"parted").is_none());
    bench.ask(2);
    let later = bench.fabric.now().saturating_add(Duration::from_secs(1));
    assert_eq!(bench.take_frames(later), 1, "others are not affected");
    assert!(bench.fabric.heal(both));
    assert!(!bench.fabric.heal(both));
    assert!(exchange(&mut bench, b"healed").is_some());
    let _ = bench.fabric.part(&stations[1..2], &stations[..1], Barrier::Forth).unwrap();
    assert!(exchange(&mut bench, b"one way").is_none(), "the answer does not pass");
    let link = bench.fabric.link_of(bench.machines[1]).unwrap();
    assert!(bench.fabric.counters(link, Way::Back).unwrap().dropped(DropReason::Partition) > 0);
}

#[test]
fn links_go_down_and_up() {
    let mut bench = Bench::new(2);
    bench.fabric.serve(bench.machines[1], Box::new(Echoes)).unwrap();
    let link = bench.fabric.link_of(bench.machines[1]).unwrap();
    bench.fabric.set_down(link, Way::Forth, true).unwrap();
    assert!(exchange(&mut bench, b"down").is_none());
    bench.fabric.set_down(link, Way::Forth, false).unwrap();
    assert!(exchange(&mut bench, b"up").is_some());
    let slow = LinkProfile { latency: Duration::from_secs(2), ..LinkProfile::default() };
    bench.fabric.set_profile(link, Way::Forth, slow).unwrap();
    assert!(exchange(&mut bench, b"slow").is_none());
}

/// A ring of switches, each joined to the next and to the one after that.
#[test]
fn loops_of_switches_do_not_storm() {
    let mut bench = Bench::new(1);
    let mut ring = vec![bench.switch];
    for number in 0..6 {
        let name = format!("ring-{number}");
        ring.push(bench.fabric.add_switch(&name, Place::Apart, switch::Config::default()).unwrap());
    }
    let mut trunks = Vec::new();
    for (number, from) in ring.iter().enumerate() {
        for step in 1..3 {
            let to = ring[(number + step) % ring.len()];
            trunks.push(bench.fabric.connect(*from, to, micros(100), micros(100)).unwrap());
        }
    }
    let far = bench.fabric.add_door("far", Place::Beside(ring[3])).unwrap();
    bench.fabric.connect(ring[3], far, micros(0), micros(0)).unwrap();
    let reach = |bench: &mut Bench| {
        bench.put(Mac::BROADCAST, echo(DOOR_ADDRESS, Ipv4Addr::BROADCAST, 1));
        let end = bench.fabric.now().saturating_add(Duration::from_secs(1));
        let before = bench.fabric.tally().events;
        bench.fabric.run_until(end);
        let outputs: Vec<Output> = std::iter::from_fn(|| bench.fabric.poll()).collect();
        assert!(bench.fabric.tally().events - before < 30, "every switch hears it once");
        outputs.iter().filter(|output| matches!(output, Output::Frame { port, .. } if *port == far)).count()
    };
    assert_eq!(reach(&mut bench), 1);
    // Whichever trunks go down, one after the other, the rest carries on until the ring falls apart.
    for trunk in &trunks[..8] {
        bench.fabric.set_down(*trunk, Way::Forth, true).unwrap();
        assert!(reach(&mut bench) <= 1);
    }
    for trunk in &trunks[..8] {
        bench.fabric.disconnect(*trunk).unwrap();
    }
    trunks.drain(..8);
    assert!(reach(&mut bench) <= 1);
}

/// Two cables between the same switch and a node that sends all it hears back on the other one.
#[test]
fn a_loop_that_nobody_described_is_held_down() {
    struct Bridge;
    impl Node for Bridge {
        fn handle(&mut self, _: Instant, port: Port, frame: Frame, out: &mut Outbox) {
            out.send(Port::new(1 - port.number()), frame);
        }
        fn expire(&mut self, _: Instant, _: &mut Outbox) {}
        fn next_event(&self) -> Option<Instant> {
            None
        }
    }
    let mut bench = Bench::new(2);
    let bridge = bench.fabric.add_node("bridge", Place::Beside(bench.switch), Box::new(Bridge)).unwrap();
    for _ in 0..2 {
        bench.fabric.connect(bench.switch, bridge, micros(1), micros(1)).unwrap();
    }
    bench.put(Mac::BROADCAST, echo(DOOR_ADDRESS, Ipv4Addr::BROADCAST, 1));
    bench.fabric.run_until(millis(10_000));
    let events = bench.fabric.tally().events;
    assert!(events < 400_000, "{events} events in ten seconds");
    assert!(bench.fabric.switch(bench.switch).unwrap().counters().storm > 0);
}

#[test]
fn taps_see_what_is_sent_and_what_arrives() {
    let mut bench = Bench::new(1);
    let link = bench.fabric.link_of(bench.machines[0]).unwrap();
    let lossy = LinkProfile { loss: crate::link::Loss::Even { ppm: 1_000_000 }, ..micros(100) };
    bench.fabric.set_profile(link, Way::Back, lossy).unwrap();
    for (way, point) in [(Way::Forth, Point::Arrived), (Way::Back, Point::Sent), (Way::Back, Point::Arrived)]
    {
        bench.fabric.tap(link, way, point).unwrap();
    }
    bench.ask(1);
    bench.fabric.run_until(millis(1));
    let seen: Vec<(Instant, Way, Point)> = std::iter::from_fn(|| bench.fabric.poll())
        .map(|output| match output {
            Output::Captured { at, way, point, .. } => (at, way, point),
            other => panic!("{other:?} was not captured"),
        })
        .collect();
    let at = Instant::from_nanos(100_000);
    assert_eq!(seen, [(at, Way::Forth, Point::Arrived), (at, Way::Back, Point::Sent)]);
    bench.fabric.untap(link, Way::Forth, Point::Arrived).unwrap();
    bench.fabric.untap(link, Way::Back, Point::Sent).unwrap();
    bench.ask(1);
    bench.fabric.run_until(millis(2));
    assert_eq!(bench.fabric.poll(), None);
}

#[test]
fn groups_are_not_joined_by_links_that_are_too_fast() {
    let mut bench = Bench::new(0);
    let apart = bench.fabric.add_switch("apart", Place::Apart, switch::Config::default()).unwrap();
    let beside =
        bench.fabric.add_switch("beside", Place::Beside(bench.switch), switch::Config::default()).unwrap();
    let refused = bench.fabric.connect(bench.switch, apart, micros(1_000), micros(10));
    assert!(matches!(refused, Err(FabricError::Latency { .. })), "{refused:?}");
    bench.fabric.connect(bench.switch, beside, micros(0), micros(0)).unwrap();
    let link = bench.fabric.connect(bench.switch, apart, micros(50), micros(50)).unwrap();
    assert!(bench.fabric.set_profile(link, Way::Back, micros(49)).is_err());
    assert_eq!(bench.fabric.profile(link, Way::Back).unwrap(), micros(50));
}

#[test]
fn what_is_not_there_is_refused() {
    let mut bench = Bench::new(1);
    let nobody = StationId::new(77);
    let machine = bench.fabric.station_of(bench.machines[0]).unwrap();
    let stranger = MachineId::random(&mut bench.rng);
    assert!(matches!(
        bench.fabric.connect(bench.switch, nobody, micros(0), micros(0)),
        Err(FabricError::NoStation { .. })
    ));
    assert!(matches!(
        bench.fabric.connect(bench.switch, machine, micros(0), micros(0)),
        Err(FabricError::Kind { .. })
    ));
    assert!(bench.fabric.connect(bench.switch, bench.switch, micros(0), micros(0)).is_err());
    assert!(matches!(
        bench.fabric.connect(bench.switch, bench.door, micros(0), micros(0)),
        Err(FabricError::Ports { max: 1, .. })
    ));
    assert!(matches!(bench.fabric.host(stranger, |_| ()), Err(FabricError::NoMachine { .. })));
    assert!(bench.fabric.disconnect(LinkId::new(99)).is_err());
    assert!(bench.fabric.switch(machine).is_err());
    let twice = MachineSpec::new(bench.machines[0], "again", bench.switch);
    assert!(matches!(bench.fabric.add_machine(&twice), Err(FabricError::MachineExists { .. })));
}

#[test]
fn machines_get_other_addresses() {
    let mut bench = Bench::new(2);
    bench.fabric.serve(bench.machines[1], Box::new(Echoes)).unwrap();
    assert!(exchange(&mut bench, b"before").is_some());
    let other = ipnet::Ipv4Net::new(Bench::address(9), 24).unwrap();
    bench.fabric.set_address(bench.machines[1], Some(other), None).unwrap();
    assert!(exchange(&mut bench, b"nobody has the old one").is_none());
    bench.ask(9);
    let later = bench.fabric.now().saturating_add(Duration::from_secs(1));
    assert_eq!(bench.take_frames(later), 1);
}

/// Two nodes that answer each other within no time.
#[test]
fn the_clock_goes_on_whatever_nodes_do() {
    struct Mirror;
    impl Node for Mirror {
        fn handle(&mut self, _: Instant, port: Port, frame: Frame, out: &mut Outbox) {
            out.send(port, frame);
        }
        fn expire(&mut self, _: Instant, _: &mut Outbox) {}
        fn next_event(&self) -> Option<Instant> {
            None
        }
    }
    struct Other(bool);
    impl Node for Other {
        fn handle(&mut self, _: Instant, port: Port, frame: Frame, out: &mut Outbox) {
            out.send(port, frame);
        }
        fn expire(&mut self, _: Instant, out: &mut Outbox) {
            let body = echo(DOOR_ADDRESS, Ipv4Addr::BROADCAST, 1);
            if !std::mem::replace(&mut self.0, true) {
                out.send(Port::new(0), Frame { source: DOOR, target: DOOR, body });
            }
        }
        fn next_event(&self) -> Option<Instant> {
            // Also when that is over: it is woken up every nanosecond, and nothing else suffers.
            Some(Instant::from_nanos(5))
        }
    }
    let mut fabric = Fabric::new(Config::default(), Seed::new(1));
    let hub = fabric.add_switch("hub", Place::Apart, switch::Config::default()).unwrap();
    let mirrors = [(); 2].map(|()| fabric.add_node("mirror", Place::Beside(hub), Box::new(Mirror)).unwrap());
    fabric.connect(mirrors[0], mirrors[1], micros(0), micros(0)).unwrap();
    let door = fabric.add_door("door", Place::Beside(hub)).unwrap();
    fabric.connect(mirrors[0], door, micros(0), micros(0)).unwrap();
    let relay = fabric.add_node("relay", Place::Beside(hub), Box::new(Other(false))).unwrap();
    fabric.connect(mirrors[1], relay, micros(0), micros(0)).unwrap();
    let end = Instant::from_nanos(10_000);
    fabric.run_until(end);
    assert!(fabric.tally().events <= 5 << 20, "{}", fabric.tally().events);
    assert_eq!(fabric.now(), end);
}
