//! How connections come to be (RFC 9293, 3.5 and 3.10.7.2 to 3.10.7.4).

use super::*;
use crate::frame::Unreachable;
use crate::tcp::{Error, refusal};

#[test]
fn three_way_handshake() {
    let mut script = Script::connecting(Config::default());
    let syn = script.sends("S 0+0");
    assert_eq!(syn.options.segment_bytes_max, Some(1_460));
    assert_eq!((syn.options.window_shift, syn.options.selective, syn.window), (Some(3), true, 65_535));
    script.quiet();
    script.hears("S.", 0, 0, 1);
    script.is(State::Established);
    script.tells(Readiness::WRITABLE);
    script.sends(". 1+0 ack 1");
    script.quiet();
    assert_eq!(script.connection.deadline(), None);
}

#[test]
fn an_embryo_answers_and_completes() {
    let config = Config::default();
    let now = Instant::ZERO;
    let mut syn = theirs("S", 0, 0, 0);
    syn.options = Options {
        segment_bytes_max: Some(900),
        window_shift: Some(200),
        selective: true,
        ..Options::default()
    };
    let mut embryo = Embryo::new(now, &config, turned(ends()), &syn, OURS);
    let answer = embryo.syn_ack(now, &config);
    assert_eq!(shown(&answer), "S. 0+0 ack 1");
    assert_eq!((answer.source, answer.target), (80, 50_000));
    assert_eq!(answer.options.window_shift, Some(3));
    assert_eq!(embryo.handle(&syn), Reaction::Again);
    assert_eq!(embryo.handle(&theirs("R", 1, 0, 0)), Reaction::Reset);
    assert_eq!(embryo.handle(&theirs("R", 2, 0, 0)), Reaction::Ignore);
    assert_eq!(embryo.handle(&theirs(".", 1, 0, 2)), Reaction::Refuse);
    assert_eq!(embryo.handle(&theirs("F", 1, 0, 1)), Reaction::Ignore);
    assert_eq!(embryo.handle(&theirs(".", 1, 5, 1)), Reaction::Complete);
    let mut connection = Connection::from_embryo(now, &config, &embryo, theirs("P.", 1, 5, 1));
    assert_eq!(connection.state(), State::Established);
    assert_eq!(connection.receive(&mut [0; 9]), Ok(Some(5)));
    let mut resent = 0;
    let mut reaction = Reaction::Ignore;
    while reaction != Reaction::Reset {
        reaction = embryo.expire(embryo.deadline(), &config);
        resent += u32::from(reaction == Reaction::Again);
    }
    assert_eq!(resent, 6);
}

/// RFC 9293, figure 7.
#[test]
fn both_sides_open_at_once() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("S", 0, 0, -i64::from(OURS));
    script.is(State::SynReceived);
    script.sends("S. 0+0 ack 1");
    script.hears("S.", 0, 0, 1);
    script.is(State::Established);
    script.quiet();
    script.writes(10);
    script.sends("P. 1+10 ack 1");
}

#[test]
fn both_sides_open_at_once_and_one_answer_is_lost() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("S", 0, 0, -i64::from(OURS));
    script.sends("S. 0+0 ack 1");
    script.waits(1_000);
    script.sends("S. 0+0 ack 1");
    script.hears(".", 1, 3, 1);
    script.is(State::Established);
    script.reads(3);
}

#[test]
fn the_first_segment_is_sent_again_with_limits() {
    let mut script = Script::connecting(Config { syn_retries_max: 3, ..Config::default() });
    script.sends("S 0+0");
    for seconds in [1, 2, 4] {
        script.waits(seconds * 1_000 - 1);
        script.quiet();
        script.waits(1);
        script.sends("S 0+0");
    }
    script.waits(8_000);
    script.quiet();
    assert!(script.connection.is_over());
    assert_eq!(script.connection.error(), Some(Error::TimedOut));
    assert!(script.connection.take_readiness().contains(Readiness::OVER));
}

#[test]
fn refused() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("R.", 0, 0, 7);
    script.quiet();
    script.is(State::SynSent);
    script.hears("R", 0, 0, 0);
    script.is(State::SynSent);
    script.hears("R.", 0, 0, 1);
    script.quiet();
    assert_eq!(script.connection.error(), Some(Error::Refused));
}

/// RFC 9293, figure 9: an acknowledgement of an older connection is answered with a reset.
#[test]
fn an_old_connection_is_reset() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears(".", 300, 0, 100);
    script.is(State::SynSent);
    let reset = script.sends("R 100+0");
    assert_eq!(reset.options, Options::default());
    script.quiet();
    script.hears("S.", 0, 0, 1);
    script.is(State::Established);
}

#[test]
fn nothing_but_a_segment_that_begins_counts() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.hears("F", 0, 0, 0);
    script.hears("P", 0, 100, 0);
    script.hears(".", 0, 0, 1);
    script.is(State::SynSent);
    script.quiet();
}

#[test]
fn unreachable_before_it_exists() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.connection.unreachable(Unreachable::Host, OURS + 1);
    script.is(State::SynSent);
    script.connection.unreachable(Unreachable::Host, OURS);
    assert_eq!(script.connection.error(), Some(Error::Unreachable(Unreachable::Host)));
}

#[test]
fn who_closes_before_it_exists_is_done() {
    let mut script = Script::connecting(Config::default());
    script.sends("S 0+0");
    script.connection.close();
    script.quiet();
    assert!(script.connection.is_over());
    assert_eq!(script.connection.error(), None);
}

#[test]
fn what_is_given_before_it_exists_is_sent_after() {
    let mut script = Script::connecting(Config::default());
    assert_eq!(script.writes(10), 10);
    script.connection.finish();
    script.sends("S 0+0");
    script.quiet();
    script.hears("S.", 0, 0, 1);
    script.is(State::FinWait1);
    script.sends("FP. 1+10 ack 1");
}

#[test]
fn without_options_there_are_none() {
    let mut script = Script::connecting(Config { timestamps: true, ..Config::default() });
    let syn = script.sends("S 0+0");
    assert!(syn.options.timestamps.is_some());
    script.hears("S.", 0, 0, 1);
    let ack = script.sends(". 1+0 ack 1");
    assert_eq!(ack.options, Options::default());
    assert_eq!(ack.window, 65_535);
    script.writes(3_000);
    // 536 bytes are what somebody takes who does not say more.
    assert_eq!(script.sends(". 1+1072 ack 1").cut, 536);
}

#[test]
fn a_closed_port_refuses() {
    let refused = |segment: &Segment| refusal(segment).map(|segment| shown(&segment));
    assert_eq!(refused(&theirs("S", 0, 0, 0)).unwrap(), "R. -1000+0 ack 1");
    assert_eq!(refused(&theirs("F.", 9, 5, 20)).unwrap(), "R 20+0");
    assert_eq!(refused(&theirs("R", 9, 5, 20)), None);
}
