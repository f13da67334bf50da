//! The tree against a naive one, and against stores that lie.

mod cuts;
mod hostile;
mod model;
mod rested;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::hash::{self, EMPTY, Hash, Path, goes_right};
use super::{BRANCHES, Branch, LeafChange, Limits, Summary, combine, partition};
use crate::store::Visit;
use crate::{KeyRange, ReadStore, Root, Space, Store, StoreError, Write, WriteBatch};

const ALL_CACHED: Limits = Limits { cached_bytes_max: usize::MAX };
const NONE_CACHED: Limits = Limits { cached_bytes_max: 0 };

/// What the root of these leaves is, by the definition and nothing else.
fn naive_root(leaves: &BTreeMap<Path, Hash>) -> Root {
    let leaves: Vec<_> = leaves.iter().map(|(path, leaf)| (*path, *leaf)).collect();
    Root::from_bytes(naive_hash(&leaves, 0))
}

fn naive_hash(leaves: &[(Path, Hash)], depth: usize) -> Hash {
    match leaves {
        [] => EMPTY,
        [(_, leaf)] => *leaf,
        _ => {
            let (left, right): (Vec<_>, Vec<_>) =
                leaves.iter().partition(|(path, _)| path[depth / 8] & (0x80 >> (depth % 8)) == 0);
            let halves = [naive_hash(&left, depth + 1), naive_hash(&right, depth + 1)];
            blake3::keyed_hash(&blake3::derive_key(hash::tests::NODE_CONTEXT, &[]), halves.as_flattened())
                .into()
        }
    }
}

/// All branches over one store.
#[derive(Debug)]
struct Tree {
    store: Rows,
    branches: Vec<Branch>,
}

impl Tree {
    fn new(limits: Limits) -> Self {
        let branches = (0..BRANCHES).map(|index| Branch::new(index, limits)).collect();
        Self { store: Rows::default(), branches }
    }

    fn apply(&mut self, changes: &[LeafChange]) -> Root {
        for (branch, changes) in self.branches.iter_mut().zip(partition(changes)) {
            let summary = branch.apply(&self.store, &changes).unwrap();
            assert_eq!(summary, branch.summary());
        }
        self.root()
    }

    fn root(&self) -> Root {
        let summaries: Vec<_> = self.branches.iter().map(Branch::summary).collect();
        combine(&summaries.try_into().unwrap())
    }

    fn checkpoint(&mut self) {
        let mut changes = WriteBatch::new();
        let dirty: usize = self.branches.iter().map(Branch::dirty_buckets).sum();
        self.branches.iter_mut().for_each(|branch| branch.checkpoint(&mut changes));
        assert_eq!(changes.len(), dirty);
        assert!(self.branches.iter().all(|branch| branch.dirty_buckets() == 0));
        self.store.commit(&changes).unwrap();
        self.branches.iter_mut().for_each(Branch::release);
    }

    /// What a restart makes of the store.
    fn reopen(&mut self, limits: Limits) {
        let open = |index| Branch::open(index, &self.store, limits).unwrap();
        self.branches = (0..BRANCHES).map(open).collect();
    }
}

/// Rows in memory, and how often one was read.
#[derive(Debug, Default)]
struct Rows {
    rows: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    reads: AtomicUsize,
}

impl ReadStore for Rows {
    fn get(&self, _space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.rows.lock().get(key).cloned())
    }

    fn scan(&self, _space: Space, (from, to): KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        for (key, value) in self.rows.lock().range::<[u8], _>((from, to)) {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

impl Store for Rows {
    fn declare(&self, _spaces: &[Space]) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        let mut rows = self.rows.lock();
        for change in changes.iter() {
            match change {
                Write::Put { key, value, .. } => rows.insert(key.to_vec(), value.to_vec()),
                Write::Remove { key, .. } => rows.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A path that begins with these bytes.
fn path(first: &[u8]) -> Path {
    let mut path = [0; 32];
    path[..first.len()].copy_from_slice(first);
    path
}

/// A path that is `path` but for one bit.
fn flipped(mut path: Path, bit: usize) -> Path {
    let before = goes_right(&path, bit);
    path[bit / 8] ^= 0x80 >> (bit % 8);
    assert_ne!(before, goes_right(&path, bit));
    path
}

fn put(path: Path, leaf: u8) -> LeafChange {
    LeafChange::crafted(path, Some([leaf; 32]))
}

fn gone(path: Path) -> LeafChange {
    LeafChange::crafted(path, None)
}
