//! What contexts see of sources.

use proptest::prelude::*;

use super::*;

const M: u64 = 0;
const S: u64 = 1;

fn enable(plic: &mut Plic, context: u64, source: u32) {
    let at = ENABLED + context * ENABLED_BYTES + u64::from(source / 32) * 4;
    let before = plic.read(at, 4).unwrap() as u32;
    plic.write(at, 4, before | 1 << (source % 32)).unwrap();
}

fn prioritise(plic: &mut Plic, source: u32, priority: u32) {
    plic.write(u64::from(source) * 4, 4, priority).unwrap();
}

fn claim(plic: &mut Plic, context: u64) -> u64 {
    plic.read(CONTEXTS + context * CONTEXT_BYTES + 4, 4).unwrap()
}

fn complete(plic: &mut Plic, context: u64, source: u32) {
    plic.write(CONTEXTS + context * CONTEXT_BYTES + 4, 4, source).unwrap();
}

#[test]
fn a_level_interrupts_until_it_is_claimed_and_again_after_it_is_completed() {
    let mut plic = Plic::new(1);
    prioritise(&mut plic, 10, 1);
    enable(&mut plic, S, 10);
    plic.set_level(10, true);
    assert_eq!(plic.raised(), 0b10);
    assert_eq!(claim(&mut plic, S), 10);
    assert_eq!((plic.raised(), claim(&mut plic, S)), (0, 0));
    complete(&mut plic, S, 10);
    assert_eq!(plic.raised(), 0b10);
    plic.set_level(10, false);
    assert_eq!(plic.raised(), 0);
}

#[test]
fn higher_priorities_come_first_and_then_lower_numbers() {
    let mut plic = Plic::new(1);
    for (source, priority) in [(3, 2), (40, 5), (70, 5), (95, 0)] {
        prioritise(&mut plic, source, priority);
        enable(&mut plic, M, source);
        plic.set_level(source, true);
    }
    let order: Vec<u64> = (0..4).map(|_| claim(&mut plic, M)).collect();
    assert_eq!(order, [40, 70, 3, 0]);
}

#[test]
fn thresholds_hide_priorities_up_to_themselves_but_not_from_claims() {
    let mut plic = Plic::new(2);
    let threshold = CONTEXTS + 3 * CONTEXT_BYTES;
    prioritise(&mut plic, 1, 3);
    enable(&mut plic, 3, 1);
    plic.set_level(1, true);
    plic.write(threshold, 4, 3).unwrap();
    assert_eq!(plic.raised(), 0);
    plic.write(threshold, 4, 2).unwrap();
    assert_eq!(plic.raised(), 0b1000);
    plic.write(threshold, 4, 7).unwrap();
    assert_eq!(claim(&mut plic, 3), 1);
}

#[test]
fn only_a_context_that_may_see_a_source_can_complete_it() {
    let mut plic = Plic::new(1);
    prioritise(&mut plic, 5, 1);
    enable(&mut plic, S, 5);
    plic.set_level(5, true);
    assert_eq!(claim(&mut plic, S), 5);
    complete(&mut plic, M, 5);
    complete(&mut plic, S, 5_000);
    assert_eq!(plic.raised(), 0);
    complete(&mut plic, S, 5);
    assert_eq!(plic.raised(), 0b10);
}

#[test]
fn registers_of_nothing_are_zero_and_contexts_of_nothing_are_refused() {
    let mut plic = Plic::new(1);
    assert_eq!(plic.read(0xFFC, 4), Some(0));
    assert_eq!(plic.read(ENABLED + 2 * ENABLED_BYTES, 4), Some(0));
    assert_eq!(plic.read(CONTEXTS + 2 * CONTEXT_BYTES, 4), None);
    assert_eq!(plic.read(0, 8), None);
    assert_eq!(plic.write(2, 4, 0), None);
    plic.write(0, 4, 7).unwrap();
    plic.write(ENABLED, 4, 1).unwrap();
    assert_eq!((plic.read(0, 4), plic.read(ENABLED, 4)), (Some(0), Some(0)));
}

proptest! {
    #[test]
    fn nothing_is_claimed_twice(operations in proptest::collection::vec((0..4u8, 1..SOURCES, 0..4u64), 1..200)) {
        let mut plic = Plic::new(2);
        for source in 1..SOURCES {
            prioritise(&mut plic, source, source % 8);
            for context in 0..4 {
                if (source + context) % 3 != 0 {
                    enable(&mut plic, u64::from(context), source);
                }
            }
        }
        let mut held = std::collections::BTreeSet::new();
        for (operation, source, context) in operations {
            match operation {
                0 => { plic.set_level(source, true); }
                1 => { plic.set_level(source, false); }
                2 => {
                    let raised = plic.raised() >> context & 1 == 1;
                    let claimed = claim(&mut plic, context) as u32;
                    prop_assert_eq!(raised, claimed != 0);
                    prop_assert!(claimed == 0 || held.insert(claimed));
                }
                _ => {
                    complete(&mut plic, context, source);
                    if !(source + context as u32).is_multiple_of(3) {
                        held.remove(&source);
                    }
                }
            }
        }
    }
}
