//! Resources that are removed, made again, and forgotten.

use ironloom_state::{MemoryStore, SPACES};

use crate::support::{append, commit_all, id, open, read, remove, rows};

#[test]
fn what_is_removed_and_made_again_has_a_new_version() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        let ids = commit_all(&state, [append(1, &[1]), remove(&[1]), append(2, &[1])]);
        assert_eq!(state.snapshot_at(ids[1]).unwrap().get(id(1)).unwrap(), None);
        assert_eq!(state.snapshot_at(ids[1]).unwrap().version(id(1)).unwrap(), None);
        assert_eq!(read(&state, 1), Some(vec![2]));
        assert_eq!(state.snapshot().version(id(1)).unwrap(), Some(ids[2]));
        assert_eq!(state.snapshot_at(ids[0]).unwrap().get(id(1)).unwrap().as_deref(), Some(&[1][..]));
    }
}

#[test]
fn a_rollback_of_a_removal_brings_it_back_and_of_its_return_takes_it_away() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        let ids = commit_all(&state, [append(1, &[1]), remove(&[1]), append(2, &[1])]);
        state.rollback(ids[1]).unwrap().wait().unwrap();
        assert_eq!(read(&state, 1), None);
        state.rollback(ids[0]).unwrap().wait().unwrap();
        assert_eq!(read(&state, 1), Some(vec![1]));
        assert_eq!(state.snapshot().version(id(1)).unwrap(), Some(ids[0]));
    }
}

#[test]
fn what_is_removed_and_pruned_leaves_no_trace() {
    let store = MemoryStore::new();
    let state = open(&store, 2);
    let ids =
        commit_all(&state, [append(1, &[1]), append(2, &[1]), remove(&[1]), append(1, &[2]), remove(&[2])]);
    state.wait_root(ids[4]).unwrap();
    state.prune(ids[4]);
    state.wait_pruned();
    state.close().unwrap();
    assert_eq!((rows(&store, SPACES[0]), rows(&store, SPACES[5])), (0, 0));
}
