//! When bytes are sent and acknowledged: windows, small segments, questions (RFC 9293, 3.8.6; RFC 1122, 4.2.3).

use super::*;
use crate::tcp::{Error, Keepalive};

fn plain() -> Config {
    Config { offload_bytes_max: 0, ..Config::default() }
}

#[test]
fn every_second_segment_is_acknowledged() {
    let mut script = Script::connected(plain());
    script.hears(".", 1, 1_000, 1);
    script.quiet();
    script.hears(".", 1_001, 1_000, 1);
    script.sends(". 1+0 ack 2001");
    script.hears(".", 2_001, 1_000, 1);
    script.waits(39);
    script.quiet();
    script.waits(1);
    script.sends(". 1+0 ack 3001");
    script.quiet();
    // One that is to be cut is several, and one that fills a gap is waited for.
    script.arrives(Segment { cut: 1_000, ..theirs(".", 3_001, 2_000, 1) });
    script.sends(". 1+0 ack 5001");
    script.hears(".", 6_001, 1_000, 1);
    script.sends(". 1+0 ack 5001 [6001..7001)");
    script.hears(".", 5_001, 1_000, 1);
    script.sends(". 1+0 ack 7001");
}

#[test]
fn acknowledgements_travel_with_bytes() {
    let mut script = Script::connected(plain());
    script.hears("P.", 1, 100, 1);
    script.writes(50);
    script.sends("P. 1+50 ack 101");
    script.quiet();
    script.waits(30);
    script.quiet();
}

#[test]
fn a_small_segment_waits_for_another() {
    let mut script = Script::connected(plain());
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    script.writes(20);
    script.quiet();
    script.writes(1_000);
    script.sends(". 11+1000 ack 1");
    script.quiet();
    script.hears(".", 1, 0, 11);
    script.sends("P. 1011+20 ack 1");
    script.connection.set_nagle(false);
    script.writes(1);
    script.sends("P. 1031+1 ack 1");
    script.writes(1);
    script.sends("P. 1032+1 ack 1");
}

#[test]
fn a_finish_does_not_wait() {
    let mut script = Script::connected(plain());
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    script.writes(20);
    script.connection.finish();
    script.sends("FP. 11+20 ack 1");
}

#[test]
fn no_more_is_sent_than_the_window_takes() {
    let mut script = Script::connected(plain());
    script.window = 2_500;
    script.hears(".", 1, 0, 1);
    script.writes(10_000);
    script.sends(". 1+1000 ack 1");
    script.sends(". 1001+1000 ack 1");
    // The 500 bytes that are left are not worth a segment.
    script.quiet();
    script.window = 0;
    script.hears(".", 1, 0, 2_001);
    script.quiet();
    // The window is asked for, less and less often.
    let mut waits = Vec::new();
    for _ in 0..4 {
        let deadline = script.connection.deadline().unwrap();
        waits.push(deadline.saturating_since(script.now).as_millis());
        script.waits(waits.last().unwrap() + 1);
        script.sends(". 2000+0 ack 1");
        script.quiet();
        script.hears(".", 1, 0, 2_001);
        script.quiet();
    }
    assert_eq!(waits, [200, 399, 799, 1_599], "{waits:?}");
    script.window = 3_000;
    script.hears(".", 1, 0, 2_001);
    script.sends(". 2001+1000 ack 1");
    script.sends(". 3001+1000 ack 1");
    script.sends(". 4001+1000 ack 1");
    script.quiet();
}

#[test]
fn a_window_that_stays_small_is_used_after_a_while() {
    let mut script = Script::connected(plain());
    script.window = 100;
    script.hears(".", 1, 0, 1);
    script.writes(10_000);
    script.quiet();
    script.waits(250);
    script.sends(". 1+100 ack 1");
    script.quiet();
}

#[test]
fn nobody_answers_a_question_about_the_window() {
    let mut script = Script::connected(Config { retries_max: 3, ..plain() });
    script.window = 0;
    script.hears(".", 1, 0, 1);
    script.writes(10_000);
    script.quiet();
    for _ in 0..3 {
        script.waits(script.connection.deadline().unwrap().saturating_since(script.now).as_millis() + 1);
        script.sends(". 0+0 ack 1");
    }
    script.waits(100_000);
    assert_eq!(script.connection.error(), Some(Error::TimedOut));
}

#[test]
fn the_receiver_does_not_tell_of_small_windows() {
    let mut script = Script::connected(Config { receive_bytes_max: 4_000, ..plain() });
    script.hears(".", 1, 2_000, 1);
    assert_eq!(script.sends(". 1+0 ack 2001").window, 2_000);
    script.hears(".", 2_001, 2_000, 1);
    assert_eq!(script.sends(". 1+0 ack 4001").window, 0);
    let mut target = [0; 999];
    script.connection.receive(&mut target).unwrap();
    script.quiet();
    script.connection.receive(&mut target).unwrap();
    script.quiet();
    script.connection.receive(&mut target).unwrap();
    assert_eq!(script.sends(". 1+0 ack 4001").window, 2_997);
}

#[test]
fn the_window_is_as_wide_as_was_said() {
    let mut script = Script::connecting(Config { receive_bytes_max: 1 << 20, ..plain() });
    let syn = script.sends("S 0+0");
    assert_eq!((syn.window, syn.options.window_shift), (65_535, Some(5)));
    let mut answer = theirs("S.", 0, 0, 1);
    answer.options.window_shift = Some(2);
    script.arrives(answer);
    assert_eq!(script.sends(". 1+0 ack 1").window, 32_768);
    script.window = 1_000;
    script.hears(".", 1, 0, 1);
    script.writes(10_000);
    let sent: usize = std::iter::from_fn(|| script.poll()).map(|segment| segment.payload.len()).sum();
    // Four times what the field says, of which whole segments are sent.
    assert_eq!(sent, 4_000 / 536 * 536);
}

#[test]
fn large_segments_are_handed_over_to_be_cut() {
    let mut script = Script::connected(Config::default());
    script.writes(10_000);
    let first = script.sends(". 1+2000 ack 1");
    assert_eq!(first.cut, 1_000);
    for from in [2_001, 4_001, 6_001] {
        script.sends(&format!(". {from}+2000 ack 1"));
    }
    script.sends("P. 8001+2000 ack 1");
    script.hears(".", 1, 0, 10_001);
    script.writes(50_000);
    script.sends(". 10001+5000 ack 1");
}

#[test]
fn who_says_nothing_is_asked() {
    let keepalive =
        Keepalive { idle: Duration::from_secs(10), interval: Duration::from_secs(1), questions_max: 2 };
    let mut script = Script::connected(Config { keepalive: Some(keepalive), ..plain() });
    script.waits(6_000);
    script.hears("P.", 1, 1, 1);
    script.waits(40);
    script.sends(". 1+0 ack 2");
    script.waits(9_900);
    script.quiet();
    script.waits(100);
    script.sends(". 0+0 ack 2");
    script.hears(".", 2, 0, 1);
    script.quiet();
    script.waits(10_000);
    script.sends(". 0+0 ack 2");
    script.waits(1_000);
    script.sends(". 0+0 ack 2");
    script.waits(1_000);
    assert_eq!(script.connection.error(), Some(Error::TimedOut));
}

#[test]
fn a_program_asks_for_questions() {
    let mut script = Script::connected(plain());
    script.waits(8_000_000);
    script.quiet();
    let (now, config) = (script.now, script.config.clone());
    script.connection.set_keepalive(now, &config, true);
    script.waits(7_199_000);
    script.quiet();
    script.waits(1_000);
    script.sends(". 0+0 ack 1");
    script.hears(".", 1, 0, 1);
    let now = script.now;
    script.connection.set_keepalive(now, &config, false);
    assert_eq!(script.connection.deadline(), None);
}

#[test]
fn a_question_is_answered() {
    let mut script = Script::connected(plain());
    script.hears(".", 0, 0, 1);
    script.sends(". 1+0 ack 1");
    script.hears(".", 0, 1, 1);
    script.sends(". 1+0 ack 1");
}

#[test]
fn patience_ends() {
    let mut script = Script::connected(Config { user_timeout: Some(Duration::from_secs(3)), ..plain() });
    script.waits(60_000);
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    script.waits(2_999);
    script.is(State::Established);
    script.waits(1);
    assert_eq!(script.connection.error(), Some(Error::TimedOut));
}

#[test]
fn room_is_told_once_there_is_enough() {
    let mut script = Script::connected(Config { send_bytes_max: 4_000, ..plain() });
    assert_eq!(script.writes(5_000), 4_000);
    assert_eq!(script.writes(5_000), 0);
    while script.poll().is_some() {}
    script.hears(".", 1, 0, 1_000);
    script.tells(Readiness::NONE);
    script.hears(".", 1, 0, 2_001);
    script.tells(Readiness::WRITABLE);
    assert_eq!(script.writes(5_000), 2_000);
}

#[test]
fn bytes_are_told_when_there_were_none() {
    let mut script = Script::connected(plain());
    script.hears("P.", 1, 10, 1);
    script.tells(Readiness::READABLE);
    script.hears("P.", 11, 10, 1);
    script.tells(Readiness::NONE);
    assert_eq!(script.connection.receive(&mut [0; 5]), Ok(Some(5)));
    assert_eq!(script.connection.receive_payload(10).unwrap().unwrap().len(), 10);
    script.reads(5);
    assert_eq!(script.connection.receive(&mut [0; 5]), Ok(None));
    script.hears("F.", 21, 0, 1);
    script.tells(Readiness::READABLE);
    assert!(script.connection.receive_payload(10).unwrap().unwrap().is_empty());
}

/// Who was asked for a connection and gets bytes with the answer has them at once.
#[test]
fn an_accepted_connection_talks() {
    let mut script = Script::accepted(plain());
    script.is(State::Established);
    script.tells(Readiness::WRITABLE);
    script.writes(3);
    script.sends("P. 1+3 ack 1");
}
