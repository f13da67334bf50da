//! What does not fit is refused and counted.

use super::*;

fn member(here: u8, founders: &[u8]) -> (Members, Instant) {
    let now = Instant::from_nanos(5);
    let first = Change { epoch: Epoch::new(7), hosts: hosts(founders) };
    let mut members = Members::new(config(), host(here), first, now);
    while members.poll().is_some() {}
    (members, now)
}

fn id(epoch: u64) -> StepId {
    StepId { epoch: Epoch::new(epoch), operation: 1, index: 0 }
}

#[test]
fn each_reason_is_counted() {
    let (mut members, now) = member(1, &[0, 1, 2]);
    let beat = |epoch| MemberMessage::Beat { epoch: Epoch::new(epoch), number: 1, heard: 0 };
    let step = |epoch, step| MemberMessage::Step { id: id(epoch), step };
    let change = Change { epoch: Epoch::new(8), hosts: hosts(&[0, 1]) };
    for (from, message, why) in [
        (5, beat(7), Refused::UnknownHost),
        (1, beat(7), Refused::UnknownHost),
        (0, beat(5), Refused::OldEpoch),
        (0, beat(9), Refused::NewEpoch),
        (0, step(6, Step::Drain), Refused::OldEpoch),
        (0, step(8, Step::Drain), Refused::NewEpoch),
        (2, step(7, Step::Drain), Refused::NotCoordinator),
        (0, step(7, Step::Begin(change)), Refused::OutOfState),
        (0, step(7, Step::Mark { snapshot: 1 }), Refused::OutOfState),
        (0, MemberMessage::Done { id: id(7) }, Refused::OutOfState),
        (
            5,
            MemberMessage::Stop { epoch: Epoch::new(7), host: host(0), why: Why::Halted },
            Refused::UnknownHost,
        ),
        (0, MemberMessage::Stop { epoch: Epoch::new(3), host: host(2), why: Why::Halted }, Refused::OldEpoch),
    ] {
        let before = members.refused(why);
        members.handle(now, Input::Message(host(from), message));
        assert_eq!(members.refused(why), before + 1, "{message:?}");
        assert_eq!(members.state(), State::Member, "{message:?}");
        assert!(
            std::iter::from_fn(|| members.poll())
                .all(|output| matches!(output, Output::Send(_, MemberMessage::Beat { .. })))
        );
    }
    members.handle(now, Input::Done(id(7)));
    assert_eq!(members.refused(Refused::OutOfState), 4);
}

#[test]
fn an_answer_to_a_beat_that_was_never_sent_is_no_lease() {
    let (mut members, now) = member(0, &[0, 1]);
    for heard in [0, 2, 1_000, u64::MAX] {
        let beat = MemberMessage::Beat { epoch: Epoch::new(7), number: u64::MAX, heard };
        members.handle(now, Input::Message(host(1), beat));
        assert!(!members.may_run(now), "{heard}");
    }
    let beat = MemberMessage::Beat { epoch: Epoch::new(7), number: 1, heard: 1 };
    members.handle(now, Input::Message(host(1), beat));
    assert!(members.may_run(now));
    let end = now.saturating_add(config().lease);
    assert!(!members.may_run(end));
    // An answer that comes late does not say that the host is there now.
    let late = end.checked_sub(millis(1)).unwrap();
    members.handle(late, Input::Message(host(1), beat));
    assert!(members.may_run(late) && !members.may_run(end));
}

#[test]
fn a_quorum_is_more_than_half_or_half_with_the_lowest() {
    for (all, some, may) in [
        (&[1, 2][..], &[1][..], true),
        (&[1, 2], &[2], false),
        (&[1, 2, 3], &[1], false),
        (&[1, 2, 3], &[2, 3], true),
        (&[1, 2, 3, 4], &[1, 4], true),
        (&[1, 2, 3, 4], &[2, 3], false),
        (&[1, 2, 3, 4], &[2, 3, 4], true),
        (&[1, 2], &[2, 5, 6], false),
    ] {
        let (mut members, now) = member(some[0], all);
        assert!(!members.may_restart(hosts(some)), "it has not stopped");
        let dead = all.iter().copied().find(|number| !some.contains(number)).unwrap();
        members.handle(now, Input::Lost(host(dead), Why::Unlinked));
        assert_eq!(members.may_restart(hosts(some)), may, "{some:?} of {all:?}");
        assert!(members.fenced_at().unwrap() > now.saturating_add(config().lease));
    }
}

#[test]
fn messages_of_random_bytes_are_survived() {
    let mut rng = ironloom_core::Rng::new(ironloom_core::Seed::new(4));
    let (mut members, mut now) = member(1, &[0, 1, 2]);
    let mut understood = 0;
    for _ in 0..200_000 {
        let mut bytes = rng.bytes::<40>();
        bytes[0] %= 6;
        // Numbers that are near to what they should be.
        for (at, byte) in bytes.iter_mut().enumerate().skip(1) {
            if rng.chance(3, 4) {
                *byte = if at % 8 == 1 { rng.below(10) as u8 } else { 0 };
            }
        }
        let Ok(message) = borsh::BorshDeserialize::deserialize(&mut &bytes[..]) else { continue };
        understood += 1;
        now = now.saturating_add(Duration::from_micros(1));
        members.handle(now, Input::Message(host(rng.below(5) as u8), message));
        let outputs = std::iter::from_fn(|| members.poll()).count();
        assert!(outputs < 100);
        if members.state() != State::Member {
            members = member(1, &[0, 1, 2]).0;
        }
    }
    assert!(understood > 10_000, "{understood}");
}
