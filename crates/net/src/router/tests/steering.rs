//! Leading packets past a router whose answer is known.

use ironloom_core::Duration;

use super::world::*;
use crate::frame::{Body, Flags, Transport};
use crate::router::nat::SourceRule;
use crate::router::{Config, Router, Traffic};
use crate::{Frame, Node, Outbox, Packet};

const CLIENT: (&str, u16) = ("192.168.0.2", 4_000);
const SERVER: (&str, u16) = ("203.0.113.9", 80);

/// A connection that is established through a router that hides the client: how the server sees it.
fn established() -> (World, usize, usize, Packet) {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "203.0.113.1/24"]);
    let rule = SourceRule::masquerade(net("192.168.0.0/24"), port(1));
    world.routers[0].nat_mut().add_source(rule).unwrap();
    let (home, server) = (world.host(0, 0, CLIENT.0), world.host(0, 1, SERVER.0));
    world.send(home, tcp(CLIENT, SERVER, Flags::SYN, (0, 0)));
    let syn = world.one(server);
    let mut reply = answer(&syn);
    if let Transport::Tcp(segment) = &mut reply.transport {
        (segment.flags, segment.acknowledgement) = (Flags::SYN | Flags::ACK, 1);
    }
    world.send(server, reply.clone());
    world.one(home);
    world.send(home, tcp(CLIENT, SERVER, Flags::ACK, (1, 1)));
    world.one(server);
    (world, home, server, reply)
}

fn handled(router: &mut Router, now: ironloom_core::Instant, number: u16, packet: Packet) -> Frame {
    let mut out = Outbox::new();
    let frame = Frame { source: crate::Mac::local(5), target: card(0, number), body: Body::Ip(packet) };
    router.handle(now, port(number), frame, &mut out);
    out.next_frame().expect("it passes").1
}

#[test]
fn an_action_does_what_the_router_does() {
    let (mut world, _, _, reply) = established();
    let now = world.now;
    let router = &mut world.routers[0];
    let there = tcp(CLIENT, SERVER, Flags::ACK, (1, 1));
    let mut back = reply;
    if let Transport::Tcp(segment) = &mut back.transport {
        (segment.flags, segment.sequence, segment.acknowledgement) = (Flags::ACK, 1, 1);
    }
    handled(router, now, 1, back.clone());
    for (number, packet) in [(0, there), (1, back)] {
        let action = router.flow(&packet).expect("the way is known");
        assert!(action.admits(&packet) && router.is_valid(now, &action));
        let mut frame =
            Frame { source: crate::Mac::local(5), target: card(0, number), body: Body::Ip(packet.clone()) };
        action.apply(&mut frame);
        assert_eq!(frame, handled(router, now, number, packet.clone()));
        assert_eq!(action.output, port(1 - number));

        let fin = tcp(CLIENT, SERVER, Flags::FIN | Flags::ACK, (1, 1));
        assert!(!action.admits(&fin));
        assert!(!action.admits(&Packet { hops: 1, ..packet.clone() }));
        let large = Packet { may_fragment: false, ..udp(CLIENT, SERVER, &[0; 2_000]) };
        assert!(!action.admits(&large));
    }
}

#[test]
fn an_action_ends_with_its_generation() {
    let (mut world, ..) = established();
    let packet = tcp(CLIENT, SERVER, Flags::ACK, (1, 1));
    let router = &mut world.routers[0];
    let action = router.flow(&packet).unwrap();
    assert!(!router.is_valid(world.now.saturating_add(Duration::from_secs(15)), &action));
    router.firewall_mut();
    assert!(!router.is_valid(world.now, &action));
    assert_eq!(router.flow(&packet), None);
    handled(router, world.now, 0, packet.clone());
    assert!(router.flow(&packet).is_some());
}

/// What went by is counted, keeps the conversation alive, and does not make invalid what follows.
#[test]
fn what_went_by_is_accounted_for() {
    let (mut world, ..) = established();
    let packet = tcp(CLIENT, SERVER, Flags::ACK, (1, 1));
    let action = world.routers[0].flow(&packet).unwrap();
    let before = *world.routers[0].counters(port(1)).unwrap();
    world.pass(7_000);
    let (now, traffic) = (world.now, Traffic { packets: 1_000_000, bytes: 1_500_000_000 });
    assert!(world.routers[0].account(now, port(0), action.flow, traffic));
    world.pass(7_000);
    let router = &mut world.routers[0];
    let flow = &router.flows()[0];
    assert_eq!(flow.traffic[0].packets, 1_000_002);
    assert_eq!(router.counters(port(1)).unwrap().sent.packets, before.sent.packets + 1_000_000);
    // The numbers have moved on by more than any window.
    handled(router, world.now, 0, tcp(CLIENT, SERVER, Flags::ACK, (1_500_000_001, 1)));
    world.pass(8_000);
    let now = world.now;
    assert!(!world.routers[0].account(now, port(0), action.flow, traffic), "it is forgotten");
}
