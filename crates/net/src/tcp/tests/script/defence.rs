//! Segments that nobody should have sent (RFC 5961, RFC 5927, RFC 7323).

use super::*;
use crate::frame::{Timestamps, Unreachable};
use crate::tcp::Error;

#[test]
fn a_reset_counts_only_where_it_should_be() {
    let mut script = Script::connected(Config::default());
    script.hears("R", 0, 0, 0);
    script.hears("R", 300_000, 0, 0);
    script.quiet();
    script.hears("R", 2, 0, 0);
    script.sends(". 1+0 ack 1");
    script.is(State::Established);
    script.hears("R", 1, 0, 0);
    assert_eq!(script.connection.error(), Some(Error::Reset));
}

/// Wherever a connection is in its life, a reset with the number that is expected ends it.
#[test]
fn a_reset_ends_it_in_every_state() {
    let finish = |script: &mut Script| script.connection.finish();
    let reach = |state: State| {
        let mut script = Script::connected(Config::default());
        match state {
            State::FinWait1 => finish(&mut script),
            State::FinWait2 => {
                finish(&mut script);
                script.sends("F. 1+0 ack 1");
                script.hears(".", 1, 0, 2);
            }
            State::Closing | State::TimeWait => {
                finish(&mut script);
                script.sends("F. 1+0 ack 1");
                script.hears("F.", 1, 0, if state == State::Closing { 1 } else { 2 });
            }
            State::CloseWait | State::LastAck => {
                script.hears("F.", 1, 0, 1);
                if state == State::LastAck {
                    finish(&mut script);
                }
            }
            _ => {}
        }
        while script.poll().is_some() {}
        script.is(state);
        script
    };
    for state in [State::Established, State::FinWait1, State::FinWait2, State::CloseWait] {
        let mut script = reach(state);
        let next = if state == State::CloseWait { 2 } else { 1 };
        script.hears("R", next, 0, 0);
        assert_eq!(script.connection.error(), Some(Error::Reset), "{state:?}");
        script.is(State::Closed);
        script.quiet();
    }
    for state in [State::Closing, State::LastAck, State::TimeWait] {
        let mut script = reach(state);
        script.hears("R", 2, 0, 0);
        assert!(script.connection.is_over(), "{state:?}");
        script.quiet();
    }
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("R", 0, 0, 1);
    script.is(State::SynSent);
    script.hears("R.", 0, 0, 1);
    assert_eq!(script.connection.error(), Some(Error::Refused));
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("S", 0, 0, 0);
    script.is(State::SynReceived);
    script.hears("R", 1, 0, 0);
    assert!(script.connection.is_over());
}

#[test]
fn a_new_beginning_is_challenged() {
    let mut script = Script::connected(Config::default());
    script.hears("S", 1, 0, 0);
    script.sends(". 1+0 ack 1");
    script.hears("S", 400_000, 0, 0);
    script.sends(". 1+0 ack 1");
    script.hears("S.", 0, 0, 1);
    script.sends(". 1+0 ack 1");
    script.is(State::Established);
}

#[test]
fn challenges_are_limited() {
    let mut script = Script::connected(Config { challenges_per_second_max: 3, ..Config::default() });
    let answers = |script: &mut Script| {
        (0..50)
            .filter(|_| {
                script.hears("S", 1, 0, 0);
                script.poll().is_some()
            })
            .count()
    };
    assert_eq!(answers(&mut script), 3);
    script.waits(1_000);
    assert_eq!(answers(&mut script), 3);
}

#[test]
fn acknowledgements_of_what_was_not_sent_do_nothing() {
    let mut script = Script::connected(Config::default());
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    script.hears("P.", 1, 5, 12);
    script.sends(". 11+0 ack 1");
    script.hears("P.", 1, 5, -100_000);
    script.sends(". 11+0 ack 1");
    script.hears("P.", 1, 5, 0);
    script.waits(40);
    script.sends(". 11+0 ack 6");
    script.hears(".", 6, 0, 11);
    script.quiet();
}

#[test]
fn what_is_beyond_the_window_is_not_taken() {
    let mut script = Script::connected(Config { receive_bytes_max: 1_000, ..Config::default() });
    script.hears("P.", 1_001, 10, 1);
    script.sends(". 1+0 ack 1");
    script.hears("F.", 501, 600, 1);
    script.sends(". 1+0 ack 1 [501..1001)");
    script.hears("P.", 1, 2_000, 1);
    let full = script.sends(". 1+0 ack 1001");
    assert_eq!(full.window, 0);
    // The window is closed; what is said about our bytes counts all the same.
    script.writes(7);
    script.sends("P. 1+7 ack 1001");
    script.hears("P.", 1_001, 1, 8);
    script.sends(". 8+0 ack 1001");
    script.waits(10_000);
    script.quiet();
    // A finish needs no room.
    script.hears("F.", 1_001, 0, 8);
    script.is(State::CloseWait);
    script.reads(1_000);
    script.reads(0);
}

#[test]
fn what_the_network_says_is_checked() {
    let mut script = Script::connected(Config { retries_max: 2, ..Config::default() });
    script.writes(10);
    script.sends("P. 1+10 ack 1");
    script.connection.unreachable(Unreachable::Host, OURS + 11);
    script.connection.unreachable(Unreachable::Network, OURS + 5);
    script.is(State::Established);
    script.hears(".", 1, 0, 11);
    script.writes(10);
    script.connection.unreachable(Unreachable::Port, OURS + 11);
    script.sends("P. 11+10 ack 1");
    script.connection.unreachable(Unreachable::Host, OURS + 11);
    script.waits(600_000);
    assert_eq!(script.connection.error(), Some(Error::Unreachable(Unreachable::Host)));
}

#[test]
fn a_smaller_path_makes_smaller_segments() {
    let mut script = Script::connected(Config { offload_bytes_max: 0, ..Config::default() });
    script.writes(2_000);
    script.sends(". 1+1000 ack 1");
    script.sends("P. 1001+1000 ack 1");
    script.connection.too_big(script.now, &script.config, 640, OURS + 2_001);
    script.connection.too_big(script.now, &script.config, 1_500, OURS + 1);
    script.quiet();
    script.connection.too_big(script.now, &script.config, 640, OURS + 1);
    for line in [". 1+600 ack 1", ". 601+600 ack 1", ". 1201+600 ack 1", "P. 1801+200 ack 1"] {
        assert_eq!(script.sends(line).cut, 600);
    }
    script.quiet();
    // Nobody makes us send headers only.
    script.connection.too_big(script.now, &script.config, 0, OURS + 1);
    script.sends(". 1+256 ack 1");
}

#[test]
fn old_segments_are_recognised_by_their_time() {
    let mut script = Script::connecting(Config { timestamps: true, ..Config::default() });
    script.sends("S 0+0");
    let stamped = |flags, sequence, len, value| {
        let mut segment = theirs(flags, sequence, len, 1);
        segment.options.timestamps = Some(Timestamps { value, echo: 0 });
        segment
    };
    script.arrives(stamped("S.", 0, 0, u32::MAX - 10));
    let ack = script.sends(". 1+0 ack 1");
    assert_eq!(ack.options.timestamps, Some(Timestamps { value: 1_000, echo: u32::MAX - 10 }));
    script.arrives(stamped(".", 1, 10, 5));
    script.arrives(stamped(".", 11, 10, u32::MAX - 20));
    script.sends(". 1+0 ack 11");
    script.hears(".", 11, 10, 1);
    script.sends(". 1+0 ack 11");
    script.arrives(stamped(".", 11, 10, 5));
    script.waits(40);
    assert_eq!(script.sends(". 1+0 ack 21").options.timestamps.unwrap().echo, 5);
    script.reads(20);
}
