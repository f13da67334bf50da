//! Whatever passes a router that translates, tracks and filters: what it remembers stays within its limits, nothing of
//! the inside is seen outside, and what it sends can be read.

#![no_main]

mod net_input;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::frame::{Arp, ArpOperation, Body, Segment, Transport};
use ironloom_net::router::firewall::{Chain, Protocol, Rule};
use ironloom_net::router::nat::{SourceRule, TargetRule};
use ironloom_net::router::{Config, Interface, Rate, Router, conntrack};
use ironloom_net::{Frame, Mac, Node, Outbox, Packet, Port, neighbours};
use libfuzzer_sys::fuzz_target;
use net_input::{Input, check, packet};

const FLOWS_MAX: u32 = 20;
const OUTSIDE: [u8; 4] = [203, 0, 113, 1];

struct World {
    now: Instant,
    router: Router,
    out: Outbox,
    /// Whether packets pass that belong to nothing: those are not translated.
    passes_invalid: bool,
    /// The last packet that left by each port, and the last segment.
    packets: [Option<Packet>; 2],
    segments: [Option<Segment>; 2],
    /// Who outside has called whom by an inner address, which an answer tells nobody who did not know it.
    called: BTreeSet<(IpAddr, IpAddr)>,
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let Some(mut world) = begin(&mut input) else { return };
    for _ in 0..400 {
        if act(&mut world, &mut input).is_none() {
            break;
        }
        settle(&mut world);
    }
    end(world);
});

fn begin(input: &mut Input<'_>) -> Option<World> {
    let kind = input.byte()?;
    let conntrack = conntrack::Config {
        flows_max: FLOWS_MAX,
        flows_per_source_max: 12,
        joins_connections: kind & 1 > 0,
        ..conntrack::Config::default()
    };
    let config = Config {
        conntrack,
        passes_invalid: kind & 2 > 0,
        neighbours: neighbours::Config { waiting_packets_max: 10, ..neighbours::Config::default() },
        ..Config::default()
    };
    let mut router = Router::new(config, &mut Rng::new(Seed::new(1)));
    for (number, address) in [(0, "192.168.0.1/24"), (1, "203.0.113.1/24")] {
        let interface = Interface::new(Mac::local(10 + number), address.parse().unwrap());
        let interface = Interface { mtu: if kind & 4 > 0 && number == 1 { 600 } else { 1_500 }, ..interface };
        router.add_interface(Port::new(number as u16), interface).unwrap();
    }
    let inside = SourceRule::masquerade("192.168.0.0/24".parse().unwrap(), Port::new(1));
    router.nat_mut().add_source(SourceRule { ports: 6_000..=6_009, ..inside }).unwrap();
    let forward = TargetRule {
        target: "203.0.113.1/32".parse().unwrap(),
        protocol: (kind & 8 > 0).then_some(Protocol::TCP),
        ports: 80..=80,
        input: (kind & 16 > 0).then_some(Port::new(1)),
        to: [192, 168, 0, 2].into(),
        to_port: Some(8_080),
    };
    router.nat_mut().add_target(forward).unwrap();
    let (out, now) = (Outbox::new(), Instant::from_nanos(1_000_000_000));
    Some(World {
        now,
        router,
        out,
        passes_invalid: kind & 2 > 0,
        packets: [None, None],
        segments: [None, None],
        called: BTreeSet::new(),
    })
}

/// An address on one side, of which the first is the router's.
fn address(side: usize, number: u8) -> [u8; 4] {
    match (side, number) {
        (_, 250) => [127, 0, 0, 1],
        (_, 251) => [255; 4],
        (0, number) => [192, 168, 0, number % 8],
        (_, number) => [203, 0, 113, number % 8],
    }
}

fn act(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let action = input.byte()?;
    let side = usize::from(action >> 7);
    match action % 16 {
        0 => {
            let frame = input.raw()?;
            hear(world, side, Frame { target: Mac::local(10 + side as u64), ..frame });
        }
        1..5 => {
            let ends = (address(side, input.byte()?), address(1 - side, input.byte()?));
            let ports = (u16::from(input.byte()? % 8), [80, 53][usize::from(input.byte()? % 2)]);
            let segment = input.segment(ports, None)?;
            hear_packet(world, side, packet(ends.0, ends.1, input.byte()?, Transport::Tcp(segment)));
        }
        5 | 6 => {
            let ends = (address(side, input.byte()?), address(1 - side, input.byte()?));
            let ports = (u16::from(input.byte()? % 8), [80, 53][usize::from(input.byte()? % 2)]);
            let transport = input.other(ports)?;
            hear_packet(world, side, packet(ends.0, ends.1, input.byte()?, transport));
        }
        7..10 => answer(world, side, input)?,
        10 => {
            let about = world.packets[side].clone()?;
            let (source, icmp) = (address(side, input.byte()?), input.icmp(&about)?);
            let target = match about.source {
                IpAddr::V4(source) => source.octets(),
                IpAddr::V6(_) => OUTSIDE,
            };
            hear_packet(world, side, packet(source, target, 64, Transport::Icmp(icmp)));
        }
        11 => {
            let operation = if input.byte()? % 2 == 0 { ArpOperation::Request } else { ArpOperation::Reply };
            let (source_mac, source) =
                (Mac::local(50 + u64::from(input.byte()?)), address(side, input.byte()?));
            let (source, target) = (source.into(), address(side, 1).into());
            let arp = Arp { operation, source_mac, source, target_mac: Mac::UNSPECIFIED, target };
            hear(world, side, Frame { source: source_mac, target: Mac::BROADCAST, body: Body::Arp(arp) });
        }
        12 | 13 => world.now = world.now.saturating_add(Duration::from_millis(1 << (input.byte()? & 31))),
        14 => change(world, input)?,
        _ => world.router.set_up(Port::new(side as u16), input.byte()? % 4 > 0),
    }
    Some(())
}

/// An answer to what left by a port last.
fn answer(world: &mut World, side: usize, input: &mut Input<'_>) -> Option<()> {
    let last = world.packets[side].clone()?;
    let mut answer = Packet { source: last.target, target: last.source, hops: 64, ..last };
    match &mut answer.transport {
        Transport::Tcp(_) => {
            let last = world.segments[side].clone()?;
            answer.transport = Transport::Tcp(input.segment((last.target, last.source), Some(&last))?);
        }
        Transport::Udp(datagram) => std::mem::swap(&mut datagram.source, &mut datagram.target),
        _ => {}
    }
    hear_packet(world, side, answer);
    Some(())
}

fn change(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let kind = input.byte()?;
    let rule = match kind % 3 {
        0 => Rule::accept(),
        1 => Rule::drop(),
        _ => Rule::reject(),
    };
    let rate = Rate { packets: 3, per: Duration::from_secs(1), burst: 3 };
    let rule = Rule {
        protocol: [None, Some(Protocol::TCP), Some(Protocol::UDP)][usize::from(kind >> 2) % 3],
        target_ports: if kind & 32 > 0 { 53..=53 } else { 0..=u16::MAX },
        rate: (kind & 64 > 0).then_some(rate),
        ..rule
    };
    let firewall = world.router.firewall_mut();
    if kind & 128 > 0 {
        let first = firewall.rules(Chain::Forward).map(|(id, ..)| id).next()?;
        firewall.remove(first).expect("it was listed");
    } else if firewall.rules(Chain::Forward).count() < 5 {
        firewall.append(Chain::Forward, rule).expect("there is room");
    }
    Some(())
}

fn hear_packet(world: &mut World, side: usize, packet: Packet) {
    let body = Body::Ip(packet);
    hear(world, side, Frame { source: Mac::local(50), target: Mac::local(10 + side as u64), body });
}

fn hear(world: &mut World, side: usize, frame: Frame) {
    if let (1, Body::Ip(packet)) = (side, &frame.body) {
        world.called.insert((packet.source, packet.target));
    }
    world.router.handle(world.now, Port::new(side as u16), frame, &mut world.out);
}

fn settle(world: &mut World) {
    if world.router.next_event().is_some_and(|next| next <= world.now) {
        world.router.expire(world.now, &mut world.out);
        assert!(world.router.next_event().is_none_or(|next| next > world.now), "the clock goes on");
    }
    while let Some((port, frame)) = world.out.next_frame() {
        check(&frame, 1_500);
        let Body::Ip(packet) = frame.body else { continue };
        let side = usize::from(port.number());
        if let (1, IpAddr::V4(source)) = (side, packet.source) {
            let is_hidden = source.octets()[..3] != [192, 168, 0];
            let is_known = world.called.contains(&asked_for(&packet));
            assert!(is_hidden || is_known || world.passes_invalid, "the inside is seen: {packet:?}");
        }
        if let Transport::Tcp(segment) = &packet.transport {
            world.segments[side] = Some(segment.clone());
        }
        world.packets[side] = Some(packet);
    }
    assert!(world.router.flows_len() <= FLOWS_MAX as usize);
    let flows = world.router.flows();
    for (number, flow) in flows.iter().enumerate() {
        for other in &flows[..number] {
            assert!(flow.protocol != other.protocol || flow.reply != other.reply, "{flow:?} and {other:?}");
        }
    }
}

/// What a packet that leaves may be the answer to: who called whom. A complaint is about what it quotes, whoever complains.
fn asked_for(packet: &Packet) -> (IpAddr, IpAddr) {
    match &packet.transport {
        Transport::Icmp(icmp) => {
            icmp.about().map_or((packet.target, packet.source), |about| (about.source, about.target))
        }
        _ => (packet.target, packet.source),
    }
}

fn end(mut world: World) {
    for _ in 0..10_000 {
        settle(&mut world);
        let Some(next) = world.router.next_event() else { break };
        world.now = world.now.max(next);
    }
    assert_eq!((world.router.flows_len(), world.router.next_event()), (0, None));
}
