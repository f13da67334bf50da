//! A stack of the router's own, behind a port.

use super::world::*;
use crate::frame::{Arp, ArpOperation, Body, Flags, Transport};
use crate::router::firewall::{Chain, Rule, State, States, Verdict};
use crate::router::nat::SourceRule;
use crate::router::{Config, Reason, RouterError};
use crate::{Frame, Mac};

/// A home network, the world, and a stack that has the router's address at home.
fn served() -> (World, usize, usize, usize) {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "203.0.113.1/24"]);
    let (home, server) = (world.host(0, 0, "192.168.0.2"), world.host(0, 1, "203.0.113.9"));
    let stack = world.host(0, 9, "192.168.0.1");
    world.hosts[stack].mac = Mac::local(0x99);
    world.routers[0].attach(port(9), port(0), Mac::local(0x99)).unwrap();
    (world, home, server, stack)
}

/// A frame from the stack, which knows the router by the card of the port that it stands behind.
fn from_stack(world: &mut World, stack: usize, packet: crate::Packet) {
    let frame = Frame { source: Mac::local(0x99), target: card(0, 0), body: Body::Ip(packet) };
    world.send_frame(stack, frame);
}

#[test]
fn what_is_for_the_router_goes_to_its_stack_and_answers_come_back() {
    let (mut world, home, server, stack) = served();
    let question = udp(("192.168.0.2", 5), ("192.168.0.1", 53), b"who");
    world.send(home, crate::Packet { hops: 1, ..question.clone() });
    assert_eq!(world.one(stack), crate::Packet { hops: 1, ..question.clone() }, "no router is passed");
    from_stack(&mut world, stack, answer(&question));
    assert_eq!(world.one(home), answer(&question));
    // Echoes need no stack.
    world.send(home, ping("192.168.0.2", "192.168.0.1", 3));
    world.one(home);
    assert!(world.received(stack).is_empty());
    // The other address has no stack.
    world.send(server, tcp(("203.0.113.9", 5), ("203.0.113.1", 53), Flags::SYN, (1, 0)));
    assert!(
        matches!(world.one(server).transport, Transport::Tcp(segment) if segment.flags.contains(Flags::RST))
    );
}

#[test]
fn the_stack_reaches_the_world_and_cannot_lie() {
    let (mut world, home, server, stack) = served();
    from_stack(&mut world, stack, udp(("192.168.0.1", 53), ("203.0.113.9", 53), b"who"));
    let arrived = world.one(server);
    assert_eq!(arrived.hops, 64);
    world.send(server, answer(&arrived));
    world.one(stack);
    from_stack(&mut world, stack, udp(("203.0.113.1", 53), ("203.0.113.9", 53), b"who"));
    assert!(world.received(server).is_empty());
    assert_eq!(world.routers[0].drops().of(Reason::Spoofed), 1);
    // It asks for anybody and is told that they are here.
    let question = Arp {
        operation: ArpOperation::Request,
        source_mac: Mac::local(0x99),
        source: "192.168.0.1".parse().unwrap(),
        target_mac: Mac::UNSPECIFIED,
        target: "192.168.0.2".parse().unwrap(),
    };
    let frame = Frame { source: Mac::local(0x99), target: Mac::BROADCAST, body: Body::Arp(question) };
    world.send_frame(stack, frame);
    world.settle();
    let Body::Arp(told) = &world.seen.last().unwrap().body else { panic!("nobody answered") };
    assert_eq!((told.source_mac, told.operation), (card(0, 0), ArpOperation::Reply));
    assert!(world.received(home).is_empty());
}

/// As a DHCP server needs it.
#[test]
fn what_is_for_everybody_passes_between_a_network_and_the_stack() {
    let (mut world, home, server, stack) = served();
    let discover = udp(("0.0.0.0", 68), ("255.255.255.255", 67), b"discover");
    let frame = Frame { source: Mac::local(7), target: Mac::BROADCAST, body: Body::Ip(discover.clone()) };
    world.send_frame(home, frame);
    assert_eq!(world.one(stack), discover);
    let offer = udp(("192.168.0.1", 67), ("255.255.255.255", 68), b"offer");
    let frame = Frame { source: Mac::local(0x99), target: Mac::BROADCAST, body: Body::Ip(offer.clone()) };
    world.send_frame(stack, frame);
    assert_eq!(world.one(home), offer);
    assert!(world.received(server).is_empty());
    world.send(home, udp(("192.168.0.2", 1), ("192.168.0.255", 2), b"all"));
    world.one(stack);
}

#[test]
fn the_input_and_output_chains_are_for_the_stack() {
    let (mut world, home, server, stack) = served();
    let firewall = world.routers[0].firewall_mut();
    firewall.set_policy(Chain::Input, Verdict::Drop);
    let states = States::of(&[State::Established]);
    firewall.append(Chain::Input, Rule { states, ..Rule::accept() }).unwrap();
    firewall.append(Chain::Output, Rule { target_ports: 25..=25, ..Rule::drop() }).unwrap();
    world.send(home, udp(("192.168.0.2", 5), ("192.168.0.1", 53), b""));
    world.send(home, ping("192.168.0.2", "192.168.0.1", 3));
    assert!(world.received(stack).is_empty() && world.received(home).is_empty());
    from_stack(&mut world, stack, udp(("192.168.0.1", 53), ("203.0.113.9", 53), b""));
    let arrived = world.one(server);
    world.send(server, answer(&arrived));
    world.one(stack);
    from_stack(&mut world, stack, udp(("192.168.0.1", 53), ("203.0.113.9", 25), b""));
    assert!(world.received(server).is_empty());
}

#[test]
fn the_router_speaks_from_another_port_if_somebody_hides_behind_its_own() {
    let (mut world, home, server, stack) = served();
    world.routers[0].remove_interface(port(9));
    world.routers[0].attach(port(9), port(1), Mac::local(0x99)).unwrap();
    let rule = SourceRule { ports: 7_000..=7_000, ..SourceRule::masquerade(net("192.168.0.0/24"), port(1)) };
    world.routers[0].nat_mut().add_source(rule).unwrap();
    world.send(home, udp(("192.168.0.2", 5), ("203.0.113.9", 53), b""));
    assert_eq!(ports(&world.one(server)), (7_000, 53));
    let frame = |packet| Frame { source: Mac::local(0x99), target: card(0, 1), body: Body::Ip(packet) };
    world.send_frame(stack, frame(udp(("203.0.113.1", 7_000), ("203.0.113.9", 53), b"")));
    let arrived = world.one(server);
    assert_ne!(ports(&arrived).0, 7_000);
    world.send(server, answer(&arrived));
    assert_eq!(ports(&world.one(stack)), (53, 7_000));
}

#[test]
fn ports_and_addresses_are_given_once() {
    let (mut world, ..) = served();
    let router = &mut world.routers[0];
    let interface = |address| crate::router::Interface::new(Mac::local(1), net(address));
    let refused = |result: Result<(), RouterError>| result.expect_err("this is not to be had");
    assert!(matches!(
        refused(router.add_interface(port(0), interface("10.0.0.1/24"))),
        RouterError::PortInUse { .. }
    ));
    let known = router.add_interface(port(5), interface("192.168.0.1/30"));
    assert!(matches!(refused(known), RouterError::Address { .. }));
    let many = router.add_interface(port(5), interface("224.0.0.1/30"));
    assert!(matches!(refused(many), RouterError::Address { .. }));
    let beyond = router.add_interface(port(5_000), interface("10.0.0.1/24"));
    assert!(matches!(refused(beyond), RouterError::NoSuchPort { .. }));
    assert!(matches!(
        refused(router.attach(port(6), port(9), Mac::local(1))),
        RouterError::NoInterface { .. }
    ));
    let routes = router.routes().len();
    assert!(router.remove_interface(port(0)));
    assert!(router.interface(port(9)).is_none(), "the stack goes with the port");
    assert_eq!(router.routes().len(), routes - 1);
    assert!(!router.remove_interface(port(0)));
}
