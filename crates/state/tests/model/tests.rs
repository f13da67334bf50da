//! The tests.

use ironloom_core::Seed;

use crate::program::Plan;
use crate::schedule::{Fault, Kinds, Schedule, Step, config};
use crate::shrink;
use crate::world::World;

/// How many worlds there are.
const SEEDS: u64 = 10_000;

/// How many threads a world has: mostly none, so that everything follows from the seed.
fn workers(seed: u64) -> usize {
    match seed % 20 {
        7 => 1,
        13 => 2,
        19 => 8,
        _ => 0,
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever looks for more failures says so from outside")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number of or for a seed"))
}

/// Runs every second seed, beginning with one.
fn run_half(first: u64) {
    if let Some(seed) = asked("MODEL_SEED") {
        if seed % 2 == first {
            run(seed);
        }
        return;
    }
    (first..asked("MODEL_SEEDS").unwrap_or(SEEDS)).step_by(2).for_each(run);
}

fn run(seed: u64) {
    let schedule = Schedule::draw(seed, workers(seed), Kinds::All);
    shrink::run(seed, &schedule);
}

#[test]
fn seeded_worlds_are_as_the_model_says_even() {
    run_half(0);
}

#[test]
fn seeded_worlds_are_as_the_model_says_odd() {
    run_half(1);
}

/// A rollback to a batch in flight was waiting to be written when another one took that batch out of flight. A crash
/// between the two found a tip that was never committed, and the state could not be opened any more.
#[test]
fn a_rollback_to_a_batch_that_is_rolled_back_goes_further() {
    for at in 0..8 {
        let mut world = World::new(Seed::new(at), config(0));
        for (metadata, synced) in [(0, false), (1, false), (0, true)] {
            world.step(&Step::Submit { plan: Plan { metadata, transactions: Vec::new() }, synced });
        }
        world.step(&Step::Fault(Fault::PowerOff(at)));
        world.step(&Step::Rollback { pick: 2, waits: false });
        world.step(&Step::Rollback { pick: 0, waits: true });
        world.finish();
    }
}
