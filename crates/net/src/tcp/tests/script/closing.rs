//! How connections end (RFC 9293, 3.6).

use super::*;
use crate::tcp::{Error, Late, ReceiveError, SendError};

#[test]
fn we_close_first() {
    let mut script = Script::connected(Config::default());
    script.writes(5);
    script.connection.finish();
    script.is(State::FinWait1);
    assert_eq!(script.connection.send(&script.config, b"x"), Err(SendError::Finished));
    script.sends("FP. 1+5 ack 1");
    script.hears(".", 1, 0, 7);
    script.is(State::FinWait2);
    // The other side goes on.
    script.hears("P.", 1, 3, 7);
    script.reads(3);
    script.hears("F.", 4, 0, 7);
    script.is(State::TimeWait);
    script.tells(Readiness::READABLE | Readiness::OVER);
    script.reads(0);
    assert!(script.connection.time_wait().is_none());
    script.sends(". 7+0 ack 5");
    let mut rest = script.connection.time_wait().unwrap();
    script.waits(59_999);
    script.is(State::TimeWait);
    script.waits(1);
    assert!(script.connection.is_over());
    assert_eq!(script.connection.error(), None);

    // What is left of it answers a finish that was sent again, and lets a new connection begin.
    let late = |rest: &mut crate::tcp::TimeWait, segment: Segment| {
        rest.handle(Instant::from_nanos(2_000_000_000), &Config::default(), &segment)
    };
    let Late::Answer(answer) = late(&mut rest, theirs("F.", 4, 0, 7)) else { panic!("no answer") };
    assert_eq!(shown(&answer), ". 7+0 ack 5");
    assert_eq!(late(&mut rest, theirs(".", 5, 0, 7)), Late::Ignore);
    assert_eq!(late(&mut rest, theirs("S", 3, 0, 0)), Late::Ignore, "just answered");
    assert_eq!(late(&mut rest, theirs("S", 60, 0, 0)), Late::Reopen(OURS + 7));
    assert_eq!(late(&mut rest, theirs("R", 6, 0, 0)), Late::Ignore);
    assert_eq!(late(&mut rest, theirs("R", 5, 0, 0)), Late::Over);
}

#[test]
fn the_other_side_closes_first() {
    let mut script = Script::connected(Config::default());
    script.hears("FP.", 1, 4, 1);
    script.is(State::CloseWait);
    script.tells(Readiness::READABLE);
    script.reads(4);
    script.reads(0);
    script.sends(". 1+0 ack 6");
    script.writes(2);
    script.sends("P. 1+2 ack 6");
    script.hears(".", 6, 0, 3);
    script.connection.finish();
    script.is(State::LastAck);
    script.sends("F. 3+0 ack 6");
    script.hears(".", 6, 0, 4);
    assert!(script.connection.is_over());
    script.tells(Readiness::OVER | Readiness::READABLE | Readiness::WRITABLE);
    script.reads(0);
    assert_eq!(script.connection.error(), None);
}

#[test]
fn both_close_at_once() {
    let mut script = Script::connected(Config::default());
    script.connection.finish();
    script.sends("F. 1+0 ack 1");
    script.hears("F.", 1, 0, 1);
    script.is(State::Closing);
    script.sends(". 2+0 ack 2");
    script.hears(".", 2, 0, 2);
    script.is(State::TimeWait);
    script.quiet();
}

#[test]
fn a_finish_that_is_lost_is_sent_again() {
    let mut script = Script::connected(Config { selective: false, ..Config::default() });
    script.connection.finish();
    script.sends("F. 1+0 ack 1");
    script.waits(300);
    script.sends("F. 1+0 ack 1");
    script.hears("F.", 1, 0, 2);
    script.is(State::TimeWait);
    script.sends(". 2+0 ack 2");
    script.hears("F.", 1, 0, 2);
    script.sends(". 2+0 ack 2");
}

#[test]
fn a_finish_that_comes_early_waits() {
    let mut script = Script::connected(Config::default());
    script.hears("F.", 11, 10, 1);
    script.is(State::Established);
    script.sends(". 1+0 ack 1 [11..21)");
    script.hears(".", 1, 10, 1);
    script.is(State::CloseWait);
    script.sends(". 1+0 ack 22");
    script.reads(20);
    script.reads(0);
}

#[test]
fn bytes_for_nobody_reset() {
    let mut script = Script::connected(Config::default());
    script.connection.close();
    script.sends("F. 1+0 ack 1");
    script.hears(".", 1, 0, 2);
    script.is(State::FinWait2);
    script.hears("P.", 1, 10, 2);
    script.sends("R. 2+0 ack 1");
    assert!(script.connection.is_over());
    assert_eq!(script.connection.receive(&mut [0; 4]), Err(ReceiveError::Closed));
}

#[test]
fn who_closes_with_bytes_unread_resets() {
    let mut script = Script::connected(Config::default());
    script.hears("P.", 1, 10, 1);
    script.connection.close();
    assert!(!script.connection.is_over());
    script.sends("R. 1+0 ack 11");
    assert!(script.connection.is_over());
}

#[test]
fn a_finish_is_not_waited_for_for_ever() {
    let mut script = Script::connected(Config::default());
    script.connection.finish();
    script.sends("F. 1+0 ack 1");
    script.hears(".", 1, 0, 2);
    script.waits(600_000);
    script.is(State::FinWait2);
    script.connection.close();
    script.quiet();
    script.waits(60_000);
    assert!(script.connection.is_over());
}

#[test]
fn reset_after_bytes() {
    let mut script = Script::connected(Config::default());
    script.hears("P.", 1, 10, 1);
    script.hears("R.", 11, 0, 1);
    assert!(script.connection.is_over());
    script.reads(10);
    assert_eq!(script.connection.receive(&mut [0; 4]), Err(Error::Reset.into()));
    assert_eq!(script.connection.send(&script.config, b"x"), Err(Error::Reset.into()));
}

#[test]
fn abort() {
    let mut script = Script::connected(Config::default());
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    let reset = script.connection.abort().unwrap();
    assert_eq!(shown(&reset), "R. 11+0 ack 1");
    assert!(script.connection.is_over());
    assert_eq!(script.connection.abort(), None);
    script.hears(".", 1, 0, 11);
    script.quiet();
}
