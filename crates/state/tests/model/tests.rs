//! The tests.

use crate::schedule::{Kinds, Schedule};
use crate::shrink;

/// How many worlds there are.
const SEEDS: u64 = 10_000;

/// How many threads a world has: mostly none, so that everything follows from the seed.
const fn workers(seed: u64) -> usize {
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
        return if seed % 2 == first { run(seed) } else { () };
    }
    (first..asked("MODEL_SEEDS").unwrap_or(SEEDS)).step_by(2).for_each(run);
}

fn run(seed: u64) {
    shrink::run(seed, &Schedule::draw(seed, workers(seed), Kinds::All));
}

#[test]
fn seeded_worlds_are_as_the_model_says_even() {
    run_half(0);
}

#[test]
fn seeded_worlds_are_as_the_model_says_odd() {
    run_half(1);
}
