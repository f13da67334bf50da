//! How fast streams are over channels that lose.

use ironloom_core::Duration;

use super::super::{Config, Congestion};
use super::channel::{Plan, Profile, World};

/// Mbit/s of virtual time in one direction, and how many segments were sent.
fn goodput(bytes: u64, congestion: Congestion, loss: u64, profile: &Profile) -> (u64, u64) {
    let config = Config { congestion, offload_bytes_max: 0, ..Config::default() };
    let plan = Plan { bytes, ..Plan::default() };
    let profile = Profile { loss, ..profile.clone() };
    let mut world = World::new(7, profile, [(config.clone(), plan), (config, Plan::default())]);
    while world.sides[1].received < bytes {
        assert!(world.step(), "{congestion:?} with a loss of {loss} in a thousand stops");
    }
    (bytes * 8 * 1_000 / world.now.as_nanos(), world.sides[0].segments_sent)
}

/// Two in a hundred are lost, in both directions; smoltcp brings 7 Mbit/s here, without congestion control.
#[test]
fn losses_do_not_stop_a_stream() {
    let profile = Profile { delay: Duration::from_millis(5), ..Profile::default() };
    for loss in [0, 1, 20, 50] {
        for congestion in [Congestion::Unlimited, Congestion::NewReno, Congestion::Cubic] {
            let (rate, segments) = goodput(8 << 20, congestion, loss, &profile);
            println!("loss {loss} of 1,000, {congestion:?}: {rate} Mbit/s, {segments} segments");
            let least = match (congestion, loss) {
                (_, 0) => 120,
                (Congestion::Unlimited, 1 | 20) => 72,
                (Congestion::Unlimited, _) => 40,
                (_, 1) => 25,
                // What the square root of the loss allows: 1,460 bytes * 1.22 / sqrt(0.02) in 10 ms are 10 Mbit/s.
                (_, 20) => 6,
                (_, _) => 3,
            };
            assert!(rate >= least, "{congestion:?} with a loss of {loss}: {rate} Mbit/s");
            let most = (8 << 20) / 1_460 * (1_000 + loss) / 1_000 * 110 / 100 + 100;
            assert!(segments < most, "{congestion:?} with a loss of {loss}: {segments} of {most} segments");
        }
    }
}

/// A link of 100 Mbit/s with a short queue is used well, although it is overrun again and again.
#[test]
fn a_narrow_link_is_filled() {
    let profile = Profile {
        delay: Duration::from_millis(10),
        nanos_per_byte: 80,
        queue_bytes: 64 << 10,
        ..Profile::default()
    };
    for congestion in [Congestion::NewReno, Congestion::Cubic] {
        let (rate, segments) = goodput(32 << 20, congestion, 0, &profile);
        println!("a link of 100 Mbit/s, {congestion:?}: {rate} Mbit/s, {segments} segments");
        assert!(rate >= 45, "{congestion:?}: {rate} Mbit/s");
    }
}

/// Answers that take longer than they are waited for are waited for longer: what was sent twice tells nothing about how
/// long they take, so the time is doubled until something that was sent once is answered (Karn).
#[test]
fn a_way_that_becomes_longer_is_learnt() {
    for selective in [false, true] {
        let config = Config { selective, offload_bytes_max: 0, ..Config::default() };
        let plan = Plan { bytes: 4 << 20, ..Plan::default() };
        let profile = Profile { delay: Duration::from_micros(500), ..Profile::default() };
        let mut world = World::new(7, profile, [(config.clone(), plan), (config, Plan::default())]);
        while world.sides[1].received < 1 << 20 {
            assert!(world.step());
        }
        world.profile.delay = Duration::from_millis(400);
        while world.sides[1].received < 4 << 20 {
            assert!(world.step());
        }
        let segments = world.sides[0].segments_sent;
        println!("selective {selective}: {segments} segments in {}", world.now);
        assert!(segments < (4 << 20) / 1_460 * 12 / 10, "{segments}");
    }
}
