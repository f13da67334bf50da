//! Batches that return after a rollback: recognised, and not executed again.
//!
//! Of the scenarios of the earlier system, those about proofs (inclusion, absence, both in one) have no equivalent:
//! there are no proofs yet. The others are in `execution`, `rollback`, `waiters`, `eviction`, `pruning`, `roots`,
//! `removal` and here. Ids differ: a crash or a rollback skips ids, so the tests ask for larger ones and not for the
//! next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_state::{Access, Batch, BatchId, Context, Failure, MemoryStore, Processor, State, Submission};

use crate::support::{append, commit_all, id, look, open, read, submit};

/// Counts how often it is called.
struct Counted(Arc<AtomicU64>);

impl Processor for Counted {
    type Payload = u8;

    fn execute(&self, context: &mut Context<'_>, payload: &u8) -> Result<(), Failure> {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        context.write(id(1), [*payload, u8::try_from(count).unwrap()])
    }
}

#[test]
fn a_batch_that_returns_is_not_executed() {
    let calls = Arc::new(AtomicU64::new(0));
    let state = State::open(MemoryStore::new(), Counted(Arc::clone(&calls)), Default::default()).unwrap();
    let batch = || {
        let mut batch = Batch::new("block");
        batch.push(&[Access::write(id(1))], 100).unwrap();
        batch
    };
    let first = state.submit(batch()).unwrap();
    first.wait_committed().unwrap();
    state.rollback(BatchId::GENESIS).unwrap().wait().unwrap();
    let again = state.submit(batch()).unwrap();
    again.wait_durable().unwrap();
    assert!(again.is_restored() && again.id() == first.id());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(again.receipts().unwrap(), first.receipts().unwrap());
    assert_eq!(again.diff().unwrap(), first.diff().unwrap());
    assert_eq!(state.snapshot().get(id(1)).unwrap().as_deref(), Some(&[100, 0][..]));
}

/// What follows a batch that returns finds what that left, also before the return is committed, and also if the batch
/// that returns only read.
#[test]
fn what_follows_builds_on_what_returned() {
    for workers in [0, 1, 2] {
        for _ in 0..20 {
            let state = open(&MemoryStore::new(), workers);
            let ids = commit_all(&state, [append(1, &[1]), append(2, &[1]), look(3, &[1])]);
            state.rollback(ids[0]).unwrap();
            let returned = [submit(&state, append(2, &[1])), submit(&state, look(3, &[1]))];
            let next = submit(&state, append(4, &[1]));
            assert!(returned.iter().all(Submission::is_restored));
            next.wait_committed().unwrap();
            assert_eq!(read(&state, 1), Some(vec![1, 2, 4]));
            // And once more, over the batch that followed.
            state.rollback(returned[0].id()).unwrap();
            assert!(submit(&state, look(3, &[1])).is_restored());
            assert!(submit(&state, append(4, &[1])).is_restored());
            let last = commit_all(&state, [append(5, &[1])])[0];
            assert_eq!(read(&state, 1), Some(vec![1, 2, 4, 5]));
            assert!(last > next.id());
        }
    }
}

#[test]
fn the_root_of_what_returned_is_what_it_was() {
    for workers in [0, 2] {
        let state = open(&MemoryStore::new(), workers);
        let ids = commit_all(&state, [append(1, &[1]), append(2, &[1, 2])]);
        let root = state.wait_root(ids[1]).unwrap();
        assert!(root.is_some());
        state.rollback(ids[0]).unwrap().wait().unwrap();
        let again = submit(&state, append(2, &[1, 2]));
        again.wait_committed().unwrap();
        assert_eq!((again.id(), state.wait_root(ids[1]).unwrap()), (ids[1], root));
        let fresh = open(&MemoryStore::new(), workers);
        let same = commit_all(&fresh, [append(1, &[1]), append(2, &[1, 2])]);
        assert_eq!(fresh.wait_root(same[1]).unwrap(), root);
    }
}
