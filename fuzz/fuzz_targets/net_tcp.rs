//! Two machines with a connection between them, and a wire that the bytes rule: it loses, doubles, delays, reorders and
//! damages. What arrives is what was sent, and once the wire is whole again both sides end.

#![no_main]

mod net_input;

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::frame::Body;
use ironloom_net::stack::{Config, Received, SocketError};
use ironloom_net::{Frame, Host, Interface, Mac, Node, Outbox, Port, SocketId, Stack, neighbours, tcp};
use libfuzzer_sys::fuzz_target;
use net_input::{Input, check};

const BYTES_MAX: u64 = 100_000;

struct Side {
    stack: Stack,
    out: Outbox,
    socket: Option<SocketId>,
    listener: Option<SocketId>,
    sent: u64,
    received: u64,
    saw_end: bool,
    has_finished: bool,
    error: Option<SocketError>,
}

struct World {
    now: Instant,
    sides: [Side; 2],
    /// What is under way to each side.
    wires: [VecDeque<Frame>; 2],
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let Some(mut world) = begin(&mut input) else { return };
    for _ in 0..1_000 {
        if act(&mut world, &mut input).is_none() {
            break;
        }
        settle(&mut world);
    }
    end(&mut world);
});

fn begin(input: &mut Input<'_>) -> Option<World> {
    let sides = [(1, input.byte()?), (2, input.byte()?)].map(|(number, kind)| side(number, kind));
    let now = Instant::from_nanos(1_000_000_000);
    let mut world = World { now, sides, wires: [VecDeque::new(), VecDeque::new()] };
    let listener = host(&mut world, 1).listen("0.0.0.0:80".parse().unwrap(), 4).unwrap();
    let socket = host(&mut world, 0).connect("10.0.0.2:80".parse().unwrap()).unwrap();
    (world.sides[0].socket, world.sides[1].listener) = (Some(socket), Some(listener));
    settle(&mut world);
    Some(world)
}

fn side(number: u64, kind: u8) -> Side {
    let tcp = tcp::Config {
        send_bytes_max: if kind & 1 > 0 { 3_000 } else { 60_000 },
        receive_bytes_max: if kind & 2 > 0 { 2_000 } else { 60_000 },
        offload_bytes_max: if kind & 4 > 0 { 0 } else { 65_536 },
        nagle: kind & 8 > 0,
        selective: kind & 16 > 0,
        timestamps: kind & 32 > 0,
        congestion: [tcp::Congestion::Cubic, tcp::Congestion::NewReno, tcp::Congestion::Unlimited]
            [usize::from(kind >> 6) % 3],
        early_ranges_max: 4,
        scoreboard_ranges_max: 4,
        retries_max: 40,
        syn_retries_max: 40,
        retransmit_max: Duration::from_secs(10),
        ..tcp::Config::default()
    };
    let neighbours = neighbours::Config { tries_max: 250, ..neighbours::Config::default() };
    let config = Config { tcp, neighbours, ..Config::default() };
    let mut stack = Stack::new(Arc::new(config), &mut Rng::new(Seed::new(number)));
    let address = format!("10.0.0.{number}/24").parse().unwrap();
    stack.attach(&Interface::new(Mac::local(number)).with_address(address));
    Side {
        stack,
        out: Outbox::new(),
        socket: None,
        listener: None,
        sent: 0,
        received: 0,
        saw_end: false,
        has_finished: false,
        error: None,
    }
}

fn host(world: &mut World, side: usize) -> Host<'_> {
    let Side { stack, out, .. } = &mut world.sides[side];
    Host::new(world.now, 0, stack, out)
}

/// The byte at a place of what a side sends.
fn byte_at(side: usize, place: u64) -> u8 {
    ((place + 7 * side as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

fn act(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let action = input.byte()?;
    let side = usize::from(action >> 7);
    let wire = &mut world.wires[side];
    match action % 16 {
        0..4 => {
            if let Some(frame) = wire.pop_front() {
                world.sides[side].stack.handle(world.now, Port::new(0), frame, &mut world.sides[side].out);
            }
        }
        4 => drop(wire.pop_front()),
        5 => wire.push_back(wire.front().cloned()?),
        6 => {
            let frame = wire.pop_front()?;
            wire.push_back(frame);
        }
        7 => {
            let (at, bit) = (usize::from(input.word()?), input.byte()? & 7);
            let frame = wire.pop_front()?;
            if matches!(frame.body, Body::Arp(_)) {
                // It has no checksum: who hears it would send to somebody else for minutes.
                return Some(());
            }
            let mut bytes = frame.to_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(frame) = Frame::parse(bytes.into()) {
                wire.push_front(frame);
            }
        }
        8 => {
            // A wire that carries less than a segment: its pieces travel on their own.
            let frame = wire.pop_front()?;
            let Body::Ip(packet) = &frame.body else { return Some(()) };
            let pieces: Vec<_> = packet.cut(1_500).take(50).collect();
            wire.extend(pieces.into_iter().map(|piece| Frame { body: Body::Ip(piece), ..frame.clone() }));
        }
        9 | 10 => world.now = world.now.saturating_add(Duration::from_micros(1 << (input.byte()? % 24))),
        11 | 12 => send(world, side, usize::from(input.byte()?) << 7),
        13 | 14 => receive(world, side, 1 + (usize::from(input.byte()?) << 7)),
        _ if input.byte()? % 8 == 0 => finish(world, side),
        _ => {}
    }
    Some(())
}

fn send(world: &mut World, side: usize, amount: usize) {
    let Side { socket: Some(socket), sent, has_finished: false, .. } = world.sides[side] else { return };
    let amount = (amount as u64).min(BYTES_MAX - sent);
    let bytes: Vec<u8> = (sent..sent + amount).map(|at| byte_at(side, at)).collect();
    if let Ok(taken) = host(world, side).send(socket, &bytes) {
        world.sides[side].sent += taken as u64;
    }
}

fn receive(world: &mut World, side: usize, amount: usize) {
    let Some(socket) = world.sides[side].socket else { return };
    let mut buffer = vec![0; amount];
    let received = host(world, side).receive(socket, &mut buffer);
    let sent = world.sides[1 - side].sent;
    let own = &mut world.sides[side];
    match received {
        Ok(Received::Bytes(count)) => {
            for (at, byte) in (own.received..).zip(&buffer[..count]) {
                assert_eq!(*byte, byte_at(1 - side, at), "the byte at {at}");
            }
            own.received += count as u64;
            assert!(own.received <= sent && !own.saw_end);
        }
        Ok(Received::Nothing) => assert!(!own.saw_end),
        Ok(Received::Finished) => {
            own.saw_end = true;
            assert!(world.sides[1 - side].has_finished && world.sides[side].received == sent);
        }
        Err(error) => own.error = Some(error),
    }
}

fn finish(world: &mut World, side: usize) {
    let Some(socket) = world.sides[side].socket else { return };
    world.sides[side].has_finished = true;
    host(world, side).finish(socket);
}

fn settle(world: &mut World) {
    for side in 0..2 {
        let own = &mut world.sides[side];
        if own.stack.next_event().is_some_and(|next| next <= world.now) {
            own.stack.expire(world.now, &mut own.out);
            assert!(own.stack.next_event().is_none_or(|next| next > world.now), "the clock goes on");
        }
        while let Some((_, frame)) = own.out.next_frame() {
            check(&frame, 1_500);
            let wire = &mut world.wires[1 - side];
            if wire.len() < 1_000 {
                wire.push_back(frame);
            }
        }
        while own.out.next_notice().is_some() || own.out.next_timer().is_some() {}
        if let (None, Some(listener)) = (own.socket, own.listener) {
            world.sides[side].socket = host(world, side).accept(listener).unwrap().map(|(socket, _)| socket);
        }
    }
}

/// The wire is whole: everything that was sent arrives, and both sides end well.
fn end(world: &mut World) {
    for _ in 0..100_000 {
        for side in 0..2 {
            if !world.sides[side].has_finished {
                finish(world, side);
            }
            receive(world, side, 1 << 16);
            while let Some(frame) = world.wires[side].pop_front() {
                world.sides[side].stack.handle(world.now, Port::new(0), frame, &mut world.sides[side].out);
                receive(world, side, 1 << 16);
                settle(world);
            }
        }
        settle(world);
        if world.sides.iter().all(|side| side.saw_end) {
            break;
        }
        if let Some(error) = world.sides.iter().find_map(|side| side.error) {
            // The wire carried nothing for so long that somebody gave up.
            assert!(world.now > Instant::from_nanos(60_000_000_000), "{error}");
            return;
        }
        if world.wires.iter().all(VecDeque::is_empty) {
            let events = world.sides.iter().filter_map(|side| side.stack.next_event());
            world.now = events.min().expect("somebody has something to do").max(world.now);
            settle(world);
        }
    }
    for (side, other) in [(0, 1), (1, 0)] {
        let (side, other) = (&world.sides[side], &world.sides[other]);
        assert!(
            side.saw_end && side.received == other.sent,
            "{} of {}: {:?}",
            side.received,
            other.sent,
            side.stack
        );
    }
}
