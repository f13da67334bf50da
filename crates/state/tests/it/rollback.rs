//! Going back, once and again, in memory and on disk.

use ironloom_state::{BatchId, Interrupted, MemoryStore, RollbackError, State};

use crate::support::{Append, append, commit_all, open, read, submit};

fn back(state: &State<Append>, target: BatchId) {
    state.rollback(target).unwrap().wait().unwrap();
    assert_eq!((state.tip(), state.committed()), (target, target));
}

fn all_workers(scenario: impl Fn(&MemoryStore, State<Append>)) {
    for workers in [0, 1, 2] {
        let store = MemoryStore::new();
        scenario(&store, open(&store, workers));
    }
}

#[test]
fn of_committed_batches() {
    all_workers(|store, state| {
        let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1, u64::from(number) + 10])));
        back(&state, ids[0]);
        let contents = [1, 11, 12, 13].map(|resource| read(&state, resource));
        assert_eq!(contents, [Some(vec![1]), Some(vec![1]), None, None]);
        state.close().unwrap();
        assert_eq!(open(store, 0).committed(), ids[0]);
    });
}

#[test]
fn new_batches_get_new_ids() {
    all_workers(|_, state| {
        let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1])));
        back(&state, ids[0]);
        let new = commit_all(&state, [append(4, &[1]), append(5, &[1])]);
        assert!(new[0] > ids[2] && new[1] > new[0]);
        assert_eq!(read(&state, 1), Some(vec![1, 4, 5]));
    });
}

#[test]
fn at_once_of_batches_in_flight() {
    all_workers(|_, state| {
        let batches: Vec<_> = (1..=3).map(|number| submit(&state, append(number, &[1]))).collect();
        state.rollback(BatchId::GENESIS).unwrap().wait().unwrap();
        for batch in &batches {
            assert!(matches!(batch.wait_durable(), Err(Interrupted::RolledBack)));
        }
        assert_eq!(state.snapshot().iter().count(), 0);
        commit_all(&state, [append(4, &[1])]);
        assert_eq!(read(&state, 1), Some(vec![4]));
    });
}

#[test]
fn through_several_branches() {
    all_workers(|_, state| {
        let ids = commit_all(&state, (1..=6).map(|number| append(number, &[1])));
        back(&state, ids[4]);
        let second = commit_all(&state, [append(7, &[1]), append(8, &[1])]);
        assert_eq!(read(&state, 1), Some(vec![1, 2, 3, 4, 5, 7, 8]));
        back(&state, ids[2]);
        let third = commit_all(&state, [append(9, &[1]), append(10, &[1])]);
        assert_eq!(read(&state, 1), Some(vec![1, 2, 3, 9, 10]));
        assert!(second[0] > ids[5] && third[0] > second[1]);
        for gone in [ids[3], ids[5], second[0]] {
            assert!(matches!(state.rollback(gone), Err(RollbackError::Unknown { .. })));
            assert!(state.snapshot_at(gone).is_err());
        }
    });
}

#[test]
fn to_the_beginning() {
    all_workers(|store, state| {
        let ids = commit_all(&state, (1..=3).map(|number| append(number, &[1])));
        back(&state, BatchId::GENESIS);
        assert_eq!(state.snapshot().iter().count(), 0);
        let next = commit_all(&state, [append(4, &[1])])[0];
        assert!(next > ids[2]);
        drop(state);
        assert_eq!(read(&open(store, 0), 1), Some(vec![4]));
    });
}

#[test]
fn several_times_in_a_row() {
    all_workers(|_, state| {
        let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1])));
        for (target, left) in [(3, 4), (2, 3), (0, 1)] {
            back(&state, ids[target]);
            assert_eq!(read(&state, 1), Some((1..=left).collect()));
        }
    });
}

#[test]
fn of_one_resource_that_many_batches_wrote() {
    all_workers(|_, state| {
        let ids = commit_all(&state, (1..=4).map(|number| append(number, &[1])));
        back(&state, ids[1]);
        commit_all(&state, [append(5, &[1])]);
        assert_eq!(read(&state, 1), Some(vec![1, 2, 5]));
        back(&state, ids[0]);
        assert_eq!(read(&state, 1), Some(vec![1]));
    });
}

#[test]
fn of_several_resources_written_in_turn() {
    all_workers(|_, state| {
        let written: [&[u64]; 4] = [&[1, 2], &[2, 3], &[1, 3], &[1, 2, 3]];
        let ids = commit_all(&state, (1..).zip(written).map(|(number, to)| append(number, to)));
        back(&state, ids[1]);
        commit_all(&state, [append(5, &[1, 3]), append(6, &[2])]);
        let contents = [1, 2, 3].map(|resource| read(&state, resource).unwrap());
        assert_eq!(contents, [vec![1, 5], vec![1, 2, 6], vec![2, 5]]);
    });
}

/// Ids that were skipped, that were never given away, and that count no more, are no targets.
#[test]
fn to_where_nothing_is() {
    all_workers(|_, state| {
        let ids = commit_all(&state, [append(1, &[1]), append(2, &[1])]);
        back(&state, ids[0]);
        for unknown in [ids[1], BatchId::new(1 << 40), BatchId::new(u64::MAX)] {
            assert!(matches!(state.rollback(unknown), Err(RollbackError::Unknown { .. })));
        }
        assert_eq!(read(&state, 1), Some(vec![1]));
    });
}
