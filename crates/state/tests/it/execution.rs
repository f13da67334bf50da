//! The result of a batch: as if its transactions ran one after another.

use ironloom_state::{Access, Batch, MemoryStore};

use crate::support::{Payload, append, commit_all, id, open, read, submit};

#[test]
fn two_batches_of_readers_and_writers() {
    for workers in [0, 1, 2, 8] {
        let state = open(&MemoryStore::new(), workers);
        let mut first = Batch::new("first");
        first.push(&[Access::write(id(1)), Access::read(id(3))], Payload::Append(0)).unwrap();
        first.push(&[Access::write(id(1)), Access::write(id(2))], Payload::Append(1)).unwrap();
        first.push(&[Access::read(id(1)), Access::write(id(3))], Payload::Append(2)).unwrap();
        let mut second = Batch::new("second");
        second.push(&[Access::write(id(1)), Access::read(id(2))], Payload::Append(3)).unwrap();
        second.push(&[Access::write(id(4)), Access::read(id(5))], Payload::Append(4)).unwrap();
        commit_all(&state, [first, second]);
        let contents: Vec<_> = (1..=5).map(|resource| read(&state, resource)).collect();
        assert_eq!(contents, [Some(vec![0, 1, 3]), Some(vec![1]), Some(vec![2]), Some(vec![4]), None]);
    }
}

/// Resources are listed in their own order, whatever the order in which they were touched.
#[test]
fn changes_are_in_the_order_of_the_resources() {
    let state = open(&MemoryStore::new(), 2);
    let batch = submit(&state, append(1, &[9, 3, 7, 1]));
    batch.wait_committed().unwrap();
    let changed: Vec<_> = batch.diff().unwrap().changes.iter().map(|change| change.resource).collect();
    let mut expected = [1, 3, 7, 9].map(id);
    expected.sort_unstable();
    assert_eq!(changed, expected);
    assert_eq!(state.diff(batch.id()).unwrap(), batch.diff().unwrap());
}
