//! Everybody who waits is woken, by whatever ends the wait, also if they slept before.

use std::sync::Arc;

use ironloom_core::Latch;
use ironloom_state::{Batch, Config, Interrupted, Roots, SubmitError};

use crate::gates::GatedStore;
use crate::patience::{Pending, Task, block_on, spawn, within};
use crate::support::{append, commit_all, held, open_with, read, submit};

fn config(workers: usize, roots: Roots) -> Config {
    Config { workers, roots, ..Config::default() }
}

/// The state is closed while a hand still writes down the tree: there is nothing left to commit when the hand is done,
/// and that it is done is what closing waits for.
#[test]
fn closing_notices_that_the_last_commit_is_over() {
    let store = GatedStore::default();
    let state = open_with(&store, Config { tree_changes_max: 1, ..config(1, Roots::On) });
    let ids = commit_all(&state, [append(1, &[1])]);
    state.wait_root(ids[0]).unwrap();
    state.wait_pruned();
    let gate = store.doors.commits.shut();
    let last = submit(&state, append(2, &[1]));
    // The next commit after the batch's is the tree's.
    gate.reached.wait();
    let tree = store.doors.commits.shut();
    gate.open.open();
    tree.reached.wait();
    let closing = spawn(move || state.close());
    closing.await_sleep();
    tree.open.open();
    closing.join("closing").unwrap();
    drop(last);
}

/// With nothing to prune, whoever waits for pruning while a batch is committed is told when that is over.
#[test]
fn waiting_for_pruning_ends_with_a_commit() {
    let store = GatedStore::default();
    let state = Arc::new(open_with(&store, config(1, Roots::Off)));
    let gate = store.doors.commits.shut();
    let batch = submit(&state, append(1, &[1]));
    gate.reached.wait();
    let waiter = spawn({
        let state = Arc::clone(&state);
        move || state.wait_pruned()
    });
    waiter.await_sleep();
    gate.open.open();
    waiter.join("waiting for pruning");
    batch.wait_durable().unwrap();
}

/// What was synced by closing is durable, also for those who ask only afterwards.
#[test]
fn what_was_closed_is_durable() {
    for workers in [0, 1] {
        let store = GatedStore::default();
        let state = open_with(&store, config(workers, Roots::On));
        let (batch, gate) = held(1, &[1]);
        gate.open.open();
        let batch = Arc::new(submit(&state, batch));
        let early = if workers == 0 { Some(Pending::begin(batch.durable())) } else { None };
        let rollback = state.rollback(batch.id()).unwrap();
        state.close().unwrap();
        if let Some(early) = early {
            early.finish("durable, asked for before the state was closed").unwrap();
        }
        block_on_or_hang(&batch, &rollback);
        let late = Arc::clone(&batch);
        within("waits after closing", move || {
            late.wait_durable().unwrap();
            rollback.wait().unwrap();
        });
    }
}

fn block_on_or_hang(
    batch: &ironloom_state::Submission<crate::support::Append>,
    rollback: &ironloom_state::Rollback<crate::support::Append>,
) {
    let woken = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(woken);
    let mut durable = Box::pin(batch.durable());
    let mut done = Box::pin(rollback.done());
    assert!(durable.as_mut().poll(&mut context).is_ready(), "nobody is left to wake it");
    assert!(done.as_mut().poll(&mut context).is_ready(), "nobody is left to wake it");
}

/// Waiters that sleep are woken by a rollback, with the reason; those of batches that stay sleep on.
#[test]
fn a_rollback_wakes_who_sleeps() {
    for workers in [1, 2] {
        let store = GatedStore::default();
        let state = open_with(&store, config(workers, Roots::On));
        let (batch, gate) = held(1, &[1]);
        let stays = Arc::new(submit(&state, batch));
        gate.reached.wait();
        let goes: Vec<_> = (2..5).map(|number| Arc::new(submit(&state, append(number, &[1])))).collect();
        let mut futures = Vec::new();
        let mut tasks = Vec::new();
        for submission in &goes {
            futures.push(Pending::begin(submission.executed()));
            let waiter = Arc::clone(submission);
            tasks.push(spawn(move || waiter.wait_executed()));
            let waiter = Arc::clone(submission);
            tasks.push(spawn(move || waiter.wait_durable()));
        }
        for submission in &goes {
            futures.push(Pending::begin(submission.committed()));
        }
        let staying = Pending::begin(stays.committed());
        let waiter = Arc::clone(&stays);
        let staying_task = spawn(move || waiter.wait_durable());
        tasks.iter().for_each(Task::await_sleep);
        staying_task.await_sleep();
        let rollback = state.rollback(stays.id()).unwrap();
        for future in futures {
            let outcome = future.finish("a future");
            assert!(matches!(outcome, Err(Interrupted::RolledBack)), "{outcome:?}");
        }
        for task in tasks {
            let outcome = task.join("a waiter");
            assert!(matches!(outcome, Err(Interrupted::RolledBack)), "{outcome:?}");
        }
        assert!(!staying.is_woken() && staying_task.is_running());
        gate.open.open();
        staying.finish("the batch that stays").unwrap();
        staying_task.join("the batch that stays").unwrap();
        block_on("the rollback", rollback.done()).unwrap();
        assert_eq!(read(&state, 1), Some(vec![1]));
        // Those who come later are told too.
        assert!(matches!(goes[0].wait_committed(), Err(Interrupted::RolledBack)));
        assert!(matches!(block_on("late", goes[1].durable()), Err(Interrupted::RolledBack)));
    }
}

/// A full pipeline refuses, hands the batch back, and tells when there is room.
#[test]
fn a_full_pipeline_tells_when_there_is_room() {
    for workers in [1, 2] {
        let store = GatedStore::default();
        let limits = Config { batches_in_flight_max: 2, ..config(workers, Roots::On) };
        let state = Arc::new(open_with(&store, limits));
        let (batch, gate) = held(1, &[1]);
        submit(&state, batch);
        gate.reached.wait();
        submit(&state, append(2, &[1]));
        let rejected = state.try_submit(append(3, &[1])).unwrap_err();
        assert!(matches!(rejected.reason, SubmitError::Full));
        assert_eq!(rejected.batch.len(), 1);
        let room = Pending::begin(state.room());
        let blocked = spawn({
            let state = Arc::clone(&state);
            move || state.submit(append(3, &[1])).unwrap().wait_committed()
        });
        blocked.await_sleep();
        assert!(!room.is_woken() && blocked.is_running());
        gate.open.open();
        room.finish("room");
        blocked.join("a submitter").unwrap();
        submit(&state, rejected.batch).wait_durable().unwrap();
        assert_eq!(read(&state, 1), Some(vec![1, 2, 3, 3]));
    }
}

/// A rollback makes room, and tells.
#[test]
fn a_rollback_makes_room() {
    let store = GatedStore::default();
    let state = open_with(&store, Config { transactions_in_flight_max: 2, ..config(1, Roots::On) });
    let (batch, gate) = held(1, &[1]);
    let first = submit(&state, batch);
    gate.reached.wait();
    submit(&state, append(2, &[1]));
    let room = Pending::begin(state.room());
    state.rollback(first.id()).unwrap();
    room.finish("room");
    gate.open.open();
    submit(&state, append(3, &[1])).wait_committed().unwrap();
    assert_eq!(read(&state, 1), Some(vec![1, 3]));
}

/// A rollback that is only awaited, never waited for by blocking, happens: the hands do it.
#[test]
fn a_rollback_that_nobody_drives_happens() {
    for round in 0..300 {
        let store = GatedStore::default();
        let state = open_with(&store, config(1, Roots::Off));
        let ids = commit_all(&state, [append(1, &[1]), append(2, &[1])]);
        let rollback = state.rollback(ids[round % 2]).unwrap();
        block_on("a rollback", rollback.done()).unwrap();
    }
}

/// Roots and pruning are waited for by threads and tasks that sleep, behind a commit that is held.
#[test]
fn roots_and_pruning_wake_who_sleeps() {
    let store = GatedStore::default();
    let state = Arc::new(open_with(&store, config(2, Roots::On)));
    let ids = commit_all(&state, (1..6).map(|number| append(number, &[1])));
    state.wait_root(ids[4]).unwrap();
    state.wait_pruned();
    let gate = store.doors.commits.shut();
    state.prune(ids[3]);
    gate.reached.wait();
    let waiter = spawn({
        let state = Arc::clone(&state);
        move || state.wait_pruned()
    });
    waiter.await_sleep();
    assert!(waiter.is_running());
    gate.open.open();
    waiter.join("waiting for pruning");
    assert_eq!(state.floor(), ids[3]);
    let last = commit_all(&state, [append(6, &[1])])[0];
    let root = block_on("a root", state.root(last)).unwrap();
    assert_eq!(root, state.wait_root(last).unwrap());
}

/// Two threads wait for different batches of a state without workers: each does what there is to do, and neither
/// sleeps while the other one holds what it needs.
#[test]
fn two_threads_drive_a_state_without_workers() {
    for _ in 0..20 {
        let store = GatedStore::default();
        let state = Arc::new(open_with(&store, config(0, Roots::On)));
        let waiters: Vec<_> = (0..2)
            .map(|half| {
                let state = Arc::clone(&state);
                spawn(move || {
                    for number in 0..100_u8 {
                        let submission = state.submit(append(number, &[1, half + 10])).unwrap();
                        match number % 3 {
                            0 => submission.wait_executed().unwrap(),
                            1 => submission.wait_committed().unwrap(),
                            _ => submission.wait_durable().unwrap(),
                        }
                    }
                })
            })
            .collect();
        for waiter in waiters {
            waiter.join("one of two threads");
        }
        state.drive();
        assert_eq!(read(&state, 1).unwrap().len(), 200);
        assert_eq!(read(&state, 11), Some((0..100).collect()));
    }
}

/// Threads submit at once: every batch is there once, in the order of its id, and each thread's in its own order.
#[test]
fn several_threads_submit_at_once() {
    for workers in [0, 1, 2] {
        let store = GatedStore::default();
        let limits = Config { batches_in_flight_max: 16, ..config(workers, Roots::On) };
        let state = Arc::new(open_with(&store, limits));
        let start = Arc::new(Latch::new());
        let submitters: Vec<_> = (0..4_u8)
            .map(|thread| {
                let (state, start) = (Arc::clone(&state), Arc::clone(&start));
                spawn(move || {
                    start.wait();
                    let numbers = (0..50_u8).map(|number| thread * 64 + number);
                    let ids: Vec<_> = numbers
                        .map(|number| (state.submit(append(number, &[1])).unwrap().id(), number))
                        .collect();
                    ids
                })
            })
            .collect();
        start.open();
        let mut all: Vec<_> =
            submitters.into_iter().flat_map(|submitter| submitter.join("a submitter")).collect();
        all.sort_unstable();
        submit(&state, Batch::new("last")).wait_committed().unwrap();
        let order: Vec<u8> = all.iter().map(|(_, number)| *number).collect();
        assert_eq!(read(&state, 1).unwrap(), order, "in the order of the ids");
        for thread in 0..4 {
            assert!(order.iter().filter(|number| **number / 64 == thread).is_sorted());
        }
    }
}

/// A rollback to a committed batch is accepted while a hand that has found nothing else to do is about to prune: what
/// the rollback goes to is kept.
#[test]
fn pruning_spares_the_target_of_a_rollback_that_waits() {
    let store = GatedStore::default();
    let state = Arc::new(open_with(&store, config(0, Roots::On)));
    let empty = || Batch::new("empty");
    let ids = commit_all(&state, [append(1, &[1]), append(2, &[1]), empty(), empty()]);
    state.drive();
    // Going back over an empty batch gives the tree a task that reads and changes nothing, and is held at that.
    state.rollback(ids[2]).unwrap();
    let gate = store.doors.reads.shut();
    let hand = spawn({
        let state = Arc::clone(&state);
        move || state.drive()
    });
    gate.reached.wait();
    // The hand is between the commit of that rollback and the look for something to prune.
    let rollback = state.rollback(ids[0]).unwrap();
    state.prune(ids[2]);
    gate.open.open();
    hand.join("the hand");
    rollback.wait().unwrap();
    assert_eq!(read(&state, 1), Some(vec![1]));
    assert!(state.floor() <= ids[0], "the floor is at {} above the tip {}", state.floor(), ids[0]);
    Arc::into_inner(state).unwrap().close().unwrap();
    let state = open_with(&store, config(0, Roots::On));
    assert_eq!((state.tip(), read(&state, 1)), (ids[0], Some(vec![1])));
}
