//! How losses are noticed and mended (RFC 6675, RFC 6582, RFC 6298, RFC 8985).

use super::*;
use crate::tcp::{Congestion, Error};

/// A round trip of 20 ms was measured, and ten full segments are on their way.
fn ten_on_their_way(mut config: Config) -> Script {
    config.offload_bytes_max = 0;
    config.congestion = Congestion::NewReno;
    let mut script = Script::connected(config);
    script.writes(1);
    script.sends("P. 1+1 ack 1");
    script.waits(20);
    script.hears(".", 1, 0, 2);
    script.writes(30_000);
    for index in 0..10 {
        script.sends(&format!(". {}+1000 ack 1", 2 + index * 1_000));
    }
    script.quiet();
    script.waits(20);
    script
}

#[test]
fn a_segment_that_was_overtaken_is_sent_again() {
    let mut script = ten_on_their_way(Config::default());
    script.hears_selective(2, &[(1_002, 2_002)]);
    // Limited transmit: what arrived makes room.
    script.sends(". 10002+1000 ack 1");
    script.hears_selective(2, &[(1_002, 3_002)]);
    script.sends(". 11002+1000 ack 1");
    script.hears_selective(2, &[(1_002, 4_002)]);
    script.sends(". 2+1000 ack 1");
    script.quiet();
    // Half of what was on its way may be: nine segments were.
    for index in 5..9 {
        script.hears_selective(2, &[(1_002, index * 1_000 + 2)]);
    }
    script.quiet();
    script.hears_selective(2, &[(1_002, 9_002)]);
    script.sends(". 12002+1000 ack 1");
    script.hears(".", 1, 0, 12_002);
    assert!(script.connection.is_undisturbed());
}

/// Two holes are filled in one round trip, and one that is lost again is noticed by what was sent after it.
#[test]
fn what_is_lost_again_is_sent_again() {
    let mut script = ten_on_their_way(Config::default());
    script.hears_selective(2, &[(1_002, 5_002), (6_002, 10_002)]);
    script.sends(". 2+1000 ack 1");
    // The second hole is only suspected to be lost, and so are new bytes not sent before it: there is room for both.
    let rest: Vec<_> = std::iter::from_fn(|| script.poll()).map(|segment| shown(&segment)).collect();
    assert!(rest.contains(&". 5002+1000 ack 1".to_owned()), "{rest:?}");
    assert!(rest.contains(&". 10002+1000 ack 1".to_owned()), "{rest:?}");
    script.hears_selective(2, &[(1_002, 10_002)]);
    script.sends(". 2+1000 ack 1");
}

#[test]
fn the_tail_is_probed() {
    let mut script = ten_on_their_way(Config::default());
    script.hears(".", 1, 0, 9_002);
    while script.poll().is_some() {}
    script.hears(".", 1, 0, 20_002);
    while script.poll().is_some() {}
    let last = script.connection.outstanding().1 - OURS;
    assert_eq!(last, 30_002);
    script.hears(".", 1, 0, i64::from(last) - 2_000);
    script.quiet();
    // Two round trips and a little, instead of 200 ms.
    script.waits(45);
    script.sends("P. 29002+1000 ack 1");
    script.hears_selective(28_002, &[(29_002, 30_002)]);
    script.quiet();
    // It seems to be lost, as what was sent after it arrived; there is some time for it to be only late.
    script.waits(10);
    script.sends(". 28002+1000 ack 1");
    script.hears(".", 1, 0, 30_002);
    script.quiet();
    assert_eq!(script.connection.deadline(), None);
}

#[test]
fn without_answers_everything_is_sent_again_slowly() {
    let mut script = ten_on_their_way(Config { retries_max: 4, ..Config::default() });
    script.waits(60);
    // The probe.
    script.sends(". 10002+1000 ack 1");
    script.quiet();
    script.waits(400);
    script.sends(". 2+1000 ack 1");
    script.quiet();
    assert_eq!(script.connection.load(), (1_000, 1_000));
    script.hears(".", 1, 0, 1_002);
    script.sends(". 1002+1000 ack 1");
    script.sends(". 2002+1000 ack 1");
    script.quiet();
    script.hears(".", 1, 0, 11_002);
    assert!(script.poll().is_some());
    while script.poll().is_some() {}
    script.waits(600_000);
    assert_eq!(script.connection.error(), Some(Error::TimedOut));
}

#[test]
fn three_duplicates_without_ranges() {
    let mut script = ten_on_their_way(Config { selective: false, ..Config::default() });
    script.hears(".", 1, 0, 2);
    script.sends(". 10002+1000 ack 1");
    script.hears(".", 1, 0, 2);
    script.sends(". 11002+1000 ack 1");
    script.hears(".", 1, 0, 2);
    script.sends(". 2+1000 ack 1");
    script.quiet();
    // A part is acknowledged: what follows it is lost, too.
    script.hears(".", 1, 0, 5_002);
    script.sends(". 5002+1000 ack 1");
    script.hears(".", 1, 0, 12_002);
    assert!(script.poll().is_some());
    assert!(script.connection.is_undisturbed());
}

/// Who takes back what he said arrived is sent all of it.
#[test]
fn what_was_thrown_away_is_sent_again() {
    let mut script = ten_on_their_way(Config::default());
    script.hears_selective(2, &[(1_002, 10_002)]);
    script.sends(". 2+1000 ack 1");
    while script.poll().is_some() {}
    script.hears(".", 1, 0, 1_002);
    script.waits(5_000);
    while let Some(segment) = script.poll() {
        script.hears(".", 1, 0, i64::from(segment.sequence - OURS) + segment.payload.len() as i64);
    }
    script.waits(5_000);
    assert!(script.connection.outstanding().0 - OURS > 10_002);
}

#[test]
fn ranges_that_make_no_sense_are_not_believed() {
    let mut script = ten_on_their_way(Config::default());
    let nonsense = [(2, 2), (5_002, 3_002), (9_002, 90_002), (0, 2), (0, 1), (u32::MAX - 2_000, 5)];
    for range in nonsense {
        script.hears_selective(2, &[range]);
    }
    assert!(script.connection.is_undisturbed());
    script.quiet();
    // Many crumbs fill a short list.
    for index in 0..5_000 {
        script.hears_selective(2, &[(3 + 2 * index, 4 + 2 * index)]);
        while script.poll().is_some() {}
    }
    assert!(script.connection.buffered_bytes() < 50_000 + 128 * 40);
}
