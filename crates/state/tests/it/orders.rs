//! Whatever the order in which transactions happen to run, the result is that of their order in the batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironloom_core::{Rng, Seed};
use ironloom_state::{Access, Batch, Config, MemoryStore, Roots, State};

use crate::gates::{Gate, Held};
use crate::patience::{spawn, within};
use crate::support::{Append, Payload, id, open_with, read};

const RESOURCES: u64 = 12;

/// Batches over few resources, some of whose transactions wait at gates, and what the resources hold in the end.
struct Plan {
    batches: Vec<Batch<Payload>>,
    gates: Vec<Arc<Gate>>,
    expected: BTreeMap<u64, Vec<u8>>,
}

fn plan(rng: &mut Rng) -> Plan {
    let mut plan = Plan { batches: Vec::new(), gates: Vec::new(), expected: BTreeMap::new() };
    let mut number = 0_u8;
    for _ in 0..rng.range(1..12) {
        let mut batch = Batch::new("");
        for _ in 0..rng.range(1..20) {
            number = number.wrapping_add(1);
            let mut accesses = Vec::new();
            for resource in 0..RESOURCES {
                match rng.below(8) {
                    0 => accesses.push(Access::read(id(resource))),
                    1 => {
                        accesses.push(Access::write(id(resource)));
                        plan.expected.entry(resource).or_default().push(number);
                    }
                    _ => {}
                }
            }
            let payload = if rng.chance(1, 3) {
                let gate = Held::default();
                plan.gates.push(Arc::clone(&gate.0));
                Payload::Held(number, gate)
            } else {
                Payload::Append(number)
            };
            batch.push(&accesses, payload).unwrap();
        }
        plan.batches.push(batch);
    }
    rng.shuffle(&mut plan.gates);
    plan
}

fn run(state: &Arc<State<Append>>, plan: Plan) -> BTreeMap<u64, Vec<u8>> {
    let Plan { batches, gates, .. } = plan;
    let opener = spawn(move || {
        gates.iter().for_each(|gate| {
            gate.open.open();
            std::thread::yield_now();
        });
    });
    let submissions: Vec<_> = batches.into_iter().map(|batch| state.submit(batch).unwrap()).collect();
    opener.join("opening the gates");
    within("batches whose gates are open", move || {
        submissions.iter().for_each(|submission| submission.wait_committed().unwrap());
    });
    (0..RESOURCES).filter_map(|resource| Some((resource, read(state, resource)?))).collect()
}

#[test]
fn any_order_gives_the_same_result() {
    for seed in 0..150 {
        for workers in [2, 8] {
            let mut rng = Rng::new(Seed::new(seed));
            let config = Config { workers, roots: Roots::Off, ..Config::default() };
            let state = Arc::new(open_with(&MemoryStore::new(), config));
            let plan = plan(&mut rng);
            let expected = plan.expected.clone();
            assert_eq!(run(&state, plan), expected, "seed {seed}, {workers} workers");
        }
    }
}
