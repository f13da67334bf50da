//! How many transactions are executed and committed in a second, from the first submission to the last batch.
//!
//! The batches are made before. Two workers run them; the thread that submits helps when it waits for room, and at
//! the end. Beside it are a loop of one thread over a map, which is the limit for what has no conflicts to find and
//! nothing to commit, and two threads that share such a map under one lock and keep no order.

use std::collections::BTreeMap;
use std::time::Instant;

use ironloom_benches::{Compare, Goal, OURS, Suite, Unit, now, timed};
use ironloom_state::{FjallConfig, FjallStore, ResourceId, Roots, Space, Store, Value, WriteBatch};
use parking_lot::Mutex;

use crate::bench::{Bench, Place, WORKERS};
use crate::pattern::{Accesses, Pattern, resource};
use crate::rounds::Rounds;
use crate::work::{Work, spin};

const LOOP: &str = "limit: loop";
const LOCK: &str = "one lock";
const HALVES: &str = "limit: two loops";
const ENGINE: &str = "limit: the store alone";
const TRANSACTIONS: u64 = 100_000;
const SIZES: [usize; 2] = [100, 1_000];

/// What a state knows of the resources before it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// They do not exist.
    Fresh,
    /// They were just changed.
    Known,
    /// They are in the store, which was just opened.
    Stored,
}

/// One thing to be measured.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    pattern: Pattern,
    size: usize,
    work: Work,
    place: Place,
    roots: Roots,
    start: Start,
    transactions: u64,
}

pub(crate) fn benches(suite: &mut Suite) {
    in_memory(suite);
    costly(suite);
    on_disk(suite);
}

fn in_memory(suite: &mut Suite) {
    let known = (Pattern::Independent, Start::Known);
    for size in SIZES {
        for (pattern, start) in [Pattern::Independent, Pattern::One, Pattern::Zipf]
            .map(|pattern| (pattern, Start::Fresh))
            .into_iter()
            .chain([known])
        {
            for work in [Work::Nothing, Work::Count] {
                let scenario = Scenario { pattern, size, work, start, ..Scenario::NEUTRAL };
                let goal = (pattern == Pattern::Independent).then_some(Goal::PerSecond(1.5e6));
                scenario.compare(suite, goal, None, &[LOOP, LOCK]);
            }
        }
    }
}

/// Ten microseconds of work in each transaction, of which a transaction is as much as is worth two threads.
fn costly(suite: &mut Suite) {
    let nanos = |rounds| timed(|| spin(rounds)).as_nanos() as f64 / rounds as f64;
    let each = (0..5).map(|_| nanos(1_000_000)).fold(f64::INFINITY, f64::min);
    let work = Work::Spin((10_000.0 / each) as u64);
    let transactions = if suite.is_quick() { TRANSACTIONS / 5 } else { TRANSACTIONS };
    for size in SIZES {
        let scenario = Scenario { size, work, transactions, ..Scenario::NEUTRAL };
        scenario.compare(suite, Some(Goal::Better(1.8, LOOP)), None, &[LOOP, HALVES, LOCK]);
    }
}

fn on_disk(suite: &mut Suite) {
    let independent = [Start::Fresh, Start::Known, Start::Stored].map(|start| (Pattern::Independent, start));
    for (roots, least) in [(Roots::Off, 3e5), (Roots::On, 1.2e5)] {
        for size in SIZES {
            for (pattern, start) in independent.into_iter().chain([(Pattern::Zipf, Start::Fresh)]) {
                let scenario =
                    Scenario { pattern, size, place: Place::Disk, roots, start, ..Scenario::NEUTRAL };
                let goal = (pattern == Pattern::Independent).then_some(Goal::PerSecond(least));
                let limits: &[_] = if goal.is_some() { &[ENGINE] } else { &[] };
                scenario.compare(suite, None, goal, limits);
            }
        }
    }
}

/// The moments that are of interest in a run.
struct Run {
    start: Instant,
    executed: Instant,
    committed: Instant,
}

impl Scenario {
    const NEUTRAL: Self = Self {
        pattern: Pattern::Independent,
        size: 1_000,
        work: Work::Count,
        place: Place::Memory,
        roots: Roots::Off,
        start: Start::Fresh,
        transactions: TRANSACTIONS,
    };

    fn name(&self) -> String {
        let work = match self.work {
            Work::Nothing => ",noop",
            Work::Count => "",
            Work::Spin(_) => ",10µs",
        };
        let roots = if self.roots == Roots::On { ",roots" } else { "" };
        let start = match self.start {
            Start::Fresh => "",
            Start::Known => ",known",
            Start::Stored => ",stored",
        };
        let (place, pattern, size) = (self.place.name(), self.pattern.name(), self.size);
        format!("{place}/{pattern},batch={size}{roots}{start}{work}")
    }

    /// Measures ours and its peers by turns.
    fn compare(
        self,
        suite: &mut Suite,
        executes: Option<Goal>,
        commits: Option<Goal>,
        peers: &[&'static str],
    ) {
        let name = self.name();
        let [executed, committed] = ["executed", "committed"].map(|what| format!("state::{what}/{name}"));
        if !suite.selects(&executed) && !suite.selects(&committed) {
            return;
        }
        println!("state::throughput/{name}: measuring");
        let (mut executions, mut commits_found) = (Rounds::default(), Rounds::default());
        for _ in 0..if suite.is_quick() { 2 } else { 9 } {
            for peer in peers {
                let rate = self.rate(self.peer(peer));
                executions.add(peer, rate);
                commits_found.add(peer, rate);
            }
            let run = self.run();
            executions.add(OURS, self.rate((run.executed - run.start).as_secs_f64()));
            commits_found.add(OURS, self.rate((run.committed - run.start).as_secs_f64()));
        }
        let found = |mut compare: Compare<'_>, mut rounds: Rounds| {
            rounds.quantiles(500).for_each(|(name, value)| _ = compare.found(name, value));
        };
        found(suite.compare_values(&executed, Unit::PerSecond, executes), executions);
        found(suite.compare_values(&committed, Unit::PerSecond, commits), commits_found);
    }

    fn rate(&self, seconds: f64) -> f64 {
        self.transactions as f64 / seconds
    }

    fn run(&self) -> Run {
        let mut bench = Bench::new(self.place, self.work, self.roots);
        if self.start != Start::Fresh {
            bench.settle(self.pattern.batches(0..self.transactions, 1_000));
        }
        if self.start == Start::Stored {
            bench = bench.reopened(self.work, self.roots);
        }
        let batches = self.pattern.batches(self.transactions..2 * self.transactions, self.size);
        let mut submissions = Vec::with_capacity(batches.len());
        let start = now();
        for batch in batches {
            submissions.push(bench.state.submit(batch).expect("it is open"));
        }
        for submission in &submissions {
            submission.wait_executed().expect("it is executed");
        }
        let executed = now();
        submissions.last().expect("there are batches").wait_committed().expect("the store works");
        Run { start, executed, committed: now() }
    }

    /// How many seconds somebody else takes.
    fn peer(&self, name: &str) -> f64 {
        let accesses = self.pattern.accesses(self.transactions);
        let mut map = BTreeMap::new();
        if self.start != Start::Fresh {
            accesses.iter().for_each(|own| transact(&mut map, self.work, own));
        }
        let took = match name {
            LOOP => timed(|| accesses.iter().for_each(|own| transact(&mut map, self.work, own))),
            LOCK => {
                let map = Mutex::new(map);
                halved(&accesses, |own| transact(&mut map.lock(), self.work, own))
            }
            HALVES => halves(&accesses, self.work),
            _ => self.engine(),
        };
        took.as_secs_f64()
    }

    /// The store that holds ours, with as many rows of the same size and nothing above it.
    fn engine(&self) -> std::time::Duration {
        const ROWS: Space = Space::new("bench.rows");
        let directory = tempfile::tempdir().expect("there is room for temporary files");
        let store = FjallStore::open(directory.path(), FjallConfig::default()).expect("an empty directory");
        store.declare(&[ROWS]).expect("the disk works");
        let ids: Vec<ResourceId> = (0..self.transactions).map(resource).collect();
        timed(|| {
            for (number, ids) in (0_u64..).zip(ids.chunks(self.size)) {
                let mut changes = WriteBatch::new();
                for id in ids {
                    changes.put(ROWS, &[id.as_bytes(), &number.to_be_bytes()[..]].concat(), &[7; 9]);
                }
                // What a batch says of itself: what it changed, and the receipts.
                changes.put(ROWS, &number.to_be_bytes(), &vec![7; 56 * ids.len()]);
                store.commit(&changes).expect("the disk works");
            }
        })
    }
}

/// One transaction, by somebody who knows only a map.
fn transact(map: &mut BTreeMap<ResourceId, Value>, work: Work, accesses: &Accesses) {
    for id in accesses.iter().flatten() {
        if let Some(value) = work.on(std::hint::black_box(map.get(id))) {
            map.insert(*id, value);
        }
    }
}

/// Two threads that share a list and whatever `work` works on.
fn halved<T: Sync>(list: &[T], work: impl Fn(&T) + Sync) -> std::time::Duration {
    timed(|| {
        std::thread::scope(|scope| {
            for half in list.chunks(list.len().div_ceil(WORKERS)) {
                scope.spawn(|| half.iter().for_each(&work));
            }
        });
    })
}

/// Two threads that share nothing, each with a map.
fn halves(accesses: &[Accesses], work: Work) -> std::time::Duration {
    timed(|| {
        std::thread::scope(|scope| {
            for half in accesses.chunks(accesses.len().div_ceil(WORKERS)) {
                scope.spawn(move || {
                    let mut map = BTreeMap::new();
                    half.iter().for_each(|own| transact(&mut map, work, own));
                });
            }
        });
    })
}
