//! TCP between stacks: how connections begin and end, and what limits them.

use std::net::{Ipv4Addr, SocketAddr};

use ironloom_core::{Duration, Rng, Seed};

use super::world::World;
use crate::frame::{Body, Flags, Options, Segment, Transport, Unreachable};
use crate::stack::{BindError, Config, ConnectError, DropReason, Interface, Received, SocketError};
use crate::{Frame, Host, Mac, Packet, Payload, Readiness, SocketId, tcp};

const SECOND: Duration = Duration::from_secs(1);

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A connection from machine 0 to a listener of machine 1; both ends and the listener.
fn pair(world: &mut World) -> (SocketId, SocketId, SocketId) {
    let listener = world.host(1, |host| host.listen(end("0.0.0.0:80"), 16).unwrap());
    let client = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    world.run(SECOND);
    assert_eq!(world.take_notices(0), [(client, Readiness::WRITABLE)]);
    assert_eq!(world.take_notices(1), [(listener, Readiness::READABLE)]);
    let (server, from) = world.host(1, |host| host.accept(listener).unwrap().unwrap());
    assert_eq!(from, world.host(0, |host| host.local(client).unwrap()));
    (client, server, listener)
}

/// Everything that is there to be received.
fn drain(host: &mut Host<'_>, socket: SocketId) -> (Vec<u8>, Result<Received, SocketError>) {
    let (mut all, mut buffer) = (Vec::new(), [0; 5_000]);
    loop {
        match host.receive(socket, &mut buffer) {
            Ok(Received::Bytes(bytes)) => all.extend_from_slice(&buffer[..bytes]),
            other => return (all, other),
        }
    }
}

/// Moves bytes from one machine to another until all of them have arrived.
fn transfer(world: &mut World, from: (usize, SocketId), to: (usize, SocketId), bytes: &[u8]) {
    let (mut sent, mut received) = (0, Vec::new());
    let until = world.now.saturating_add(Duration::from_secs(600));
    while received.len() < bytes.len() {
        sent += world.host(from.0, |host| host.send(from.1, &bytes[sent..]).unwrap());
        let (new, end) = world.host(to.0, |host| drain(host, to.1));
        assert_eq!(end, Ok(Received::Nothing));
        received.extend(new);
        assert!(
            received.len() == bytes.len() || world.step(until),
            "it stands still after {}",
            received.len()
        );
    }
    assert!(received == bytes, "what arrived is not what was sent");
}

fn random(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(Seed::new(seed)).fill(&mut bytes);
    bytes
}

#[test]
fn bytes_arrive_both_ways() {
    let mut world = World::new(2);
    let (client, server, _) = pair(&mut world);
    transfer(&mut world, (0, client), (1, server), &random(3_000_000, 1));
    transfer(&mut world, (1, server), (0, client), &random(100, 2));
    world.host(0, |host| host.close(client));
    world.host(1, |host| host.close(server));
    world.run(Duration::from_secs(1));
    assert_eq!((world.machines[0].stack.sockets(), world.machines[1].stack.sockets()), (1, 2));
    world.run(Duration::from_secs(70));
    let sockets = (world.machines[0].stack.sockets(), world.machines[1].stack.sockets());
    assert_eq!(sockets, (0, 1), "TIME-WAIT is over, and the listener is left");
    assert_eq!(world.machines[0].stack.buffered_bytes() + world.machines[1].stack.buffered_bytes(), 0);
    let counters = world.machines.iter().map(|machine| machine.stack.counters().iter().count());
    assert_eq!(counters.sum::<usize>(), 0, "nothing was dropped");
}

#[test]
fn bytes_arrive_without_being_copied() {
    let mut world = World::new(2);
    let (client, server, _) = pair(&mut world);
    let bytes = random(100_000, 9);
    let payload = Payload::from(bytes.clone());
    assert_eq!(world.host(0, |host| host.send_payload(client, payload)), Ok(100_000));
    let mut received = Vec::new();
    while received.len() < bytes.len() {
        world.run(Duration::from_millis(1));
        while let Some(payload) = world.host(1, |host| host.receive_payload(server, 7_000).unwrap()) {
            assert!(payload.len() <= 7_000);
            received.extend_from_slice(&payload.to_bytes());
        }
    }
    assert!(received == bytes);
    world.host(0, |host| host.close(client));
    world.run(SECOND);
    assert_eq!(world.host(1, |host| host.receive_payload(server, 1)), Ok(Some(Payload::EMPTY)));
}

#[test]
fn bytes_arrive_though_frames_are_lost() {
    for seed in 0..20 {
        let mut world = World::new(2);
        let (client, server, _) = pair(&mut world);
        world.loss = 5 + seed * 5;
        transfer(&mut world, (0, client), (1, server), &random(300_000, seed));
    }
}

#[test]
fn one_side_finishes_before_the_other() {
    let mut world = World::new(2);
    let (client, server, _) = pair(&mut world);
    world.host(0, |host| {
        host.send(client, b"question").unwrap();
        host.finish(client);
        assert_eq!(host.send(client, b"more"), Err(SocketError::Finished));
    });
    world.run(SECOND);
    let heard = world.host(1, |host| drain(host, server));
    assert_eq!(heard, (b"question".to_vec(), Ok(Received::Finished)));
    transfer(&mut world, (1, server), (0, client), &random(200_000, 3));
    world.host(1, |host| host.close(server));
    world.run(SECOND);
    assert_eq!(world.host(0, |host| drain(host, client)), (Vec::new(), Ok(Received::Finished)));
    world.host(0, |host| host.close(client));
    assert_eq!(
        world.host(0, |host| host.send(client, b"x")),
        Err(SocketError::NoSuchSocket { socket: client })
    );
    world.run(Duration::from_secs(70));
    assert_eq!((world.machines[0].stack.sockets(), world.machines[1].stack.sockets()), (0, 1));
}

#[test]
fn nobody_listens() {
    let mut world = World::new(2);
    let client = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    world.run(SECOND);
    assert!(world.take_notices(0)[0].1.contains(Readiness::OVER));
    assert_eq!(world.host(0, |host| host.receive(client, &mut [0; 9])), Err(SocketError::Refused));
    assert_eq!(world.host(0, |host| host.send(client, b"x")), Err(SocketError::Refused));
    world.host(0, |host| host.close(client));
    assert_eq!(world.machines[0].stack.sockets(), 0);
}

#[test]
fn nobody_is_there() {
    let mut world = World::new(1);
    let client = world.host(0, |host| host.connect(end("10.0.0.9:80")).unwrap());
    world.run(Duration::from_secs(5));
    let error = SocketError::Unreachable { reason: Unreachable::Host };
    assert_eq!(world.host(0, |host| host.receive(client, &mut [0; 9])), Err(error));
    let no_route = world.host(0, |host| host.connect(end("192.0.2.1:80")));
    assert_eq!(no_route, Err(ConnectError::NoRoute { address: end("192.0.2.1:80").ip() }));
    let nonsense = world.host(0, |host| host.connect(end("10.0.0.255:80")));
    assert_eq!(nonsense, Err(ConnectError::NotSingle { address: end("10.0.0.255:80") }));
}

#[test]
fn nobody_answers() {
    let mut world = World::new(2);
    let client = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    world.run(SECOND);
    world.host(0, |host| host.close(client));
    world.machines[1].is_linked = false;
    let client = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    world.run(Duration::from_secs(30));
    assert_eq!(world.host(0, |host| host.receive(client, &mut [0; 9])), Ok(Received::Nothing));
    world.run(Duration::from_secs(300));
    let failed = world.host(0, |host| host.receive(client, &mut [0; 9]));
    assert_eq!(failed, Err(SocketError::TimedOut));
    world.host(0, |host| host.close(client));
    assert_eq!((world.machines[0].stack.sockets(), world.next_event()), (0, None));
}

#[test]
fn a_backlog_that_is_full_is_not_refused() {
    let mut world = World::new(2);
    let listener = world.host(1, |host| host.listen(end("0.0.0.0:80"), 3).unwrap());
    let clients: Vec<_> =
        (0..5).map(|_| world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap())).collect();
    world.run(SECOND);
    let made = world.take_notices(0).len();
    assert_eq!(made, 3);
    for _ in 0..3 {
        assert!(world.host(1, |host| host.accept(listener).unwrap()).is_some());
    }
    assert_eq!(world.host(1, |host| host.accept(listener)), Ok(None));
    world.run(Duration::from_secs(4));
    assert_eq!(world.take_notices(0).len(), 2, "they tried again");
    let counters = world.machines[1].stack.counters();
    assert!(counters.dropped(DropReason::Backlog) + counters.dropped(DropReason::HalfOpen) >= 2);
    // What nobody accepted is broken off with the listener.
    world.host(1, |host| host.close(listener));
    world.run(SECOND);
    let broken = clients.iter().filter(|client| {
        world.host(0, |host| host.receive(**client, &mut [0; 9])) == Err(SocketError::Reset)
    });
    assert_eq!(broken.count(), 2);
}

/// A segment that asks for a connection, from anywhere.
fn syn(from: u32, port: u16) -> Frame {
    let segment = Segment {
        source: port,
        target: 80,
        sequence: from,
        acknowledgement: 0,
        flags: Flags::SYN,
        window: 1_000,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    };
    let packet = Packet {
        source: Ipv4Addr::from(0x0A00_0000 + from).into(),
        target: Ipv4Addr::new(10, 0, 0, 2).into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: false,
        transport: Transport::Tcp(segment),
    };
    Frame { source: Mac::local(99), target: Mac::local(2), body: Body::Ip(packet) }
}

#[test]
fn a_flood_of_first_segments_is_bounded() {
    let config = Config { half_open_max: 100, ..Config::default() };
    let mut world = World::with(2, &config);
    let listeners = ["10.0.0.2:80", "10.0.0.2:81"];
    let [first, _] = listeners.map(|local| world.host(1, |host| host.listen(end(local), 1_000).unwrap()));
    for number in 0..100_000 {
        world.inject(1, syn(10 + number % 200, number as u16));
    }
    let stack = &world.machines[1].stack;
    assert_eq!((stack.sockets(), stack.buffered_bytes()), (102, 0));
    assert_eq!(stack.counters().dropped(DropReason::HalfOpen), 99_900);
    assert!(stack.counters().dropped(DropReason::NeighbourQueue) < 100);
    world.host(1, |host| host.close(first));
    world.run(Duration::from_secs(200));
    assert_eq!(world.machines[1].stack.sockets(), 1, "what nobody confirmed is forgotten");
}

#[test]
fn answers_to_a_scan_are_limited() {
    let config = Config { resets_per_second_max: 50, ..Config::default() };
    let mut world = World::with(2, &config);
    for port in 1..1_000 {
        world.inject(1, syn(1, port));
    }
    let counters = world.machines[1].stack.counters();
    assert_eq!(counters.dropped(DropReason::RateLimit), 999 - 50);
    assert_eq!(counters.dropped(DropReason::NoConnection), 999);
}

#[test]
fn ports_belong_to_processes() {
    let mut world = World::new(2);
    let listener = world.host_of(1, 7, |host| host.listen(end("0.0.0.0:80"), 16).unwrap());
    let taken = world.host_of(1, 8, |host| host.listen(end("10.0.0.2:80"), 16));
    assert_eq!(taken, Err(BindError::InUse { address: end("10.0.0.2:80") }));
    let client = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    let other = world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap());
    world.run(SECOND);
    let (server, _) = world.host_of(1, 7, |host| host.accept(listener).unwrap().unwrap());
    let now = world.now;
    world.host_of(1, 7, |host| host.send(server, b"last words").unwrap());
    // The process ends: its sockets are closed, and its port is free.
    let mut out = crate::Outbox::new();
    world.machines[1].stack.release_owner(now, 7, &mut out);
    while let Some((_, frame)) = out.next_frame() {
        world.inject(0, frame);
    }
    world.host_of(1, 8, |host| host.listen(end("10.0.0.2:80"), 16).unwrap());
    world.run(SECOND);
    let heard = world.host(0, |host| drain(host, client));
    assert_eq!(heard, (b"last words".to_vec(), Ok(Received::Finished)));
    assert_eq!(world.host(0, |host| drain(host, other)).1, Err(SocketError::Reset));
}

#[test]
fn a_machine_speaks_to_itself() {
    let mut world = World::new(1);
    let listener = world.host(0, |host| host.listen(end("0.0.0.0:80"), 16).unwrap());
    for target in ["127.0.0.1:80", "10.0.0.1:80", "127.1.2.3:80", "[::1]:80"] {
        let client = world.host(0, |host| host.connect(end(target)).unwrap());
        world.run(SECOND);
        let (server, _) = world.host(0, |host| host.accept(listener).unwrap().unwrap());
        transfer(&mut world, (0, client), (0, server), &random(1_000_000, 1));
        transfer(&mut world, (0, server), (0, client), &random(1_000, 2));
        world.host(0, |host| (host.close(client), host.close(server)));
    }
    assert_eq!(world.frames, 0, "nothing left the machine");
    let refused = world.host(0, |host| host.connect(end("127.0.0.1:81")).unwrap());
    world.run(SECOND);
    assert_eq!(world.host(0, |host| drain(host, refused)).1, Err(SocketError::Refused));
}

#[test]
fn who_never_reads_is_sent_no_more_than_fits() {
    let mut world = World::new(2);
    let (client, server, _) = pair(&mut world);
    let (mut sent, bytes) = (0, random(100_000, 4));
    for _ in 0..100 {
        sent += world.host(0, |host| host.send(client, &bytes).unwrap());
        world.run(Duration::from_millis(50));
    }
    let tcp = tcp::Config::default();
    let most = (tcp.send_bytes_max + tcp.receive_bytes_max) as usize;
    assert!(sent <= most, "{sent}");
    let held = |world: &World, machine: usize| world.machines[machine].stack.buffered_bytes();
    assert!(held(&world, 1) <= 2 * tcp.receive_bytes_max as usize, "{}", held(&world, 1));
    world.take_notices(0);
    let (read, _) = world.host(1, |host| drain(host, server));
    assert!(!read.is_empty());
    world.run(SECOND);
    assert!(world.take_notices(0).contains(&(client, Readiness::WRITABLE)));
}

/// A file may be larger than what a machine may keep. Of such an offer a connection takes what it has room for; if that
/// counted as a lack of memory, the program would be told at once that there is room, and would offer it for ever.
#[test]
fn an_offer_beyond_memory_is_no_lack_of_it() {
    let config = Config { buffered_bytes_max: 1 << 20, ..Config::default() };
    let mut world = World::with(2, &config);
    let (client, ..) = pair(&mut world);
    let file = Payload::from(vec![0; 2 << 20]);
    let taken = world.host(0, |host| host.send_payload(client, file).unwrap());
    assert!(taken < 1 << 20, "{taken}");
    assert_eq!(world.take_notices(0), []);
}

#[test]
fn a_machine_keeps_as_many_bytes_as_it_may() {
    let config = Config { buffered_bytes_max: 400_000, ..Config::default() };
    let mut world = World::with(2, &config);
    let listener = world.host(1, |host| host.listen(end("0.0.0.0:80"), 64).unwrap());
    let clients: Vec<_> =
        (0..20).map(|_| world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap())).collect();
    world.run(SECOND);
    let bytes = random(100_000, 5);
    for _ in 0..10 {
        for client in &clients {
            world.host(0, |host| host.send(*client, &bytes).unwrap());
        }
        world.run(Duration::from_millis(100));
        for machine in &world.machines {
            assert!(machine.stack.buffered_bytes() <= 500_000, "{}", machine.stack.buffered_bytes());
        }
    }
    // Once somebody reads, everybody goes on.
    let mut servers = Vec::new();
    while let Some((server, _)) = world.host(1, |host| host.accept(listener).unwrap()) {
        servers.push((server, 0));
    }
    let mut sent: Vec<usize> = vec![0; clients.len()];
    for _ in 0..400 {
        for (server, received) in &mut servers {
            *received += world.host(1, |host| drain(host, *server)).0.len();
        }
        world.run(Duration::from_millis(100));
        for (client, _) in world.take_notices(0) {
            let index = clients.iter().position(|other| *other == client).unwrap();
            sent[index] += world.host(0, |host| host.send(client, &bytes).unwrap());
        }
    }
    assert!(servers.iter().all(|(_, received)| *received >= 100_000), "{servers:?}");
}

#[test]
fn cards_of_other_sizes_send_other_segments() {
    let cards = |number: usize| {
        let address = format!("10.0.0.{number}/24").parse().unwrap();
        let card = Interface::new(Mac::local(number as u64)).with_address(address);
        Interface { mtu: if number == 1 { 600 } else { 9_000 }, offload: number == 2, ..card }
    };
    let mut world = World::with_cards(2, &Config::default(), cards);
    let (client, server, _) = pair(&mut world);
    transfer(&mut world, (0, client), (1, server), &random(100_000, 6));
    assert!(world.frames > 100_000 / 560);
    transfer(&mut world, (1, server), (0, client), &random(100_000, 7));
}

#[test]
fn an_end_is_not_used_again_too_early() {
    let mut world = World::new(2);
    let (client, server, _) = pair(&mut world);
    let local = world.host(0, |host| host.local(client).unwrap());
    world.host(0, |host| host.close(client));
    world.host(1, |host| host.close(server));
    world.run(SECOND);
    let again = world.host(0, |host| host.connect_from(local, end("10.0.0.2:80")));
    assert_eq!(again, Err(BindError::InUse { address: local }.into()));
    let alone = world.host(0, |host| host.stack().listen_alone(0, local, 1));
    assert_eq!(alone, Err(BindError::InUse { address: local }));
    let anyway = world.host(0, |host| host.listen(local, 1).unwrap());
    world.host(0, |host| host.close(anyway));
    world.run(Duration::from_secs(61));
    world.host(0, |host| host.connect_from(local, end("10.0.0.2:80")).unwrap());
    world.run(SECOND);
    assert!(world.take_notices(0).iter().any(|(_, readiness)| readiness.contains(Readiness::WRITABLE)));
}

/// Who finished first waits for late segments, and still lets the other side begin anew from the same port.
#[test]
fn the_same_ends_are_connected_again() {
    let mut world = World::new(2);
    let (client, server, listener) = pair(&mut world);
    let local = world.host(0, |host| host.local(client).unwrap());
    world.host(1, |host| host.close(server));
    world.run(Duration::from_millis(10));
    world.host(0, |host| host.close(client));
    world.run(Duration::from_millis(10));
    assert_eq!((world.machines[0].stack.sockets(), world.machines[1].stack.sockets()), (0, 2));
    let client = world.host(0, |host| host.connect_from(local, end("10.0.0.2:80")).unwrap());
    world.run(Duration::from_millis(10));
    let (server, from) = world.host(1, |host| host.accept(listener).unwrap().unwrap());
    assert_eq!((from, world.machines[1].stack.sockets()), (local, 2));
    transfer(&mut world, (0, client), (1, server), &random(10_000, 8));
}

/// A process asks whether the other side is there, and hears that it is not.
#[test]
fn who_vanished_is_noticed() {
    let mut world = World::new(2);
    let (client, _, _) = pair(&mut world);
    let now = world.now;
    world.host(0, |host| host.stack().set_keepalive(now, client, true).unwrap());
    world.machines[1].is_linked = false;
    world.run(Duration::from_secs(7_000));
    assert_eq!(world.host(0, |host| drain(host, client)).1, Ok(Received::Nothing));
    world.run(Duration::from_secs(1_000));
    assert_eq!(world.host(0, |host| drain(host, client)).1, Err(SocketError::TimedOut));
}

#[test]
fn many_connections_at_once() {
    let mut world = World::new(2);
    let listener = world.host(1, |host| host.listen(end("0.0.0.0:80"), 2_000).unwrap());
    let clients: Vec<_> =
        (0..1_000).map(|_| world.host(0, |host| host.connect(end("10.0.0.2:80")).unwrap())).collect();
    world.run(Duration::from_secs(10));
    let mut ports = std::collections::BTreeSet::new();
    let mut servers = Vec::new();
    while let Some((server, from)) = world.host(1, |host| host.accept(listener).unwrap()) {
        assert!(ports.insert(from.port()), "{from} came twice");
        servers.push((server, from));
    }
    assert_eq!(servers.len(), 1_000);
    for (number, client) in clients.iter().enumerate() {
        let text = number.to_string();
        world.host(0, |host| host.send(*client, text.as_bytes()).unwrap());
    }
    world.run(SECOND);
    for (server, from) in &servers {
        let (text, _) = world.host(1, |host| drain(host, *server));
        let client = clients[String::from_utf8(text).unwrap().parse::<usize>().unwrap()];
        assert_eq!(world.host(0, |host| host.local(client).unwrap()), *from);
    }
    for client in clients {
        world.host(0, |host| host.abort(client));
    }
    world.run(SECOND);
    let broken = servers
        .iter()
        .filter(|(server, _)| world.host(1, |host| drain(host, *server)).1 == Err(SocketError::Reset));
    assert_eq!(broken.count(), 1_000);
    assert_eq!(world.machines[0].stack.sockets(), 0);
}
