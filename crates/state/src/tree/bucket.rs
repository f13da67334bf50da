//! [`Bucket`]: a few neighbouring leaves, and the hashes of the nodes above them.
//!
//! The leaves of a bucket are sorted by path. Where two neighbours part there is a node whose halves meet between them,
//! and each such node lies between two neighbours of its own; so the hash of a node, the *join*, rests with the leaf to
//! the left of that gap. Below a node that has nothing on one side there may be more such nodes, one per bit, until the
//! leaves part: a *run*. A join stands for the upper end of its run, and knows at which depth that is, because the run
//! changes its length when something comes or goes beside it.
//!
//! A join is right whenever it is there: before leaves change, those of all nodes above them are forgotten.

use super::hash::{self, EMPTY, Hash, PATH_BITS, Path};
use super::{LeafChange, hash::common_bits, hash::goes_right};

/// A depth that no node has.
const FORGOTTEN: u16 = u16::MAX;
const _: () = assert!(PATH_BITS < FORGOTTEN as usize);

/// By how many leaves a bucket grows when it is full: most stay nearly as long as they are.
const GROWTH: usize = 4;

/// A leaf and the join between it and the next.
#[derive(Debug, Clone)]
struct Entry {
    path: Path,
    leaf: Hash,
    /// The hash of the node whose halves meet behind this leaf, at the upper end of its run.
    join: Hash,
    /// The depth of that upper end; [`FORGOTTEN`] if the join is not known.
    top: u16,
}

/// Neighbouring leaves in the order of their paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    entries: Vec<Entry>,
}

impl Bucket {
    /// A bucket of these leaves, whose paths ascend.
    pub(super) fn of(leaves: impl Iterator<Item = (Path, Hash)>) -> Self {
        let entries = leaves.map(|(path, leaf)| Entry { path, leaf, join: EMPTY, top: FORGOTTEN });
        Self { entries: entries.collect() }
    }

    /// How many leaves there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes of memory they take.
    pub(super) fn byte_len(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// The path of one of the leaves.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(super) fn path(&self) -> &Path {
        &self.entries[0].path
    }

    /// The leaves in order.
    pub(super) fn leaves(&self) -> impl ExactSizeIterator<Item = (&Path, &Hash)> {
        self.entries.iter().map(|entry| (&entry.path, &entry.leaf))
    }

    /// Makes a change; `false` if it changes nothing.
    pub(super) fn change(&mut self, change: &LeafChange) -> bool {
        match (self.entries.binary_search_by(|entry| entry.path.cmp(&change.path)), change.leaf) {
            (Err(_), None) => return false,
            (Ok(at), Some(leaf)) if self.entries[at].leaf == leaf => return false,
            (Ok(at), Some(leaf)) => {
                self.forget_above(&change.path);
                self.entries[at].leaf = leaf;
            }
            (Ok(at), None) => {
                self.forget_above(&change.path);
                self.entries.remove(at);
            }
            (Err(at), Some(leaf)) => {
                self.forget_above(&change.path);
                self.grow();
                self.entries.insert(at, Entry { path: change.path, leaf, join: EMPTY, top: FORGOTTEN });
            }
        }
        true
    }

    fn grow(&mut self) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(GROWTH);
        }
    }

    /// Forgets the joins of all nodes which a leaf at this path is below, or would be.
    fn forget_above(&mut self, path: &Path) {
        let mut entries = &mut self.entries[..];
        while entries.len() > 1 {
            let (depth, middle) = parting(entries);
            entries[middle - 1].top = FORGOTTEN;
            if common_bits(path, &entries[0].path) < depth {
                return;
            }
            let (left, right) = entries.split_at_mut(middle);
            entries = if goes_right(path, depth) { right } else { left };
        }
    }

    /// The hash of the subtree at this depth that has these leaves; only what is not known is hashed.
    pub(super) fn hash(&mut self, depth: usize) -> Hash {
        join(&mut self.entries, depth)
    }

    /// Takes the leaves that go right at this depth out of the bucket.
    pub(super) fn split_right(&mut self, depth: usize) -> Self {
        let middle = self.entries.partition_point(|entry| !goes_right(&entry.path, depth));
        let right = Self { entries: self.entries.split_off(middle) };
        if let Some(last) = self.entries.last_mut() {
            last.top = FORGOTTEN;
        }
        self.entries.shrink_to(middle + GROWTH);
        right
    }

    /// Appends the leaves of the next bucket to the right.
    pub(super) fn append(&mut self, mut right: Self) {
        debug_assert!(self.entries.last().is_none_or(|last| {
            last.top == FORGOTTEN && right.entries.first().is_none_or(|first| last.path < first.path)
        }));
        self.entries.reserve_exact(right.entries.len());
        self.entries.append(&mut right.entries);
    }
}

/// Where two or more leaves part: at which depth, and which is the first to the right.
fn parting(entries: &[Entry]) -> (usize, usize) {
    let depth = common_bits(&entries[0].path, &entries[entries.len() - 1].path);
    (depth, entries.partition_point(|entry| !goes_right(&entry.path, depth)))
}

/// The hash of the subtree at depth `top` that has these leaves. The recursion is as deep as there are leaves.
fn join(entries: &mut [Entry], top: usize) -> Hash {
    match entries {
        [] => return EMPTY,
        [only] => return only.leaf,
        _ => {}
    }
    let (depth, middle) = parting(entries);
    if usize::from(entries[middle - 1].top) == top {
        return entries[middle - 1].join;
    }
    let (left, right) = entries.split_at_mut(middle);
    let mut hash = hash::node(&join(left, depth + 1), &join(right, depth + 1));
    for above in (top..depth).rev() {
        hash = match goes_right(&entries[0].path, above) {
            true => hash::node(&EMPTY, &hash),
            false => hash::node(&hash, &EMPTY),
        };
    }
    let entry = &mut entries[middle - 1];
    entry.join = hash;
    entry.top = u16::try_from(top).expect("a depth is at most 256");
    hash
}
