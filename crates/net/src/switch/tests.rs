//! What a switch does with frames.

use bytes::Bytes;

use super::*;

fn port(number: u16) -> Port {
    Port::new(number)
}

fn card(number: u64) -> Mac {
    Mac::local(number)
}

fn frame(source: Mac, target: Mac) -> Frame {
    Frame { source, target, body: Body::Other { ethertype: 0x88B5, bytes: Bytes::new() } }
}

fn seconds(count: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_secs(count))
}

struct Bench(Switch);

impl Bench {
    fn new(ports: u16, config: Config) -> Self {
        let mut switch = Switch::new(config, 1);
        (0..ports).for_each(|number| switch.attach(port(number)));
        Self(switch)
    }

    /// The ports at which a frame comes out.
    fn put(&mut self, now: Instant, from: u16, frame: Frame) -> Vec<u16> {
        let mut out = Outbox::new();
        self.0.handle(now, port(from), frame, &mut out);
        std::iter::from_fn(|| out.next_frame()).map(|(port, _)| port.number()).collect()
    }

    fn ask(&mut self, from: u16, target: [u8; 4]) -> Vec<u16> {
        let arp = Arp {
            operation: ArpOperation::Request,
            source_mac: card(9),
            source: [10, 0, 0, 9].into(),
            target_mac: Mac::UNSPECIFIED,
            target: target.into(),
        };
        let frame = Frame { source: card(9), target: Mac::BROADCAST, body: Body::Arp(arp) };
        self.put(Instant::ZERO, from, frame)
    }
}

#[test]
fn it_learns_where_cards_are_and_forgets() {
    let mut bench = Bench::new(4, Config::default());
    assert_eq!(bench.put(seconds(0), 0, frame(card(1), card(2))), [1, 2, 3]);
    assert_eq!(bench.put(seconds(1), 2, frame(card(2), card(1))), [0]);
    assert_eq!(bench.put(seconds(2), 0, frame(card(1), card(2))), [2]);
    assert_eq!(bench.put(seconds(2), 1, frame(card(3), card(3))), [0u16; 0], "it is where it came from");
    assert_eq!(bench.put(seconds(302), 0, frame(card(1), card(2))), [1, 2, 3], "it was silent for too long");
}

#[test]
fn a_card_that_moved_is_found() {
    let mut bench = Bench::new(3, Config::default());
    bench.put(seconds(0), 0, frame(card(1), card(2)));
    bench.put(seconds(0), 1, frame(card(1), card(2)));
    assert_eq!(bench.put(seconds(0), 2, frame(card(2), card(1))), [1]);
    bench.put(seconds(0), 0, frame(card(1), card(2)));
    assert_eq!(bench.put(seconds(0), 2, frame(card(2), card(1))), [0], "and back within a second");
    assert_eq!(bench.0.counters().moved, 2);
    bench.0.detach(port(0));
    assert_eq!(bench.put(seconds(0), 2, frame(card(2), card(1))), [1]);
}

#[test]
fn the_table_is_bounded_in_all_and_for_each_port() {
    let mut bench = Bench::new(3, Config { cards_max: 100, port_cards_max: 60, ..Config::default() });
    for number in 0..1_000 {
        bench.put(seconds(0), 0, frame(card(number), card(0)));
    }
    assert_eq!((bench.0.cards(), bench.0.counters().unlearned), (60, 940));
    bench.put(seconds(1), 1, frame(card(5_000), card(0)));
    assert_eq!(bench.put(seconds(1), 2, frame(card(5_001), card(5_000))), [1], "others still have room");
    for number in 6_000..7_000 {
        bench.put(seconds(1), 1, frame(card(number), card(0)));
    }
    assert_eq!(bench.0.cards(), 100);
    // After a while those that are silent make room.
    bench.put(seconds(400), 0, frame(card(8_000), card(0)));
    assert_eq!(bench.put(seconds(400), 2, frame(card(5_001), card(8_000))), [0]);
}

#[test]
fn storms_are_held_down() {
    let mut bench = Bench::new(3, Config { storm_rate: 100, storm_burst: 10, ..Config::default() });
    let passed = |bench: &mut Bench, now, from, count| {
        (0..count).filter(|_| !bench.put(now, from, frame(card(1), Mac::BROADCAST)).is_empty()).count()
    };
    assert_eq!(passed(&mut bench, seconds(1), 0, 50), 10);
    assert_eq!(bench.0.counters().storm, 40);
    assert_eq!(passed(&mut bench, seconds(1), 1, 50), 10, "another port is not affected");
    let soon = seconds(1).saturating_add(Duration::from_millis(55));
    assert_eq!(passed(&mut bench, soon, 0, 50), 5);
    bench.put(seconds(2), 2, frame(card(2), Mac::BROADCAST));
    assert_eq!(bench.put(soon, 0, frame(card(1), card(2))), [2], "what is for one port passes");
}

#[test]
fn isolated_ports_do_not_hear_each_other() {
    let mut bench = Bench::new(4, Config::default());
    bench.0.isolate(port(0), Isolation::Isolated);
    bench.0.isolate(port(1), Isolation::Isolated);
    assert_eq!(bench.put(seconds(0), 0, frame(card(1), Mac::BROADCAST)), [2, 3]);
    assert_eq!(bench.put(seconds(0), 1, frame(card(2), card(1))), [0u16; 0]);
    assert_eq!(bench.put(seconds(0), 2, frame(card(3), card(1))), [0]);
    assert_eq!(bench.0.counters().isolated, 1);
}

#[test]
fn blocked_ports_let_nothing_pass() {
    let mut bench = Bench::new(3, Config::default());
    bench.0.block(port(1), true);
    assert_eq!(bench.put(seconds(0), 0, frame(card(1), Mac::BROADCAST)), [2]);
    assert_eq!(bench.put(seconds(0), 1, frame(card(2), Mac::BROADCAST)), [0u16; 0]);
    bench.0.block(port(1), false);
    assert_eq!(bench.put(seconds(0), 0, frame(card(1), Mac::BROADCAST)), [1, 2]);
}

#[test]
fn questions_go_to_whom_they_are_for() {
    let mut bench = Bench::new(4, Config::default());
    bench.0.assign([10, 0, 0, 3].into(), port(3));
    assert_eq!(bench.ask(0, [10, 0, 0, 3]), [3]);
    assert_eq!(bench.ask(0, [10, 0, 0, 4]), [1, 2, 3]);
    assert_eq!(bench.ask(0, [10, 0, 0, 9]), [1, 2, 3], "what somebody says of himself is for all");
    let mut plain = Bench::new(4, Config { questions: Questions::Flooded, ..Config::default() });
    plain.0.assign([10, 0, 0, 3].into(), port(3));
    assert_eq!(plain.ask(0, [10, 0, 0, 3]), [1, 2, 3]);
}

#[test]
fn frames_from_many_cards_are_dropped() {
    let mut bench = Bench::new(2, Config::default());
    assert_eq!(bench.put(seconds(0), 0, frame(Mac::BROADCAST, card(1))), [0u16; 0]);
    assert_eq!(bench.put(seconds(0), 7, frame(card(1), card(2))), [0u16; 0], "there is no such port");
    assert_eq!((bench.0.counters().malformed, bench.0.counters().blocked), (1, 1));
}
