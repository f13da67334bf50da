//! A store that is to be imported into: from before the first row until the tip is written, it says so.
//!
//! The mark is in the first commit of an import, and the last takes it away and writes the tip. Commits survive a crash
//! in their order, so a store either is as it was, or has the mark, or has the whole state.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;

use super::ImportError;
use crate::layout::{self, SPACES, TIP, Tip};
use crate::{ReadStore, Store, StoreError, WriteBatch};

const MARK_KEY: &[u8] = b"import";

/// What says that an import is not finished.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Mark {
    format: u32,
    export: BlobId,
}

/// The export of which a part is in the store, if an import was broken off.
pub(crate) fn unfinished_import(store: &dyn ReadStore) -> Result<Option<BlobId>, StoreError> {
    let mark = store.get(TIP, MARK_KEY)?.map(|bytes| layout::decode::<Mark>(TIP, &bytes)).transpose()?;
    Ok(mark.map(|mark| mark.export))
}

/// Empties a store in which an import was broken off; whether there was one. A state that is whole is not touched.
///
/// # Errors
///
/// If the store fails.
pub fn discard_import(store: &dyn Store) -> Result<bool, StoreError> {
    store.declare(&SPACES)?;
    if unfinished_import(store)?.is_none() {
        return Ok(false);
    }
    remove_rows(store)?;
    let mut writes = WriteBatch::new();
    unmark(&mut writes);
    store.commit(&writes)?;
    store.sync()?;
    Ok(true)
}

/// Makes a store ready for the rows of an export: without any, and marked.
pub(super) fn prepare(store: &dyn Store, export: BlobId) -> Result<(), ImportError> {
    store.declare(&SPACES)?;
    let is_marked = unfinished_import(store)?.is_some();
    if Tip::is_there(store)? || (!is_marked && !layout::is_empty(store)?) {
        return Err(ImportError::NotEmpty);
    }
    let mut writes = WriteBatch::new();
    writes.put(TIP, MARK_KEY, &layout::encode(&Mark { format: Tip::FORMAT, export }));
    store.commit(&writes)?;
    if is_marked {
        remove_rows(store)?;
    }
    Ok(())
}

/// Adds to the commit that ends an import that it does.
pub(super) fn unmark(writes: &mut WriteBatch) {
    writes.remove(TIP, MARK_KEY);
}

/// Removes everything but the tip and the mark.
fn remove_rows(store: &dyn Store) -> Result<(), StoreError> {
    SPACES.into_iter().filter(|space| *space != TIP).try_for_each(|space| layout::clear(store, space))
}
