//! Frames that nobody should send.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use ironloom_core::{Duration, Rng, Seed};

use super::world::World;
use crate::frame::{
    Arp, ArpOperation, Body, Datagram, Echo, Flags, Fragment, Icmp, Options, Quote, Segment, Timestamps,
    Transport, Unreachable,
};
use crate::stack::{Config, DropReason, Hears};
use crate::{Frame, Mac, Node, Packet, Payload, Port};

fn address(rng: &mut Rng) -> IpAddr {
    let known =
        ["10.0.0.1", "10.0.0.2", "10.0.0.255", "255.255.255.255", "127.0.0.1", "0.0.0.0", "224.0.0.1", "::1"];
    match rng.below(10) {
        index @ 0..8 => known[index as usize].parse().unwrap(),
        8 => Ipv4Addr::from(0x0A00_0000 + rng.below(20) as u32).into(),
        _ => Ipv4Addr::from(rng.next_u64() as u32).into(),
    }
}

fn payload(rng: &mut Rng) -> Payload {
    let longest = [1, 20, 2_000, 70_000][rng.below(4) as usize];
    vec![7; rng.below(longest) as usize].into()
}

fn port(rng: &mut Rng) -> u16 {
    [80, 53, 40_000, rng.next_u64() as u16][rng.below(4) as usize]
}

fn segment(rng: &mut Rng) -> Segment {
    let stamps = Timestamps { value: rng.next_u64() as u32, echo: rng.next_u64() as u32 };
    Segment {
        source: port(rng),
        target: port(rng),
        sequence: rng.below(3) as u32 * 1_000 + rng.below(3) as u32,
        acknowledgement: rng.next_u64() as u32,
        flags: Flags(rng.next_u64() as u8),
        window: rng.next_u64() as u16,
        cut: rng.below(3_000) as u16,
        options: Options {
            segment_bytes_max: rng.chance(1, 3).then(|| rng.next_u64() as u16),
            window_shift: rng.chance(1, 3).then(|| rng.next_u64() as u8),
            selective: rng.chance(1, 2),
            timestamps: rng.chance(1, 3).then_some(stamps),
            received: rng.chance(1, 5).then(|| [(rng.next_u64() as u32, rng.next_u64() as u32)].into()),
        },
        payload: payload(rng),
    }
}

fn quote(rng: &mut Rng) -> Box<Quote> {
    let mut bytes = vec![0; rng.below(30) as usize];
    rng.fill(&mut bytes);
    Box::new(Quote {
        source: address(rng),
        target: address(rng),
        protocol: [1, 6, 17, 99][rng.below(4) as usize],
        service: 0,
        hops: 1,
        identification: 1,
        may_fragment: true,
        bytes: rng.next_u64() as u16,
        transport: bytes.into(),
    })
}

fn icmp(rng: &mut Rng) -> Icmp {
    let echo = Echo { identifier: port(rng), sequence: port(rng), payload: payload(rng) };
    match rng.below(6) {
        0 => Icmp::EchoRequest(echo),
        1 => Icmp::EchoReply(echo),
        2 => Icmp::Unreachable { reason: Unreachable::Other(rng.next_u64() as u8), about: quote(rng) },
        3 => Icmp::TooBig { mtu: rng.next_u64() as u16, about: quote(rng) },
        4 => Icmp::TimeExceeded { in_transit: rng.chance(1, 2), about: quote(rng) },
        _ => Icmp::Other { kind: 13, code: 0, bytes: Bytes::from_static(&[1; 20]) },
    }
}

fn transport(rng: &mut Rng) -> Transport {
    match rng.below(6) {
        0..2 => Transport::Tcp(segment(rng)),
        2 => Transport::Udp(Datagram { source: port(rng), target: port(rng), payload: payload(rng) }),
        3 => Transport::Icmp(icmp(rng)),
        4 => Transport::Fragment(Fragment {
            protocol: [1, 6, 17][rng.below(3) as usize],
            offset: rng.next_u64() as u16,
            more: rng.chance(1, 2),
            bytes: vec![1; rng.below(2_000) as usize].into(),
        }),
        _ => Transport::Other { protocol: rng.next_u64() as u8, bytes: Bytes::from_static(b"what") },
    }
}

fn frame(rng: &mut Rng) -> Frame {
    let v4 = |rng: &mut Rng| match address(rng) {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    let body = match rng.below(12) {
        0 => Body::Arp(Arp {
            operation: if rng.chance(1, 2) { ArpOperation::Request } else { ArpOperation::Reply },
            source_mac: Mac::local(rng.below(9)),
            source: v4(rng),
            target_mac: Mac::UNSPECIFIED,
            target: v4(rng),
        }),
        1 => Body::Other { ethertype: 0x88CC, bytes: Bytes::new() },
        2 => Body::Broken(Bytes::from_static(&[0; 30])),
        _ => Body::Ip(Packet {
            source: address(rng),
            target: address(rng),
            hops: rng.next_u64() as u8,
            service: rng.next_u64() as u8,
            identification: rng.below(4) as u16,
            may_fragment: rng.chance(1, 2),
            transport: transport(rng),
        }),
    };
    let target = if rng.chance(1, 8) { Mac::BROADCAST } else { Mac::local(2) };
    Frame { source: Mac::local(rng.below(9)), target, body }
}

/// Whatever arrives, nothing panics, and what is kept stays within its limits.
#[test]
fn anything_may_arrive() {
    for seed in 0..40 {
        println!("seed {seed}");
        let mut rng = Rng::new(Seed::new(seed));
        let config =
            Config { buffered_bytes_max: 1 << 20, half_open_max: 20, sockets_max: 60, ..Config::default() };
        let mut world = World::with(2, &config);
        world.host(1, |host| host.listen("0.0.0.0:80".parse().unwrap(), 10).unwrap());
        world.host(1, |host| host.listen("127.0.0.1:53".parse().unwrap(), 10).unwrap());
        world.host(1, |host| host.bind_udp("0.0.0.0:53".parse().unwrap()).unwrap());
        world.host(1, |host| host.open_raw(Hears::Protocol(99)).unwrap());
        if seed % 2 == 0 {
            world.host(1, |host| host.open_raw(Hears::Frames(Port::new(0))).unwrap());
        }
        for _ in 0..3_000 {
            let frame = frame(&mut rng);
            world.inject(1, frame);
            if rng.chance(1, 10) {
                let _ = world.host(1, |host| host.connect("10.0.0.1:80".parse().unwrap()));
            }
            if rng.chance(1, 20) {
                world.run(Duration::from_millis(rng.below(3_000)));
            }
            let stack = &world.machines[1].stack;
            assert!(stack.sockets() <= 60 && stack.buffered_bytes() <= 1 << 20, "seed {seed}");
        }
        let now = world.now;
        world.machines[1].stack.release_owner(now, 0, &mut crate::Outbox::new());
        world.run(Duration::from_secs(3_600));
        let stack = &world.machines[1].stack;
        assert_eq!(
            (stack.sockets(), stack.buffered_bytes(), stack.next_event()),
            (0, 0, None),
            "seed {seed}"
        );
    }
}

#[test]
fn packets_that_cannot_be_are_dropped() {
    let mut world = World::new(2);
    let udp = |source: &str, target: &str| Packet {
        source: source.parse().unwrap(),
        target: target.parse().unwrap(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: false,
        transport: Transport::Udp(Datagram { source: 1, target: 2, payload: Payload::EMPTY }),
    };
    let impossible = [
        ("10.0.0.2", "10.0.0.2"),
        ("127.0.0.1", "10.0.0.2"),
        ("10.0.0.1", "127.0.0.1"),
        ("224.0.0.1", "10.0.0.2"),
        ("255.255.255.255", "10.0.0.2"),
        ("10.0.0.255", "10.0.0.2"),
        ("0.0.0.0", "10.0.0.2"),
    ];
    for (source, target) in impossible {
        let body = Body::Ip(udp(source, target));
        world.inject(1, Frame { source: Mac::local(1), target: Mac::local(2), body });
    }
    let counters = world.machines[1].stack.counters();
    assert_eq!(counters.dropped(DropReason::Martian), impossible.len() as u64);
    assert_eq!(counters.iter().count(), 1);
    for (target, mac, reason) in [
        ("10.0.0.9", Mac::local(2), DropReason::OtherMachine),
        ("10.0.0.2", Mac::local(9), DropReason::OtherCard),
    ] {
        world
            .inject(1, Frame { source: Mac::local(1), target: mac, body: Body::Ip(udp("10.0.0.1", target)) });
        assert_eq!(world.machines[1].stack.counters().dropped(reason), 1);
    }
    assert_eq!(world.next_event(), None, "nobody was answered");
}

#[test]
fn errors_are_not_sent_without_end() {
    let config = Config { icmp_errors_per_second_max: 20, ..Config::default() };
    let mut world = World::with(2, &config);
    for port in 0..1_000 {
        let datagram = Datagram { source: 1, target: port, payload: Payload::EMPTY };
        let packet = Packet {
            source: "10.0.0.1".parse().unwrap(),
            target: "10.0.0.2".parse().unwrap(),
            hops: 64,
            service: 0,
            identification: 0,
            may_fragment: false,
            transport: Transport::Udp(datagram),
        };
        world.inject(1, Frame { source: Mac::local(1), target: Mac::local(2), body: Body::Ip(packet) });
    }
    assert_eq!(world.machines[1].stack.counters().dropped(DropReason::RateLimit), 980);
}

#[test]
fn raw_sockets_hear_bytes_and_send_them() {
    let mut world = World::new(2);
    let frames = world.host(1, |host| host.open_raw(Hears::Frames(Port::new(0))).unwrap());
    let packets = world.host(1, |host| host.open_raw(Hears::Protocol(200)).unwrap());
    let sender = world.host(0, |host| host.open_raw(Hears::Protocol(200)).unwrap());
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        target: "10.0.0.2".parse().unwrap(),
        hops: 9,
        service: 0,
        identification: 1,
        may_fragment: true,
        transport: Transport::Other { protocol: 200, bytes: Bytes::from_static(b"anything") },
    };
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    world.host(0, |host| host.send_raw(sender, bytes.clone().into()).unwrap());
    assert!(world.host(0, |host| host.send_raw(sender, bytes[..9].to_vec().into())).is_err());
    world.run(Duration::from_secs(1));
    assert_eq!(world.host(1, |host| host.receive_raw(packets).unwrap()), Some(bytes.clone().into()));
    let heard: Vec<Frame> = std::iter::from_fn(|| world.host(1, |host| host.receive_raw(frames).unwrap()))
        .map(|bytes| Frame::parse(bytes).unwrap())
        .collect();
    assert_eq!(heard.len(), 3, "a question, our answer, and the packet");
    assert_eq!(heard[2].body, Body::Ip(packet));
    world.host(1, |host| host.close(frames));
    world.host(1, |host| host.close(packets));
    assert_eq!((world.machines[1].stack.sockets(), world.machines[1].stack.buffered_bytes()), (0, 0));
}
