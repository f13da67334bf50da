//! What a table of neighbours believes, for how long, and within which limits.

use std::net::{IpAddr, Ipv4Addr};

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::{Config, Event, Held, Lookup, Neighbours};
use crate::frame::{Datagram, Transport};
use crate::{Mac, Packet};

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0A00_0000 + number).into()
}

fn at(millis: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(millis))
}

fn packet(mark: u16) -> Packet {
    Packet {
        source: address(1),
        target: address(2),
        hops: 64,
        service: 0,
        identification: mark,
        may_fragment: true,
        transport: Transport::Udp(Datagram { source: 1, target: 2, payload: vec![0; 100].into() }),
    }
}

#[test]
fn packets_wait_for_the_answer() {
    let (config, mut neighbours) = (Config::default(), Neighbours::new());
    assert_eq!(neighbours.lookup(at(0), &config, address(7)), Lookup::Waiting);
    assert_eq!(neighbours.hold(at(0), &config, address(7), packet(1)), Held::Ask);
    assert_eq!(neighbours.lookup(at(1), &config, address(7)), Lookup::Waiting);
    assert_eq!(neighbours.hold(at(1), &config, address(7), packet(2)), Held::Waiting);
    assert_eq!(neighbours.next_event(), Some(at(1_000)));

    let waited = neighbours.learn(at(5), &config, address(7), Mac::local(7), false);
    assert_eq!(waited, [packet(1), packet(2)]);
    assert_eq!(neighbours.lookup(at(6), &config, address(7)), Lookup::Known(Mac::local(7)));
    assert_eq!((neighbours.waiting(), neighbours.next_event()), (0, None));
}

#[test]
fn who_never_answers_is_unreachable() {
    let (config, mut neighbours) = (Config::default(), Neighbours::new());
    neighbours.hold(at(0), &config, address(7), packet(1));
    for second in [1, 2] {
        assert_eq!(neighbours.poll(at(second * 1_000 - 1), &config), None);
        assert_eq!(neighbours.poll(at(second * 1_000), &config), Some(Event::Ask(address(7))));
        assert_eq!(neighbours.poll(at(second * 1_000), &config), None);
    }
    let expected = Event::Unreachable(address(7), vec![packet(1)]);
    assert_eq!(neighbours.poll(at(3_000), &config), Some(expected));
    assert_eq!((neighbours.len(), neighbours.waiting(), neighbours.next_event()), (0, 0, None));
}

#[test]
fn strangers_are_not_believed() {
    let (config, mut neighbours) = (Config::default(), Neighbours::new());
    neighbours.learn(at(0), &config, address(7), Mac::local(7), false);
    assert!(neighbours.is_empty(), "an announcement of an unknown address");
    neighbours.learn(at(0), &config, address(7), Mac::BROADCAST, true);
    neighbours.learn(at(0), &config, address(7), Mac::UNSPECIFIED, true);
    neighbours.learn(at(0), &config, Ipv4Addr::UNSPECIFIED.into(), Mac::local(7), true);
    neighbours.learn(at(0), &config, Ipv4Addr::BROADCAST.into(), Mac::local(7), true);
    assert!(neighbours.is_empty(), "cards and addresses that stand for nobody or many");

    neighbours.learn(at(0), &config, address(7), Mac::local(7), true);
    neighbours.learn(at(1), &config, address(7), Mac::local(8), false);
    let known = neighbours.lookup(at(2), &config, address(7));
    assert_eq!(known, Lookup::Known(Mac::local(8)), "an announcement of a known address");
}

#[test]
fn old_answers_are_confirmed_while_they_are_used() {
    let (config, mut neighbours) = (Config::default(), Neighbours::new());
    neighbours.learn(at(0), &config, address(7), Mac::local(7), true);
    assert_eq!(neighbours.lookup(at(59_999), &config, address(7)), Lookup::Known(Mac::local(7)));
    assert_eq!(neighbours.lookup(at(60_000), &config, address(7)), Lookup::Aging(Mac::local(7)));
    assert_eq!(neighbours.lookup(at(60_999), &config, address(7)), Lookup::Known(Mac::local(7)));
    assert_eq!(neighbours.lookup(at(61_000), &config, address(7)), Lookup::Aging(Mac::local(7)));
    neighbours.learn(at(61_001), &config, address(7), Mac::local(7), false);
    assert_eq!(neighbours.lookup(at(100_000), &config, address(7)), Lookup::Known(Mac::local(7)));
    for try_number in 0..3 {
        let now = at(200_000 + 1_000 * try_number);
        assert_eq!(neighbours.lookup(now, &config, address(7)), Lookup::Aging(Mac::local(7)));
    }
    assert_eq!(neighbours.lookup(at(203_000), &config, address(7)), Lookup::Waiting);
    assert!(neighbours.is_empty());
    neighbours.learn(at(0), &config, address(7), Mac::local(7), true);
    assert_eq!(neighbours.lookup(at(600_000), &config, address(7)), Lookup::Waiting);
}

#[test]
fn what_waits_is_bounded() {
    let config = Config { waiting_each_packets_max: 8, waiting_packets_max: 20, ..Config::default() };
    let mut neighbours = Neighbours::new();
    for mark in 0..8 {
        assert!(!matches!(neighbours.hold(at(0), &config, address(1), packet(mark)), Held::Full(_)));
    }
    assert_eq!(neighbours.hold(at(0), &config, address(1), packet(9)), Held::Full(packet(9)));
    for other in 2..14 {
        assert_eq!(neighbours.hold(at(0), &config, address(other), packet(0)), Held::Ask);
    }
    assert_eq!(neighbours.hold(at(0), &config, address(13), packet(9)), Held::Full(packet(9)));
    assert_eq!(neighbours.waiting(), 20);

    let config = Config { waiting_bytes_max: 250, ..Config::default() };
    let mut neighbours = Neighbours::new();
    neighbours.hold(at(0), &config, address(1), packet(1));
    neighbours.hold(at(0), &config, address(1), packet(2));
    assert_eq!(neighbours.hold(at(0), &config, address(1), packet(3)), Held::Full(packet(3)));
}

/// Who looks for many that are not there keeps nobody from a neighbour who is.
#[test]
fn what_waited_longest_makes_room() {
    let config = Config { waiting_packets_max: 4, ..Config::default() };
    let mut neighbours = Neighbours::new();
    neighbours.hold(at(0), &config, address(1), packet(1));
    neighbours.hold(at(1), &config, address(1), packet(2));
    for other in 2..4 {
        assert_eq!(neighbours.hold(at(2), &config, address(other), packet(0)), Held::Ask);
    }
    let displaced = Held::AskInstead(vec![packet(1), packet(2)]);
    assert_eq!(neighbours.hold(at(3), &config, address(99), packet(9)), displaced);
    assert_eq!((neighbours.waiting(), neighbours.len()), (3, 3));
    assert_eq!(neighbours.learn(at(4), &config, address(99), Mac::local(9), false), [packet(9)]);
    // Who is known goes before those who are waited for.
    let config = Config { entries_max: 2, ..Config::default() };
    let mut neighbours = Neighbours::new();
    neighbours.learn(at(0), &config, address(1), Mac::local(1), true);
    assert_eq!(neighbours.hold(at(1), &config, address(2), packet(2)), Held::Ask);
    assert_eq!(neighbours.hold(at(2), &config, address(3), packet(3)), Held::Ask);
    assert_eq!(neighbours.hold(at(3), &config, address(4), packet(4)), Held::AskInstead(vec![packet(2)]));
    assert_eq!((neighbours.waiting(), neighbours.len()), (2, 2));
}

#[test]
fn a_full_table_lets_the_oldest_go() {
    let config = Config { entries_max: 50, ..Config::default() };
    let mut neighbours = Neighbours::new();
    neighbours.hold(at(0), &config, address(999), packet(0));
    for number in 0..1_000 {
        neighbours.learn(at(number.into()), &config, address(number), Mac::local(number.into()), true);
        assert!(neighbours.len() <= 50);
        // One that is used stays.
        assert_eq!(neighbours.lookup(at(number.into()), &config, address(0)), Lookup::Known(Mac::local(0)));
    }
    assert_eq!(neighbours.waiting(), 0, "the question was kept, and answered in the end");
    let latest = neighbours.lookup(at(1_000), &config, address(998));
    assert_eq!(latest, Lookup::Known(Mac::local(998)));
}

/// Whatever happens, the limits hold, every packet comes back once, and nothing panics.
#[test]
fn anything_may_happen() {
    for seed in 0..200 {
        let mut rng = Rng::new(Seed::new(seed));
        let config = Config { entries_max: 12, waiting_packets_max: 30, ..Config::default() };
        let (mut neighbours, mut now, mut held, mut back) = (Neighbours::new(), at(0), 0, 0);
        for _ in 0..500 {
            now = now.saturating_add(Duration::from_millis(rng.below(700)));
            let who = address(rng.below(40) as u32);
            match rng.below(4) {
                0 => {
                    back +=
                        neighbours.learn(now, &config, who, Mac::local(rng.below(9)), rng.chance(1, 2)).len();
                }
                1 => {
                    while let Some(event) = neighbours.poll(now, &config) {
                        back += if let Event::Unreachable(_, packets) = event { packets.len() } else { 0 };
                    }
                    assert!(neighbours.next_event().is_none_or(|next| next > now), "seed {seed}");
                }
                _ => {
                    if neighbours.lookup(now, &config, who) == Lookup::Waiting {
                        match neighbours.hold(now, &config, who, packet(0)) {
                            Held::Full(_) => {}
                            Held::AskInstead(displaced) => (held, back) = (held + 1, back + displaced.len()),
                            Held::Ask | Held::Waiting => held += 1,
                        }
                    }
                }
            }
            assert!(neighbours.len() <= 12 && neighbours.waiting() <= 30, "seed {seed}");
            assert_eq!(held, back + neighbours.waiting() as usize, "seed {seed}");
        }
        now = now.saturating_add(Duration::from_secs(1));
        for _ in 0..5 {
            now = now.saturating_add(Duration::from_secs(1));
            while neighbours.poll(now, &config).is_some() {}
        }
        assert_eq!((neighbours.waiting(), neighbours.next_event()), (0, None), "seed {seed}");
    }
}
