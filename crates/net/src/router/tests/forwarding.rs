use ironloom_core::Instant;

use super::world::*;
use crate::frame::{Body, Flags, Icmp, Transport, Unreachable};
use crate::router::firewall::{Addresses, Chain, Protocol, Rule, State, States, Verdict};
use crate::router::{Config, Reason, Route};
use crate::{Frame, Mac, Outbox};

/// Two networks with a router between them.
fn two_networks(config: Config) -> (World, usize, usize) {
    let mut world = World::default();
    world.router(config, &["10.0.0.1/24", "10.0.1.1/24"]);
    let (here, there) = (world.host(0, 0, "10.0.0.2"), world.host(0, 1, "10.0.1.2"));
    (world, here, there)
}

const HERE: (&str, u16) = ("10.0.0.2", 1_000);
const THERE: (&str, u16) = ("10.0.1.2", 53);

#[test]
fn packets_pass_and_wait_while_their_card_is_asked_for() {
    for tracks in [true, false] {
        let (mut world, here, there) = two_networks(Config { tracks, ..Config::default() });
        world.send(here, udp(HERE, THERE, b"one"));
        world.send(here, udp(HERE, THERE, b"two"));
        let received = world.received(there);
        let expected = |payload| crate::Packet { hops: 63, ..udp(HERE, THERE, payload) };
        assert_eq!(received, [expected(b"one"), expected(b"two")]);
        let questions = world.seen.iter().filter(|frame| matches!(frame.body, Body::Arp(_))).count();
        assert_eq!(questions, 2, "one question and one answer");
        world.send(there, udp(THERE, HERE, b"answer"));
        assert_eq!(world.one(here), crate::Packet { hops: 63, ..udp(THERE, HERE, b"answer") });
        assert_eq!(world.routers[0].flows_len(), usize::from(tracks));
        assert_eq!(world.routers[0].drops().total(), 0);
    }
}

#[test]
fn counters_tell_what_went_through() {
    let (mut world, here, there) = two_networks(Config::default());
    world.send(here, udp(HERE, THERE, &[0; 72]));
    world.one(there);
    let router = &world.routers[0];
    let [first, second] = [0, 1].map(|number| *router.counters(port(number)).unwrap());
    assert_eq!((first.received.packets, first.received.bytes), (1, 100));
    assert_eq!((second.sent.packets, second.sent.bytes), (1, 100));
    let flow = &router.flows()[0];
    assert_eq!((flow.traffic[0].packets, flow.traffic[0].bytes), (1, 100));
    assert!(!flow.is_replied && !flow.is_translated());
}

#[test]
fn what_cannot_be_is_dropped_and_counted() {
    let config = Config { passes_invalid: false, ..Config::default() };
    let (mut world, here, _) = two_networks(config);
    let good = udp(HERE, THERE, b"");
    let frame = |packet| Frame { source: Mac::local(7), target: card(0, 0), body: Body::Ip(packet) };
    let elsewhere = ("10.9.9.9", 53);
    let cases = [
        (Frame { target: Mac::local(99), ..frame(good.clone()) }, Reason::OtherCard),
        (Frame { body: Body::Broken(bytes::Bytes::new()), ..frame(good.clone()) }, Reason::Broken),
        (
            Frame { body: Body::Other { ethertype: 1, bytes: bytes::Bytes::new() }, ..frame(good.clone()) },
            Reason::NotUnderstood,
        ),
        (frame(udp(("127.0.0.1", 1), THERE, b"")), Reason::Martian),
        (frame(udp(("224.0.0.1", 1), THERE, b"")), Reason::Martian),
        (frame(udp(HERE, ("240.0.0.1", 1), b"")), Reason::Martian),
        (frame(udp(HERE, ("10.0.1.255", 1), b"")), Reason::Martian),
        (frame(crate::Packet { source: ip("fd00::1"), ..good.clone() }), Reason::Martian),
        (Frame { target: Mac::BROADCAST, ..frame(good.clone()) }, Reason::Martian),
        (frame(udp(HERE, ("255.255.255.255", 1), b"")), Reason::NotWanted),
        (frame(udp(("10.0.1.1", 1), THERE, b"")), Reason::Spoofed),
        (frame(udp(HERE, elsewhere, b"")), Reason::NoRoute),
        (frame(crate::Packet { hops: 1, ..good }), Reason::HopsExceeded),
        (frame(tcp(HERE, THERE, Flags::ACK, (5, 5))), Reason::Invalid),
        (frame(tcp(HERE, THERE, Flags::SYN | Flags::FIN, (5, 5))), Reason::Invalid),
        (frame(answer(&ping("10.0.1.2", "10.0.0.2", 1))), Reason::Invalid),
    ];
    for (frame, reason) in cases {
        let before = world.routers[0].drops().of(reason);
        world.send_frame(here, frame.clone());
        world.settle();
        let drops = world.routers[0].drops();
        assert_eq!(drops.of(reason), before + 1, "{frame:?} is {reason:?}: {drops:?}");
    }
    assert_eq!(world.routers[0].flows_len(), 0);
    let mut out = Outbox::new();
    let nowhere = frame(udp(HERE, THERE, b""));
    crate::Node::handle(&mut world.routers[0], Instant::ZERO, port(77), nowhere, &mut out);
    assert_eq!(world.routers[0].drops().of(Reason::NoInterface), 1);
}

#[test]
fn sources_are_checked_where_that_is_wanted() {
    let mut world = World::default();
    world.router(Config::default(), &["10.0.1.1/24"]);
    let mut interface = crate::router::Interface::new(card(0, 1), net("10.0.0.1/24"));
    interface.checks_sources = true;
    world.routers[0].add_interface(port(1), interface).unwrap();
    let (there, here) = (world.host(0, 0, "10.0.1.2"), world.host(0, 1, "10.0.0.2"));
    world.send(here, udp(("10.9.0.1", 1), THERE, b""));
    assert!(world.received(there).is_empty());
    assert_eq!(world.routers[0].drops().of(Reason::Spoofed), 1);
    world.send(here, udp(HERE, THERE, b""));
    world.one(there);
}

#[test]
fn a_state_says_who_may_begin() {
    let (mut world, here, there) = two_networks(Config::default());
    let firewall = world.routers[0].firewall_mut();
    firewall.set_policy(Chain::Forward, Verdict::Drop);
    let states = States::of(&[State::Established, State::Related]);
    let known = firewall.append(Chain::Forward, Rule { states, ..Rule::accept() }).unwrap();
    let outwards = Rule { input: Some(port(0)), ..Rule::accept() };
    let outwards = firewall.append(Chain::Forward, outwards).unwrap();

    world.send(there, udp(THERE, HERE, b"unasked"));
    assert!(world.received(here).is_empty());
    world.send(here, udp(HERE, THERE, b"question"));
    world.one(there);
    for _ in 0..3 {
        world.send(there, udp(THERE, HERE, b"answer"));
        world.one(here);
        world.send(here, udp(HERE, THERE, b"more"));
        world.one(there);
    }
    let firewall = world.routers[0].firewall();
    assert_eq!(firewall.hits(outwards).unwrap().packets, 1, "what follows is established");
    assert_eq!(firewall.hits(known).unwrap().packets, 6);
    assert_eq!(firewall.policy_hits(Chain::Forward).packets, 1);
}

#[test]
fn a_new_rule_stops_what_is_under_way() {
    let (mut world, here, there) = two_networks(Config::default());
    world.send(here, udp(HERE, THERE, b""));
    world.one(there);
    world.send(there, udp(THERE, HERE, b""));
    world.one(here);
    let rule = Rule {
        source: Addresses::In(net("10.0.0.2/32")),
        protocol: Some(Protocol::UDP),
        target_ports: 53..=53,
        ..Rule::reject()
    };
    let id = world.routers[0].firewall_mut().append(Chain::Forward, rule).unwrap();
    world.send(here, udp(HERE, THERE, b""));
    let refused = world.one(here);
    let Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Prohibited, about }) = refused.transport
    else {
        panic!("{refused:?} is no refusal")
    };
    assert_eq!((about.source, about.target), (ip("10.0.0.2"), ip("10.0.1.2")));
    assert!(world.received(there).is_empty());
    world.routers[0].firewall_mut().remove(id).unwrap();
    world.send(here, udp(HERE, THERE, b""));
    world.one(there);
}

#[test]
fn another_route_takes_over_when_a_link_goes_down() {
    let mut world = World::default();
    world.router(Config::default(), &["10.0.0.1/24", "10.0.1.1/24", "10.0.2.1/24"]);
    let here = world.host(0, 0, "10.0.0.2");
    let (first, second) = (world.host(0, 1, "10.0.1.2"), world.host(0, 2, "10.0.2.2"));
    for (via, through, metric) in [("10.0.1.2", 1, 1), ("10.0.2.2", 2, 2)] {
        let route = Route { network: net("8.0.0.0/8"), via: Some(ip(via)), port: port(through), metric };
        world.routers[0].routes_mut().insert(route).unwrap();
    }
    let question = udp(HERE, ("8.8.8.8", 53), b"");
    world.send(here, question.clone());
    world.one(first);
    world.routers[0].set_up(port(1), false);
    world.send(here, question.clone());
    world.one(second);
    assert!(world.received(first).is_empty());
    world.routers[0].set_up(port(1), true);
    world.send(here, question);
    world.one(first);
    assert!(world.routers[0].remove_interface(port(1)));
    world.send(here, udp(HERE, ("10.0.1.2", 1), b""));
    assert!(matches!(
        world.one(here).transport,
        Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Network, .. })
    ));
}

#[test]
fn a_neighbour_that_gets_another_card_is_found_again() {
    let (mut world, here, there) = two_networks(Config::default());
    world.send(here, udp(HERE, THERE, b""));
    world.one(there);
    // The machine moves: it says so with its next question for the router.
    world.hosts[there].mac = Mac::local(0x77);
    let question = crate::frame::Arp {
        operation: crate::frame::ArpOperation::Request,
        source_mac: Mac::local(0x77),
        source: "10.0.1.2".parse().unwrap(),
        target_mac: Mac::UNSPECIFIED,
        target: "10.0.1.1".parse().unwrap(),
    };
    let body = Body::Arp(question);
    world.send_frame(there, Frame { source: Mac::local(0x77), target: Mac::BROADCAST, body });
    world.settle();
    world.send(here, udp(HERE, THERE, b""));
    world.one(there);
}

#[test]
fn a_loop_of_routes_ends_with_the_hops() {
    let mut world = World::default();
    world.router(Config::default(), &["10.0.0.1/24", "10.0.9.1/24"]);
    world.router(Config::default(), &["10.0.9.2/24"]);
    world.wire(Place::Router(0, 1), Place::Router(1, 0));
    world.route(0, "8.0.0.0/8", "10.0.9.2", 1);
    world.route(1, "0.0.0.0/0", "10.0.9.1", 0);
    let here = world.host(0, 0, "10.0.0.2");
    world.send(here, udp(HERE, ("8.8.8.8", 53), b""));
    let told = world.one(here);
    assert!(matches!(told.transport, Transport::Icmp(Icmp::TimeExceeded { in_transit: true, .. })));
}
