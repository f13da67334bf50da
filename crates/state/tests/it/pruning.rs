//! Forgetting: what is below the floor is gone, what is at or above it is all there.

use ironloom_state::{MemoryStore, ReadError, RollbackError, SPACES};

use crate::support::{append, commit_all, open, read, remove, rows};

/// The spaces that hold something for each batch that is kept.
const BATCH_SPACES: [usize; 4] = [1, 2, 3, 4];

#[test]
fn what_is_below_the_floor_is_gone_and_what_counts_is_there() {
    for workers in [0, 2] {
        let store = MemoryStore::new();
        let state = open(&store, workers);
        let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1, u64::from(number) + 10])));
        state.wait_root(ids[4]).unwrap();
        state.prune(ids[3]);
        state.wait_pruned();
        assert_eq!(state.floor(), ids[3]);
        for kept in &ids[3..] {
            assert!(
                state.diff(*kept).is_ok() && state.receipts(*kept).is_ok() && state.metadata(*kept).is_ok()
            );
            assert!(state.wait_root(*kept).unwrap().is_some());
        }
        assert!(matches!(state.diff(ids[2]), Err(ReadError::Pruned { .. })));
        assert_eq!(state.snapshot_at(ids[3]).unwrap().iter().count(), 5);
        assert_eq!(read(&state, 1), Some((1..=5).collect()));
        state.close().unwrap();
        for space in BATCH_SPACES {
            assert_eq!(rows(&store, SPACES[space]), 2, "{}", SPACES[space]);
        }
    }
}

/// A clean end, or none: pruning goes on where it was, and roots and values are as before.
#[test]
fn pruning_goes_on_after_a_restart() {
    for is_clean in [true, false] {
        let store = MemoryStore::new();
        let state = open(&store, 0);
        let ids = commit_all(&state, (1..=9).map(|number| append(number, &[1, u64::from(number) + 10])));
        let root = state.wait_root(ids[8]).unwrap();
        state.prune(ids[2]);
        state.wait_pruned();
        let store = if is_clean { store.clone() } else { store.fork() };
        state.close().unwrap();
        let state = open(&store, 0);
        assert_eq!((state.floor(), state.wait_root(ids[8]).unwrap()), (ids[2], root));
        state.prune(ids[6]);
        state.wait_pruned();
        assert_eq!((state.floor(), read(&state, 1)), (ids[6], Some((1..=9).collect())));
        state.close().unwrap();
        assert_eq!(rows(&store, SPACES[2]), 3);
    }
}

#[test]
fn several_resources_in_each_batch() {
    let store = MemoryStore::new();
    let state = open(&store, 2);
    let ids = commit_all(&state, (0..6).map(|number| append(number, &[1, 2, 3])));
    state.wait_root(ids[5]).unwrap();
    assert_eq!(rows(&store, SPACES[0]), 18);
    state.prune(ids[4]);
    state.wait_pruned();
    assert_eq!(rows(&store, SPACES[0]), 6, "two versions of each");
}

/// A reader holds pruning up, and only as long as it reads.
#[test]
fn who_reads_holds_pruning_up() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1])));
        state.wait_root(ids[4]).unwrap();
        let reader = state.snapshot_at(ids[1]).unwrap();
        state.prune(ids[4]);
        state.wait_pruned();
        assert_eq!(state.floor(), ids[1]);
        assert_eq!(reader.get(crate::support::id(1)).unwrap().as_deref(), Some(&[1, 2][..]));
        drop(reader);
        state.wait_pruned();
        assert_eq!(state.floor(), ids[4]);
    }
}

#[test]
fn a_rollback_goes_to_the_floor_and_not_below() {
    let state = open(&MemoryStore::new(), 2);
    let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1])));
    state.wait_root(ids[4]).unwrap();
    state.prune(ids[2]);
    state.wait_pruned();
    assert!(matches!(state.rollback(ids[1]), Err(RollbackError::Pruned { .. })));
    assert_eq!(read(&state, 1), Some((1..=5).collect()));
    state.rollback(ids[2]).unwrap().wait().unwrap();
    assert_eq!(read(&state, 1), Some(vec![1, 2, 3]));
}

/// What was rolled back is pruned too, and what it stood before is spared.
#[test]
fn pruning_an_orphan_spares_its_predecessor() {
    let store = MemoryStore::new();
    let state = open(&store, 2);
    let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1])));
    state.rollback(ids[0]).unwrap().wait().unwrap();
    let last = commit_all(&state, [append(9, &[2])])[0];
    state.wait_root(last).unwrap();
    state.prune(last);
    state.wait_pruned();
    assert_eq!((read(&state, 1), read(&state, 2)), (Some(vec![1]), Some(vec![9])));
    assert_eq!(rows(&store, SPACES[0]), 2, "the orphans left nothing");
}

/// A step after another: every prune removes what the one before kept.
#[test]
fn pruning_again_and_again() {
    let store = MemoryStore::new();
    let state = open(&store, 0);
    for number in 1..=20 {
        let last = commit_all(&state, [append(number, &[1])])[0];
        state.wait_root(last).unwrap();
        state.prune(last);
        state.wait_pruned();
        assert_eq!((state.floor(), rows(&store, SPACES[0])), (last, 1));
        assert_eq!(rows(&store, SPACES[1]), 1);
    }
    let last = commit_all(&state, [remove(&[1])])[0];
    state.wait_root(last).unwrap();
    state.prune(last);
    state.wait_pruned();
    assert_eq!(rows(&store, SPACES[0]), 0);
}
