//! What the fuzzer calls: rows of all kinds, and stores full of them. Not for use by anybody else.

use super::{
    BATCHES, DIFFS, RECEIPTS, ROOTS, ROWS, SPACES, TIP, TIP_KEY, Tip, batch_key, changes, encode,
    encode_changes, header, put_row, root, row_key, row_of, row_value,
};
use crate::config::Roots;
use crate::seal::stored_receipts;
use crate::{
    Batch, BatchId, Config, Context, Failure, MemoryStore, Processor, ReadStore, ResourceId, Space, State,
    Store, StoreError, Write, WriteBatch,
};

/// Reads a row as each kind, and checks that it is written as it was read; returns as how many kinds it can be read.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn row(key: &[u8], value: &[u8]) -> usize {
    let batch = BatchId::new(7);
    let store = holding(&[(TIP, TIP_KEY), (BATCHES, &batch_key(batch)), (DIFFS, &batch_key(batch))], value);
    let mut kinds = 0;
    let mut check = |written: Result<Option<Vec<u8>>, StoreError>| {
        if let Ok(Some(written)) = written {
            assert_eq!(written, value, "a row has one form");
            kinds += 1;
        }
    };
    check(Tip::load(&store).map(|tip| tip.map(|tip| encode(&tip))));
    check(header(&store, batch).map(|header| header.map(|header| encode(&header))));
    check(changes(&store, batch).map(|changes| changes.map(|changes| encode_changes(&changes))));
    let store = holding(&[(RECEIPTS, &batch_key(batch)), (ROOTS, &batch_key(batch))], value);
    check(stored_receipts(&store, batch).map(|receipts| receipts.map(|receipts| encode(&receipts))));
    check(root(&store, batch).map(|root| root.map(|root| root.as_bytes().to_vec())));
    if let (Ok((resource, version)), Ok(held)) = (row_of(key), row_value(value)) {
        let mut writes = WriteBatch::new();
        put_row(&mut writes, &resource, version, held);
        assert!(writes.iter().eq([Write::Put { space: ROWS, key, value }]), "a row has one form");
        kinds += 1;
    }
    kinds
}

/// Opens a store full of rows, each with the number of its space, two small numbers for its key, and its value; if it
/// can be opened, everything is done with it that can be done. Returns whether it was.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn opened(rows: &[(u8, [u8; 2], Vec<u8>)], roots: Roots) -> bool {
    let store = MemoryStore::new();
    store.declare(&SPACES).expect("memory takes everything");
    let mut writes = WriteBatch::new();
    for (space, [first, second], value) in rows {
        let space = SPACES[usize::from(*space) % SPACES.len()];
        let key = match space {
            ROWS => row_key(&ResourceId::from_bytes([*first; 32]), BatchId::new((*second).into())).to_vec(),
            TIP if *first == 1 => b"import".to_vec(),
            TIP => TIP_KEY.to_vec(),
            crate::layout::TREE => vec![*first, *second],
            _ => batch_key(BatchId::new((*first).into())).to_vec(),
        };
        writes.put(space, &key, value);
    }
    store.commit(&writes).expect("keys have fine lengths");
    let config = Config { workers: 0, roots, ..Config::default() };
    let Ok(state) = State::open(store, Nothing, config) else {
        return false;
    };
    exercise(&state);
    let _ = state.close();
    true
}

/// Reads, submits, rolls back and prunes, whatever comes of it.
fn exercise(state: &State<Nothing>) {
    for batch in [state.tip(), state.floor()] {
        let _ = (state.receipts(batch), state.diff(batch), state.metadata(batch), state.wait_root(batch));
        if let Ok(snapshot) = state.snapshot_at(batch) {
            let _ = snapshot.iter().count();
        }
    }
    for target in [state.floor(), BatchId::GENESIS] {
        for metadata in [&b"one"[..], b"two"] {
            if let Ok(submission) = state.submit(Batch::new(metadata)) {
                let _ = submission.wait_durable();
            }
        }
        if let Ok(rollback) = state.rollback(target) {
            let _ = rollback.wait();
        }
    }
    state.prune(state.tip());
    state.wait_pruned();
}

fn holding(keys: &[(Space, &[u8])], value: &[u8]) -> impl ReadStore + use<> {
    let store = MemoryStore::new();
    store.declare(&SPACES).expect("memory takes everything");
    let mut writes = WriteBatch::new();
    keys.iter().for_each(|(space, key)| writes.put(*space, key, value));
    store.commit(&writes).expect("keys have fine lengths");
    store
}

/// A processor of nothing.
struct Nothing;

impl Processor for Nothing {
    type Payload = ();

    fn execute(&self, _: &mut Context<'_>, (): &()) -> Result<(), Failure> {
        Ok(())
    }
}
