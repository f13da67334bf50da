//! Bad days that concern the whole process, one at a time, with nothing else beside them.

#[path = "../it/gates.rs"]
#[expect(dead_code, reason = "it is shared with the scenarios")]
mod gates;
#[path = "../it/patience.rs"]
#[expect(dead_code, reason = "it is shared with the scenarios")]
mod patience;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "it is shared with the scenarios")]
mod support;

mod forgetful;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironloom_core::{Clock, Duration, Instant, Latch, Seed, WallClock};
use ironloom_state::{Config, FaultyStore, MemoryStore, Roots, SPACES};

use forgetful::Forgetful;
use patience::{block_on, spawn, within};
use support::{append, commit_all, open, open_with, read, rows, submit};

/// Whoever holds it is alone.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config(workers: usize, roots: Roots) -> Config {
    Config { workers, roots, ..Config::default() }
}

/// How many threads of this process are hands of a state.
fn hands() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("state-")).count()
}

/// Returns when there are so many hands: a thread is named, and taken from the list, a moment after it began and ended.
fn await_hands(count: usize) {
    let looks = (0..1_000_000).take_while(|_| {
        std::thread::yield_now();
        hands() != count
    });
    assert!(looks.count() < 1_000_000, "there are {} hands and not {count}", hands());
}

/// The processor time that this process has used, in hundredths of a second.
fn ticks_used() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How much memory this process has.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// The state is dropped with much in flight: all of it is in the store then, and synced, and the hands are gone.
#[test]
fn dropping_the_state_leaks_no_threads_and_loses_nothing() {
    let _alone = alone();
    for workers in [0, 1, 8] {
        for round in 0..5 {
            let store = FaultyStore::new(Seed::new(round));
            let state = open_with(&store, config(workers, Roots::On));
            let ids: Vec<_> = (0..100).map(|number| submit(&state, append(number, &[1])).id()).collect();
            let futures = submit(&state, append(100, &[1]));
            await_hands(if workers == 0 { 0 } else { workers + 1 });
            within("dropping the state", move || drop(state));
            await_hands(0);
            block_on("what was dropped", futures.durable()).unwrap();
            let state = open_with(&store.crash(), config(0, Roots::On));
            assert!(state.tip() > ids[99]);
            assert_eq!(read(&state, 1), Some((0..=100).collect()));
        }
    }
}

/// A state that was busy, and one that was just opened, and one whose commits failed: none uses the processor.
#[test]
fn an_idle_state_uses_no_processor() {
    let _alone = alone();
    let never = Latch::new();
    for workers in [1, 2, 8] {
        let idle = open(&MemoryStore::new(), workers);
        let busy = open(&MemoryStore::new(), workers);
        let ids = commit_all(&busy, (0..200).map(|number| append(number, &[u64::from(number)])));
        busy.rollback(ids[100]).unwrap().wait().unwrap();
        busy.prune(ids[50]);
        busy.wait_pruned();
        busy.wait_root(ids[100]).unwrap();
        let store = FaultyStore::new(Seed::new(1));
        let failed = open_with(&store, config(workers, Roots::On));
        store.fail_after(0);
        submit(&failed, append(1, &[1])).wait_committed().unwrap_err();
        assert!(!never.wait_for(Duration::from_millis(20)), "what was begun comes to its end");
        let before = ticks_used();
        assert!(!never.wait_for(Duration::from_millis(300)));
        let used = (ticks_used() - before) * 10;
        assert!(used <= 30, "{workers} idle workers used {used} ms of 300");
        drop((idle, busy, failed));
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Batches of one transaction come one after another, so that everybody has gone to sleep when the next comes. An
/// earlier system missed wake-ups and found them 100 ms later.
#[test]
fn a_wake_up_is_not_missed() {
    let _alone = alone();
    for workers in [1, 2] {
        for is_async in [false, true] {
            let state = Arc::new(open(&MemoryStore::new(), workers));
            let times = spawn({
                let state = Arc::clone(&state);
                move || {
                    let clock = WallClock::start();
                    let one = |number: u64| {
                        let begin: Instant = clock.now();
                        let batch = submit(&state, append(1, &[number]));
                        match (is_async, number % 2) {
                            (true, 0) => block_on("executed", batch.executed()).unwrap(),
                            (true, _) => block_on("durable", batch.durable()).unwrap(),
                            (false, 0) => batch.wait_executed().unwrap(),
                            (false, _) => batch.wait_durable().unwrap(),
                        }
                        Duration::from_nanos(clock.now().as_nanos() - begin.as_nanos())
                    };
                    (0..2_000).map(one).collect::<Vec<_>>()
                }
            });
            let slow = p99(times.join("batches one after another"));
            assert!(
                slow < Duration::from_millis(20),
                "p99 is {slow:?} (workers {workers}, async {is_async})"
            );
        }
    }
}

/// Many batches with pruning behind them: neither the store nor the rest of the process grows.
#[test]
fn memory_does_not_grow_with_history_that_is_pruned() {
    let _alone = alone();
    let store = MemoryStore::new();
    let state = open_with(&store, Config { resident_resources_max: 100, ..config(1, Roots::On) });
    let mut settled = 0;
    for number in 0..12_000_u64 {
        let batch = submit(&state, append_bounded(number));
        if number % 100 == 0 {
            batch.wait_committed().unwrap();
            state.prune(batch.id());
            state.wait_pruned();
        }
        if number == 2_000 {
            settled = resident_bytes();
        }
    }
    let last = commit_all(&state, [append_bounded(12_000)])[0];
    state.wait_root(last).unwrap();
    state.prune(last);
    state.wait_pruned();
    let grown = resident_bytes().saturating_sub(settled);
    assert!(grown < 4 << 20, "10,000 batches left {grown} bytes");
    let rows: usize = SPACES.into_iter().map(|space| rows(&store, space)).sum();
    assert!(rows < 100, "{rows} rows are left for 10 resources");
}

fn append_bounded(number: u64) -> ironloom_state::Batch<support::Payload> {
    // What is appended to is removed now and then, so that the values stay small.
    if number % 50 < 10 { support::remove(&[number % 10]) } else { append(1, &[number % 10]) }
}

/// Many batches and nothing is pruned, over a store that forgets history by itself: the process does not grow.
#[test]
fn memory_does_not_grow_beside_the_store() {
    let _alone = alone();
    for roots in [Roots::Off, Roots::On] {
        let state = open_with(
            &Forgetful::default(),
            Config { tree_changes_max: 1_000, resident_resources_max: 100, ..config(1, roots) },
        );
        let mut settled = 0;
        for number in 0..13_000_u64 {
            let batch = submit(&state, append_bounded(number));
            if number % 100 == 0 {
                batch.wait_committed().unwrap();
            }
            if number == 3_000 {
                settled = resident_bytes();
            }
        }
        let grown = resident_bytes().saturating_sub(settled);
        assert!(grown < 4 << 20, "10,000 batches left {grown} bytes");
    }
}
