//! Stores that lie, processors that overreach, and batches that are too large.

use std::ops::{Bound, ControlFlow};

use ironloom_state::{
    Access, AccessError, Batch, BatchId, Config, Context, Failure, MemoryStore, Processor, ReadStore, Roots,
    SPACES, Space, State, Store, SubmitError, WriteBatch,
};
use proptest::prelude::*;

use crate::patience::within;
use crate::support::{Append, Payload, append, commit_all, id, open, open_with, remove};

/// A store with some of everything: history, orphans, removals, a tree that lags behind, and a floor.
fn good_store() -> MemoryStore {
    let store = MemoryStore::new();
    let state = open(&store, 0);
    let ids = commit_all(&state, (1..=6).map(|number| append(number, &[1, u64::from(number) + 10])));
    state.wait_root(ids[5]).unwrap();
    state.prune(ids[1]);
    state.wait_pruned();
    commit_all(&state, [append(7, &[1]), remove(&[11, 12]), append(8, &[1, 2])]);
    state.rollback(ids[4]).unwrap().wait().unwrap();
    commit_all(&state, [append(9, &[1, 2]), append(10, &[3])]);
    state.drive();
    let image = store.fork();
    drop(state);
    image
}

fn all_rows(store: &MemoryStore) -> Vec<(Space, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for space in SPACES {
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let mut visit = |key: &[u8], value: &[u8]| {
            rows.push((space, key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        store.scan(space, everything, &mut visit).unwrap();
    }
    rows
}

#[derive(Debug, Clone)]
enum Damage {
    Flip { bit: usize },
    Cut { to: usize },
    Remove,
    Replace { by: Vec<u8> },
    Fill { from: usize, with: u8 },
    Rename { byte: usize, to: u8 },
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<usize>().prop_map(|bit| Damage::Flip { bit }),
        any::<usize>().prop_map(|to| Damage::Cut { to }),
        Just(Damage::Remove),
        proptest::collection::vec(any::<u8>(), 0..120).prop_map(|by| Damage::Replace { by }),
        (any::<usize>(), prop_oneof![Just(0), Just(255)])
            .prop_map(|(from, with)| Damage::Fill { from, with }),
        (any::<usize>(), any::<u8>()).prop_map(|(byte, to)| Damage::Rename { byte, to }),
    ]
}

fn damaged(store: &MemoryStore, row: usize, damage: &Damage) -> MemoryStore {
    let store = store.fork();
    let rows = all_rows(&store);
    let (space, mut key, mut value) = rows[row % rows.len()].clone();
    let mut writes = WriteBatch::new();
    writes.remove(space, &key);
    match damage {
        Damage::Flip { bit } if !value.is_empty() => {
            let bit = bit % (value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
        }
        Damage::Cut { to } => value.truncate(to % (value.len() + 1)),
        Damage::Replace { by } => value.clone_from(by),
        Damage::Fill { from, with } => {
            let from = from % (value.len() + 1);
            value[from..].iter_mut().take(8).for_each(|byte| *byte = *with);
        }
        Damage::Rename { byte, to } => {
            let byte = byte % key.len();
            key[byte] = *to;
        }
        Damage::Flip { .. } | Damage::Remove => {}
    }
    if !matches!(damage, Damage::Remove) {
        writes.put(space, &key, &value);
    }
    store.commit(&writes).unwrap();
    store
}

/// Uses everything that there is, and takes every error for an answer.
fn use_all(store: &MemoryStore, roots: Roots) {
    let Ok(state) = State::open(store.clone(), Append, Config { workers: 0, roots, ..Config::default() })
    else {
        return;
    };
    for number in 0..20 {
        let batch = BatchId::new(number);
        let _ = (state.receipts(batch), state.diff(batch), state.metadata(batch), state.wait_root(batch));
        if let Ok(snapshot) = state.snapshot_at(batch) {
            let _ = snapshot.iter().take(1_000).filter(Result::is_err).count();
        }
    }
    let _ = state.snapshot().prefix(&[0]).take(1_000).count();
    for number in [1, 5, 4, 3, 2] {
        if let Ok(batch) = state.submit(append(100 + number, &[1, 2, u64::from(number) + 10])) {
            let _ = (batch.wait_durable(), state.wait_root(batch.id()));
        }
        if let Ok(rollback) = state.rollback(BatchId::new(u64::from(number))) {
            let _ = rollback.wait();
        }
        if let Ok(batch) = state.submit(append(number + 1, &[1, u64::from(number) + 11])) {
            let _ = batch.wait_committed();
        }
    }
    state.prune(state.tip());
    state.wait_pruned();
    let _ = state.close();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_store_gives_errors_or_answers(row in any::<usize>(), damage in damage(), roots in any::<bool>()) {
        let store = damaged(&good_store(), row, &damage);
        let roots = if roots { Roots::On } else { Roots::Off };
        within("a damaged store", move || use_all(&store, roots));
    }
}

/// A store whose tip is gone is no new store: ids would begin anew over rows that carry them.
#[test]
fn a_store_without_its_tip_is_refused() {
    let store = good_store();
    let mut writes = WriteBatch::new();
    writes.remove(SPACES[6], b"tip");
    store.commit(&writes).unwrap();
    assert!(State::open(store, Append, Config::default()).is_err());
}

#[test]
fn what_is_too_large_is_refused_and_what_is_just_not_is_accepted() {
    let limits = Config {
        batch_transactions_max: 3,
        transaction_accesses_max: 2,
        metadata_bytes_max: 10,
        workers: 0,
        ..Config::default()
    };
    let state = open_with(&MemoryStore::new(), limits);
    let batch = |transactions: usize, accesses: u64, metadata: usize| {
        let mut batch = Batch::new(vec![0; metadata]);
        let accesses: Vec<_> = (0..accesses).map(|number| Access::write(id(number))).collect();
        for _ in 0..transactions {
            batch.push(&accesses, Payload::Append(1)).unwrap();
        }
        batch
    };
    state.submit(batch(3, 2, 10)).unwrap().wait_committed().unwrap();
    for refused in [batch(4, 2, 10), batch(3, 3, 10), batch(3, 2, 11)] {
        assert!(matches!(state.submit(refused), Err(SubmitError::Limit(_))));
    }
    assert_eq!(state.close().map_err(|error| error.to_string()), Ok(()));
}

/// A processor that does what it is told, and hides what it is answered.
struct Overreaching;

impl Processor for Overreaching {
    type Payload = u8;

    fn execute(&self, context: &mut Context<'_>, payload: &u8) -> Result<(), Failure> {
        context.write(id(1), b"wrong".as_slice())?;
        match payload {
            0 => context.write(id(2), b"read only".as_slice()),
            1 => context.remove(id(2)),
            2 => context.write(id(3), b"undeclared".as_slice()),
            3 => context.read(id(3)).map(|_| ()),
            4 => context.spend(11).or(Ok(())),
            5 => context.spend(u64::MAX).or(Ok(())).and_then(|()| context.spend(u64::MAX).or(Ok(()))),
            6 => context.write(id(1), vec![0; 9]),
            7 => (0..3).try_for_each(|_| context.emit([1])),
            8 => context.emit([0; 9]),
            // Refusals that are hidden change nothing beside.
            9 => context
                .write(id(2), b"hidden".as_slice())
                .or_else(|_| context.write(id(1), b"fine".as_slice())),
            _ => {
                context.spend(10)?;
                context.emit([0; 8])?;
                context.write(id(1), vec![7; 8])
            }
        }
    }
}

#[test]
fn a_processor_that_overreaches_changes_nothing() {
    for workers in [0, 2] {
        let limits = Config {
            workers,
            transaction_budget: 10,
            value_bytes_max: 8,
            events_max: 2,
            event_bytes_max: 8,
            ..Config::default()
        };
        let state = State::open(MemoryStore::new(), Overreaching, limits).unwrap();
        let mut batch = Batch::new("");
        for payload in 0..=10 {
            batch.push(&[Access::write(id(1)), Access::read(id(2))], payload).unwrap();
        }
        let batch = state.submit(batch).unwrap();
        batch.wait_committed().unwrap();
        let outcomes: Vec<_> = batch.receipts().unwrap().into_iter().map(|receipt| receipt.outcome).collect();
        let read_only = || Err(Failure::Access(AccessError::ReadOnly { resource: id(2) }));
        let undeclared = || Err(Failure::Access(AccessError::Undeclared { resource: id(3) }));
        let broke = || Err(Failure::OutOfBudget { granted: 10 });
        let expected = [read_only(), read_only(), undeclared(), undeclared(), broke(), broke()];
        assert_eq!(outcomes[..6], expected);
        assert!(
            outcomes[6..9].iter().all(|outcome| matches!(outcome, Err(Failure::Limit { .. }))),
            "{outcomes:?}"
        );
        assert_eq!(outcomes[9..], [Ok(()), Ok(())]);
        let snapshot = state.snapshot();
        assert_eq!(snapshot.get(id(1)).unwrap().as_deref(), Some(&[7; 8][..]));
        assert_eq!((snapshot.get(id(2)).unwrap(), snapshot.get(id(3)).unwrap()), (None, None));
    }
}
