//! Roots: equal for equal states, however those came to be.

use ironloom_state::{BatchId, MemoryStore, Root};

use crate::support::{append, commit_all, open, remove};

#[test]
fn every_batch_that_changes_something_has_another_root() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        assert_eq!(state.wait_root(BatchId::GENESIS).unwrap(), Some(Root::EMPTY));
        let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1, 2, 3])));
        let mut roots: Vec<_> = ids.iter().map(|id| state.wait_root(*id).unwrap().unwrap()).collect();
        assert!(!roots.contains(&Root::EMPTY));
        roots.sort_unstable_by_key(|root| *root.as_bytes());
        roots.dedup();
        assert_eq!(roots.len(), 5);
    }
}

#[test]
fn a_rollback_restores_the_root_and_another_branch_has_another() {
    let state = open(&MemoryStore::new(), 2);
    let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1])));
    let before: Vec<_> = ids.iter().map(|id| state.wait_root(*id).unwrap()).collect();
    state.rollback(ids[0]).unwrap().wait().unwrap();
    assert_eq!(state.wait_root(ids[0]).unwrap(), before[0]);
    let other = commit_all(&state, [append(9, &[1])])[0];
    assert_ne!(state.wait_root(other).unwrap(), before[1]);
}

#[test]
fn back_to_the_beginning_is_empty_and_the_same_again_is_the_same() {
    for workers in [0, 2] {
        let store = MemoryStore::new();
        let state = open(&store, workers);
        let batches = || (1..=4).map(|number| append(number, &[1, u64::from(number) + 10]));
        let first = commit_all(&state, batches());
        let root = state.wait_root(first[3]).unwrap();
        state.rollback(BatchId::GENESIS).unwrap().wait().unwrap();
        assert_eq!(state.wait_root(BatchId::GENESIS).unwrap(), Some(Root::EMPTY));
        // The same content with other metadata is executed anew, under other ids.
        let anew = commit_all(&state, [append(1, &[2, 3]), remove(&[2, 3]), append(5, &[7]), remove(&[7])]);
        assert_eq!(state.wait_root(anew[3]).unwrap(), Some(Root::EMPTY));
        let again = commit_all(&state, batches());
        assert!(again[0] > anew[3]);
        assert_eq!(state.wait_root(again[3]).unwrap(), root);
        state.close().unwrap();
        assert_eq!(open(&store, 0).wait_root(again[3]).unwrap(), root);
    }
}
