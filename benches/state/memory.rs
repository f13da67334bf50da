//! What a transaction in flight holds in memory: `cargo bench --bench state_memory`.
//!
//! The processor is held by its first transactions until all batches are submitted. What is counted is everything that
//! was allocated since before the batches were made and is not freed again, divided by the transactions and less the
//! eight bytes of payload: the ids of resources that batches bring along, what is known of each transaction, access
//! and resource, the lists of what can run, and the map of what was touched last. So it is when nothing has run, and
//! when all but the first transaction have run and wait to be committed, with the rows that are to be written.
//!
//! Allocations are counted, which would disturb the times of the other benches.

mod pattern;

use std::alloc::System;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_state::{Access, Batch, Config, Context, Failure, MemoryStore, Processor, Roots, State};
use parking_lot::{Condvar, Mutex};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use pattern::{Pattern, resource};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WORKERS: usize = 2;
const TRANSACTIONS: u64 = 100_000;
const SIZE: usize = 1_000;

fn main() {
    let mut suite = Suite::from_args();
    for pattern in [Pattern::Independent, Pattern::One, Pattern::Zipf] {
        let name = format!("state::memory/{},in_flight={TRANSACTIONS}", pattern.name());
        suite
            .compare_values(&format!("{name}/waiting"), Unit::Bytes, [Goal::Bytes(300.0)])
            .value(OURS, || held(pattern, WORKERS));
        suite.compare_values(&format!("{name}/executed"), Unit::Bytes, None).value(OURS, || held(pattern, 1));
    }
    suite.finish();
}

/// How much a transaction holds while the first `blocked` ones that run are held.
fn held(pattern: Pattern, blocked: usize) -> f64 {
    let gate = Arc::new(Gate::default());
    let limits = Config { workers: WORKERS, roots: Roots::Off, ..Config::default() };
    let limits = Config { transactions_in_flight_max: 2 * TRANSACTIONS, ..limits };
    let held = Held { gate: Arc::clone(&gate), blocked };
    let state = State::open(MemoryStore::new(), held, limits).expect("an empty store");
    let mut first = Batch::new("first");
    first.push(&[Access::write(resource(TRANSACTIONS))], 0).expect("it has one access");
    let first = state.submit(first).expect("it is open");
    let region = Region::new(ALLOCATOR);
    let batches: Vec<Batch<u64>> = pattern.batches(1..1 + TRANSACTIONS, SIZE);
    let submissions: Vec<_> =
        batches.into_iter().map(|batch| state.submit(batch).expect("it is open")).collect();
    gate.wait_for(blocked);
    if blocked < WORKERS {
        submissions.iter().for_each(|batch| batch.wait_executed().expect("it is executed"));
    }
    let change = region.change();
    gate.open();
    first.wait_executed().expect("it is executed");
    let bytes = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    bytes / TRANSACTIONS as f64 - size_of::<u64>() as f64
}

/// Writes eight bytes to everything, once it is let through.
struct Held {
    gate: Arc<Gate>,
    blocked: usize,
}

impl Processor for Held {
    type Payload = u64;

    fn execute(&self, context: &mut Context<'_>, number: &u64) -> Result<(), Failure> {
        self.gate.pass(self.blocked);
        let count = context.accesses().len();
        for index in 0..count {
            let access = context.accesses().nth(index).expect("there are so many");
            context.write(access.resource, number.to_le_bytes())?;
        }
        Ok(())
    }
}

/// Holds who comes first.
#[derive(Debug, Default)]
struct Gate {
    /// How many came, and whether it is open.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    /// The first `blocked` wait until it opens.
    fn pass(&self, blocked: usize) {
        let mut state = self.state.lock();
        state.0 += 1;
        self.changed.notify_all();
        if state.0 <= blocked {
            self.changed.wait_while(&mut state, |state| !state.1);
        }
    }

    fn wait_for(&self, count: usize) {
        self.changed.wait_while(&mut self.state.lock(), |state| state.0 < count);
    }

    fn open(&self) {
        self.state.lock().1 = true;
        self.changed.notify_all();
    }
}
