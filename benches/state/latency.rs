//! How long a batch with one transaction takes, when there is no other: until it is executed, and until it survives a
//! power failure.

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_state::{
    Batch, KeyRange, MemoryStore, ReadStore, Roots, Space, State, Store, StoreError, Visit, Write, WriteBatch,
};

use crate::bench::{Bench, Place, config};
use crate::pattern::Pattern;
use crate::rounds::Rounds;
use crate::sleeper::Sleeper;
use crate::work::Work;

const GROWING: &str = "limit: growing file";
const PREALLOCATED: &str = "limit: preallocated file";
/// What it takes to have another thread do anything at all, if it sleeps.
const WOKEN: &str = "limit: thread woken";

pub(crate) fn benches(suite: &mut Suite) {
    let goal = [Goal::Nanos(50e3)];
    compare(suite, "executed", &goal, 20_000, |samples, rounds| {
        let disk = Bench::new(Place::Disk, Work::Count, Roots::On);
        let memory = Bench::new(Place::Memory, Work::Count, Roots::On);
        let sleeper = Sleeper::new();
        for batch in batches(samples) {
            rounds.add(OURS, executed(&disk, batch.clone()));
            rounds.add("ironloom, in memory", executed(&memory, batch));
            rounds.add(WOKEN, sleeper.wake());
        }
    });
    let goals = [Goal::Times(1.2, GROWING), Goal::Times(1.2, PREALLOCATED)];
    compare(suite, "durable", &goals, 3_000, |samples, rounds| {
        let bench = Bench::new(Place::Disk, Work::Count, Roots::On);
        let bytes = vec![7; bytes_of_a_commit()];
        let mut growing = tempfile::tempfile().expect("there is room for temporary files");
        let mut preallocated = preallocated(samples * bytes.len());
        for batch in batches(samples) {
            rounds.add(OURS, durable(&bench, batch));
            rounds.add(GROWING, append(&mut growing, &bytes));
            rounds.add(PREALLOCATED, append(&mut preallocated, &bytes));
        }
    });
}

/// Measures by turns and tells the median and the 99th percentile, of which the goals speak.
fn compare(
    suite: &mut Suite,
    what: &str,
    goals: &[Goal],
    samples: usize,
    measure: impl FnOnce(usize, &mut Rounds),
) {
    let name = format!("state::latency/{what}");
    if !suite.selects(&name) {
        return;
    }
    println!("{name}: measuring");
    let mut rounds = Rounds::default();
    measure(if suite.is_quick() { samples / 5 } else { samples }, &mut rounds);
    for (quantile, thousandths, goals) in [("p50", 500, &[][..]), ("p99", 990, goals)] {
        let name = format!("{name}/{quantile}");
        let mut compare = suite.compare_values(&name, Unit::Nanos, goals.iter().copied());
        rounds.quantiles(thousandths).for_each(|(name, value)| _ = compare.found(name, value));
    }
}

/// So many batches of one transaction with one access, to resources of which some were met before.
fn batches(count: usize) -> Vec<Batch<u64>> {
    let count = count as u64;
    let mut batches = Pattern::Independent.batches(0..count / 2, 1);
    batches.extend(Pattern::Independent.batches(count / 2..count, 1));
    batches
}

/// Until it is executed; it is committed, and its root known, before the next one comes.
fn executed(bench: &Bench, batch: Batch<u64>) -> f64 {
    let mut submission = None;
    let took = timed(|| {
        let submission = submission.insert(bench.state.submit(batch).expect("it is open"));
        submission.wait_executed().expect("it is executed");
    });
    let submission = submission.expect("it was submitted");
    submission.wait_committed().expect("the store works");
    bench.state.wait_root(submission.id()).expect("it is committed");
    took.as_nanos() as f64
}

fn durable(bench: &Bench, batch: Batch<u64>) -> f64 {
    let mut id = None;
    let took = timed(|| {
        let submission = bench.state.submit(batch).expect("it is open");
        submission.wait_durable().expect("the store works");
        id = Some(submission.id());
    });
    bench.state.wait_root(id.expect("it was submitted")).expect("it is committed");
    took.as_nanos() as f64
}

fn append(file: &mut File, bytes: &[u8]) -> f64 {
    let took = timed(|| {
        file.write_all(bytes).expect("the disk works");
        file.sync_data().expect("the disk works");
    });
    took.as_nanos() as f64
}

/// A file whose bytes are on the disk already and are written again.
fn preallocated(bytes: usize) -> File {
    use std::io::Seek as _;
    let mut file = tempfile::tempfile().expect("there is room for temporary files");
    file.write_all(&vec![0; bytes]).expect("the disk works");
    file.sync_all().expect("the disk works");
    file.rewind().expect("a file can be read again");
    file
}

/// How many bytes of keys and values a batch leaves in the store.
fn bytes_of_a_commit() -> usize {
    let bytes = Arc::new(AtomicUsize::new(0));
    let store = Counting { store: MemoryStore::new(), bytes: Arc::clone(&bytes) };
    let state = State::open(store, Work::Count, config(Roots::Off)).expect("an empty store");
    for batch in batches(2) {
        bytes.store(0, Ordering::SeqCst);
        state.submit(batch).expect("it is open").wait_committed().expect("memory does not fail");
    }
    bytes.load(Ordering::SeqCst)
}

/// Counts what is committed to the store below.
#[derive(Debug)]
struct Counting {
    store: MemoryStore,
    bytes: Arc<AtomicUsize>,
}

impl ReadStore for Counting {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(space, range, &mut |key, value| -> ControlFlow<()> { visit(key, value) })
    }
}

impl Store for Counting {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        self.store.declare(spaces)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        let bytes = changes.iter().map(|change| match change {
            Write::Put { key, value, .. } => key.len() + value.len(),
            Write::Remove { key, .. } => key.len(),
        });
        self.bytes.fetch_add(bytes.sum(), Ordering::SeqCst);
        self.store.commit(changes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.store.sync()
    }
}
