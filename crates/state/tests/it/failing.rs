//! A store that fails: everybody who waits is told, whatever they wait for and wherever the failure was.

use std::sync::Arc;

use ironloom_state::{Config, Interrupted, ReadError, Roots, State, Submission};

use crate::gates::GatedStore;
use crate::patience::{Pending, Task, spawn, within};
use crate::support::{Append, append, commit_all, held, open_with, submit};

fn config(workers: usize, roots: Roots) -> Config {
    Config { workers, roots, ..Config::default() }
}

type Wait = Box<dyn FnOnce() -> Result<(), Interrupted> + Send>;

fn wait_all(submissions: &[Submission<Append>]) -> Vec<Result<(), Interrupted>> {
    submissions
        .iter()
        .flat_map(|one| [one.wait_executed(), one.wait_committed(), one.wait_durable()])
        .collect()
}

/// A commit takes batches out of the queue and fails: those who wait for them are not in the queue any more, and are
/// told nevertheless.
#[test]
fn a_commit_that_fails_is_told_to_those_who_wait_for_it() {
    for workers in [0, 1, 2] {
        let store = GatedStore::default();
        let state = open_with(&store, config(workers, Roots::On));
        commit_all(&state, [append(1, &[1])]);
        let gate = store.doors.commits.shut();
        store.doors.commits.break_down();
        let submissions: Vec<_> = (2..6).map(|number| submit(&state, append(number, &[1]))).collect();
        gate.open.open(); // After all are in: who comes later is refused.
        let outcomes = within("a wait for a commit that fails", move || wait_all(&submissions));
        let failed = |outcome: &&Result<(), Interrupted>| matches!(outcome, Err(Interrupted::Failed(_)));
        assert!(outcomes.iter().filter(failed).count() >= 8, "{outcomes:?}");
        assert!(within("close", move || state.close()).is_err());
    }
}

/// While one thread commits, another finds that the store fails: the commit ends well all the same.
#[test]
fn a_failure_during_a_commit_disturbs_nobody() {
    let store = GatedStore::default();
    let state = open_with(&store, config(2, Roots::Off));
    commit_all(&state, [append(1, &[1])]);
    let gate = store.doors.commits.shut();
    let first = submit(&state, append(2, &[1]));
    gate.reached.wait();
    store.doors.scans.break_down();
    let second = submit(&state, append(3, &[9]));
    let second = within("a wait for a batch that cannot be read for", move || second.wait_executed());
    assert!(matches!(second, Err(Interrupted::Failed(_))), "{second:?}");
    gate.open.open();
    within("a wait for a commit that goes well", move || first.wait_committed()).unwrap();
    assert!(within("close", move || state.close()).is_err());
}

/// The root of a batch that is committed is asked for after the store failed, and will never be known.
#[test]
fn a_root_that_will_not_be_known_is_not_waited_for() {
    let store = GatedStore::default();
    let state = Arc::new(open_with(&store, Config { batches_in_flight_max: 8, ..config(0, Roots::On) }));
    let ids = commit_all(&state, (0..5).map(|number| append(number, &[1])));
    store.doors.commits.break_down();
    let lost = submit(&state, append(9, &[2]));
    within("a lost batch", move || lost.wait_committed()).unwrap_err();
    let last = ids[4];
    let outcome = within("a wait for a root", {
        let state = Arc::clone(&state);
        move || state.wait_root(last)
    });
    assert!(matches!(outcome, Ok(Some(_)) | Err(ReadError::Store(_))), "{outcome:?}");
    within("a wait for pruning", move || state.wait_pruned());
}

/// Waiters that sleep already are woken by a failure: of executed, committed, durable, a rollback, room and a root.
#[test]
fn a_failure_wakes_who_sleeps() {
    for workers in [1, 2] {
        let store = GatedStore::default();
        let limits = Config { batches_in_flight_max: 2, ..config(workers, Roots::On) };
        let state = Arc::new(open_with(&store, limits));
        commit_all(&state, [append(1, &[1])]);
        let (batch, gate) = held(2, &[1]);
        let first = Arc::new(submit(&state, batch));
        gate.reached.wait();
        let second = Arc::new(submit(&state, append(3, &[1])));
        let rollback = Arc::new(state.rollback(second.id()).unwrap());
        let futures: Vec<Pending<'_, Result<(), Interrupted>>> = vec![
            Pending::begin(first.committed()),
            Pending::begin(first.durable()),
            Pending::begin(second.durable()),
            Pending::begin(rollback.done()),
        ];
        // It may be executed before the store fails.
        let executed = Pending::begin(second.executed());
        let room = Pending::begin(state.room());
        let (one, two, back) = (Arc::clone(&first), Arc::clone(&second), Arc::clone(&rollback));
        let two_again = Arc::clone(&second);
        let waits: Vec<Wait> = vec![
            Box::new(move || one.wait_committed()),
            Box::new(move || two.wait_committed()),
            Box::new(move || two_again.wait_durable()),
            Box::new(move || back.wait()),
        ];
        let tasks: Vec<_> = waits.into_iter().map(spawn).collect();
        let submitter = spawn({
            let state: Arc<State<Append>> = Arc::clone(&state);
            move || state.submit(append(4, &[1])).map(|submission| submission.id())
        });
        tasks.iter().for_each(Task::await_sleep);
        submitter.await_sleep();
        store.doors.commits.break_down();
        gate.open.open();
        for future in futures {
            future.finish("a future").unwrap_err();
        }
        for task in tasks {
            task.join("a waiter").unwrap_err();
        }
        let _ = executed.finish("executed");
        room.finish("room");
        submitter.join("a submitter").unwrap_err();
        drop((first, second, rollback));
        assert!(within("close", move || Arc::into_inner(state).unwrap().close()).is_err());
    }
}
