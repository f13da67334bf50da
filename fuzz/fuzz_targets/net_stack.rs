//! Whatever frames a machine hears and whatever its programs do, it keeps no more than it may, and the clock goes on.

#![no_main]

mod net_input;

use std::net::SocketAddr;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::frame::{Arp, ArpOperation, Body, Segment, Transport};
use ironloom_net::stack::{Config, Hears};
use ironloom_net::{Frame, Host, Interface, Mac, Node, Outbox, Packet, Port, SocketId, Stack, tcp};
use libfuzzer_sys::fuzz_target;
use net_input::{Input, check, packet};

const SOCKETS_MAX: u32 = 40;
const BYTES_MAX: usize = 200_000;
const OWN: [u8; 4] = [10, 0, 0, 1];
const OTHER: [u8; 4] = [10, 0, 0, 2];

struct World {
    now: Instant,
    stack: Stack,
    out: Outbox,
    sockets: Vec<SocketId>,
    /// The last packet that left, and the last segment.
    packet: Option<Packet>,
    segment: Option<Segment>,
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
    let keepalive =
        tcp::Keepalive { idle: Duration::from_secs(9), interval: Duration::from_secs(2), questions_max: 3 };
    let tcp = tcp::Config {
        send_bytes_max: 30_000,
        receive_bytes_max: if kind & 1 > 0 { 3_000 } else { 60_000 },
        nagle: kind & 2 > 0,
        selective: kind & 4 > 0,
        timestamps: kind & 8 > 0,
        keepalive: (kind & 16 > 0).then_some(keepalive),
        user_timeout: (kind & 32 > 0).then_some(Duration::from_secs(20)),
        ..tcp::Config::default()
    };
    let config = Config {
        tcp,
        sockets_max: SOCKETS_MAX,
        half_open_max: 10,
        buffered_bytes_max: BYTES_MAX,
        queue_bytes_max: 20_000,
        loopback_packets_max: 50,
        time_wait_max: 5,
        ..Config::default()
    };
    let mut stack = Stack::new(Arc::new(config), &mut Rng::new(Seed::new(1)));
    let card = Interface::new(Mac::local(1)).with_address("10.0.0.1/24".parse().unwrap());
    stack.attach(&card.with_gateway(OTHER.into()));
    let (out, now) = (Outbox::new(), Instant::from_nanos(1_000_000_000));
    Some(World { now, stack, out, sockets: Vec::new(), packet: None, segment: None })
}

fn act(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    match input.byte()? % 16 {
        0 => {
            let frame = input.raw()?;
            hear(world, Frame { target: Mac::local(1), ..frame });
        }
        1..6 => {
            // An answer to what was said last, or something for a listener.
            let is_answer = input.byte()? % 4 > 0;
            let last = world.segment.clone().filter(|_| is_answer);
            let ports =
                last.as_ref().map_or((u16::from(input.byte()?), 80), |last| (last.target, last.source));
            let segment = input.segment(ports, last.as_ref())?;
            hear_packet(world, packet(OTHER, OWN, 64, Transport::Tcp(segment)));
        }
        6 => {
            let ports = (u16::from(input.byte()?), [53, 80, 7][usize::from(input.byte()? % 3)]);
            let (transport, hops) = (input.other(ports)?, input.byte()?);
            let source = [OTHER, OWN, [10, 0, 0, 255], [127, 0, 0, 1]][usize::from(hops >> 6)];
            hear_packet(world, packet(source, OWN, hops, transport));
        }
        7 => {
            let about = world.packet.clone()?;
            let icmp = input.icmp(&about)?;
            hear_packet(world, packet(OTHER, OWN, 64, Transport::Icmp(icmp)));
        }
        8 => {
            let operation = if input.byte()? % 2 == 0 { ArpOperation::Request } else { ArpOperation::Reply };
            let source_mac = Mac::local(u64::from(input.byte()?));
            let source = [10, 0, 0, input.byte()?].into();
            let arp = Arp { operation, source_mac, source, target_mac: Mac::local(1), target: OWN.into() };
            hear(world, Frame { source: source_mac, target: Mac::BROADCAST, body: Body::Arp(arp) });
        }
        9 | 10 => {
            let length = input.byte()?;
            let time = Duration::from_micros(1 << (length & 31));
            world.now = world.now.saturating_add(time);
        }
        11 => open(world, input)?,
        _ => use_socket(world, input)?,
    }
    Some(())
}

fn host(world: &mut World, owner: u64) -> Host<'_> {
    Host::new(world.now, owner, &mut world.stack, &mut world.out)
}

fn open(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (kind, which) = (input.byte()?, input.byte()?);
    let address = [OTHER, OWN, [127, 0, 0, 1], [10, 0, 0, 9]][usize::from(which & 3)];
    let remote = SocketAddr::new(address.into(), [80, 53, 7, 0][usize::from(which >> 6)]);
    let anywhere = SocketAddr::new([0, 0, 0, 0].into(), [80, 53, 7, 0][usize::from(which >> 6)]);
    let mut host = host(world, u64::from(kind >> 6));
    let opened = match kind % 8 {
        0..3 => host.connect(remote).ok(),
        3 => host.listen(anywhere, 4).ok(),
        4 => host.bind_udp(anywhere).ok(),
        5 => host.open_echo().ok(),
        6 => host.open_raw(if which & 1 > 0 { Hears::Protocol(6) } else { Hears::Frames(Port::new(0)) }).ok(),
        _ => host.connect_from(SocketAddr::new(OWN.into(), 80), remote).ok(),
    };
    world.sockets.extend(opened);
    Some(())
}

fn use_socket(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (which, how, amount) = (input.byte()?, input.byte()?, usize::from(input.byte()?) << 6);
    let count = world.sockets.len().max(1);
    let socket = *world.sockets.get(usize::from(which) % count)?;
    let mut host = host(world, 0);
    match how % 12 {
        0 | 1 => drop(host.send(socket, &vec![how; amount])),
        2 => drop(host.send_payload(socket, vec![how; amount].into())),
        3 => drop(host.receive(socket, &mut vec![0; amount])),
        4 => drop(host.receive_payload(socket, amount)),
        5 => host.finish(socket),
        6 => host.close(socket),
        7 => host.abort(socket),
        8 => {
            if let Ok(Some((accepted, _))) = host.accept(socket) {
                world.sockets.push(accepted);
            }
        }
        9 => {
            let _ = host.send_to(socket, vec![1; amount].into(), SocketAddr::new(OTHER.into(), 53));
            let _ = host.ping(socket, OTHER.into(), 1, vec![1; amount].into());
            let _ = host.send_raw(socket, vec![0x45; amount].into());
        }
        10 => {
            let _ = (host.receive_from(socket), host.receive_echo(socket), host.receive_raw(socket));
        }
        _ => host.close_all(),
    }
    Some(())
}

fn hear_packet(world: &mut World, packet: Packet) {
    hear(world, Frame { source: Mac::local(2), target: Mac::local(1), body: Body::Ip(packet) });
}

fn hear(world: &mut World, frame: Frame) {
    world.stack.handle(world.now, Port::new(0), frame, &mut world.out);
}

/// Does what is due, and looks at what left.
fn settle(world: &mut World) {
    if world.stack.next_event().is_some_and(|next| next <= world.now) {
        world.stack.expire(world.now, &mut world.out);
        assert!(world.stack.next_event().is_none_or(|next| next > world.now), "the clock goes on");
    }
    while let Some((_, frame)) = world.out.next_frame() {
        check(&frame, 1_500);
        if let Body::Ip(packet) = frame.body {
            if let Transport::Tcp(segment) = &packet.transport {
                world.segment = Some(segment.clone());
            }
            world.packet = Some(packet);
        }
    }
    while world.out.next_notice().is_some() || world.out.next_timer().is_some() {}
    let (sockets, bytes) = (world.stack.sockets(), world.stack.buffered_bytes());
    assert!(sockets <= SOCKETS_MAX, "{sockets} sockets");
    assert!(bytes <= BYTES_MAX + 20_000, "{bytes} bytes");
}

/// Once its programs have ended and time has gone by, nothing is left.
fn end(mut world: World) {
    for owner in 0..4 {
        host(&mut world, owner).close_all();
    }
    for _ in 0..10_000 {
        settle(&mut world);
        let Some(next) = world.stack.next_event() else { break };
        world.now = world.now.max(next);
    }
    let left = (world.stack.sockets(), world.stack.buffered_bytes(), world.stack.next_event());
    assert_eq!(left, (0, 0, None), "{:?}", world.stack);
}
