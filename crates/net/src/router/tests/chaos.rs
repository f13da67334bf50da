//! Floods, scans and nonsense.

use bytes::Bytes;
use ironloom_core::{Duration, Rng, Seed};
use proptest::prelude::*;

use super::world::*;
use crate::frame::{Body, Flags, Icmp, Quote, Transport, Unreachable};
use crate::router::nat::{SourceRule, TargetRule};
use crate::router::{Config, Reason, conntrack};
use crate::{Frame, Mac, Node, Outbox, Packet};

fn small() -> Config {
    let conntrack =
        conntrack::Config { flows_max: 1_000, flows_per_source_max: 900, ..conntrack::Config::default() };
    Config { conntrack, ..Config::default() }
}

/// A connection through the router, of which only segments of the established state are sent from then on.
fn connect(world: &mut World, client: usize, server: usize, from: (&str, u16), to: (&str, u16)) {
    world.send(client, tcp(from, to, Flags::SYN, (0, 0)));
    world.one(server);
    world.send(server, tcp(to, from, Flags::SYN | Flags::ACK, (0, 1)));
    world.one(client);
    world.send(client, tcp(from, to, Flags::ACK, (1, 1)));
    world.one(server);
}

#[test]
fn a_flood_of_syns_leaves_conversations_alone() {
    let mut world = World::default();
    world.router(small(), &["10.0.0.1/8", "20.0.0.1/8"]);
    let (client, server) = (world.host(0, 0, "10.0.0.2"), world.host(0, 1, "20.0.0.2"));
    for number in 0..50 {
        connect(&mut world, client, server, ("10.0.0.2", 5_000 + number), ("20.0.0.2", 80));
    }
    let mut rng = Rng::new(Seed::new(1));
    let mut out = Outbox::new();
    for _ in 0..20_000 {
        let source = std::net::Ipv4Addr::from_bits(0x0A00_0000 + rng.below(1 << 24) as u32);
        let mut syn = tcp(("10.0.0.2", rng.below(65_536) as u16), ("20.0.0.2", 80), Flags::SYN, (7, 0));
        syn.source = source.into();
        let frame = Frame { source: Mac::local(5), target: card(0, 0), body: Body::Ip(syn) };
        world.routers[0].handle(world.now, port(0), frame, &mut out);
        while out.next_frame().is_some() {}
        assert!(world.routers[0].flows_len() <= 1_000);
    }
    assert!(world.routers[0].flows_evicted() > 18_000);
    for number in 0..50 {
        let from = ("10.0.0.2", 5_000 + number);
        world.send(client, tcp(from, ("20.0.0.2", 80), Flags::ACK, (1, 1)));
        world.one(server);
    }
    connect(&mut world, client, server, ("10.0.0.2", 6_000), ("20.0.0.2", 80));
    world.pass(200);
    assert_eq!(world.routers[0].flows_len(), 51);
}

/// One machine scans a network of 65,536 addresses, of which nobody answers.
#[test]
fn a_scan_is_held_to_its_share() {
    let mut world = World::default();
    world.router(small(), &["10.0.0.1/16", "20.0.0.1/16"]);
    let (client, server) = (world.host(0, 0, "10.0.0.2"), world.host(0, 1, "20.0.0.2"));
    connect(&mut world, client, server, ("10.0.0.2", 5_000), ("20.0.0.2", 80));
    let mut out = Outbox::new();
    for number in 0..=u16::MAX {
        let target = std::net::Ipv4Addr::from_bits(0x1400_0000 | u32::from(number));
        let mut syn = tcp(("10.0.0.66", 40_000), ("20.0.0.2", 80), Flags::SYN, (7, 0));
        syn.target = target.into();
        let frame = Frame { source: Mac::local(5), target: card(0, 0), body: Body::Ip(syn) };
        world.routers[0].handle(world.now, port(0), frame, &mut out);
        while out.next_frame().is_some() {}
    }
    let drops = world.routers[0].drops();
    assert!(drops.of(Reason::SourceFull) > 60_000, "{drops:?}");
    assert_eq!(world.routers[0].flows_len(), 901);
    connect(&mut world, client, server, ("10.0.0.2", 5_001), ("20.0.0.2", 80));
}

fn flags() -> impl Strategy<Value = Flags> {
    any::<u8>().prop_map(Flags)
}

/// Addresses of everybody who matters, and of nobody.
fn addresses() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.255",
        "20.0.0.1",
        "20.0.0.2",
        "20.0.0.9",
        "30.0.0.1",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fd00::2",
        "fd00::1",
        "ff02::1",
    ])
}

fn transports() -> impl Strategy<Value = Transport> {
    let ends = (0..4u16, 0..4u16);
    let of = |packet: Packet| packet.transport;
    prop_oneof![
        4 => (ends.clone(), flags(), 0..4u32, 0..4u32).prop_map(move |((source, target), flags, one, other)| {
            of(tcp(("10.0.0.2", source), ("10.0.0.2", target), flags, (one, other)))
        }),
        3 => ends.prop_map(move |(source, target)| of(udp(("10.0.0.2", source), ("10.0.0.2", target), b"x"))),
        2 => (0..4u16).prop_map(move |identifier| of(ping("10.0.0.2", "10.0.0.2", identifier))),
        2 => (0..4u16).prop_map(move |identifier| of(answer(&ping("10.0.0.2", "10.0.0.2", identifier)))),
        2 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(protocol, bytes)| Transport::Other { protocol, bytes: bytes.into() }),
        1 => (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, code, bytes)| Transport::Icmp(Icmp::Other { kind, code, bytes: bytes.into() })),
        2 => (any::<u8>(), any::<u16>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(protocol, offset, more, bytes)| {
                Transport::Fragment(crate::frame::Fragment { protocol, offset, more, bytes: bytes.into() })
            }),
        3 => (addresses(), addresses(), prop::sample::select(vec![1u8, 6, 17, 58, 99, 255]),
              prop::collection::vec(0..9u8, 0..30), any::<bool>())
            .prop_map(|(source, target, protocol, bytes, is_big)| {
                let about = Box::new(Quote {
                    source: ip(source), target: ip(target), protocol, service: 0, hops: 1, identification: 0,
                    may_fragment: true, bytes: 40, transport: bytes.into(),
                });
                Transport::Icmp(if is_big {
                    Icmp::TooBig { mtu: 100, about }
                } else {
                    Icmp::Unreachable { reason: Unreachable::Port, about }
                })
            }),
    ]
}

fn packets() -> impl Strategy<Value = Packet> {
    (addresses(), addresses(), transports(), 0..4u8, any::<bool>()).prop_map(
        |(source, target, transport, hops, may_fragment)| Packet {
            hops,
            may_fragment,
            ..packet(source, target, transport)
        },
    )
}

fn bodies() -> impl Strategy<Value = Body> {
    let bytes = prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from);
    prop_oneof![
        8 => packets().prop_map(Body::Ip),
        2 => bytes.prop_map(|bytes| match Frame::parse(bytes.clone()) {
            Ok(frame) => frame.body,
            Err(_) => Body::Broken(bytes),
        }),
        2 => (addresses(), addresses(), any::<bool>(), 0..4u64).prop_filter_map(
            "ARP is about IPv4",
            |(source, target, is_question, card)| {
                let (std::net::IpAddr::V4(source), std::net::IpAddr::V4(target)) = (ip(source), ip(target)) else {
                    return None;
                };
                Some(Body::Arp(crate::frame::Arp {
                    operation: if is_question {
                        crate::frame::ArpOperation::Request
                    } else {
                        crate::frame::ArpOperation::Reply
                    },
                    source_mac: Mac::local(card),
                    source,
                    target_mac: Mac::UNSPECIFIED,
                    target,
                }))
            }),
    ]
}

fn nonsense(tracks: bool) -> World {
    let mut world = World::default();
    let conntrack =
        conntrack::Config { flows_max: 8, flows_per_source_max: 6, ..conntrack::Config::default() };
    let config = Config { tracks, passes_invalid: true, conntrack, ..Config::default() };
    world.router(config, &["10.0.0.1/24", "20.0.0.1/24", "fd00::1/64"]);
    world.routers[0].attach(port(3), port(1), Mac::local(0x99)).unwrap();
    if tracks {
        let nat = world.routers[0].nat_mut();
        let rule = SourceRule { ports: 1..=3, ..SourceRule::masquerade(net("10.0.0.0/24"), port(1)) };
        nat.add_source(rule).unwrap();
        nat.add_target(TargetRule {
            target: net("20.0.0.1/32"),
            protocol: None,
            ports: 0..=u16::MAX,
            input: None,
            to: ip("10.0.0.3"),
            to_port: None,
        })
        .unwrap();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever arrives, in whatever order and at whatever time: nothing panics, nothing grows without end, and what
    /// leaves was a packet's due.
    #[test]
    fn nonsense_is_survived(
        frames in prop::collection::vec((bodies(), 0..5u16, prop::bool::weighted(0.9), 0..40_000u64), 1..120),
        tracks in any::<bool>(),
    ) {
        let mut world = nonsense(tracks);
        let router = &mut world.routers[0];
        let mut out = Outbox::new();
        for (mut body, number, is_ours, millis) in frames {
            world.now = world.now.saturating_add(Duration::from_millis(millis));
            // Port 3 is the router's own stack, whose packets have hops; they leave when their neighbour is known.
            if let (Body::Ip(packet), 3) = (&mut body, number) {
                packet.hops = packet.hops.max(1);
            }
            if router.next_event().is_some_and(|due| due <= world.now) {
                router.expire(world.now, &mut out);
            }
            let target = if is_ours { card(0, if number == 3 { 1 } else { number }) } else { Mac::BROADCAST };
            let frame = Frame { source: Mac::local(5), target, body };
            router.handle(world.now, port(number), frame, &mut out);
            while let Some((through, frame)) = out.next_frame() {
                prop_assert!(router.interface(through).is_some());
                if let Body::Ip(packet) = &frame.body {
                    prop_assert!(packet.hops > 0 || through == port(3));
                    prop_assert!(!packet.source.is_loopback() && !packet.target.is_loopback());
                }
            }
            prop_assert!(router.flows_len() <= 8);
        }
        // In the end everything is forgotten.
        for _ in 0..10_000 {
            let Some(due) = router.next_event() else { break };
            router.expire(due, &mut out);
            while out.next_frame().is_some() {}
        }
        prop_assert_eq!(router.next_event(), None);
        prop_assert_eq!(router.flows_len(), 0);
    }
}
