//! Checkpoints, and what of a tree is in memory.

use super::*;
use crate::ResourceId;

fn numbered(numbers: std::ops::Range<u64>, value: u64) -> Vec<LeafChange> {
    let value = value.to_le_bytes();
    numbers.map(|number| LeafChange::new(&ResourceId::numbered(number), Some(&value))).collect()
}

fn cached(tree: &Tree) -> usize {
    tree.branches.iter().map(Branch::byte_len).sum()
}

#[test]
fn what_was_written_may_leave_memory_and_comes_back() {
    let (mut small, mut whole) = (Tree::new(NONE_CACHED), Tree::new(ALL_CACHED));
    for tree in [&mut small, &mut whole] {
        tree.apply(&numbered(0..5_000, 0));
        tree.checkpoint();
        tree.apply(&[]);
    }
    assert!(cached(&small) * 10 < cached(&whole));
    assert_eq!(small.store.reads.load(Ordering::Relaxed), 0);
    assert_eq!(small.apply(&numbered(100..200, 1)), whole.apply(&numbered(100..200, 1)));
    let reads = small.store.reads.load(Ordering::Relaxed);
    assert!((50..=100).contains(&reads), "only what is changed is read: {reads}");
    assert_eq!(whole.store.reads.load(Ordering::Relaxed), 0);
    small.checkpoint();
    whole.checkpoint();
    assert_eq!(*small.store.rows.lock(), *whole.store.rows.lock());
}

#[test]
fn what_a_checkpoint_wrote_stays_until_the_store_has_it() {
    let store = Rows::default();
    let changes = partition(&numbered(0..2_000, 0));
    let mut branch = Branch::new(7, NONE_CACHED);
    branch.apply(&store, &changes[7]).unwrap();
    let mut written = WriteBatch::new();
    branch.checkpoint(&mut written);
    branch.apply(&store, &partition(&numbered(0..10, 1))[7]).unwrap();
    let before = branch.byte_len();
    branch.apply(&store, &partition(&numbered(0..2_000, 2))[7]).unwrap();
    assert_eq!(
        store.reads.load(Ordering::Relaxed),
        0,
        "nothing had to be read from a store that has nothing"
    );
    assert_eq!(branch.byte_len(), before);
    store.commit(&written).unwrap();
    written.clear();
    branch.checkpoint(&mut written);
    store.commit(&written).unwrap();
    branch.release();
    branch.apply(&store, &[]).unwrap();
    assert!(branch.byte_len() < before / 5);
    assert_eq!(Branch::open(7, &store, NONE_CACHED).unwrap().summary(), branch.summary());
}

#[test]
fn a_store_that_fails_leaves_the_branch_as_it_was() {
    let mut tree = Tree::new(NONE_CACHED);
    let root = tree.apply(&numbered(0..3_000, 0));
    tree.checkpoint();
    tree.apply(&[]);
    let rows = std::mem::take(&mut *tree.store.rows.lock());
    for (branch, changes) in tree.branches.iter_mut().zip(partition(&numbered(0..50, 9))) {
        let summary = branch.summary();
        assert!(
            changes.is_empty()
                || matches!(branch.apply(&tree.store, &changes), Err(StoreError::Damaged { .. }))
        );
        assert_eq!(branch.summary(), summary);
    }
    *tree.store.rows.lock() = rows;
    assert_eq!(tree.root(), root);
    let mut other = Tree::new(ALL_CACHED);
    other.apply(&numbered(0..3_000, 0));
    assert_eq!(tree.apply(&numbered(0..50, 9)), other.apply(&numbered(0..50, 9)));
}

#[test]
fn a_queue_of_what_may_be_evicted_does_not_grow() {
    let mut tree = Tree::new(ALL_CACHED);
    for round in 0..50 {
        tree.apply(&numbered(0..100, round));
        tree.checkpoint();
    }
    assert!(tree.branches.iter().all(|branch| branch.shelf.queued() <= 100));
}
