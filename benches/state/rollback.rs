//! The way back over a hundred batches of a thousand transactions, and the way there again.

use ironloom_benches::{Goal, OURS, Suite, Unit, now, timed};
use ironloom_state::{Batch, BatchId, Roots};

use crate::bench::{Bench, Place};
use crate::pattern::Pattern;
use crate::rounds::Rounds;
use crate::work::Work;

const BATCHES: u64 = 100;
const SIZE: usize = 1_000;
/// Goes back while the batches are still in flight.
const EARLY: &str = "ironloom, in flight";

pub(crate) fn benches(suite: &mut Suite) {
    for place in [Place::Memory, Place::Disk] {
        for pattern in [Pattern::Independent, Pattern::Zipf] {
            let name = format!("{},{},batches={BATCHES}", place.name(), pattern.name());
            compare(suite, &name, place, pattern);
        }
    }
}

fn compare(suite: &mut Suite, name: &str, place: Place, pattern: Pattern) {
    let steps = ["rollback", "return", "rollback_root"];
    let names = steps.map(|step| format!("state::{step}/{name}"));
    if !names.iter().any(|name| suite.selects(name)) {
        return;
    }
    println!("state::rollback/{name}: measuring");
    let mut rounds = steps.map(|_| Rounds::default());
    for _ in 0..if suite.is_quick() { 2 } else { 9 } {
        let times = back_and_forth(place, pattern);
        rounds.iter_mut().zip(times).for_each(|(rounds, nanos)| rounds.add(OURS, nanos));
        rounds[0].add(EARLY, early(place, pattern));
    }
    let goals = [Some(Goal::Nanos(50e6)), None, None];
    for ((name, mut rounds), goal) in names.iter().zip(rounds).zip(goals) {
        let mut compare = suite.compare_values(name, Unit::Nanos, goal);
        rounds.quantiles(500).for_each(|(name, value)| _ = compare.found(name, value));
    }
}

/// A state with one batch, and those that come after it.
fn begin(place: Place, pattern: Pattern) -> (Bench, BatchId, Vec<Batch<u64>>) {
    let transactions = BATCHES * SIZE as u64;
    let bench = Bench::new(place, Work::Count, Roots::On);
    bench.settle(pattern.batches(0..SIZE as u64, SIZE));
    let base = bench.state.tip();
    (bench, base, pattern.batches(transactions..2 * transactions, SIZE))
}

/// How many nanoseconds it takes to go back and be there after a power failure; until the same batches have returned
/// and would be there too; and from another way back until the root after the next batch is known.
fn back_and_forth(place: Place, pattern: Pattern) -> [f64; 3] {
    let (bench, base, batches) = begin(place, pattern);
    bench.settle(batches.clone());
    let nanos = |work: &mut dyn FnMut()| timed(work).as_nanos() as f64;
    let back = || bench.state.rollback(base).expect("it is kept").wait().expect("the store works");
    let rollback = nanos(&mut || back());
    let mut batches = Some(batches);
    let returned = nanos(&mut || {
        let mut last = None;
        for batch in batches.take().into_iter().flatten() {
            last = Some(bench.state.submit(batch).expect("it is open"));
        }
        let last = last.expect("there are batches");
        assert!(last.is_restored(), "nothing is executed again");
        last.wait_durable().expect("the store works");
    });
    bench.settle(pattern.batches(0..1, 1)); // and the tree is back, too
    let root = nanos(&mut || {
        back();
        bench.settle(pattern.batches(1..2, 1));
    });
    [rollback, returned, root]
}

/// How long it takes to go back right after the last batch was submitted.
fn early(place: Place, pattern: Pattern) -> f64 {
    let (bench, base, batches) = begin(place, pattern);
    for batch in batches {
        bench.state.submit(batch).expect("it is open");
    }
    let start = now();
    bench.state.rollback(base).expect("it is kept").wait().expect("the store works");
    (now() - start).as_nanos() as f64
}
