//! Whatever the channel does, every byte arrives once and in order, or an error is reported; and both sides end.

use ironloom_core::{Duration, Rng, Seed};

use super::super::{Config, Congestion, Keepalive};
use super::any_below;
use super::channel::{Life, Plan, Profile, World};

fn config(rng: &mut Rng) -> Config {
    let small = |rng: &mut Rng, max: u64| {
        let bits = rng.range(4..u64::from(max.ilog2()) + 1);
        rng.range(1 << (bits - 1)..1 << bits) as u32
    };
    let congestion = [Congestion::NewReno, Congestion::Cubic, Congestion::Unlimited];
    Config {
        send_bytes_max: small(rng, 256 << 10),
        receive_bytes_max: small(rng, 256 << 10),
        segment_bytes_max: *rng.choose(&[48, 100, 536, 1_460, 1_460, 1_460, 8_960]).unwrap(),
        offload_bytes_max: *rng.choose(&[0, 4_096, 64 << 10]).unwrap(),
        early_ranges_max: *rng.choose(&[1, 4, 64]).unwrap(),
        scoreboard_ranges_max: *rng.choose(&[4, 16, 128]).unwrap(),
        congestion: *rng.choose(&congestion).unwrap(),
        nagle: rng.chance(1, 2),
        acknowledgement_delay: *rng.choose(&[Duration::ZERO, Duration::from_millis(40)]).unwrap(),
        selective: rng.chance(3, 4),
        timestamps: rng.chance(1, 3),
        keepalive: rng
            .chance(1, 4)
            .then(|| Keepalive { idle: Duration::from_secs(5), ..Keepalive::default() }),
        retries_max: 30,
        syn_retries_max: 30,
        retransmit_max: Duration::from_secs(5),
        ..Config::default()
    }
}

fn plan(rng: &mut Rng) -> Plan {
    let bits = rng.range(0..16);
    Plan {
        bytes: rng.below(1 << bits),
        chunk: (1 + any_below(rng, 17)) as usize,
        shares: rng.chance(1, 2),
        sip: (1 + any_below(rng, 17)) as usize,
        rest: Duration::from_micros(if rng.chance(1, 4) { rng.below(20_000) } else { 0 }),
        closes: rng.chance(1, 4),
        aborts_after: rng.chance(1, 12).then(|| rng.below(1 << bits)),
    }
}

fn profile(rng: &mut Rng) -> Profile {
    let delay = 1 << rng.range(0..17);
    Profile {
        delay: Duration::from_micros(delay),
        jitter: Duration::from_micros(if rng.chance(1, 2) { rng.below(delay * 2) } else { 0 }),
        loss: if rng.chance(3, 4) { rng.below(100) } else { 0 },
        double: if rng.chance(1, 3) { rng.below(100) } else { 0 },
        cut: *rng.choose(&[0, 500, 1_000]).unwrap(),
        nanos_per_byte: if rng.chance(1, 4) { 1 << rng.below(13) } else { 0 },
        queue_bytes: 10_000 << rng.below(6),
    }
}

pub(super) fn world(seed: u64) -> World {
    let mut rng = Rng::new(Seed::new(seed));
    let mut sides = [(); 2].map(|()| (config(&mut rng), plan(&mut rng)));
    // Of two who both wait for the other to finish first nobody would.
    sides[1].1.closes &= !sides[0].1.closes;
    World::new(seed, profile(&mut rng), sides)
}

fn check(seed: u64) {
    let mut world = world(seed);
    assert!(world.run(2_000_000), "seed {seed}: no end at {}: {}", world.now, describe(&world));
    assert!(world.now.as_nanos() < 7_200_000_000_000, "seed {seed}: it took until {}", world.now);
    let has_aborted = world.sides.iter().any(|side| side.has_aborted);
    for (side, other) in [(0, 1), (1, 0)] {
        let (side, other) = (&world.sides[side], &world.sides[other]);
        assert!(side.is_over() || has_aborted, "seed {seed}: nothing happens any more: {}", describe(&world));
        let is_whole = side.saw_end && side.received == other.plan.bytes;
        assert!(is_whole || has_aborted, "seed {seed}: not everything arrived: {}", describe(&world));
        assert!(side.error.is_none() || has_aborted, "seed {seed}: {}", describe(&world));
    }
}

fn describe(world: &World) -> String {
    let mut text = format!("{:#?}\n", world.profile);
    for side in &world.sides {
        text += &format!(
            "{:?}\n{:?}\nsent {}, received {}, end {}, error {:?}\n",
            side.config, side.plan, side.sent, side.received, side.saw_end, side.error
        );
        if let Life::Connection(connection) = &side.life {
            text += &format!("{connection:#?}\n");
        }
    }
    text
}

#[test]
fn every_byte_arrives_once_and_in_order() {
    for seed in 0..2_000 {
        check(seed);
    }
}
