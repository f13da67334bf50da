//! Rows that no state wrote.

use super::*;
use crate::config::Roots;
use crate::{MemoryStore, Store};

fn tip() -> Tip {
    let mut orphans = Orphans::default();
    orphans.add(BatchId::new(4), BatchId::new(5));
    Tip {
        format: Tip::FORMAT,
        tip: BatchId::new(7),
        reserved: BatchId::new(20),
        floor: BatchId::new(3),
        swept: BatchId::new(2),
        tree: Some(BatchId::new(6)),
        orphans,
    }
}

fn header_after(parent: u64) -> Header {
    Header { parent: BatchId::new(parent), content: [1; 32], transactions: 0, changes: 0, metadata: vec![] }
}

fn holding(space: Space, key: &[u8], value: &[u8]) -> MemoryStore {
    let store = MemoryStore::new();
    store.declare(&SPACES).unwrap();
    let mut writes = WriteBatch::new();
    writes.put(space, key, value);
    store.commit(&writes).unwrap();
    store
}

/// A tip that says that genesis was rolled back made opening subtract from zero, and one that has given all ids away
/// made it count beyond the last.
#[test]
fn a_tip_that_contradicts_itself_is_refused() {
    let load = |tip: &Tip| Tip::load(&holding(TIP, TIP_KEY, &encode(tip)));
    assert_eq!(load(&tip()).unwrap(), Some(tip()));
    let orphaned = |first: u64, last: u64| {
        let mut orphans = tip().orphans;
        orphans.add(BatchId::new(first), BatchId::new(last));
        Tip { orphans, ..tip() }
    };
    for broken in [
        Tip { format: 2, ..tip() },
        Tip { floor: BatchId::new(8), ..tip() },
        Tip { floor: BatchId::new(4), ..tip() },
        Tip { reserved: BatchId::new(7), ..tip() },
        Tip { reserved: BatchId::new(u64::MAX), ..tip() },
        Tip { swept: BatchId::new(4), ..tip() },
        Tip { tree: Some(BatchId::new(20)), ..tip() },
        orphaned(0, 1),
        orphaned(7, 7),
        orphaned(8, 20),
    ] {
        let refused = load(&broken);
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{broken:?}: {refused:?}");
        let rows = [
            (6, [0, 0], encode(&broken)),
            (1, [7, 0], encode(&header_after(3))),
            (1, [1, 0], encode(&header_after(0))),
        ];
        assert!(!fuzz::opened(&rows, Roots::On));
        assert!(!fuzz::opened(&rows, Roots::Off));
    }
}

#[test]
fn a_batch_that_is_its_own_ancestor_is_refused() {
    let batch = BatchId::new(7);
    for (parent, is_fine) in [(0, true), (6, true), (7, false), (8, false)] {
        let store = holding(BATCHES, &batch_key(batch), &encode(&header_after(parent)));
        assert_eq!(header(&store, batch).is_ok(), is_fine, "{parent}");
        let visited = batches_between(&store, BatchId::GENESIS, batch, |_, _| ControlFlow::Continue(()));
        assert_eq!(visited.is_ok(), is_fine, "{parent}");
    }
}

#[test]
fn diffs_are_read_as_they_are_written_and_no_others() {
    let batch = BatchId::new(7);
    let change = |number: u64, replaced: u64, existed: bool, exists: bool| RowChange {
        resource: ResourceId::numbered(number),
        replaced: BatchId::new(replaced),
        existed,
        exists,
    };
    let read = |bytes: &[u8]| changes(&holding(DIFFS, &batch_key(batch), bytes), batch);
    let fine = [change(1, 0, false, true), change(2, 6, true, false), change(3, 1, false, false)];
    let bytes = encode_changes(&fine);
    assert_eq!(read(&bytes).unwrap().unwrap(), fine);
    for broken in [
        &[change(1, 7, true, true)][..],
        &[change(1, 0, true, true)],
        &[change(2, 0, false, true), change(1, 0, false, true)],
        &[change(1, 0, false, true), change(1, 0, false, true)],
    ] {
        assert!(read(&encode_changes(broken)).is_err(), "{broken:?}");
    }
    assert!(read(&bytes[1..]).is_err());
    let flags = [&bytes[..CHANGE_BYTES - 1], &[4]].concat();
    assert!(read(&flags).is_err());
}
