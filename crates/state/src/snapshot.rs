//! [`Snapshot`]: the state after one batch, to be read while others change it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::chain::View;
use crate::layout::{self, ROWS, Versioned};
use crate::store::{after_prefix, is_empty};
use crate::{BatchId, ReadError, ReadStore, ResourceId, StoreError, Value};

/// How many resources an iteration looks up at once, unless their values have so many bytes before.
const CHUNK: usize = 256;
const CHUNK_BYTES: usize = 1 << 20;

/// Which batches are being read, and from where on batches can be.
#[derive(Debug)]
pub(crate) struct Pins {
    /// The oldest batch that can be read.
    pub(crate) floor: BatchId,
    next: u64,
    /// The batch that each reader needs everything from.
    held: BTreeMap<u64, BatchId>,
}

impl Pins {
    pub(crate) fn new(floor: BatchId) -> Self {
        Self { floor, next: 0, held: BTreeMap::new() }
    }

    pub(crate) fn lowest(&self) -> Option<BatchId> {
        self.held.values().min().copied()
    }

    /// The state is rolled back: who reads what is above needs everything since the target.
    pub(crate) fn lower_to(&mut self, target: BatchId) {
        self.held.values_mut().for_each(|held| *held = target.min(*held));
    }

    fn add(&mut self, batch: BatchId) -> u64 {
        let number = self.next;
        self.next += 1;
        self.held.insert(number, batch);
        number
    }
}

/// The state after a batch that is committed.
///
/// It stays what it is, whatever is submitted, rolled back or pruned meanwhile; what it needs is not pruned before it is
/// dropped.
pub struct Snapshot {
    store: Arc<dyn ReadStore>,
    view: View,
    pins: Arc<Mutex<Pins>>,
    pin: u64,
}

impl Snapshot {
    pub(crate) fn new(
        store: Arc<dyn ReadStore>,
        pins: &Arc<Mutex<Pins>>,
        view: View,
    ) -> Result<Self, ReadError> {
        let mut held = pins.lock();
        if view.tip < held.floor {
            return Err(ReadError::Pruned { batch: view.tip, floor: held.floor });
        }
        let pin = held.add(view.tip);
        drop(held);
        Ok(Self { store, view, pins: Arc::clone(pins), pin })
    }

    /// The batch after which the state is like this.
    #[must_use]
    pub fn batch(&self) -> BatchId {
        self.view.tip
    }

    /// What a resource holds; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn get(&self, resource: ResourceId) -> Result<Option<Value>, StoreError> {
        Ok(self.newest(resource)?.value)
    }

    /// The batch that gave a resource what it holds; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn version(&self, resource: ResourceId) -> Result<Option<BatchId>, StoreError> {
        let Versioned { version, value } = self.newest(resource)?;
        Ok(value.map(|_| version))
    }

    /// All resources of a range, in order.
    pub fn range(&self, range: impl RangeBounds<ResourceId>) -> Range<'_> {
        let from = match range.start_bound() {
            Bound::Included(id) => Bound::Included(layout::row_key(id, BatchId::new(u64::MAX)).to_vec()),
            Bound::Excluded(id) => Bound::Excluded(layout::row_key(id, BatchId::GENESIS).to_vec()),
            Bound::Unbounded => Bound::Unbounded,
        };
        let to = match range.end_bound() {
            Bound::Included(id) => Bound::Included(layout::row_key(id, BatchId::GENESIS).to_vec()),
            Bound::Excluded(id) => Bound::Excluded(layout::row_key(id, BatchId::new(u64::MAX)).to_vec()),
            Bound::Unbounded => Bound::Unbounded,
        };
        Range::new(self, from, to)
    }

    /// All resources whose names begin with some bytes, in order.
    #[must_use]
    pub fn prefix(&self, prefix: &[u8]) -> Range<'_> {
        let to = after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        let range = Range::new(self, Bound::Included(prefix.to_vec()), to);
        Range { is_done: prefix.len() > ResourceId::BYTES, ..range }
    }

    /// All resources, in order.
    #[must_use]
    pub fn iter(&self) -> Range<'_> {
        self.range(..)
    }

    pub(crate) fn store(&self) -> &dyn ReadStore {
        &*self.store
    }

    pub(crate) fn newest(&self, resource: ResourceId) -> Result<Versioned, StoreError> {
        layout::newest(&*self.store, &resource, &self.view)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.pins.lock().held.remove(&self.pin);
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("batch", &self.view.tip).finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Snapshot {
    type Item = Result<(ResourceId, Value), StoreError>;
    type IntoIter = Range<'a>;

    fn into_iter(self) -> Range<'a> {
        self.iter()
    }
}

/// Resources of a [`Snapshot`] and what they hold, in order. Ends after the first failure.
#[derive(Debug)]
pub struct Range<'a> {
    snapshot: &'a Snapshot,
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    found: VecDeque<(ResourceId, Versioned)>,
    is_done: bool,
}

impl<'a> Range<'a> {
    const fn new(snapshot: &'a Snapshot, from: Bound<Vec<u8>>, to: Bound<Vec<u8>>) -> Self {
        Self { snapshot, from, to, found: VecDeque::new(), is_done: false }
    }

    /// The next resource, with the batch that gave it what it holds.
    pub(crate) fn next_versioned(&mut self) -> Option<Result<(ResourceId, Versioned), StoreError>> {
        while self.found.is_empty() && !self.is_done {
            if let Err(error) = self.load() {
                self.is_done = true;
                return Some(Err(error));
            }
        }
        self.found.pop_front().map(Ok)
    }

    fn load(&mut self) -> Result<(), StoreError> {
        if is_empty((as_slice(&self.from), as_slice(&self.to))) {
            self.is_done = true;
            return Ok(());
        }
        let (view, found) = (&self.snapshot.view, &mut self.found);
        let (mut looked_at, mut bytes_found) = (0, 0);
        let mut last: Option<ResourceId> = None;
        let mut outcome = Ok(());
        let mut resume = None;
        let range = (as_slice(&self.from), as_slice(&self.to));
        self.snapshot.store.scan(ROWS, range, &mut |key, bytes| {
            let row =
                layout::row_of(key).and_then(|(id, version)| Ok((id, version, layout::row_value(bytes)?)));
            let (id, version, value) = match row {
                Ok(row) => row,
                Err(error) => {
                    outcome = Err(error);
                    return ControlFlow::Break(());
                }
            };
            looked_at += 1;
            if last != Some(id) && view.shows(version) {
                last = Some(id);
                if let Some(value) = value {
                    bytes_found += value.len();
                    found.push_back((id, Versioned { version, value: Some(Value::new(value)) }));
                }
            }
            if found.len() < CHUNK && bytes_found < CHUNK_BYTES && looked_at < 64 * CHUNK {
                return ControlFlow::Continue(());
            }
            // The rest of this resource's rows are older, or are looked at again if none counted so far.
            resume = Some(if last == Some(id) {
                layout::row_key(&id, BatchId::GENESIS).to_vec()
            } else {
                key.to_vec()
            });
            ControlFlow::Break(())
        })?;
        match resume {
            Some(key) => self.from = Bound::Excluded(key),
            None => self.is_done = true,
        }
        outcome
    }
}

impl Iterator for Range<'_> {
    type Item = Result<(ResourceId, Value), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(
            self.next_versioned()?
                .map(|(id, versioned)| (id, versioned.value.expect("what does not exist is not found"))),
        )
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}
