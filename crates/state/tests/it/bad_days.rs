//! The bad days that an earlier system had, each with a test named for it.
//!
//! Those that are about the whole process (threads, processor time, memory, latency) are in `tests/alone`, where no
//! other test runs beside them.

use std::collections::BTreeSet;

use ironloom_core::Seed;
use ironloom_state::{
    Access, Batch, BatchError, BatchId, Config, Context, Failure, FaultyStore, Interrupted, MemoryStore,
    Processor, Receipt, Roots, State,
};

use crate::gates::GatedStore;
use crate::patience::{spawn_with_stack, within};
use crate::support::{Payload, append, commit_all, held, id, look, open, open_with, read, submit};

const SMALL_STACK: usize = 128 << 10;

fn config(workers: usize, roots: Roots) -> Config {
    Config { workers, roots, ..Config::default() }
}

/// Two batches execute; the first of them becomes the target of a rollback before it is done. It is finished and
/// committed, and whatever follows builds on it and not on what was on disk before.
#[test]
fn a_rollback_to_a_batch_that_still_executes_loses_nothing() {
    for workers in [1, 2, 8] {
        let store = MemoryStore::new();
        let state = open(&store, workers);
        commit_all(&state, [append(1, &[1])]);
        let (batch, gate) = held(2, &[1, 2]);
        let target = submit(&state, batch);
        gate.reached.wait();
        let gone = submit(&state, append(3, &[1, 3]));
        let rollback = state.rollback(target.id()).unwrap();
        let next = submit(&state, append(4, &[1]));
        gate.open.open();
        next.wait_committed().unwrap();
        rollback.wait().unwrap();
        target.wait_durable().unwrap();
        assert!(matches!(gone.wait_committed(), Err(Interrupted::RolledBack)));
        assert_eq!(read(&state, 1), Some(vec![1, 2, 4]));
        assert_eq!((read(&state, 2), read(&state, 3)), (Some(vec![2]), None));
        drop(state);
        let state = open(&store, workers);
        assert_eq!((state.tip(), read(&state, 1)), (next.id(), Some(vec![1, 2, 4])));
    }
}

/// The power goes at every write around a commit and around pruning. What counts afterwards is complete: the rows that
/// an attempt would have replaced, had it been committed, are never taken for replaced.
#[test]
fn a_crash_between_diff_and_commit_lets_pruning_delete_nothing_live() {
    for operation in 0..40 {
        let store = FaultyStore::new(Seed::new(operation));
        let state = open_with(&store, config(0, Roots::On));
        commit_all(&state, [append(1, &[1, 2]), append(2, &[1])]);
        store.fail_after(operation);
        for number in 3..6 {
            if let Ok(batch) = state.submit(append(number, &[1])) {
                let _ = batch.wait_durable();
                state.prune(batch.id());
                state.wait_pruned();
            }
        }
        let _ = state.close();
        let store = store.crash();
        let state = open_with(&store, config(0, Roots::On));
        let before = read(&state, 1).unwrap_or_default();
        assert!(before == (1..=before.len() as u8).collect::<Vec<_>>(), "seed {operation}: {before:?}");
        let last = commit_all(&state, [append(7, &[1])])[0];
        state.prune(last);
        state.wait_pruned();
        let expected: Vec<u8> = before.iter().copied().chain([7]).collect();
        assert_eq!(read(&state, 1), Some(expected), "seed {operation}");
        assert_eq!(read(&state, 2).is_some(), !before.is_empty(), "seed {operation}");
    }
}

/// The program ends right after a rollback, in the middle of everything: the tip is where the rollback put it.
#[test]
fn a_restart_after_a_rollback_takes_the_right_tip() {
    for workers in [0, 2] {
        let store = FaultyStore::new(Seed::new(7));
        let state = open_with(&store, config(workers, Roots::On));
        let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1, u64::from(number) + 10])));
        let root = state.wait_root(ids[0]).unwrap();
        state.rollback(ids[0]).unwrap().wait().unwrap();
        let image = store.crash();
        drop(state);
        let state = open_with(&image, config(workers, Roots::On));
        assert_eq!((state.tip(), state.committed()), (ids[0], ids[0]));
        assert_eq!((read(&state, 1), read(&state, 12)), (Some(vec![1]), None));
        assert_eq!(state.wait_root(ids[0]).unwrap(), root);
        let next = commit_all(&state, [append(50, &[1])])[0];
        assert!(next > ids[2]);
        assert_eq!(read(&state, 1), Some(vec![1, 50]));
    }
}

/// Crashes, rollbacks and restarts follow each other: no id is given away twice.
#[test]
fn ids_are_not_reused_after_a_crash() {
    let mut store = FaultyStore::new(Seed::new(3));
    let mut seen: BTreeSet<BatchId> = BTreeSet::new();
    for round in 0..40_u8 {
        let state = open_with(&store, config(0, Roots::Off));
        let tip = state.tip();
        for number in 0..5 {
            let batch = submit(&state, append(round, &[number]));
            assert!(seen.insert(batch.id()), "{} was given away before", batch.id());
            assert!(seen.range(batch.id()..).count() == 1, "ids rise");
            if number % 2 == 0 {
                batch.wait_committed().unwrap();
            }
        }
        if round % 3 == 0 {
            state.rollback(tip).unwrap().wait().unwrap();
        }
        store = if round % 2 == 0 { store.crash() } else { store.restart() };
    }
}

/// One batch of a transaction that writes and 100,000 that read the same resource, on a small stack.
#[test]
fn a_chain_of_100_000_readers_overflows_no_stack() {
    let body = || {
        let store = GatedStore::default();
        let limits = Config { transactions_in_flight_max: 1 << 20, ..config(0, Roots::Off) };
        let state = open_with(&store, limits);
        for first in [Access::write(id(1)), Access::read(id(1))] {
            let mut batch = Batch::new("");
            batch.push(&[first], Payload::Append(1)).unwrap();
            for _ in 0..100_000 {
                batch.push(&[Access::read(id(1))], Payload::Append(2)).unwrap();
            }
            submit(&state, batch).wait_committed().unwrap();
        }
        // And again, each reader in the way of a writer.
        let mut batch = Batch::new("");
        for number in 0..100_000 {
            let access = if number % 2 == 0 { Access::read(id(1)) } else { Access::write(id(1)) };
            batch.push(&[access], Payload::Remove).unwrap();
        }
        submit(&state, batch).wait_committed().unwrap();
        assert_eq!(read(&state, 1), None);
        state.close().unwrap();
    };
    spawn_with_stack(SMALL_STACK, body).join("a chain of readers");
}

/// 100,000 batches of one reader each. As many of them as may be in flight wait behind one writer, and are then let go,
/// rolled back, or dropped with the state; the small stack is that of the only thread that does anything.
#[test]
fn a_chain_of_batches_of_readers_overflows_no_stack() {
    let body = || {
        let in_flight = 16_384;
        let limits = Config { batches_in_flight_max: in_flight, ..config(0, Roots::Off) };
        let state = open_with(&GatedStore::default(), limits);
        for round in 0..7_u8 {
            let writer = submit(&state, append(round, &[1]));
            let readers: Vec<_> =
                (1..in_flight).map(|_| state.try_submit(look(round, &[1])).unwrap()).collect();
            if round == 3 {
                // Nothing has run: the writer goes, and all that wait behind it.
                state.rollback(BatchId::GENESIS).unwrap();
                drop((writer, readers));
                continue;
            }
            readers.last().unwrap().wait_committed().unwrap();
        }
        assert_eq!(read(&state, 1), Some(vec![4, 5, 6]));
        for _ in 1..in_flight {
            submit(&state, look(9, &[1]));
        }
        drop(state);
    };
    spawn_with_stack(SMALL_STACK, body).join("a chain of batches of readers");
}

/// The first reader of a resource is held in the store while others queue up behind it, batch after batch.
#[test]
fn a_chain_of_readers_behind_a_load_overflows_no_stack() {
    let store = GatedStore::default();
    let limits = Config { batches_in_flight_max: 16_384, ..config(1, Roots::Off) };
    let state = open_with(&store, limits);
    let gate = store.doors.scans.shut();
    let first = submit(&state, look(1, &[1]));
    gate.reached.wait();
    // Whoever submits does not wait for the load.
    let readers: Vec<_> = (1..16_000).map(|_| submit(&state, look(1, &[1]))).collect();
    gate.open.open();
    within("the load", move || first.wait_committed()).unwrap();
    let last = readers.into_iter().next_back().unwrap();
    within("readers behind a load", move || last.wait_committed()).unwrap();
    within("close", move || state.close()).unwrap();
}

/// A processor whose panics carry what panics again when it is dropped.
struct Spiteful;

struct Spite;

impl Drop for Spite {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

impl Processor for Spiteful {
    type Payload = u8;

    fn execute(&self, context: &mut Context<'_>, payload: &u8) -> Result<(), Failure> {
        context.write(id(1), [*payload])?;
        match payload {
            0 => Ok(()),
            1 => panic!("plainly"),
            2 => std::panic::panic_any(7_u32),
            _ => std::panic::panic_any(Spite),
        }
    }
}

#[test]
fn a_panicking_processor_does_not_hang_the_pipeline() {
    for workers in [0, 1, 2] {
        let state = State::open(MemoryStore::new(), Spiteful, config(workers, Roots::On)).unwrap();
        let mut submissions = Vec::new();
        for round in 0..20 {
            let mut batch = Batch::new("");
            for payload in [3, 0, 1, 2, 3] {
                batch.push(&[Access::write(id(1))], payload).unwrap();
            }
            batch.push(&[Access::write(id(2 + round))], 3).unwrap();
            submissions.push(state.submit(batch).unwrap());
        }
        let receipts = within("a batch of panics", move || {
            submissions.iter().for_each(|submission| submission.wait_committed().unwrap());
            submissions.iter().map(|submission| submission.receipts().unwrap()).collect::<Vec<_>>()
        });
        for receipts in receipts {
            assert_eq!(
                receipts.iter().map(Receipt::is_applied).collect::<Vec<_>>(),
                [false, true, false, false, false, false]
            );
        }
        assert_eq!(state.snapshot().get(id(1)).unwrap().as_deref(), Some(&[0_u8][..]));
        within("close", move || state.close()).unwrap();
    }
}

/// Handles and futures are dropped at every moment, in any order, also after the state: what was accepted happens.
#[test]
fn dropped_handles_harm_nobody() {
    for workers in [0, 1, 2] {
        for order in 0..6 {
            let store = MemoryStore::new();
            let state = open(&store, workers);
            let first = submit(&state, append(1, &[1]));
            drop(submit(&state, append(2, &[1])));
            let gone = submit(&state, append(3, &[1]));
            let rollback = state.rollback(first.id()).unwrap();
            let snapshot = state.snapshot();
            for poll in 0..3 {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                let mut durable = Box::pin(first.durable());
                let mut done = Box::pin(rollback.done());
                let mut room = Box::pin(state.room());
                for _ in 0..poll {
                    // A future that is ready is not polled again.
                    if durable.as_mut().poll(&mut context).is_ready()
                        || done.as_mut().poll(&mut context).is_ready()
                        || room.as_mut().poll(&mut context).is_ready()
                    {
                        break;
                    }
                }
            }
            let last = submit(&state, append(4, &[1]));
            let mut parts: Vec<Box<dyn FnOnce() + Send>> = vec![
                Box::new(move || drop(state)),
                Box::new(move || drop((first, gone, rollback))),
                Box::new(move || drop(snapshot)),
            ];
            parts.rotate_left(order % 3);
            if order >= 3 {
                parts.swap(0, 1);
            }
            within("dropping", move || parts.into_iter().for_each(|part| part()));
            within("a wait after all was dropped", move || last.wait_durable()).unwrap();
            assert_eq!(read(&open(&store, 0), 1), Some(vec![1, 4]), "workers {workers}, order {order}");
        }
    }
}

/// A transaction that declares a resource twice would wait for itself; it is refused before it is part of anything.
#[test]
fn duplicate_accesses_are_refused() {
    let state = open(&MemoryStore::new(), 2);
    let mut batch = Batch::new("");
    for pair in [
        [Access::read(id(1)), Access::read(id(1))],
        [Access::write(id(1)), Access::write(id(1))],
        [Access::write(id(1)), Access::read(id(1))],
    ] {
        let refused = batch.push(&pair, Payload::Append(1)).unwrap_err();
        assert_eq!(refused, BatchError::DuplicateAccess { transaction: 0, resource: id(1) });
    }
    batch.push(&[Access::write(id(1))], Payload::Append(2)).unwrap();
    submit(&state, batch).wait_committed().unwrap();
    assert_eq!(read(&state, 1), Some(vec![2]));
}
