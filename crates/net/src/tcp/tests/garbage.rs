//! Any segment at any time: nothing panics, nothing grows without bounds, nothing goes on for ever.

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::super::{Config, Congestion, Connection, Embryo, Keepalive, State};
use super::{any_below, ends, turned};
use crate::Payload;
use crate::frame::{Flags, Options, Segment, Timestamps, Unreachable};

fn config(rng: &mut Rng) -> Config {
    let congestion = [Congestion::NewReno, Congestion::Cubic, Congestion::Unlimited];
    Config {
        send_bytes_max: 1 << rng.below(18),
        receive_bytes_max: 1 << rng.below(20),
        segment_bytes_max: 1 << rng.below(16),
        offload_bytes_max: 1 << rng.below(18),
        early_ranges_max: rng.below(20) as u16,
        scoreboard_ranges_max: rng.below(40) as u16,
        congestion: *rng.choose(&congestion).unwrap(),
        nagle: rng.chance(1, 2),
        acknowledgement_delay: Duration::from_millis(rng.below(50)),
        selective: rng.chance(3, 4),
        timestamps: rng.chance(1, 3),
        keepalive: rng.chance(1, 3).then(Keepalive::default),
        user_timeout: rng.chance(1, 4).then(|| Duration::from_secs(rng.below(30))),
        ..Config::default()
    }
}

/// A number near another one, mostly.
fn near(rng: &mut Rng, number: u32) -> u32 {
    let distance = any_below(rng, 33) as u32;
    match rng.below(5) {
        0 => number.wrapping_add(distance),
        1 => number.wrapping_sub(distance),
        2 => number.wrapping_sub(1),
        _ => number,
    }
}

fn segment(rng: &mut Rng, connection: &Connection) -> Segment {
    let (oldest, next) = connection.outstanding();
    let (expected, edge) = connection.awaited();
    let base = *rng.choose(&[expected, expected, edge]).unwrap();
    let flags = match rng.below(8) {
        0 => Flags(rng.next_u64() as u8),
        1 => Flags::SYN | Flags::ACK,
        2 => Flags::FIN | Flags::ACK,
        3 => Flags::SYN,
        _ => Flags::ACK,
    };
    let number = *rng.choose(&[oldest, next]).unwrap();
    let acknowledgement = near(rng, number);
    let received = rng.chance(1, 3).then(|| {
        let count = rng.below(8);
        (0..count).map(|_| (near(rng, oldest), near(rng, next))).collect()
    });
    let options = Options {
        segment_bytes_max: rng.chance(1, 2).then(|| rng.next_u64() as u16),
        window_shift: rng.chance(1, 2).then(|| rng.next_u64() as u8),
        selective: rng.chance(1, 2),
        timestamps: rng
            .chance(1, 2)
            .then(|| Timestamps { value: rng.next_u64() as u32 >> 8, echo: rng.next_u64() as u32 }),
        received,
    };
    let len = if rng.chance(1, 2) { any_below(rng, 18) as usize } else { 0 };
    let pieces = rng.range(1..4) as usize;
    let payload = (0..pieces).map(|_| vec![0; len / pieces].into()).collect::<Payload>();
    Segment {
        source: 80,
        target: 50_000,
        sequence: near(rng, base),
        acknowledgement,
        flags,
        window: rng.next_u64() as u16 >> rng.below(17).min(15),
        cut: rng.next_u64() as u16,
        options,
        payload,
    }
}

fn call(rng: &mut Rng, connection: &mut Connection, now: Instant, config: &Config) {
    let len = any_below(rng, 16) as usize;
    match rng.below(40) {
        0..10 => drop(connection.send(config, &vec![1; len])),
        10..14 => drop(connection.send_payload(config, Payload::from(vec![2; len]))),
        14..20 => drop(connection.receive(&mut vec![0; len])),
        20..24 => drop(connection.receive_payload(len)),
        24 => connection.finish(),
        25 if rng.chance(1, 4) => connection.close(),
        26 if rng.chance(1, 8) => drop(connection.abort()),
        27 => {
            let sequence = near(rng, connection.outstanding().0);
            connection.unreachable(Unreachable::Other(3), sequence);
        }
        28 => {
            let sequence = near(rng, connection.outstanding().0);
            connection.too_big(now, config, rng.next_u64() as u16, sequence);
        }
        29 => connection.set_nagle(rng.chance(1, 2)),
        30 => connection.set_delayed_acknowledgements(rng.chance(1, 2)),
        31 => drop(connection.time_wait()),
        _ => connection.expire(now, config),
    }
}

fn check(seed: u64) {
    let mut rng = Rng::new(Seed::new(seed));
    let config = config(&mut rng);
    let mut now = Instant::from_nanos(rng.next_u64() >> 8);
    let initial = rng.next_u64() as u32;
    let mut connection = Connection::connect(now, &config, ends(), initial);
    if rng.chance(2, 3) {
        let syn = Segment { flags: Flags::SYN, ..segment(&mut rng, &connection) };
        let embryo = Embryo::new(now, &config, turned(ends()), &syn, initial);
        let ack = Segment {
            flags: Flags::ACK,
            sequence: syn.sequence.wrapping_add(1),
            acknowledgement: initial.wrapping_add(1),
            ..segment(&mut rng, &connection)
        };
        connection = Connection::from_embryo(now, &config, &embryo, ack);
    }
    for _ in 0..rng.range(1..200) {
        match rng.below(10) {
            0..5 => {
                let segment = segment(&mut rng, &connection);
                connection.handle(now, &config, segment);
            }
            5..8 => call(&mut rng, &mut connection, now, &config),
            _ => {
                let wait = Duration::from_nanos(any_below(&mut rng, 38));
                now = now.saturating_add(wait);
                connection.expire(now, &config);
            }
        }
        let polls = std::iter::from_fn(|| connection.poll(now, &config)).take(20_000).count();
        assert!(polls < 20_000, "seed {seed}: it has something to send for ever: {connection:#?}");
        connection.check();
        super::channel::check_memory(&connection, &config);
        let _ = connection.take_readiness();
    }
    let is_over = connection.is_over();
    assert_eq!(is_over, connection.state() == State::Closed, "seed {seed}");
}

#[test]
fn nothing_that_arrives_does_harm() {
    for seed in 0..5_000 {
        check(seed);
    }
}
