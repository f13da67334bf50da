//! Worlds whose time is let go by.

use ironloom_node::Log;
use ironloom_node::core::{Rng, Seed};
use ironloom_node::prelude::*;

use super::{is_played_as, office};

/// Does this and that to a world for two seconds.
fn live(world: &World, seed: u64) {
    let mut rng = Rng::new(Seed::new(seed));
    for round in 0..30_u32 {
        let desk = format!("desk-{}", rng.range(1..6));
        // Some of it cannot be done, as it was done already; that is part of the run as well.
        let _ = match rng.below(9) {
            0 => world.inject(Fault::cut(&*desk)).wait(),
            1 => world.inject(Fault::mend(&*desk)).wait(),
            2 => world.inject(Fault::kill(&*desk)).wait(),
            3 => world.start(&desk).wait(),
            4 => world.fork(&desk, &format!("{desk}-{round}")).wait().map(drop),
            5 => world.destroy(&format!("{desk}-{}", rng.below(30))).wait(),
            6 => world.exec(&desk, "sleep 0.03; wc -l /var/log/pages").wait().map(drop),
            7 => world.write_file(&desk, "/tmp/note", round.to_string()).wait(),
            _ => world.snapshot(&desk).wait().and_then(|was| world.roll_back(&desk, was).wait()),
        };
        match rng.below(3) {
            0 => world.run_for(Duration::from_micros(rng.below(150_000))),
            1 => (0..rng.below(40)).for_each(|_| _ = world.step()),
            _ => _ = world.run_until(Duration::from_millis(90), |world| world.now().as_nanos() % 7 == 0),
        }
    }
}

#[test]
fn what_was_written_down_is_played_again() {
    for seed in 0..8 {
        let log = Log::in_memory();
        let world = World::record(&office(seed), &log).unwrap();
        live(&world, seed);
        is_played_as(&log, &world);
        // The world goes on, and so does its log.
        live(&world, seed + 100);
        is_played_as(&log, &world);
        let other = World::new(&office(seed)).unwrap();
        live(&other, seed);
        live(&other, seed + 100);
        assert_eq!(other.digest(), world.digest(), "to write down changes nothing");
    }
}

#[test]
fn it_stops_wherever_one_likes() {
    let log = Log::in_memory();
    let world = World::record(&office(5), &log).unwrap();
    let mut seen = Vec::new();
    for round in 0..10_u8 {
        world.write_file("desk-1", "/root/round", round.to_string()).wait().unwrap();
        world.run_for(Duration::from_millis(70));
        seen.push((
            world.now(),
            round,
            world.peek("desk-2", "/var/log/pages").unwrap_or_default(),
            world.digest(),
        ));
    }
    let mut replay = World::replay(&log).unwrap();
    for (at, round, pages, digest) in &seen {
        replay.run_until(*at).unwrap();
        // What was done at the same moment after that is played as well.
        let found = replay.world().peek("desk-1", "/root/round").unwrap();
        assert!(*found == *round.to_string().as_bytes() || found == (round + 1).to_string().as_bytes());
        assert_eq!(replay.world().peek("desk-2", "/var/log/pages").unwrap_or_default(), *pages);
        assert_eq!(replay.world().now(), *at);
        if *round == 9 {
            assert_eq!(replay.world().digest(), *digest);
        }
    }
    assert!(replay.run_until(Instant::MAX).unwrap(), "that was all");
    assert!(!replay.step().unwrap());
    // Step by step it is the same, and every time is seen.
    let mut replay = World::replay(&log).unwrap();
    let (mut steps, mut last) = (0, Instant::ZERO);
    while replay.step().unwrap() {
        steps += 1;
        assert!(replay.world().now() >= last);
        last = replay.world().now();
    }
    assert!(steps > 100, "{steps} steps");
    assert_eq!(replay.finish().unwrap().digest(), world.digest());
}

#[test]
fn one_goes_on_from_where_a_replay_stands() {
    let log = Log::in_memory();
    let world = World::record(&office(6), &log).unwrap();
    world.run_for(Duration::from_millis(100));
    world.exec("desk-1", "echo no > /root/answer").wait().unwrap();
    let mut replay = World::replay(&log).unwrap();
    assert!(!replay.run_until(Instant::ZERO.saturating_add(Duration::from_millis(90))).unwrap());
    let other = replay.world().clone();
    other.exec("desk-1", "cat /root/answer || echo yes > /root/answer").wait().unwrap();
    assert_eq!(other.peek("desk-1", "/root/answer").unwrap(), b"yes\n");
}

#[test]
fn a_log_is_short() {
    let log = Log::in_memory();
    let world = World::record(&office(7), &log).unwrap();
    world.run_for(Duration::from_secs(20));
    assert!(World::replay(&log).is_ok(), "it is written");
    let (blobs, bytes) = log.size().unwrap();
    assert!(blobs == 2 && bytes < 10_000, "{blobs} blobs, {bytes} bytes for {} windows", world.now());
}
