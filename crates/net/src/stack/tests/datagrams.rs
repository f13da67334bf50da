//! UDP, ICMP echo, and what ICMP says of datagrams.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Duration;

use super::world::World;
use crate::frame::Unreachable;
use crate::stack::{Answer, BindError, Config, DropReason, Route, SocketError};
use crate::{Interface, Mac, Payload, Port, Readiness};

const SECOND: Duration = Duration::from_secs(1);

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn payload(text: &str) -> Payload {
    text.as_bytes().to_vec().into()
}

#[test]
fn datagrams_arrive_and_are_answered() {
    let mut world = World::new(2);
    let server = world.host(1, |host| host.bind_udp(end("0.0.0.0:53")).unwrap());
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    world.host(0, |host| host.send_to(client, payload("who?"), end("10.0.0.2:53")).unwrap());
    world.run(SECOND);
    assert_eq!(world.take_notices(1), [(server, Readiness::READABLE)]);
    let (question, from) = world.host(1, |host| host.receive_from(server).unwrap().unwrap());
    assert_eq!((question, from.ip()), (payload("who?"), ip("10.0.0.1")));
    world.host(1, |host| host.send_to(server, payload("me"), from).unwrap());
    world.run(SECOND);
    let answer = world.host(0, |host| host.receive_from(client)).unwrap();
    assert_eq!(answer, Some((payload("me"), end("10.0.0.2:53"))));
    assert_eq!(world.host(0, |host| host.receive_from(client)), Ok(None));
    assert_eq!(world.frames, 4, "a question and an answer about the card, and two datagrams");
}

#[test]
fn everybody_hears_a_broadcast() {
    let mut world = World::new(3);
    let ears: Vec<_> =
        [1, 2].map(|machine| world.host(machine, |host| host.bind_udp(end("0.0.0.0:9")).unwrap())).into();
    let mouth = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    for target in ["10.0.0.255:9", "255.255.255.255:9"] {
        world.host(0, |host| host.send_to(mouth, payload("all"), end(target)).unwrap());
        world.run(SECOND);
        for machine in [1, 2] {
            let heard = world.host(machine, |host| host.receive_from(ears[machine - 1]).unwrap());
            assert_eq!(heard.unwrap().0, payload("all"));
        }
    }
}

#[test]
fn nobody_listens() {
    let mut world = World::new(2);
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    world.host(0, |host| host.connect_udp(client, end("10.0.0.2:53")).unwrap());
    world.host(0, |host| host.send_to(client, payload("who?"), end("10.0.0.2:53")).unwrap());
    world.run(SECOND);
    assert_eq!(world.host(0, |host| host.receive_from(client)), Err(SocketError::Refused));
    assert_eq!(world.host(0, |host| host.receive_from(client)), Ok(None), "it is told once");
    assert_eq!(world.machines[1].stack.counters().dropped(DropReason::NoSocket), 1);
}

#[test]
fn nobody_is_there() {
    let mut world = World::new(1);
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    world.host(0, |host| host.connect_udp(client, end("10.0.0.9:53")).unwrap());
    world.host(0, |host| host.send_to(client, payload("who?"), end("10.0.0.9:53")).unwrap());
    world.run(Duration::from_secs(5));
    let host_unreachable = SocketError::Unreachable { reason: Unreachable::Host };
    assert_eq!(world.host(0, |host| host.receive_from(client)), Err(host_unreachable));
    assert_eq!(world.frames, 3, "it asked three times");
    let no_route = world.host(0, |host| host.send_to(client, payload("who?"), end("192.0.2.1:53")));
    assert_eq!(no_route, Err(SocketError::NoRoute { address: ip("192.0.2.1") }));
}

#[test]
fn pings_come_back() {
    let mut world = World::new(2);
    let socket = world.host(0, |host| host.open_echo().unwrap());
    for (sequence, target) in ["10.0.0.2", "10.0.0.1", "127.0.0.1", "127.9.9.9"].into_iter().enumerate() {
        let sequence = sequence as u16;
        world.host(0, |host| host.ping(socket, ip(target), sequence, payload("hello")).unwrap());
        world.run(SECOND);
        let heard = world.host(0, |host| host.receive_echo(socket).unwrap().unwrap());
        assert_eq!((heard.from, heard.sequence), (ip(target), sequence));
        assert_eq!(heard.what, Answer::Here { payload: payload("hello"), hops: 64 });
    }
    world.host(0, |host| host.ping(socket, ip("10.0.0.7"), 9, payload("hello")).unwrap());
    world.run(Duration::from_secs(5));
    let heard = world.host(0, |host| host.receive_echo(socket).unwrap().unwrap());
    assert_eq!((heard.sequence, heard.what), (9, Answer::Unreachable(Unreachable::Host)));
}

#[test]
fn ports_belong_to_processes() {
    let mut world = World::new(2);
    let socket = world.host_of(0, 7, |host| host.bind_udp(end("0.0.0.0:53")).unwrap());
    let taken = world.host_of(0, 8, |host| host.bind_udp(end("10.0.0.1:53")));
    assert_eq!(taken, Err(BindError::InUse { address: end("10.0.0.1:53") }));
    let foreign = world.host_of(0, 8, |host| host.bind_udp(end("10.0.0.2:54")));
    assert_eq!(foreign, Err(BindError::NotOurs { address: ip("10.0.0.2") }));
    let now = world.now;
    world.host_of(0, 8, |host| {
        let mut out = crate::Outbox::new();
        host.stack().release_owner(now, 7, &mut out);
        assert_eq!(host.receive_from(socket), Err(SocketError::NoSuchSocket { socket }));
        host.bind_udp(end("10.0.0.1:53")).unwrap();
    });
}

#[test]
fn a_reader_that_never_reads_costs_little() {
    let config = Config { queue_bytes_max: 10_000, ..Config::default() };
    let mut world = World::with(2, &config);
    let server = world.host(1, |host| host.bind_udp(end("0.0.0.0:53")).unwrap());
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    for _ in 0..100 {
        world.host(0, |host| host.send_to(client, vec![0; 936].into(), end("10.0.0.2:53")).unwrap());
        world.run(SECOND);
    }
    assert_eq!(world.machines[1].stack.counters().dropped(DropReason::QueueFull), 90);
    assert_eq!(world.machines[1].stack.buffered_bytes(), 10_000);
    let mut received = 0;
    while world.host(1, |host| host.receive_from(server).unwrap()).is_some() {
        received += 1;
    }
    assert_eq!((received, world.machines[1].stack.buffered_bytes()), (10, 0));
}

#[test]
fn many_sockets_hear_what_is_theirs() {
    let mut world = World::new(2);
    let servers: Vec<_> = (0..1_000u16)
        .map(|port| {
            world.host(1, |host| host.bind_udp(SocketAddr::new(ip("0.0.0.0"), 1_000 + port)).unwrap())
        })
        .collect();
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    for port in (0..1_000).step_by(7) {
        let to = SocketAddr::new(ip("10.0.0.2"), 1_000 + port);
        world.host(0, |host| host.send_to(client, vec![port as u8; 3].into(), to).unwrap());
        world.run(SECOND);
        let heard = world.host(1, |host| host.receive_from(servers[port as usize]).unwrap());
        assert_eq!(heard.unwrap().0, Payload::from(vec![port as u8; 3]));
    }
    for socket in servers.into_iter().step_by(2) {
        world.host(1, |host| host.close(socket));
    }
    assert_eq!(world.machines[1].stack.sockets(), 500);
}

#[test]
fn large_pings_are_cut_and_put_together() {
    let mut world = World::new(2);
    let ping = world.host(0, |host| host.open_echo().unwrap());
    let large: Payload = vec![7; 60_000].into();
    world.host(0, |host| host.ping(ping, ip("10.0.0.2"), 1, large.clone()).unwrap());
    world.run(SECOND);
    let heard = world.host(0, |host| host.receive_echo(ping).unwrap().unwrap());
    assert_eq!(heard.what, Answer::Here { payload: large, hops: 64 });
}

#[test]
fn timers_ring_in_order() {
    let mut world = World::new(1);
    let start = world.now;
    for (token, millis) in [(1, 30), (2, 10), (3, 10), (4, 0)] {
        let at = start.saturating_add(Duration::from_millis(millis));
        assert!(world.host(0, |host| host.set_timer(at, token)));
    }
    world.run(SECOND);
    assert_eq!(world.machines[0].rings, [4, 2, 3, 1]);
}

#[test]
fn a_machine_that_moved_is_found_again() {
    let mut world = World::new(2);
    let socket = world.host(0, |host| host.bind_udp(end("0.0.0.0:1")).unwrap());
    let heard = world.host(1, |host| host.bind_udp(end("0.0.0.0:2")).unwrap());
    let send = |world: &mut World| {
        world.host(0, |host| host.send_to(socket, payload("x"), end("10.0.0.2:2")).unwrap());
        world.run(SECOND);
        world.host(1, |host| host.receive_from(heard).unwrap()).is_some()
    };
    assert!(send(&mut world));
    let card = Interface::new(Mac::local(77)).with_address("10.0.0.2/24".parse().unwrap());
    assert!(world.machines[1].stack.reconfigure(Port::new(0), &card));
    assert!(!send(&mut world), "it is sent to the card that was there before");
    world.announce(1);
    world.run(SECOND);
    assert!(send(&mut world));
}

#[test]
fn routes_lead_by_the_longest_network() {
    let mut world = World::new(3);
    let (card, network) = (Port::new(0), |text: &str| text.parse().unwrap());
    let via = |address: &str| Some(ip(address));
    let stack = &mut world.machines[0].stack;
    assert!(stack.add_route(Route { network: network("10.7.0.0/16"), gateway: via("10.0.0.2"), card }));
    assert!(stack.add_route(Route { network: network("10.7.7.0/24"), gateway: via("10.0.0.3"), card }));
    assert!(!stack.add_route(Route { network: network("10.7.7.0/24"), gateway: None, card: Port::new(1) }));
    let socket = world.host(0, |host| host.bind_udp(end("0.0.0.0:1")).unwrap());
    let mut arrivals = |target: &str, expected: [u64; 2]| {
        world.host(0, |host| host.send_to(socket, payload("x"), end(target)).unwrap());
        world.run(SECOND);
        let dropped =
            [1, 2].map(|machine| world.machines[machine].stack.counters().dropped(DropReason::OtherMachine));
        assert_eq!(dropped, expected, "{target}");
    };
    arrivals("10.7.1.1:1", [1, 0]);
    arrivals("10.7.7.1:1", [1, 1]);
    world.machines[0].stack.remove_routes(network("10.7.7.0/24"));
    world.host(0, |host| host.send_to(socket, payload("x"), end("10.7.7.1:1")).unwrap());
    world.run(SECOND);
    assert_eq!(world.machines[1].stack.counters().dropped(DropReason::OtherMachine), 2);
}

#[test]
fn ends_that_are_given_differ() {
    let mut world = World::new(1);
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let socket = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
        let local = world.host(0, |host| host.local(socket).unwrap());
        assert!((32_768..=60_999).contains(&local.port()), "{local}");
        assert!(ports.insert(local.port()), "{local} was given twice");
    }
    let config = Config { ephemeral_first: 40_000, ephemeral_last: 40_009, ..Config::default() };
    let mut world = World::with(1, &config);
    for _ in 0..10 {
        world.host(0, |host| host.bind_udp(end("0.0.0.0:0")).unwrap());
    }
    let none = world.host(0, |host| host.bind_udp(end("0.0.0.0:0")));
    assert_eq!(none, Err(BindError::NoPort { tried: 10 }));
}

/// A machine without an address asks everybody for one, and hears the answer to everybody.
#[test]
fn who_has_no_address_speaks_to_everybody() {
    let cards = |number: usize| {
        let card = Interface::new(Mac::local(number as u64));
        if number == 1 { card } else { card.with_address("10.0.0.2/24".parse().unwrap()) }
    };
    let mut world = World::with_cards(2, &Config::default(), cards);
    let client = world.host(0, |host| host.bind_udp(end("0.0.0.0:68")).unwrap());
    let server = world.host(1, |host| host.bind_udp(end("0.0.0.0:67")).unwrap());
    world.host(0, |host| host.send_to(client, payload("who am I?"), end("255.255.255.255:67")).unwrap());
    world.run(SECOND);
    let (_, from) = world.host(1, |host| host.receive_from(server).unwrap().unwrap());
    assert_eq!(from, end("0.0.0.0:68"));
    world.host(1, |host| host.send_to(server, payload("10.0.0.7"), end("255.255.255.255:68")).unwrap());
    world.run(SECOND);
    let heard = world.host(0, |host| host.receive_from(client).unwrap().unwrap());
    assert_eq!(heard, (payload("10.0.0.7"), end("10.0.0.2:67")));
}
