//! [`Planter`]: grows the tree of a whole state, and writes it as it grows.

use std::array;

use super::{BRANCHES, Branch, LeafChange, Limits, combine, partition};
use crate::{ResourceId, Root, Store, StoreError, WriteBatch};

/// How many leaves are planted at once.
const PLANTED_AT_ONCE: usize = 16 << 10;

/// What a bucket takes in memory, and in the store, at most.
const BUCKET_BYTES: u64 = 2 << 10;

/// A tree that grows from nothing; its rows are only valid once it is finished.
pub(crate) struct Planter {
    branches: [Branch; BRANCHES],
    leaves: Vec<LeafChange>,
    tree_bytes_max: u64,
}

impl Planter {
    /// A planter that keeps so many bytes of buckets that are not written, and as many that are.
    pub(crate) fn new(tree_bytes_max: u64) -> Self {
        let limits = Limits { cached_bytes_max: tree_bytes_max as usize / BRANCHES };
        let branches = array::from_fn(|index| Branch::new(index, limits));
        Self { branches, leaves: Vec::new(), tree_bytes_max }
    }

    /// Adds a resource, each once.
    pub(crate) fn add(
        &mut self,
        store: &dyn Store,
        resource: &ResourceId,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.leaves.push(LeafChange::new(resource, Some(value)));
        if self.leaves.len() == PLANTED_AT_ONCE { self.plant(store) } else { Ok(()) }
    }

    /// Plants and writes what is left; returns the root.
    pub(crate) fn finish(mut self, store: &dyn Store) -> Result<Root, StoreError> {
        self.plant(store)?;
        self.write(store)?;
        Ok(combine(&array::from_fn(|index| self.branches[index].summary())))
    }

    fn plant(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        for (branch, part) in self.branches.iter_mut().zip(partition(&self.leaves)) {
            branch.apply(store, &part)?;
        }
        self.leaves.clear();
        let unwritten: u64 = self.branches.iter().map(|branch| branch.dirty_buckets() as u64).sum();
        if unwritten * BUCKET_BYTES > self.tree_bytes_max { self.write(store) } else { Ok(()) }
    }

    fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        for branch in &mut self.branches {
            let mut writes = WriteBatch::new();
            branch.checkpoint(&mut writes);
            if !writes.is_empty() {
                store.commit(&writes)?;
            }
            branch.release();
        }
        Ok(())
    }
}
