//! The same schedule, with any number of workers, has the same result.

use std::collections::BTreeMap;

use ironloom_state::{BatchId, Change, Receipt, Root};

use crate::schedule::{Kinds, Schedule, Stage, Step};
use crate::world::World;

/// How many schedules there are.
const SEEDS: u64 = 1_000;

#[derive(Debug, PartialEq)]
struct Outcome {
    receipts: BTreeMap<BatchId, Vec<Receipt>>,
    diffs: BTreeMap<BatchId, Vec<Change>>,
    roots: Vec<(BatchId, Option<Root>)>,
}

fn outcome(seed: u64, workers: usize) -> Outcome {
    let schedule = Schedule::draw(seed, workers, Kinds::Timeless);
    let mut world = World::new(schedule.seed, schedule.config);
    let (mut receipts, mut diffs) = (BTreeMap::new(), BTreeMap::new());
    for step in schedule.steps {
        if matches!(step, Step::Rollback { .. }) {
            // Whether a batch returns depends on whether it was committed before it was rolled back.
            for number in 0..world.submissions.len() {
                world.wait(number, Stage::Committed).unwrap();
            }
        }
        world.step(&step);
    }
    world.settle().unwrap();
    for pending in &world.submissions {
        let id = pending.what.id();
        if let (Ok(known), Ok(diff)) = (pending.what.receipts(), pending.what.diff()) {
            receipts.insert(id, known);
            diffs.insert(id, diff.changes);
        }
    }
    world.check().unwrap();
    Outcome { receipts, diffs, roots: world.roots() }
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    for seed in 0..SEEDS {
        let alone = outcome(seed, 0);
        for workers in [1, 2, 8] {
            assert_eq!(outcome(seed, workers), alone, "seed {seed}, {workers} workers");
        }
    }
}
