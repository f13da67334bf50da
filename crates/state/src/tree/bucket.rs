//! [`Bucket`]: a few neighbouring leaves, and the hashes of the nodes above them.
//!
//! The leaves of a bucket are sorted by path. Where two neighbours part there is a node whose halves meet between them,
//! and each such node lies between two neighbours of its own; so the hash of a node, the *join*, rests with the leaf to
//! the left of that gap. Below a node that has nothing on one side there may be more such nodes, one per bit, until the
//! leaves part: a *run*. A join stands for the upper end of its run, and knows at which depth that is, because the run
//! changes its length when something comes or goes beside it.
//!
//! A join is right whenever it is there: before leaves change, those of all nodes above them are forgotten.
//!
//! The first words of all paths rest together. They tell nearly all leaves apart, so that a search touches few lines of
//! the processor's cache.

use std::cmp::Ordering;
use std::ops::Range;

use super::LeafChange;
use super::hash::{self, EMPTY, Hash, PATH_BITS, Path};

/// A depth that no node has.
const FORGOTTEN: u16 = u16::MAX;
const _: () = assert!(PATH_BITS < FORGOTTEN as usize);

/// By how many leaves a bucket grows when it is full: most stay nearly as long as they are.
const GROWTH: usize = 4;

/// How many bits of a path are in its first word.
const HEAD_BITS: usize = 64;

/// What of a path is not in its first word.
type Tail = [u8; 24];

/// A leaf without the first word of its path, and the join between it and the next.
#[derive(Debug, Clone)]
struct Entry {
    tail: Tail,
    leaf: Hash,
    /// The hash of the node whose halves meet behind this leaf, at the upper end of its run.
    join: Hash,
    /// The depth of that upper end; [`FORGOTTEN`] if the join is not known.
    top: u16,
}

impl Entry {
    /// The join, if it is that of this depth.
    #[inline]
    fn known(&self, top: usize) -> Option<Hash> {
        (usize::from(self.top) == top).then_some(self.join)
    }
}

/// Neighbouring leaves in the order of their paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    heads: Vec<u64>,
    entries: Vec<Entry>,
}

impl Bucket {
    /// A bucket of these leaves, whose paths ascend.
    pub(super) fn of(leaves: impl Iterator<Item = (Path, Hash)>) -> Self {
        let mut bucket = Self::default();
        for (path, leaf) in leaves {
            let (head, tail) = cut(&path);
            bucket.heads.push(head);
            bucket.entries.push(Entry { tail, leaf, join: EMPTY, top: FORGOTTEN });
        }
        bucket.heads.shrink_to_fit();
        bucket.entries.shrink_to_fit();
        bucket
    }

    /// How many leaves there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes of memory they take.
    pub(super) fn byte_len(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.heads.capacity() * size_of::<u64>()
    }

    /// The path of one of the leaves.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(super) fn path(&self) -> Path {
        uncut(self.heads[0], &self.entries[0].tail)
    }

    /// The leaves in order.
    pub(super) fn leaves(&self) -> impl ExactSizeIterator<Item = (Path, &Hash)> {
        self.heads.iter().zip(&self.entries).map(|(head, entry)| (uncut(*head, &entry.tail), &entry.leaf))
    }

    /// Makes a change; `false` if it changes nothing.
    pub(super) fn change(&mut self, change: &LeafChange) -> bool {
        let (head, tail) = cut(&change.path);
        match (self.find(head, &tail), change.leaf) {
            (Err(_), None) => return false,
            (Ok(at), Some(leaf)) if self.entries[at].leaf == leaf => return false,
            (Ok(at), Some(leaf)) => {
                self.known().forget_above(head, &tail);
                self.entries[at].leaf = leaf;
            }
            (Ok(at), None) => {
                self.known().forget_above(head, &tail);
                self.entries.remove(at);
                self.heads.remove(at);
            }
            (Err(at), Some(leaf)) => {
                self.known().forget_above(head, &tail);
                self.grow();
                self.entries.insert(at, Entry { tail, leaf, join: EMPTY, top: FORGOTTEN });
                self.heads.insert(at, head);
            }
        }
        true
    }

    /// Where a leaf is, or would be.
    fn find(&self, head: u64, tail: &Tail) -> Result<usize, usize> {
        let mut at = self.heads.partition_point(|other| *other < head);
        while self.heads.get(at) == Some(&head) {
            match self.entries[at].tail.cmp(tail) {
                Ordering::Less => at += 1,
                Ordering::Equal => return Ok(at),
                Ordering::Greater => break,
            }
        }
        Err(at)
    }

    fn grow(&mut self) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(GROWTH);
            self.heads.reserve_exact(GROWTH);
        }
    }

    /// The hash of the subtree at this depth that has these leaves; only what is not known is hashed.
    pub(super) fn hash(&mut self, depth: usize) -> Hash {
        self.known().hash(depth)
    }

    fn known(&mut self) -> Known<'_> {
        Known { heads: &self.heads, entries: &mut self.entries }
    }

    /// Takes the leaves that go right at this depth out of the bucket.
    pub(super) fn split_right(&mut self, depth: usize) -> Self {
        let middle = self.known().middle(depth);
        let right = Self { heads: self.heads.split_off(middle), entries: self.entries.split_off(middle) };
        if let Some(last) = self.entries.last_mut() {
            last.top = FORGOTTEN;
        }
        self.heads.shrink_to(middle + GROWTH);
        self.entries.shrink_to(middle + GROWTH);
        right
    }

    /// Appends the leaves of the next bucket to the right.
    pub(super) fn append(&mut self, mut right: Self) {
        debug_assert!(self.entries.last().is_none_or(|last| last.top == FORGOTTEN));
        debug_assert!(right.heads.first() >= self.heads.last() || right.heads.is_empty());
        self.heads.reserve_exact(right.heads.len());
        self.heads.append(&mut right.heads);
        self.entries.reserve_exact(right.entries.len());
        self.entries.append(&mut right.entries);
    }
}

/// Some neighbouring leaves, and what is known of the nodes above them.
struct Known<'a> {
    heads: &'a [u64],
    entries: &'a mut [Entry],
}

impl Known<'_> {
    /// Where two or more leaves part: at which depth, and which is the first to the right.
    #[inline]
    fn parting(&self) -> (usize, usize) {
        let last = self.heads.len() - 1;
        let depth = common(self.heads[0], &self.entries[0].tail, self.heads[last], &self.entries[last].tail);
        (depth, self.middle(depth))
    }

    /// Which leaf is the first that goes right at this depth, if all go the same way above.
    #[inline]
    fn middle(&self, depth: usize) -> usize {
        if depth < HEAD_BITS {
            let bit = 1 << (HEAD_BITS - 1 - depth);
            return self.heads.partition_point(|head| head & bit == 0);
        }
        self.entries.partition_point(|entry| !tail_goes_right(&entry.tail, depth))
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let heads = self.heads.split_at(middle);
        let entries = self.entries.split_at_mut(middle);
        (Known { heads: heads.0, entries: entries.0 }, Known { heads: heads.1, entries: entries.1 })
    }

    /// The same leaves, to be taken apart without losing them.
    fn again(&mut self) -> Known<'_> {
        Known { heads: self.heads, entries: self.entries }
    }

    /// Forgets the joins of all nodes which a leaf at this path is below, or would be.
    fn forget_above(mut self, head: u64, tail: &Tail) {
        while self.entries.len() > 1 {
            let (depth, middle) = self.parting();
            self.entries[middle - 1].top = FORGOTTEN;
            if common(head, tail, self.heads[0], &self.entries[0].tail) < depth {
                return;
            }
            let (left, right) = self.split(middle);
            self = if goes_right(head, tail, depth) { right } else { left };
        }
    }

    /// The hash of the subtree at depth `top` that has these leaves. The recursion is as deep as there are leaves.
    fn hash(mut self, top: usize) -> Hash {
        match &*self.entries {
            [] => return EMPTY,
            [only] => return only.leaf,
            _ => {}
        }
        let (depth, middle) = self.parting();
        if let Some(known) = self.entries[middle - 1].known(top) {
            return known;
        }
        let (left, right) = self.again().split(middle);
        // What is known is read first, so that it is on its way from memory while the other half is hashed.
        let known_right = right.peek(depth + 1);
        let left = left.hash(depth + 1);
        let right = known_right.unwrap_or_else(|| right.hash(depth + 1));
        let join = self.run(top..depth, hash::node(&left, &right));
        let entry = &mut self.entries[middle - 1];
        entry.join = join;
        entry.top = u16::try_from(top).expect("a depth is at most 256");
        join
    }

    /// The hash at the upper end of a run that has this one below it.
    fn run(&self, depths: Range<usize>, below: Hash) -> Hash {
        let (head, tail) = (self.heads[0], &self.entries[0].tail);
        depths.rev().fold(below, |hash, depth| match goes_right(head, tail, depth) {
            true => hash::node(&EMPTY, &hash),
            false => hash::node(&hash, &EMPTY),
        })
    }

    /// The hash of the subtree, if it is known.
    fn peek(&self, top: usize) -> Option<Hash> {
        if let [only] = &*self.entries {
            return Some(only.leaf);
        }
        let (_, middle) = self.parting();
        self.entries[middle - 1].known(top)
    }
}

#[inline]
fn cut(path: &Path) -> (u64, Tail) {
    let (head, tail) = path.split_first_chunk().expect("a path is longer than a word");
    (u64::from_be_bytes(*head), tail.try_into().expect("a path is a word and its tail"))
}

fn uncut(head: u64, tail: &Tail) -> Path {
    let mut path = [0; size_of::<Path>()];
    path[..8].copy_from_slice(&head.to_be_bytes());
    path[8..].copy_from_slice(tail);
    path
}

/// How many bits two paths have in common.
#[inline]
fn common(head: u64, tail: &Tail, other_head: u64, other_tail: &Tail) -> usize {
    if head != other_head {
        return (head ^ other_head).leading_zeros() as usize;
    }
    hash::common_bits(&uncut(head, tail), &uncut(other_head, other_tail))
}

#[inline]
fn goes_right(head: u64, tail: &Tail, depth: usize) -> bool {
    if depth < HEAD_BITS { head >> (HEAD_BITS - 1 - depth) & 1 == 1 } else { tail_goes_right(tail, depth) }
}

fn tail_goes_right(tail: &Tail, depth: usize) -> bool {
    let bit = depth - HEAD_BITS;
    tail[bit / 8] >> (7 - bit % 8) & 1 == 1
}
