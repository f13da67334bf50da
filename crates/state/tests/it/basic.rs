//! The plainest things.

use ironloom_state::{Access, Batch, BatchId, Failure, MemoryStore, ReadStore as _, Root};

use crate::support::{Payload, append, commit_all, id, open, read, submit};

#[test]
fn contents_follow_the_order_of_submission() {
    for workers in [0, 1, 2, 8] {
        let state = open(&MemoryStore::new(), workers);
        let ids = commit_all(&state, (0..200).map(|number| append(number, &[1, u64::from(number % 7) + 10])));
        assert!(ids.is_sorted());
        assert_eq!(read(&state, 1), Some((0..200).collect()));
        assert_eq!(read(&state, 12), Some((0..200).filter(|number| number % 7 == 2).collect()));
        assert_eq!(read(&state, 9), None);
        state.close().unwrap();
    }
}

#[test]
fn one_batch_of_many_readers_and_writers() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        let mut batch = Batch::new("");
        for number in 0..1_000_u64 {
            let access = if number % 5 == 0 { Access::write(id(1)) } else { Access::read(id(1)) };
            batch
                .push(&[access, Access::write(id(100 + number))], Payload::Append(number.to_le_bytes()[0]))
                .unwrap();
        }
        let submission = submit(&state, batch);
        submission.wait_executed().unwrap();
        assert_eq!(submission.receipts().unwrap().len(), 1_000);
        submission.wait_durable().unwrap();
        assert_eq!(submission.diff().unwrap().changes.len(), 1_001);
        assert_eq!(read(&state, 1).unwrap().len(), 200);
        assert_eq!(state.snapshot().iter().count(), 1_001);
        let root = state.wait_root(submission.id()).unwrap().unwrap();
        assert_ne!(root, Root::EMPTY);
    }
}

#[test]
fn failures_change_nothing_and_tell_why() {
    let state = open(&MemoryStore::new(), 2);
    let mut batch = Batch::new("");
    let refused = "no".to_owned();
    batch.push(&[Access::write(id(1))], Payload::Append(1)).unwrap();
    batch.push(&[Access::write(id(1))], Payload::Fail(refused.clone())).unwrap();
    batch.push(&[Access::write(id(1))], Payload::Panic("oh".into())).unwrap();
    batch.push_with_budget(&[Access::write(id(1))], Payload::Spend(10), 5).unwrap();
    batch.push(&[Access::write(id(1))], Payload::Append(2)).unwrap();
    let submission = submit(&state, batch);
    submission.wait_committed().unwrap();
    let outcomes: Vec<_> =
        submission.receipts().unwrap().into_iter().map(|receipt| receipt.outcome).collect();
    let expected = [
        Ok(()),
        Err(Failure::Refused { reason: refused }),
        Err(Failure::Panicked { message: "oh".into() }),
        Err(Failure::OutOfBudget { granted: 5 }),
        Ok(()),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(read(&state, 1), Some(vec![1, 2]));
    assert_eq!(state.receipts(submission.id()).unwrap(), submission.receipts().unwrap());
}

#[test]
fn a_rollback_is_exact_and_a_returning_batch_is_restored() {
    for workers in [0, 2] {
        let store = MemoryStore::new();
        let state = open(&store, workers);
        let ids = commit_all(&state, (1..=5).map(|number| append(number, &[1, u64::from(number) + 10])));
        let root = state.wait_root(ids[1]).unwrap();
        let tip_root = state.wait_root(ids[4]).unwrap();
        state.rollback(ids[1]).unwrap().wait().unwrap();
        assert_eq!((read(&state, 1), read(&state, 13)), (Some(vec![1, 2]), None));
        let again = submit(&state, append(3, &[1, 13]));
        assert!(again.is_restored());
        assert_eq!(again.id(), ids[2]);
        let other = commit_all(&state, [append(9, &[1])]);
        assert!(other[0] > ids[4]);
        assert_eq!(read(&state, 1), Some(vec![1, 2, 3, 9]));
        state.rollback(ids[1]).unwrap().wait().unwrap();
        assert_eq!(state.wait_root(ids[1]).unwrap(), root);
        state.close().unwrap();
        let state = open(&store, workers);
        assert_eq!(state.tip(), ids[1]);
        for number in 3..=5 {
            assert!(submit(&state, append(number, &[1, u64::from(number) + 10])).is_restored());
        }
        let last = commit_all(&state, [append(6, &[2])]);
        assert_eq!(read(&state, 1), Some(vec![1, 2, 3, 4, 5]));
        assert_ne!(state.wait_root(last[0]).unwrap(), tip_root);
        state.rollback(ids[4]).unwrap().wait().unwrap();
        assert_eq!(state.wait_root(ids[4]).unwrap(), tip_root);
        state.rollback(BatchId::GENESIS).unwrap().wait().unwrap();
        assert_eq!(state.snapshot().iter().count(), 0);
    }
}

#[test]
fn what_is_pruned_leaves_no_trace() {
    let store = MemoryStore::new();
    let state = open(&store, 2);
    let mut ids = commit_all(&state, (1..=5).map(|number| append(number, &[1])));
    let mut removal = Batch::new("");
    removal.push(&[Access::write(id(1))], Payload::Remove).unwrap();
    ids.extend(commit_all(&state, [removal]));
    state.wait_root(ids[5]).unwrap();
    state.prune(ids[5]);
    state.wait_pruned();
    assert_eq!(state.floor(), ids[5]);
    assert!(state.snapshot_at(ids[4]).is_err());
    let mut rows = 0;
    let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let mut count = |_: &[u8], _: &[u8]| {
        rows += 1;
        std::ops::ControlFlow::Continue(())
    };
    store.scan(ironloom_state::SPACES[0], everything, &mut count).unwrap();
    assert_eq!(rows, 0);
}
