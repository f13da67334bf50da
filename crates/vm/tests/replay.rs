//! The same world twice: a run is its seed and the calls of the host, on any number of workers.
//!
//! Worlds are made up: machines with heaps of their own and in cells, in two networks with loss between them, that run
//! scripts of all kinds while the host types, forks and goes back. All that can be seen of them must be the same.

mod replay {
    pub(crate) mod script;
    pub(crate) mod world;
}

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use replay::world::{Plan, Run, Trace};

/// So many worlds, the same ones each time.
fn worlds(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

/// How one trace differs from another, if it does.
fn difference(expected: &Trace, found: &Trace) -> Option<String> {
    let at = expected.iter().zip(found).position(|(expected, found)| expected != found);
    let at = at.or((expected.len() != found.len()).then(|| expected.len().min(found.len())))?;
    Some(format!("{at}: {:?}, not {:?}", found.get(at), expected.get(at)))
}

/// What is seen of each machine, whatever happened on others in between. To collect the heap of a cell costs whoever
/// runs then, so how much each has done is left out.
fn by_machine(mut trace: Trace) -> Trace {
    trace.retain(|(_, what)| !what.starts_with("spent"));
    trace.sort_by_key(|(machine, _)| *machine);
    trace
}

proptest! {
    #![proptest_config(worlds(300))]

    #[test]
    fn workers_change_nothing(plan in Plan::any(true)) {
        let first = plan.run(Run { workers: 1, cell_machines_max: 255, is_slow: true });
        for workers in [1, 2, 8] {
            let again = plan.run(Run { workers, cell_machines_max: 255, is_slow: true });
            if let Some(difference) = difference(&first, &again) {
                prop_assert!(false, "seed {}, {workers} workers, {difference}", plan.seed);
            }
        }
    }

    /// With whom a machine shares its heap is not seen, as long as it does not do so much that the time shows it.
    #[test]
    fn neighbours_in_a_cell_change_nothing(plan in Plan::any(false)) {
        let first = by_machine(plan.run(Run { workers: 2, cell_machines_max: 255, is_slow: false }));
        for cell_machines_max in [1, 2, 3] {
            let again = by_machine(plan.run(Run { workers: 2, cell_machines_max, is_slow: false }));
            if let Some(difference) = difference(&first, &again) {
                prop_assert!(false, "seed {}, {cell_machines_max} in a cell, {difference}", plan.seed);
            }
        }
    }
}
