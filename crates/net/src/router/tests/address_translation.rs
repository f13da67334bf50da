use super::world::*;
use crate::frame::{Flags, Fragment, Icmp, Transport, Unreachable};
use crate::router::firewall::Protocol;
use crate::router::nat::{Behind, SourceRule, TargetRule};
use crate::router::{Config, Reason};

const HOME: (&str, u16) = ("192.168.0.2", 4_000);
const SERVER: (&str, u16) = ("203.0.113.9", 80);
const OUTSIDE: &str = "203.0.113.1";

/// A home behind one address, and a server in the world: the router, a machine at home, another, the server.
fn home() -> (World, usize, usize, usize) {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "203.0.113.1/24"]);
    let nat = world.routers[0].nat_mut();
    nat.add_source(SourceRule::masquerade(net("192.168.0.0/24"), port(1))).unwrap();
    let home = world.host(0, 0, HOME.0);
    let server = world.host(0, 1, SERVER.0);
    (world, home, 0, server)
}

#[test]
fn a_source_hides_and_is_found_by_its_answers() {
    let (mut world, home, _, server) = home();
    let questions =
        [udp(HOME, SERVER, b"udp"), tcp(HOME, SERVER, Flags::SYN, (1, 0)), ping(HOME.0, SERVER.0, 4_000)];
    for question in questions {
        world.send(home, question.clone());
        let arrived = world.one(server);
        assert_eq!((arrived.source, arrived.target), (ip(OUTSIDE), ip(SERVER.0)));
        assert!(SourceRule::PORTS.contains(&ports(&arrived).0));
        let mut reply = answer(&arrived);
        if let Transport::Tcp(segment) = &mut reply.transport {
            (segment.flags, segment.acknowledgement) = (Flags::SYN | Flags::ACK, 2);
        }
        world.send(server, reply);
        let returned = world.one(home);
        assert_eq!((returned.source, returned.target), (ip(SERVER.0), ip(HOME.0)));
        assert_eq!(ports(&returned), ports(&answer(&question)));
    }
    assert_eq!(world.routers[0].flows_len(), 3);
    assert!(world.routers[0].flows().iter().all(|flow| flow.is_translated() && flow.is_replied));
}

#[test]
fn a_socket_has_one_port_towards_everybody() {
    let (mut world, home, _, server) = home();
    world.send(home, udp(HOME, (SERVER.0, 1), b""));
    let first = world.one(server);
    world.send(home, udp(HOME, (SERVER.0, 2), b""));
    let second = world.one(server);
    assert_eq!(ports(&first).0, ports(&second).0);
}

#[test]
fn nobody_outside_begins() {
    let (mut world, home, _, server) = home();
    world.send(server, udp(SERVER, (OUTSIDE, 5_000), b""));
    assert!(world.received(home).is_empty());
    assert!(matches!(
        world.one(server).transport,
        Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Port, .. })
    ));
}

#[test]
fn ports_run_out_and_come_back() {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "203.0.113.1/24"]);
    let rule = SourceRule { ports: 5_000..=5_009, ..SourceRule::masquerade(net("192.168.0.0/24"), port(1)) };
    world.routers[0].nat_mut().add_source(rule).unwrap();
    let (home, server) = (world.host(0, 0, HOME.0), world.host(0, 1, SERVER.0));
    for source in 0..20 {
        world.send(home, udp((HOME.0, source + 100), SERVER, b""));
    }
    let mut used: Vec<u16> = world.received(server).iter().map(|packet| ports(packet).0).collect();
    used.sort_unstable();
    // Eight wait for the server's card at once, and what then follows finds it known.
    assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "no port is used twice: {used:?}");
    assert_eq!(world.routers[0].drops().of(Reason::PortsExhausted), 10);
    assert_eq!(world.routers[0].flows_len(), 10);
    // Another target is another matter.
    world.send(home, udp((HOME.0, 99), (SERVER.0, 81), b""));
    world.one(server);
    world.pass(31);
    assert_eq!(world.routers[0].flows_len(), 0);
    world.send(home, udp((HOME.0, 99), SERVER, b""));
    world.one(server);
}

#[test]
fn a_pool_is_used_up_address_by_address() {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "203.0.113.1/24"]);
    let behind = Behind::Addresses(vec![ip("203.0.113.50"), ip("203.0.113.51")]);
    let rule =
        SourceRule { behind, ports: 5_000..=5_001, ..SourceRule::masquerade(net("0.0.0.0/0"), port(1)) };
    world.routers[0].nat_mut().add_source(rule).unwrap();
    let (home, server) = (world.host(0, 0, HOME.0), world.host(0, 1, SERVER.0));
    for source in 0..6 {
        world.send(home, udp((HOME.0, source + 100), SERVER, b""));
    }
    let received = world.received(server);
    let mut used: Vec<_> = received.iter().map(|packet| (packet.source, ports(packet).0)).collect();
    assert_eq!(used[0].0, used[1].0, "a source keeps to one address while that has ports");
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 4);
    assert_eq!(world.routers[0].drops().of(Reason::PortsExhausted), 2);
}

/// A rule that leads the web to a machine at home.
fn forwarded() -> TargetRule {
    TargetRule {
        target: net("203.0.113.1/32"),
        protocol: Some(Protocol::TCP),
        ports: 8_000..=8_010,
        input: None,
        to: ip(HOME.0),
        to_port: Some(80),
    }
}

#[test]
fn a_forwarded_port_leads_to_a_machine_at_home() {
    let (mut world, home, _, server) = home();
    world.routers[0].nat_mut().add_target(forwarded()).unwrap();
    let client = (SERVER.0, 999);
    world.send(server, tcp(client, (OUTSIDE, 8_003), Flags::SYN, (1, 0)));
    let arrived = world.one(home);
    assert_eq!((arrived.source, arrived.target, ports(&arrived)), (ip(client.0), ip(HOME.0), (999, 83)));
    world.send(home, tcp((HOME.0, 83), client, Flags::SYN | Flags::ACK, (9, 2)));
    let returned = world.one(server);
    assert_eq!((returned.source, ports(&returned)), (ip(OUTSIDE), (8_003, 999)));
    world.send(server, tcp(client, (OUTSIDE, 9_000), Flags::SYN, (1, 0)));
    assert!(world.received(home).is_empty(), "other ports lead nowhere");
}

/// Who asks is next door to who answers, but knows only the address outside: the answer must not go there directly.
#[test]
fn a_forwarded_port_is_reached_from_home_too() {
    let (mut world, home, _, _) = home();
    world.routers[0].nat_mut().add_target(forwarded()).unwrap();
    // Both machines at home are on one wire: here one machine plays both.
    let client = ("192.168.0.77", 999);
    world.send(home, tcp(client, (OUTSIDE, 8_000), Flags::SYN, (1, 0)));
    let arrived = world.one(home);
    assert_eq!((arrived.source, arrived.target), (ip("192.168.0.1"), ip(HOME.0)));
    assert_eq!(ports(&arrived).1, 80);
    world.hosts[home].address = ip(client.0);
    let mut reply = answer(&arrived);
    if let Transport::Tcp(segment) = &mut reply.transport {
        (segment.flags, segment.acknowledgement) = (Flags::SYN | Flags::ACK, 2);
    }
    world.send(home, reply);
    let returned = world.one(home);
    assert_eq!((returned.source, returned.target), (ip(OUTSIDE), ip(client.0)));
    assert_eq!(ports(&returned), (8_000, 999));
}

#[test]
fn what_hides_nothing_is_left_alone() {
    let (mut world, home, _, server) = home();
    let nat = world.routers[0].nat_mut();
    let ids: Vec<_> = nat.sources().map(|(id, _)| id).collect();
    ids.into_iter().for_each(|id| assert!(nat.remove(id)));
    let masquerade = SourceRule::masquerade(net("192.168.0.0/24"), port(1));
    let exempt =
        SourceRule { target: Some(net("203.0.113.9/32")), behind: Behind::Nothing, ..masquerade.clone() };
    nat.add_source(exempt).unwrap();
    nat.add_source(masquerade).unwrap();
    world.send(home, udp(HOME, SERVER, b""));
    assert_eq!(world.one(server).source, ip(HOME.0));
}

/// An error about a packet that hides has to find its way back to who sent it, and quote what that has sent.
#[test]
fn errors_are_led_back_with_what_they_quote() {
    let (mut world, home, _, server) = home();
    for question in
        [udp(HOME, SERVER, b"12345678"), ping(HOME.0, SERVER.0, 7), tcp(HOME, SERVER, Flags::SYN, (1, 0))]
    {
        world.send(home, question.clone());
        let arrived = world.one(server);
        let about = Box::new(crate::frame::Quote::of(&arrived));
        let icmp = Icmp::Unreachable { reason: Unreachable::Host, about };
        world.send(server, packet("203.0.113.77", OUTSIDE, Transport::Icmp(icmp)));
        let told = world.one(home);
        assert_eq!((told.source, told.target), (ip("203.0.113.77"), ip(HOME.0)));
        let Transport::Icmp(Icmp::Unreachable { about, .. }) = told.transport else { panic!("{told:?}") };
        let expected = crate::frame::Quote::of(&crate::Packet { hops: 63, ..question });
        assert_eq!(*about, expected, "addresses, ports and checksums are those that were sent");
    }
    // What quotes nothing that passed is nobody's.
    let about = Box::new(crate::frame::Quote::of(&udp((OUTSIDE, 4), SERVER, b"12345678")));
    let icmp = Icmp::Unreachable { reason: Unreachable::Host, about };
    world.send(server, packet("203.0.113.77", OUTSIDE, Transport::Icmp(icmp)));
    assert!(world.received(home).is_empty());
    assert_eq!(world.routers[0].drops().of(Reason::Invalid), 1);
}

#[test]
fn a_server_that_is_not_there_is_told_through_translation() {
    let (mut world, home, _, _) = home();
    world.send(home, udp(HOME, ("203.0.113.99", 5), b"12345678"));
    world.pass(10);
    let told = world.one(home);
    assert_eq!(told.target, ip(HOME.0));
    let Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Host, about }) = told.transport else {
        panic!("{told:?}")
    };
    assert_eq!((about.source, about.target), (ip(HOME.0), ip("203.0.113.99")));
    assert_eq!(about.ports(), Some((4_000, 5)));
}

/// Only the first fragment has ports, so a packet is put together before it is translated.
#[test]
fn fragments_are_put_together_before_they_are_translated() {
    let (mut world, home, _, server) = home();
    let whole = crate::Packet { may_fragment: true, identification: 77, ..udp(HOME, SERVER, &[9; 4_000]) };
    let pieces: Vec<_> = whole.cut(1_500).collect();
    assert!(pieces.len() > 2);
    for piece in pieces.into_iter().rev() {
        world.send(home, piece);
    }
    let arrived = world.one(server);
    let Transport::Udp(datagram) = &arrived.transport else { panic!("{arrived:?}") };
    assert_eq!((arrived.source, datagram.payload.len()), (ip(OUTSIDE), 4_000));

    let alone = Fragment { protocol: 17, offset: 8, more: true, bytes: bytes::Bytes::from_static(&[0; 16]) };
    world.send(home, packet(HOME.0, SERVER.0, Transport::Fragment(alone)));
    world.pass(60);
    assert_eq!(world.routers[0].drops().of(Reason::Fragments), 1);
}

#[test]
fn two_routers_in_a_row_translate_twice() {
    let mut world = World::default();
    world.router(Config::default(), &["192.168.0.1/24", "100.64.0.2/24"]);
    world.router(Config::default(), &["100.64.0.1/24", "203.0.113.1/24"]);
    world.wire(Place::Router(0, 1), Place::Router(1, 0));
    world.route(0, "0.0.0.0/0", "100.64.0.1", 1);
    for router in 0..2 {
        let rule = SourceRule::masquerade(net("0.0.0.0/0"), port(1));
        world.routers[router].nat_mut().add_source(rule).unwrap();
    }
    let (home, server) = (world.host(0, 0, HOME.0), world.host(1, 1, SERVER.0));
    world.send(home, ping(HOME.0, SERVER.0, 3));
    let arrived = world.one(server);
    assert_eq!((arrived.source, arrived.hops), (ip(OUTSIDE), 62));
    world.send(server, answer(&arrived));
    assert_eq!(ports(&world.one(home)), (3, 3));
}
