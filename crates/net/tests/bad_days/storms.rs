//! What everybody hears, what nobody understands, and what is not true.

use std::net::Ipv4Addr;

use bytes::Bytes;
use ironloom_core::{Instant, Rng, Seed};
use ironloom_net::fabric::{Guard, Way};
use ironloom_net::frame::{Arp, ArpOperation, Body, Echo, Icmp, Transport};
use ironloom_net::link::DropReason;
use ironloom_net::{Frame, Mac, Port, router, stack, switch};

use crate::common::flood::{Flood, datagram, framed, syn};
use crate::common::world::{World, cable, end};
use crate::neighbours::compared;

const VICTIM: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 3);
const FRAMES: u64 = 100_000;

/// The counters of the switch at home.
fn counters(world: &mut World) -> switch::Counters {
    world.fabric.switch(world.home).unwrap().counters()
}

/// 50,000 questions a second for addresses that nobody has, and as many claims to have the addresses of others.
#[test]
fn arp_storm() {
    let (mut day, quiet) = compared(&router::Config::default(), |world, attacker, _| {
        let mac = Mac::of_machine(attacker, 0);
        let mut rng = Rng::new(Seed::new(2));
        let flood = Flood::new(Instant::ZERO, FRAMES, 50_000, move |number| {
            let source = Ipv4Addr::from_bits(0xC0A8_0100 + rng.below(200) as u32 + 6);
            let target = Ipv4Addr::from_bits(0xC0A8_0100 + rng.below(256) as u32);
            let operation = if number % 2 == 0 { ArpOperation::Request } else { ArpOperation::Reply };
            let arp = Arp { operation, source_mac: mac, source, target_mac: Mac::UNSPECIFIED, target };
            Frame { source: mac, target: Mac::BROADCAST, body: Body::Arp(arp) }
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let counters = counters(&mut day.world);
    assert!(counters.storm > FRAMES / 2 && counters.flooded < 10_000, "{counters:?}");
    assert_eq!(day.world.fabric.tally().overflowed, 0);
}

/// 50,000 datagrams a second to everybody.
#[test]
fn broadcast_storm() {
    let (mut day, quiet) = compared(&router::Config::default(), |world, attacker, _| {
        let mac = Mac::of_machine(attacker, 0);
        let flood = Flood::new(Instant::ZERO, FRAMES, 50_000, move |_| {
            let ends = (Ipv4Addr::new(192, 168, 1, 5), Ipv4Addr::BROADCAST);
            framed((mac, Mac::BROADCAST), ends, datagram(9, 9))
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let counters = counters(&mut day.world);
    assert!(counters.storm > FRAMES * 8 / 10 && counters.flooded < 10_000, "{counters:?}");
    let events = day.world.fabric.tally().events;
    assert!(events < 3 * FRAMES, "{events} events");
}

/// A machine sends from the addresses of others: nothing of that leaves its port.
#[test]
fn spoofed_sources() {
    let (mut day, quiet) = compared(&router::Config::default(), |world, _, victim| {
        let liar = world.add(world.office, Guard::Assigned, [cable(100); 2]);
        let mac = Mac::of_machine(liar, 0);
        let target = Mac::of_machine(victim, 0);
        let mut rng = Rng::new(Seed::new(3));
        let flood = Flood::new(Instant::ZERO, FRAMES, 50_000, move |number| match number % 3 {
            0 => framed((mac, target), (Ipv4Addr::from_bits(rng.next_u64() as u32 | 1), VICTIM), syn(1, 80)),
            1 => framed(
                (Mac::local(rng.below(99)), target),
                (Ipv4Addr::new(203, 0, 113, 6), VICTIM),
                syn(1, 80),
            ),
            _ => {
                let (source, operation) = (Ipv4Addr::new(203, 0, 113, 1), ArpOperation::Reply);
                let arp = Arp { operation, source_mac: mac, source, target_mac: target, target: VICTIM };
                Frame { source: mac, target, body: Body::Arp(arp) }
            }
        });
        world.fabric.install(liar, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let link = day.world.fabric.link_of(day.world.last).unwrap();
    let counters = day.world.fabric.counters(link, Way::Back).unwrap();
    assert_eq!(counters.dropped(DropReason::Spoofed), FRAMES);
    let heard = day.world.stack(day.victim, |stack| (stack.counters().iter().count(), stack.sockets()));
    assert_eq!(heard, (0, 1), "the victim heard nothing");
}

/// A frame of any kind, of which some bytes may be wrong.
fn anything(rng: &mut Rng, cards: (Mac, Mac)) -> Frame {
    let payload = vec![rng.next_u64() as u8; rng.below(200) as usize].into();
    let transport = match rng.below(4) {
        0 => syn(rng.next_u64() as u16, 80),
        1 => datagram(rng.next_u64() as u16, 53),
        2 => Transport::Icmp(Icmp::EchoRequest(Echo { identifier: 1, sequence: 1, payload })),
        _ => Transport::Other { protocol: rng.next_u64() as u8, bytes: payload.to_bytes() },
    };
    let source = Ipv4Addr::from_bits(0xCB00_7100 + rng.below(256) as u32);
    let mut bytes = framed(cards, (source, VICTIM), transport).to_bytes().to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << rng.below(8);
    }
    bytes.truncate(bytes.len() - rng.below(8) as usize);
    let bytes = Bytes::from(bytes);
    let broken = Frame { source: cards.0, target: cards.1, body: Body::Broken(bytes.slice(14..)) };
    let frame = Frame::parse(bytes).unwrap_or(broken);
    Frame { target: cards.1, ..frame }
}

/// 50,000 frames a second that mostly mean nothing, some of which can be read nevertheless.
#[test]
fn a_stack_fed_arbitrary_bytes() {
    let (mut day, quiet) = compared(&router::Config::default(), |world, _, victim| {
        world
            .fabric
            .host_as(victim, 9, |host| {
                host.bind_udp(end("0.0.0.0:53")).unwrap();
                host.open_raw(stack::Hears::Frames(Port::new(0))).unwrap();
            })
            .unwrap();
        let attacker = world.add(world.office, Guard::Any, [cable(100); 2]);
        let cards = (Mac::of_machine(attacker, 0), Mac::of_machine(victim, 0));
        let mut rng = Rng::new(Seed::new(4));
        let flood = Flood::new(Instant::ZERO, FRAMES, 50_000, move |_| anything(&mut rng, cards));
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let (bytes, sockets, told) = day.world.stack(day.victim, |stack| {
        let told: Vec<_> = stack.counters().iter().collect();
        (stack.buffered_bytes(), stack.sockets(), told)
    });
    // Two sockets that nobody reads, each with a queue of its own.
    assert!(bytes <= 2 * (256 << 10) && sockets <= 3 + 128, "{bytes} bytes, {sockets} sockets");
    assert!(told.iter().map(|(_, count)| count).sum::<u64>() > FRAMES / 4, "{told:?}");
    assert!(told.iter().any(|(reason, _)| *reason == stack::DropReason::Broken), "{told:?}");
}
