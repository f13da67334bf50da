//! The tree behind [`Root`]: a sparse Merkle tree over all resources, hashed again only where something changed.
//!
//! # What a root is
//!
//! ```text
//! path        = BLAKE3(resource id)                           where the leaf is: 256 bits, the most significant first
//! leaf        = keyed BLAKE3(LEAF_KEY, resource id ‖ BLAKE3(value))
//! node        = keyed BLAKE3(NODE_KEY, left ‖ right)          LEAF_KEY and NODE_KEY: `derive_key` of
//! no leaf     = 32 zero bytes                                 "ironloom-state 2026-11-21 tree leaf" and "… node"
//! ```
//!
//! The hash of a subtree without leaves is *no leaf*, that of a subtree with exactly one leaf is that leaf, and that of
//! any other is the *node* of its two halves, parted by the next bit of the path: zero is left.
//! The root is the hash of the subtree of all paths.
//! A resource with an empty value has a leaf; one that does not exist has none.
//! So the root depends on nothing but the resources and their values.
//!
//! # How it is kept
//!
//! The tree is cut below its first four bits into 16 [`Branch`]es that know nothing of each other: threads hash them at
//! once, and one may be further than another. [`combine`] makes a root of their [`Summary`]s.
//! In a branch, the upper nodes are *forks*, all in memory; below them are *buckets* of up to [`LEAVES_MAX`]
//! neighbouring leaves, which rest in the store, and in memory as far as there is room. Where buckets are cut depends on
//! what happened, but no hash depends on where they are cut.

mod arena;
mod branch;
mod bucket;
mod change;
pub(crate) mod fuzz;
mod hash;
mod open;
mod planter;
mod row;
mod shelf;
#[cfg(test)]
mod tests;
mod update;

use std::array;

pub(crate) use branch::{Branch, Limits};
pub(crate) use change::{LeafChange, partition};

pub(crate) use planter::Planter;
pub(crate) use row::SPACE;

use hash::Hash;

use crate::Root;

/// How many bits of the path choose the branch.
const BRANCH_BITS: usize = 4;

/// How many branches there are.
pub(crate) const BRANCHES: usize = 1 << BRANCH_BITS;

/// The most leaves of a bucket; one with more is split.
const LEAVES_MAX: usize = 32;

/// Two buckets that have no more leaves together become one. Half of the above, so that a leaf that comes and goes does
/// not split and merge a bucket each time.
const MERGED_LEAVES_MAX: usize = LEAVES_MAX / 2;

/// What must be known of a subtree to hash what is above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Summary {
    /// It has no leaf.
    Empty,
    /// It has one leaf, this one.
    Leaf(Hash),
    /// It has several leaves, and this hash.
    Node(Hash),
}

impl Summary {
    fn hash(&self) -> Hash {
        match self {
            Self::Empty => hash::EMPTY,
            Self::Leaf(hash) | Self::Node(hash) => *hash,
        }
    }

    /// The summary of the subtree that has these halves.
    fn join(left: &Self, right: &Self) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (Self::Leaf(leaf), Self::Empty) | (Self::Empty, Self::Leaf(leaf)) => Self::Leaf(*leaf),
            _ => Self::Node(hash::node(&left.hash(), &right.hash())),
        }
    }
}

/// The root of the tree that has these branches.
pub(crate) fn combine(branches: &[Summary; BRANCHES]) -> Root {
    let eight: [_; 8] = halve(branches);
    let four: [_; 4] = halve(&eight);
    let [left, right] = halve(&four);
    Root::from_bytes(Summary::join(&left, &right).hash())
}

fn halve<const N: usize>(row: &[Summary]) -> [Summary; N] {
    assert_eq!(row.len(), N * 2);
    array::from_fn(|at| Summary::join(&row[at * 2], &row[at * 2 + 1]))
}
