//! [`Sealed`]: what is to be committed of a batch that was executed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use borsh::BorshSerialize;

use crate::flight::{Flight, Resource};
use crate::layout::{self, BATCHES, DIFFS, Header, RECEIPTS, RowChange};
use crate::receipt::Receipt;
use crate::{BatchId, Failure, Value, WriteBatch};

/// The rows of a batch, ready to be written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) writes: WriteBatch,
    /// What the changed resources hold now, for the root.
    pub(crate) values: Vec<Option<Value>>,
}

/// Seals a flight all of whose transactions have run.
pub(crate) fn seal<P: BorshSerialize>(flight: &Flight<P>) {
    let mut changed: Vec<(RowChange, Option<Value>)> =
        flight.resources().iter().filter_map(Resource::change).collect();
    changed.sort_unstable_by_key(|(change, _)| change.resource);
    let (changes, values): (Vec<RowChange>, Vec<Option<Value>>) = changed.into_iter().unzip();
    let mut writes = WriteBatch::new();
    for (change, value) in changes.iter().zip(&values) {
        layout::put_row(&mut writes, &change.resource, flight.id, value.as_deref());
    }
    let key = layout::batch_key(flight.id);
    writes.put(BATCHES, &key, &layout::encode(&header(flight, changes.len())));
    writes.put(DIFFS, &key, &layout::encode_changes(&changes));
    writes.put(RECEIPTS, &key, &receipts(flight));
    flight.changes.set(changes.into()).expect("a batch is sealed once");
    *flight.sealed.lock() = Some(Sealed { writes, values });
}

fn header<P: BorshSerialize>(flight: &Flight<P>, changes: usize) -> Header {
    let count = |length: usize| u32::try_from(length).expect("a batch counts in 32 bits");
    Header {
        parent: flight.parent,
        // A payload whose encoding panics is a bug of its type; its batch is only not recognised if it returns.
        content: catch_unwind(AssertUnwindSafe(|| flight.content()))
            .unwrap_or_else(|_| unrecognisable(flight.id)),
        transactions: count(flight.len()),
        changes: count(changes),
        metadata: flight.metadata.clone(),
    }
}

/// Why an encoding into a vector does not fail.
const WRITES: &str = "a vector takes everything";

/// What no batch that is submitted has for its content.
fn unrecognisable(batch: BatchId) -> [u8; 32] {
    let mut content = [0; 32];
    content[..8].copy_from_slice(&batch.number().to_le_bytes());
    content
}

/// The encoding of a list of [`Receipt`]s.
fn receipts<P>(flight: &Flight<P>) -> Vec<u8> {
    let stubs = flight.stubs();
    let mut bytes = Vec::with_capacity(4 + 13 * stubs.len());
    let count = u32::try_from(stubs.len()).expect("a batch counts its transactions in 32 bits");
    count.serialize(&mut bytes).expect(WRITES);
    let applied: &Result<(), Failure> = &Ok(());
    let nothing: &Vec<Vec<u8>> = &Vec::new();
    for stub in stubs {
        let (outcome, events) = match &stub.detail {
            Some(detail) => (&detail.outcome, &detail.events),
            None => (applied, nothing),
        };
        (outcome, stub.spent, events).serialize(&mut bytes).expect(WRITES);
    }
    bytes
}

/// Reads the receipts of a batch.
pub(crate) fn stored_receipts(
    store: &dyn crate::ReadStore,
    batch: BatchId,
) -> Result<Option<Vec<Receipt>>, crate::StoreError> {
    let bytes = store.get(RECEIPTS, &layout::batch_key(batch))?;
    bytes.map(|bytes| layout::decode(RECEIPTS, &bytes)).transpose()
}
