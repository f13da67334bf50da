use ironloom_core::{Duration, Instant};

use super::world::*;
use crate::frame::{Body, Flags, Icmp, Transport, Unreachable};
use crate::router::{Config, Rate, Reason};
use crate::{Frame, Mac, Node, Outbox, Payload};

/// Three routers in a row with a host at each end.
fn chain() -> (World, usize, usize) {
    let mut world = World::default();
    world.router(Config::default(), &["10.0.0.1/24", "10.1.0.1/24"]);
    world.router(Config::default(), &["10.1.0.2/24", "10.2.0.1/24"]);
    world.router(Config::default(), &["10.2.0.2/24", "10.3.0.1/24"]);
    world.wire(Place::Router(0, 1), Place::Router(1, 0));
    world.wire(Place::Router(1, 1), Place::Router(2, 0));
    world.route(0, "0.0.0.0/0", "10.1.0.2", 1);
    world.route(1, "10.0.0.0/24", "10.1.0.1", 0);
    world.route(1, "10.3.0.0/24", "10.2.0.2", 1);
    world.route(2, "0.0.0.0/0", "10.2.0.1", 0);
    let (near, far) = (world.host(0, 0, "10.0.0.2"), world.host(2, 1, "10.3.0.2"));
    (world, near, far)
}

/// What `traceroute` does with datagrams, and `traceroute -I` with echoes.
#[test]
fn traceroute_finds_every_router() {
    let (mut world, near, far) = chain();
    let datagram = |hops: u16| udp(("10.0.0.2", 40_000), ("10.3.0.2", 33_433 + hops), b"12345678");
    for probe in [datagram, |hops| ping("10.0.0.2", "10.3.0.2", hops)] {
        let mut path = Vec::new();
        for hops in 1..=3 {
            world.send(near, crate::Packet { hops: hops as u8, ..probe(hops) });
            let told = world.one(near);
            let Transport::Icmp(Icmp::TimeExceeded { in_transit: true, about }) = &told.transport else {
                panic!("{told:?}")
            };
            assert_eq!((about.source, about.target, about.hops), (ip("10.0.0.2"), ip("10.3.0.2"), 1));
            path.push(told.source.to_string());
        }
        assert_eq!(path, ["10.0.0.1", "10.1.0.2", "10.2.0.2"]);
        world.send(near, crate::Packet { hops: 4, ..probe(4) });
        assert_eq!(world.one(far).hops, 1);
    }
}

#[test]
fn traceroute_ends_at_a_router_that_is_its_target() {
    let (mut world, near, _) = chain();
    world.send(near, crate::Packet { hops: 3, ..udp(("10.0.0.2", 4), ("10.3.0.1", 33_434), b"12345678") });
    let told = world.one(near);
    assert_eq!(told.source, ip("10.2.0.2"), "errors are told from where the packet came in");
    assert!(matches!(told.transport, Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Port, .. })));
}

/// That nobody answers is found out on the far side, and Linux expects to be told by the side that is near to it.
#[test]
fn that_nobody_is_there_is_told_from_where_the_packet_came_in() {
    let (mut world, near, _) = chain();
    world.send(near, udp(("10.0.0.2", 4), ("10.3.0.99", 5), b"12345678"));
    world.pass(10);
    let told = world.one(near);
    assert_eq!(told.source, ip("10.2.0.2"));
    assert!(matches!(told.transport, Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Host, .. })));
}

#[test]
fn the_path_tells_how_large_packets_may_be() {
    let (mut world, near, far) = chain();
    assert!(world.routers[1].remove_interface(port(1)));
    let narrow = crate::router::Interface {
        mtu: 1_400,
        ..crate::router::Interface::new(card(1, 1), net("10.2.0.1/24"))
    };
    world.routers[1].add_interface(port(1), narrow).unwrap();
    world.route(1, "10.3.0.0/24", "10.2.0.2", 1);

    let (from, to) = (("10.0.0.2", 5), ("10.3.0.2", 80));
    world.send(near, tcp(from, to, Flags::SYN, (0, 0)));
    world.one(far);
    world.send(far, tcp(to, from, Flags::SYN | Flags::ACK, (0, 1)));
    world.one(near);
    let segment = |cut: u16| {
        let mut large = tcp(from, to, Flags::ACK, (1, 1));
        if let Transport::Tcp(segment) = &mut large.transport {
            segment.payload = Payload::from(vec![1; 20_000]);
            segment.cut = cut;
        }
        large
    };
    world.send(near, segment(1_460));
    let told = world.one(near);
    let Transport::Icmp(Icmp::TooBig { mtu: 1_400, about }) = &told.transport else { panic!("{told:?}") };
    assert_eq!((told.source, about.bytes, about.sequence()), (ip("10.1.0.2"), 1_500, Some(1)));
    assert!(world.received(far).is_empty());
    world.send(near, segment(1_360));
    assert_eq!(world.one(far).transport, segment(1_360).transport);
    // What may be cut is cut where it leaves.
    world.send(near, crate::Packet { may_fragment: true, ..udp(from, to, &[0; 3_000]) });
    world.one(far);
}

#[test]
fn routers_answer_for_their_own_addresses() {
    let (mut world, near, _) = chain();
    for address in ["10.0.0.1", "10.1.0.1", "10.1.0.2", "10.2.0.2", "10.3.0.1"] {
        world.send(near, ping("10.0.0.2", address, 9));
        let told = world.one(near);
        assert_eq!((told.source, ports(&told)), (ip(address), (9, 9)));
        assert!(matches!(told.transport, Transport::Icmp(Icmp::EchoReply(_))));
    }
    world.send(near, tcp(("10.0.0.2", 5), ("10.1.0.2", 22), Flags::SYN, (41, 0)));
    let told = world.one(near);
    let Transport::Tcp(segment) = &told.transport else { panic!("{told:?}") };
    assert_eq!((segment.flags, segment.acknowledgement), (Flags::RST | Flags::ACK, 42));
    world.send(
        near,
        packet("10.0.0.2", "10.1.0.2", Transport::Other { protocol: 99, bytes: bytes::Bytes::new() }),
    );
    assert!(matches!(
        world.one(near).transport,
        Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Protocol, .. })
    ));
}

#[test]
fn errors_are_not_told_more_often_than_allowed() {
    let mut world = World::default();
    let errors = Rate { packets: 10, per: Duration::from_secs(1), burst: 5 };
    world.router(Config { errors, ..Config::default() }, &["10.0.0.1/24"]);
    let here = world.host(0, 0, "10.0.0.2");
    for number in 0..100 {
        world.send(here, udp(("10.0.0.2", number), ("8.8.8.8", 5), b""));
    }
    assert_eq!(world.received(here).len(), 5);
    assert_eq!(world.routers[0].drops().of(Reason::NoRoute), 100);
    world.pass(1);
    world.send(here, udp(("10.0.0.2", 1), ("8.8.8.8", 5), b""));
    world.one(here);
}

/// Nothing is said about an error, a later fragment, or what came from nobody in particular.
#[test]
fn some_things_are_passed_over_in_silence() {
    let mut world = World::default();
    world.router(Config { tracks: false, ..Config::default() }, &["10.0.0.1/24"]);
    let here = world.host(0, 0, "10.0.0.2");
    let lost = udp(("10.0.0.2", 1), ("8.8.8.8", 5), b"12345678");
    let error = Icmp::TimeExceeded { in_transit: true, about: Box::new(crate::frame::Quote::of(&lost)) };
    let fragment = |offset| {
        let bytes = bytes::Bytes::from_static(&[0; 16]);
        Transport::Fragment(crate::frame::Fragment { protocol: 17, offset, more: true, bytes })
    };
    world.send(here, packet("10.0.0.2", "8.8.8.8", Transport::Icmp(error)));
    world.send(here, packet("10.0.0.2", "8.8.8.8", fragment(8)));
    assert!(world.received(here).is_empty());
    assert_eq!(world.routers[0].drops().of(Reason::NoRoute), 2);
    world.send(here, packet("10.0.0.2", "8.8.8.8", fragment(0)));
    world.one(here);
}

/// What is told of one side's silence makes the router ask on the other, where it is just about to give up as well.
#[test]
fn silence_on_both_sides_at_once_is_dealt_with_at_once() {
    let mut world = World::default();
    world.router(Config::default(), &["10.0.0.1/24", "10.1.0.1/24"]);
    let router = &mut world.routers[0];
    let mut out = Outbox::new();
    let sent =
        [(0, udp(("10.0.0.7", 4), ("10.1.0.9", 5), b"?")), (1, udp(("10.1.0.7", 4), ("10.0.0.9", 5), b"?"))];
    for (at, packet) in sent {
        let frame = Frame { source: Mac::local(9), target: card(0, at), body: Body::Ip(packet) };
        router.handle(Instant::ZERO, port(at), frame, &mut out);
    }
    let mut wakes = 0;
    while let Some(next) =
        router.next_event().filter(|next| *next < Instant::ZERO.saturating_add(Duration::from_secs(20)))
    {
        router.expire(next, &mut out);
        assert!(router.next_event().is_none_or(|later| later > next), "time goes on after {next:?}");
        wakes += 1;
    }
    assert!(wakes >= 3, "{wakes}");
    let dropped: Vec<_> = router.drops().iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(dropped, [(Reason::NoNeighbour, 4)], "two packets, and what was told of them");
}
