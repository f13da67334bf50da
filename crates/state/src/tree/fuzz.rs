//! What the fuzzer calls: buckets from arbitrary rows. Not for use by anybody else.

use std::ops::ControlFlow;

use super::row::{self, Prefix, SPACE};
use super::{Branch, LeafChange, Limits, Summary};
use crate::store::Visit;
use crate::{KeyRange, ReadStore, Space, StoreError, Write, WriteBatch};

/// Reads a row, and checks that it is written as it was read; returns how many leaves it has.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn bucket(key: &[u8], value: &[u8]) -> Option<usize> {
    let prefix = Prefix::parse(key)?;
    let mut bucket = row::parse(&prefix, value).ok()?;
    let mut changes = WriteBatch::new();
    row::put(&prefix, &bucket, &mut changes);
    assert!(changes.iter().eq([Write::Put { space: SPACE, key, value }]), "a row has one form");
    let hash = bucket.hash(prefix.depth());
    assert_eq!(hash, bucket.hash(prefix.depth()), "what is known is what was hashed");
    Some(bucket.len())
}

/// Opens a branch over rows in any order, and if it can be opened, removes all of its leaves; returns how many there
/// were.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn branch(index: u8, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Option<usize> {
    let store = Rows(rows);
    let limits = Limits { cached_bytes_max: 0 };
    let mut branch = Branch::open(usize::from(index % 16), &store, limits).ok()?;
    assert_eq!(branch.dirty_buckets(), 0);
    let leaves = store.0.iter().flat_map(|(_, value)| value.as_chunks::<64>().0);
    let removals: Vec<_> = leaves
        .map(|leaf| LeafChange { path: *leaf.first_chunk().expect("it is longer"), leaf: None })
        .collect();
    let summary = branch.apply(&store, &removals).expect("what was read once can be read again");
    assert_eq!(summary, Summary::Empty);
    assert_eq!(branch.dirty_buckets(), store.0.len(), "each row is to be removed");
    Some(removals.len())
}

/// A store that returns whatever it was given.
#[derive(Debug)]
struct Rows(Vec<(Vec<u8>, Vec<u8>)>);

impl ReadStore for Rows {
    fn get(&self, _space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.iter().find(|(held, _)| held == key).map(|(_, value)| value.clone()))
    }

    fn scan(&self, _space: Space, _range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        for (key, value) in &self.0 {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}
