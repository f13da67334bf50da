//! What lies where in the store, byte by byte.
//!
//! | space | key | value |
//! |---|---|---|
//! | `state.rows` | resource 32 · complement of the version, `u64` BE | `00` if it does not exist, else `01` and the bytes |
//! | `state.batches` | batch, `u64` BE | [`Header`] |
//! | `state.diffs` | batch, `u64` BE | for each change in order of the resources: resource 32 · replaced row, `u64` LE · flags |
//! | `state.receipts` | batch, `u64` BE | the receipts, in order of the transactions |
//! | `state.roots` | batch, `u64` BE | root 32 |
//! | `state.tree` | see `tree` | |
//! | `state.tip` | `tip` | [`Tip`] |
//! | | `import` | which export is being imported, instead of a tip; see `export` |
//!
//! Encodings are borsh where nothing else is said. A version is the id of the batch that wrote the row, and its
//! complement puts the newest first, so that what a resource holds at a batch is the first row that counts at it.

pub(crate) mod fuzz;

use std::ops::{Bound, ControlFlow};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::chain::{Orphans, View};
use crate::{BatchId, ReadStore, ResourceId, Root, Space, Store, StoreError, Value, WriteBatch};

pub(crate) const ROWS: Space = Space::new("state.rows");
pub(crate) const BATCHES: Space = Space::new("state.batches");
pub(crate) const DIFFS: Space = Space::new("state.diffs");
pub(crate) const RECEIPTS: Space = Space::new("state.receipts");
pub(crate) const ROOTS: Space = Space::new("state.roots");
pub(crate) use crate::tree::SPACE as TREE;
pub(crate) const TIP: Space = Space::new("state.tip");

/// All spaces that a state owns.
pub const SPACES: [Space; 7] = [ROWS, BATCHES, DIFFS, RECEIPTS, ROOTS, TREE, TIP];

/// No store has come so far; what says that it has would leave no ids to count on with.
const RESERVED_MAX: BatchId = BatchId::new(1 << 63);

const TIP_KEY: &[u8] = b"tip";
const ROW_KEY_BYTES: usize = ResourceId::BYTES + 8;
const CHANGE_BYTES: usize = ResourceId::BYTES + 8 + 1;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// What a resource holds, and since which batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versioned {
    /// The batch that wrote it; genesis if nobody did.
    pub(crate) version: BatchId,
    pub(crate) value: Option<Value>,
}

impl Versioned {
    pub(crate) const NEVER: Self = Self { version: BatchId::GENESIS, value: None };
}

/// A change as it rests in the store and in a batch in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowChange {
    pub(crate) resource: ResourceId,
    /// The version of the row that this batch's row stands before; genesis if there is none.
    pub(crate) replaced: BatchId,
    pub(crate) existed: bool,
    pub(crate) exists: bool,
}

/// What is known of a batch beside what it changed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Header {
    pub(crate) parent: BatchId,
    /// What it is recognised by if it returns.
    pub(crate) content: [u8; 32],
    pub(crate) transactions: u32,
    pub(crate) changes: u32,
    pub(crate) metadata: Vec<u8>,
}

/// Where the state stands: written with everything that moves it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Tip {
    pub(crate) format: u32,
    /// The newest batch that counts.
    pub(crate) tip: BatchId,
    /// No id from here on was ever given to a batch.
    pub(crate) reserved: BatchId,
    /// The oldest batch that can be read and rolled back to.
    pub(crate) floor: BatchId,
    /// Batches below this one have left nothing behind.
    pub(crate) swept: BatchId,
    /// The tree in the store lacks at most what batches above this one changed; `None` if there is no tree.
    pub(crate) tree: Option<BatchId>,
    pub(crate) orphans: Orphans,
}

impl Tip {
    pub(crate) const FORMAT: u32 = 1;

    pub(crate) fn view(&self) -> View {
        View { tip: self.tip, orphans: self.orphans.clone().into() }
    }

    pub(crate) fn load(store: &dyn ReadStore) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = store.get(TIP, TIP_KEY)? else {
            return Ok(None);
        };
        let tip: Self = decode(TIP, &bytes)?;
        let sound = tip.format == Self::FORMAT
            && tip.floor <= tip.tip
            && tip.tip < tip.reserved
            && tip.reserved <= RESERVED_MAX
            && tip.swept <= tip.floor
            && tip.tree.is_none_or(|tree| tree < tip.reserved)
            && tip.orphans.is_sound()
            && tip.orphans.ranges().last().is_none_or(|(_, last)| last < tip.reserved)
            && ![BatchId::GENESIS, tip.floor, tip.tip].iter().any(|id| tip.orphans.contains(*id));
        if sound { Ok(Some(tip)) } else { Err(StoreError::damaged(TIP, "the tip contradicts itself")) }
    }

    /// Whether there is a tip, sound or not.
    pub(crate) fn is_there(store: &dyn ReadStore) -> Result<bool, StoreError> {
        Ok(store.get(TIP, TIP_KEY)?.is_some())
    }

    pub(crate) fn put(&self, writes: &mut WriteBatch) {
        writes.put(TIP, TIP_KEY, &encode(self));
    }
}

pub(crate) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("a vector takes everything")
}

pub(crate) fn decode<T: BorshDeserialize>(space: Space, bytes: &[u8]) -> Result<T, StoreError> {
    T::try_from_slice(bytes).map_err(|error| StoreError::damaged(space, error.to_string()))
}

pub(crate) const fn batch_key(batch: BatchId) -> [u8; 8] {
    batch.number().to_be_bytes()
}

pub(crate) fn batch_of(space: Space, key: &[u8]) -> Result<BatchId, StoreError> {
    let bytes = key.try_into().map_err(|_| StoreError::damaged(space, "a key is not a batch"))?;
    Ok(BatchId::new(u64::from_be_bytes(bytes)))
}

pub(crate) fn row_key(resource: &ResourceId, version: BatchId) -> [u8; ROW_KEY_BYTES] {
    let mut key = [0; ROW_KEY_BYTES];
    key[..ResourceId::BYTES].copy_from_slice(resource.as_bytes());
    key[ResourceId::BYTES..].copy_from_slice(&(!version.number()).to_be_bytes());
    key
}

pub(crate) fn row_of(key: &[u8]) -> Result<(ResourceId, BatchId), StoreError> {
    let parts = key.split_first_chunk::<{ ResourceId::BYTES }>();
    let Some((resource, Ok(complement))) = parts.map(|(id, rest)| (id, <[u8; 8]>::try_from(rest))) else {
        return Err(StoreError::damaged(ROWS, "a key is not a resource and a version"));
    };
    Ok((ResourceId::from_bytes(*resource), BatchId::new(!u64::from_be_bytes(complement))))
}

pub(crate) fn put_row(
    writes: &mut WriteBatch,
    resource: &ResourceId,
    version: BatchId,
    value: Option<&[u8]>,
) {
    let key = row_key(resource, version);
    match value {
        Some(bytes) => writes.put_parts(ROWS, &key, &[&[PRESENT], bytes]),
        None => writes.put(ROWS, &key, &[ABSENT]),
    }
}

pub(crate) fn row_value(bytes: &[u8]) -> Result<Option<&[u8]>, StoreError> {
    match bytes {
        [ABSENT] => Ok(None),
        [PRESENT, value @ ..] => Ok(Some(value)),
        _ => Err(StoreError::damaged(ROWS, "a row is neither present nor absent")),
    }
}

/// What a resource holds in a view: the first of its rows that the view shows.
pub(crate) fn newest(
    store: &dyn ReadStore,
    resource: &ResourceId,
    view: &View,
) -> Result<Versioned, StoreError> {
    let (from, to) = (row_key(resource, view.tip), row_key(resource, BatchId::GENESIS));
    let mut found = Ok(Versioned::NEVER);
    store.scan(ROWS, (Bound::Included(&from), Bound::Included(&to)), &mut |key, bytes| {
        match row_of(key).and_then(|(_, version)| Ok((version, row_value(bytes)?))) {
            Ok((version, _)) if !view.shows(version) => return ControlFlow::Continue(()),
            Ok((version, value)) => found = Ok(Versioned { version, value: value.map(Value::new) }),
            Err(error) => found = Err(error),
        }
        ControlFlow::Break(())
    })?;
    found
}

/// Whether a store has nothing that a state, or a part of one, would have left.
pub(crate) fn is_empty(store: &dyn ReadStore) -> Result<bool, StoreError> {
    let mut is_empty = true;
    for space in SPACES {
        store.scan(space, (Bound::Unbounded, Bound::Unbounded), &mut |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        })?;
    }
    Ok(is_empty)
}

/// How many rows of an import that was broken off are removed at once.
const REMOVED_AT_ONCE: usize = 16 << 10;

/// Removes everything in a space, a bounded part at a time.
pub(crate) fn clear(store: &dyn Store, space: Space) -> Result<(), StoreError> {
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

pub(crate) fn header(store: &dyn ReadStore, batch: BatchId) -> Result<Option<Header>, StoreError> {
    store.get(BATCHES, &batch_key(batch))?.map(|bytes| decode_header(batch, &bytes)).transpose()
}

fn decode_header(batch: BatchId, bytes: &[u8]) -> Result<Header, StoreError> {
    let header: Header = decode(BATCHES, bytes)?;
    if header.parent < batch {
        Ok(header)
    } else {
        Err(StoreError::damaged(
            BATCHES,
            format!("{batch} is not younger than its parent, {}", header.parent),
        ))
    }
}

/// The root of a batch, if it is in the store.
pub(crate) fn root(store: &dyn ReadStore, batch: BatchId) -> Result<Option<Root>, StoreError> {
    store.get(ROOTS, &batch_key(batch))?.map(|bytes| decode(ROOTS, &bytes)).transpose()
}

/// Visits the batches from `first` to `last` that are in the store, whether or not they count.
pub(crate) fn batches_between(
    store: &dyn ReadStore,
    first: BatchId,
    last: BatchId,
    mut visit: impl FnMut(BatchId, Header) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    let (from, to) = (batch_key(first), batch_key(last));
    store.scan(BATCHES, (Bound::Included(&from), Bound::Included(&to)), &mut |key, bytes| match batch_of(
        BATCHES, key,
    )
    .and_then(|id| Ok((id, decode_header(id, bytes)?)))
    {
        Ok((id, header)) => visit(id, header),
        Err(error) => {
            outcome = Err(error);
            ControlFlow::Break(())
        }
    })?;
    outcome
}

const EXISTED: u8 = 1;
const EXISTS: u8 = 2;

pub(crate) fn encode_changes(changes: &[RowChange]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(changes.len() * CHANGE_BYTES);
    for change in changes {
        bytes.extend_from_slice(change.resource.as_bytes());
        bytes.extend_from_slice(&change.replaced.number().to_le_bytes());
        bytes.push(if change.existed { EXISTED } else { 0 } | if change.exists { EXISTS } else { 0 });
    }
    bytes
}

pub(crate) fn changes(store: &dyn ReadStore, batch: BatchId) -> Result<Option<Vec<RowChange>>, StoreError> {
    let Some(bytes) = store.get(DIFFS, &batch_key(batch))? else {
        return Ok(None);
    };
    decode_changes(batch, &bytes).map(Some)
}

/// Reads what a batch changed: every change is one that it can have made, and no resource is there twice.
fn decode_changes(batch: BatchId, bytes: &[u8]) -> Result<Vec<RowChange>, StoreError> {
    let damaged = |reason| Err(StoreError::damaged(DIFFS, format!("the diff of {batch}: {reason}")));
    let (entries, rest) = bytes.as_chunks::<CHANGE_BYTES>();
    if !rest.is_empty() {
        return damaged("a part of a change");
    }
    let mut changes: Vec<RowChange> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(change) = decode_change(entry) else {
            return damaged("unknown flags");
        };
        if change.replaced >= batch || (change.existed && change.replaced == BatchId::GENESIS) {
            return damaged("it replaces what was not there before");
        }
        if changes.last().is_some_and(|last| last.resource >= change.resource) {
            return damaged("resources out of order");
        }
        changes.push(change);
    }
    Ok(changes)
}

/// A change, if its flags are known.
fn decode_change(bytes: &[u8; CHANGE_BYTES]) -> Option<RowChange> {
    let (resource, rest) = bytes.split_first_chunk::<{ ResourceId::BYTES }>().expect("a change is longer");
    let (replaced, flags) = rest.split_first_chunk::<8>().expect("a change is longer");
    let flags = flags[0];
    (flags & !(EXISTED | EXISTS) == 0).then(|| RowChange {
        resource: ResourceId::from_bytes(*resource),
        replaced: BatchId::new(u64::from_le_bytes(*replaced)),
        existed: flags & EXISTED != 0,
        exists: flags & EXISTS != 0,
    })
}

#[cfg(test)]
mod tests;
