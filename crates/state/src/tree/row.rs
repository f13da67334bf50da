//! How a bucket rests in a store: a row of the space [`SPACE`].
//!
//! ```text
//! key    the bits that the paths of its leaves begin with, a one, and zeros up to the end of the byte
//! value  the leaves in the order of their paths, each   ┌──────── 32 ────────┬──────── 32 ────────┐
//!                                                       │ path               │ hash               │
//!                                                       └────────────────────┴────────────────────┘
//! ```
//!
//! No bucket lies below another, so the keys are in the order of the paths.

use super::bucket::Bucket;
use super::hash::{Path, common_bits};
use super::{BRANCH_BITS, LEAVES_MAX};
use crate::{ReadStore, Space, StoreError, WriteBatch};

/// Where buckets rest.
pub(crate) const SPACE: Space = Space::new("state.tree");

const PATH_BYTES: usize = size_of::<Path>();
const LEAF_BYTES: usize = PATH_BYTES + 32;

/// The bits that the paths of a bucket's leaves begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Prefix {
    /// The bits, and zeros behind them.
    bits: Path,
    depth: u8,
}

impl Prefix {
    /// The first `depth` bits of a path; fewer than all.
    pub(super) fn of(path: &Path, depth: usize) -> Self {
        let mut bits = *path;
        bits[depth / 8] &= !(0xff >> (depth % 8));
        bits[depth / 8 + 1..].fill(0);
        Self { bits, depth: u8::try_from(depth).expect("a bucket has more than one possible leaf") }
    }

    /// How many bits there are.
    pub(super) fn depth(&self) -> usize {
        self.depth.into()
    }

    /// The lowest path that begins so.
    pub(super) fn path(&self) -> &Path {
        &self.bits
    }

    /// Whether a path begins so.
    fn begins(&self, path: &Path) -> bool {
        common_bits(&self.bits, path) >= self.depth()
    }

    /// The key of the row.
    pub(super) fn key(&self) -> ([u8; PATH_BYTES], usize) {
        let mut bytes = self.bits;
        bytes[self.depth() / 8] |= 0x80 >> (self.depth() % 8);
        (bytes, self.depth() / 8 + 1)
    }

    /// The prefix that has this key, if it can be one.
    pub(super) fn parse(key: &[u8]) -> Option<Self> {
        let last = *key.last().filter(|last| **last > 0 && key.len() <= PATH_BYTES)?;
        let depth = key.len() * 8 - 1 - last.trailing_zeros() as usize;
        if depth < BRANCH_BITS {
            return None;
        }
        let mut bits = [0; PATH_BYTES];
        bits[..key.len()].copy_from_slice(key);
        Some(Self::of(&bits, depth))
    }
}

/// Adds the row of a bucket to `changes`.
pub(super) fn put(prefix: &Prefix, bucket: &Bucket, changes: &mut WriteBatch) {
    let (key, length) = prefix.key();
    let mut value = [0; LEAVES_MAX * LEAF_BYTES];
    let (leaves, _) = value.as_chunks_mut::<LEAF_BYTES>();
    for (place, (path, leaf)) in leaves.iter_mut().zip(bucket.leaves()) {
        place[..PATH_BYTES].copy_from_slice(&path);
        place[PATH_BYTES..].copy_from_slice(leaf);
    }
    changes.put(SPACE, &key[..length], &value[..bucket.len() * LEAF_BYTES]);
}

/// Adds to `changes` that a bucket is no more.
pub(super) fn remove(prefix: &Prefix, changes: &mut WriteBatch) {
    let (key, length) = prefix.key();
    changes.remove(SPACE, &key[..length]);
}

/// The bucket that is in the store.
pub(super) fn get(store: &dyn ReadStore, prefix: &Prefix) -> Result<Bucket, StoreError> {
    let (key, length) = prefix.key();
    let value = store.get(SPACE, &key[..length])?;
    let value = value.ok_or_else(|| damaged(prefix, "it is gone"))?;
    parse(prefix, &value).map_err(|reason| damaged(prefix, reason))
}

/// The bucket whose row has this value; `Err` says what is wrong with it.
pub(super) fn parse(prefix: &Prefix, value: &[u8]) -> Result<Bucket, &'static str> {
    let (leaves, rest) = value.as_chunks::<LEAF_BYTES>();
    if !rest.is_empty() {
        return Err("it ends within a leaf");
    }
    if leaves.is_empty() || leaves.len() > LEAVES_MAX {
        return Err("it has too few or too many leaves");
    }
    let path =
        |leaf: &[u8; LEAF_BYTES]| -> Path { *leaf.first_chunk().expect("a leaf begins with its path") };
    let hash = |leaf: &[u8; LEAF_BYTES]| *leaf.last_chunk().expect("a leaf ends with its hash");
    if !leaves.is_sorted_by(|one, next| path(one) < path(next)) {
        return Err("its leaves are not in order");
    }
    if !leaves.iter().all(|leaf| prefix.begins(&path(leaf))) {
        return Err("it has leaves of another bucket");
    }
    Ok(Bucket::of(leaves.iter().map(|leaf| (path(leaf), hash(leaf)))))
}

/// What is said of a row that is not what was put there.
pub(super) fn damaged(prefix: &Prefix, reason: &str) -> StoreError {
    let (key, length) = prefix.key();
    damaged_key(&key[..length], reason)
}

/// What is said of a row whose key is no prefix.
pub(super) fn damaged_key(key: &[u8], reason: &str) -> StoreError {
    let digits: String = key.iter().take(PATH_BYTES + 1).map(|byte| format!("{byte:02x}")).collect();
    StoreError::damaged(SPACE, format!("row {digits}: {reason}"))
}
