//! A booted machine as a whole: what it takes to store, fork and restore it, and that forks live.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_blob::{BlobId, BlobStore, MemoryStore};
use ironloom_core::Duration;
use ironloom_hyper::Computer;
use ironloom_hyper::board::Output;

use crate::guest::Guest;
use crate::ours;

/// How many forks live beside each other.
const FORKS: usize = 50;
/// What is asked of each, and what it has to answer.
const QUESTION: &[u8] = b"echo $((6 * 7))-$(cat /proc/sys/kernel/ostype)\n";
const ANSWER: &str = "42-Linux";

/// How long a fork may take to answer, in its own time.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(1);

pub(crate) fn benches(suite: &mut Suite, guest: &Guest) {
    const NAMES: [&str; 5] = ["snapshot", "fork", "forks", "answer", "restore"];
    if !NAMES.iter().any(|name| suite.selects(&format!("hyper::machine::{name}"))) {
        return;
    }
    let mut computer = ours::booted(guest, 1);
    forks(suite, &computer);
    crowd(suite, &computer);
    let (store, snapshot) = snapshots(suite, &mut computer);
    restores(suite, &store, snapshot);
}

fn forks(suite: &mut Suite, computer: &Computer) {
    suite.compare("hyper::machine::fork", [Goal::Nanos(1e6)]).run_many(
        OURS,
        || (),
        |(), iterations| {
            let measure = |_| {
                let mut fork = None;
                let took = timed(|| fork = Some(computer.fork().expect("it has no disk")));
                drop(fork);
                took
            };
            (0..iterations).map(measure).sum()
        },
    );
}

/// Forks that all live, and that each answer a question at their consoles.
fn crowd(suite: &mut Suite, computer: &Computer) {
    let before = resident();
    let mut forks: Vec<_> = (0..FORKS).map(|_| computer.fork().expect("it has no disk")).collect();
    let took = timed(|| forks.iter_mut().for_each(ask));
    let each = resident().saturating_sub(before) as f64 / FORKS as f64;
    suite
        .compare_values(
            "hyper::machine::forks=50/bytes_each",
            Unit::Bytes,
            [Goal::Bytes(10.0 * 1024.0 * 1024.0)],
        )
        .found(OURS, each);
    suite
        .compare_values("hyper::machine::forks=50/answer_each", Unit::Nanos, [])
        .found(OURS, took.as_nanos() as f64 / FORKS as f64);
}

/// Asks a question at the console of a computer, and waits for the answer.
fn ask(computer: &mut Computer) {
    assert_eq!(computer.type_in(QUESTION), QUESTION.len(), "all is typed at once");
    let deadline = computer.now().saturating_add(PATIENCE);
    let mut said = String::new();
    while computer.now() < deadline {
        computer.run_for(STEP).expect("the machine runs");
        while let Some(output) = computer.poll() {
            if let Output::Serial(bytes) = output {
                said.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        if said.contains(ANSWER) {
            return;
        }
    }
    panic!("the fork did not answer: {said:?}");
}

/// The first snapshot, and those after a second in which little happens.
fn snapshots(suite: &mut Suite, computer: &mut Computer) -> (Arc<dyn BlobStore>, BlobId) {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let mut snapshot = None;
    suite.compare("hyper::machine::snapshot/first", [Goal::Nanos(150e6)]).run_many(
        OURS,
        || (),
        |(), iterations| {
            let measure = |_| {
                // A fork knows of no store, so everything is put.
                let mut fork = computer.fork().expect("it has no disk");
                let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
                timed(|| _ = black_box(fork.snapshot(&store).expect("there is room")))
            };
            (0..iterations).map(measure).sum()
        },
    );
    let first = computer.snapshot(&store).expect("there is room");
    suite.compare("hyper::machine::snapshot/next,answered", [Goal::Nanos(10e6)]).run_many(
        OURS,
        || (),
        |(), iterations| {
            let mut measure = |_| {
                ask(computer);
                timed(|| snapshot = Some(computer.snapshot(&store).expect("there is room")))
            };
            (0..iterations).map(&mut measure).sum()
        },
    );
    (store, snapshot.unwrap_or(first))
}

fn restores(suite: &mut Suite, store: &Arc<dyn BlobStore>, snapshot: BlobId) {
    let restore = || Computer::restore(store.clone(), snapshot, &mut |_| panic!("it has no disk"));
    suite.compare("hyper::machine::restore", [Goal::Nanos(10e6)]).run(
        OURS,
        || (),
        |()| drop(black_box(restore().expect("it was just stored"))),
    );
    suite.compare("hyper::machine::restore/until_answered", []).run(
        OURS,
        || (),
        |()| ask(&mut restore().expect("it was just stored")),
    );
}

/// How many bytes the host has given to this process.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}
