//! A store that is to be imported into: from before the first row until the tip is written, it says so.
//!
//! The mark is in the first commit of an import, and the last takes it away and writes the tip. Commits survive a crash
//! in their order, so a store either is as it was, or has the mark, or has the whole state.

use std::ops::{Bound, ControlFlow};

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;

use super::ImportError;
use crate::layout::{self, SPACES, TIP, Tip};
use crate::{ReadStore, Space, Store, StoreError, WriteBatch};

const MARK_KEY: &[u8] = b"import";

/// How many rows of an import that was broken off are removed at once.
const REMOVED_AT_ONCE: usize = 16 << 10;

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
    if Tip::is_there(store)? || (!is_marked && !is_empty(store)?) {
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

fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    let mut is_empty = true;
    for space in SPACES {
        store.scan(space, (Bound::Unbounded, Bound::Unbounded), &mut |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        })?;
    }
    Ok(is_empty)
}

/// Removes everything but the tip and the mark.
fn remove_rows(store: &dyn Store) -> Result<(), StoreError> {
    SPACES.into_iter().filter(|space| *space != TIP).try_for_each(|space| remove_all(store, space))
}

fn remove_all(store: &dyn Store, space: Space) -> Result<(), StoreError> {
    // The search goes on where it stopped: what was removed may still cost something to pass.
    let mut from = Bound::Unbounded;
    loop {
        let mut writes = WriteBatch::new();
        let mut last = Vec::new();
        store.scan(space, (from.as_ref().map(Vec::as_slice), Bound::Unbounded), &mut |key, _| {
            writes.remove(space, key);
            if writes.len() < REMOVED_AT_ONCE {
                return ControlFlow::Continue(());
            }
            last = key.to_vec();
            ControlFlow::Break(())
        })?;
        if writes.is_empty() {
            return Ok(());
        }
        store.commit(&writes)?;
        if last.is_empty() {
            return Ok(());
        }
        from = Bound::Excluded(last);
    }
}
