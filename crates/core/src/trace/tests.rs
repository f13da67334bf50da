//! Equal histories have equal digests, and different ones are told apart at the right event.

use proptest::prelude::*;

use super::{Trace, first_difference};
use crate::Instant;

fn trace(events: &[u32]) -> Trace {
    let mut trace = Trace::new();
    record(&mut trace, events);
    trace
}

fn record(trace: &mut Trace, events: &[u32]) {
    for (step, event) in events.iter().enumerate() {
        trace.record(Instant::from_nanos(step as u64), "step", event);
    }
}

fn check(left: &[u32], right: &[u32]) {
    let common = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let found =
        first_difference(|trace| record(trace, left), |trace| record(trace, right)).expect("both repeat");
    if left == right {
        return assert!(found.is_none());
    }
    let found = found.expect("they differ");
    assert_eq!(found.common, common as u64);
    let details = |events: &[u32]| events.get(common).map(u32::to_string);
    assert_eq!(found.left.map(|event| event.details), details(left));
    assert_eq!(found.right.map(|event| event.details), details(right));
}

proptest! {
    #[test]
    fn the_first_difference_is_the_first(
        events in prop::collection::vec(0..3u32, 0..5_000),
        at: prop::sample::Index,
        kept: prop::sample::Index,
    ) {
        check(&events, &events);
        check(&events, &events[..kept.index(events.len() + 1)]);
        if !events.is_empty() {
            let mut changed = events.clone();
            changed[at.index(events.len())] = 9;
            check(&events, &changed);
        }
    }

    #[test]
    fn histories_and_digests_are_equal_together(left in prop::collection::vec(0..2u32, 0..6), right in prop::collection::vec(0..2u32, 0..6)) {
        prop_assert_eq!(left == right, trace(&left).digest() == trace(&right).digest());
    }
}

/// The run is longer than the square of what one probe keeps, so it takes three passes.
#[test]
fn a_long_run_is_searched_in_a_few_passes() {
    const EVENTS: u64 = 1_500_000;
    let mut passes = 0;
    let mut simulate = |trace: &mut Trace, broken: bool| {
        passes += 1;
        for step in 0..EVENTS {
            let value = u8::from(broken && step >= EVENTS - 2);
            trace.record(Instant::from_nanos(step), "step", &value);
        }
    };
    let simulate = std::cell::RefCell::new(&mut simulate);
    let found = first_difference(
        |trace| simulate.borrow_mut()(trace, false),
        |trace| simulate.borrow_mut()(trace, true),
    );
    assert_eq!(found.unwrap().unwrap().common, EVENTS - 2);
    assert!(passes <= 6, "{passes}");
}

#[test]
fn a_run_that_does_not_repeat_is_found_out() {
    let mut runs = 0u32;
    let found = first_difference(
        |trace| {
            runs += 1;
            (0..3_000).for_each(|step| trace.record(Instant::ZERO, "step", &(step + runs)));
        },
        |trace| record(trace, &[1, 2, 3]),
    );
    assert_eq!(found.unwrap_err().side, "left");
}

#[test]
fn events_do_not_run_together() {
    let mut one = Trace::new();
    one.record(Instant::ZERO, "a", &(1u8, 2u8));
    let mut two = Trace::new();
    two.record(Instant::ZERO, "a", &1u8);
    assert_ne!(one.digest(), two.digest());
    assert_ne!(Trace::new().digest(), one.digest());
}

#[test]
fn digests_survive_being_written() {
    let digest = trace(&[1, 2]).digest();
    assert_eq!(digest.to_string().parse(), Ok(digest));
    for text in ["", "12", "+2345678901234567890123456789012"] {
        assert!(text.parse::<super::Digest>().is_err());
    }
}

#[test]
fn long_details_are_cut_between_characters() {
    let long = "ä".repeat(1_000);
    let found =
        first_difference(|trace| trace.record(Instant::ZERO, "text", &long), |_| {}).unwrap().unwrap();
    assert_eq!(found.left.unwrap().details.chars().count(), 201);
}
