//! [`Node`]: a node of the tree in memory.
//!
//! Children that are in the store are only named; where they are needed again and again the cache holds them. So what
//! hangs together in memory is what was changed, or is about to be, since the last snapshot.

use std::ops::Range;
use std::sync::Arc;

use super::extent::Extent;
use super::geometry::SLOT_BITS;
use crate::BlobId;

/// How many children a node may have.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// How much memory a node is taken to need, whether it is full or not.
pub(super) const NODE_BYTES: u64 = (SLOTS * size_of::<Child>()) as u64;

/// A node: a table from slots to children. Only those that exist take memory.
#[derive(Debug, Clone)]
pub(super) struct Node {
    level: u8,
    occupied: [u64; SLOTS / 64],
    children: Vec<Child>,
}

/// What a node leads to.
#[derive(Debug, Clone)]
pub(super) enum Child {
    /// A blob: an extent if the node has level zero, else a node.
    Stored(BlobId),
    /// A node of the level below that is held to be changed.
    Node(Arc<Node>),
    /// An extent that is not written out.
    Extent(Extent),
}

/// What is known of an extent without asking the store.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// It is all zeroes.
    Absent,
    /// It is not written out.
    Held(&'a Extent),
    /// This blob, linked from a node of this level, is the extent or leads to it.
    Stored(BlobId, u8),
}

impl Node {
    /// A node without children.
    pub(super) const fn new(level: u8) -> Self {
        Self { level, occupied: [0; SLOTS / 64], children: Vec::new() }
    }

    /// A node that links to these blobs from the slots whose bits are set; there must be as many of either.
    pub(super) fn of_children(
        level: u8,
        occupied: [u64; SLOTS / 64],
        children: impl Iterator<Item = BlobId>,
    ) -> Self {
        let children: Vec<Child> = children.map(Child::Stored).collect();
        let node = Self { level, occupied, children };
        assert_eq!(node.rank(SLOTS), node.children.len(), "a child for each bit");
        node
    }

    pub(super) const fn level(&self) -> u8 {
        self.level
    }

    pub(super) const fn occupied(&self) -> &[u64; SLOTS / 64] {
        &self.occupied
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The slot through which the way to an extent leads.
    pub(super) const fn slot(&self, index: u64) -> usize {
        (index >> (SLOT_BITS * self.level as u32)) as usize % SLOTS
    }

    /// The children that it has, with their slots.
    pub(super) fn children(&self) -> impl Iterator<Item = (usize, &Child)> {
        self.slots().zip(&self.children)
    }

    /// The slots in use, in order.
    fn slots(&self) -> impl Iterator<Item = usize> + use<> {
        let occupied = self.occupied;
        (0..SLOTS).filter(move |slot| occupied[slot / 64] >> (slot % 64) & 1 == 1)
    }

    /// How many slots before this one are in use.
    fn rank(&self, slot: usize) -> usize {
        let (word, bit) = (slot / 64, slot % 64);
        let before: u32 = self.occupied[..word].iter().map(|bits| bits.count_ones()).sum();
        let within = self.occupied.get(word).map_or(0, |bits| (bits & ((1 << bit) - 1)).count_ones());
        (before + within) as usize
    }

    fn position(&self, slot: usize) -> Result<usize, usize> {
        let rank = self.rank(slot);
        if self.occupied[slot / 64] >> (slot % 64) & 1 == 1 { Ok(rank) } else { Err(rank) }
    }

    /// The child on the way to an extent.
    pub(super) fn child(&self, index: u64) -> Option<&Child> {
        let position = self.position(self.slot(index)).ok()?;
        Some(&self.children[position])
    }

    /// The child on the way to an extent, to be changed.
    pub(super) fn child_mut(&mut self, index: u64) -> Option<&mut Child> {
        let position = self.position(self.slot(index)).ok()?;
        Some(&mut self.children[position])
    }

    /// The child on the way to an extent; `vacant` makes it if there is none.
    pub(super) fn child_or_insert(&mut self, index: u64, vacant: impl FnOnce() -> Child) -> &mut Child {
        let slot = self.slot(index);
        let position = self.position(slot).unwrap_or_else(|rank| {
            self.occupied[slot / 64] |= 1 << (slot % 64);
            self.children.insert(rank, vacant());
            rank
        });
        &mut self.children[position]
    }

    /// Puts a child into a slot; returns what was there.
    pub(super) fn set(&mut self, slot: usize, child: Child) -> Option<Child> {
        match self.position(slot) {
            Ok(position) => Some(std::mem::replace(&mut self.children[position], child)),
            Err(rank) => {
                self.occupied[slot / 64] |= 1 << (slot % 64);
                self.children.insert(rank, child);
                None
            }
        }
    }

    /// Takes a child out of its slot.
    pub(super) fn take(&mut self, slot: usize) -> Option<Child> {
        let position = self.position(slot).ok()?;
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        Some(self.children.remove(position))
    }

    /// What is known of an extent from this node and those held below it.
    pub(super) fn find(&self, index: u64) -> Found<'_> {
        let mut node = self;
        loop {
            match node.child(index) {
                None => return Found::Absent,
                Some(Child::Stored(id)) => return Found::Stored(*id, node.level),
                Some(Child::Extent(extent)) => return Found::Held(extent),
                Some(Child::Node(below)) => node = below,
            }
        }
    }

    /// How many bytes of memory are held by the extents in `range`, and by the nodes that lead to nothing else. The first
    /// extent below this node is `first`.
    pub(super) fn weight_within(&self, first: u64, range: &Range<u64>, extent_bytes: u64) -> u64 {
        let width = 1u64 << (SLOT_BITS * u32::from(self.level));
        let weights = self.children().map(|(slot, child)| {
            let start = first + slot as u64 * width;
            let end = start + width;
            match child {
                _ if range.start <= start && end <= range.end => child.weight(extent_bytes),
                Child::Node(below) if start < range.end && range.start < end => {
                    below.weight_within(start, range, extent_bytes)
                }
                _ => 0,
            }
        });
        weights.sum()
    }

    /// Forgets the extents in `range`, of which the first below this node is `first`; returns how many bytes of memory
    /// are no longer needed. The nodes on the way to both ends of the range must be held.
    pub(super) fn remove(&mut self, first: u64, range: &Range<u64>, extent_bytes: u64) -> u64 {
        let width = 1u64 << (SLOT_BITS * u32::from(self.level));
        let mut freed = 0;
        for slot in self.slots() {
            let start = first + slot as u64 * width;
            let end = start + width;
            if range.start <= start && end <= range.end {
                freed += self.take(slot).map_or(0, |child| child.weight(extent_bytes));
            } else if start < range.end && range.start < end {
                let Some(Child::Node(below)) = self.child_mut(start) else {
                    unreachable!("the nodes on the way to both ends are held");
                };
                let below = Arc::make_mut(below);
                freed += below.remove(start, range, extent_bytes);
                if below.is_empty() {
                    self.take(slot);
                    freed += NODE_BYTES;
                }
            }
        }
        freed
    }
}

impl Child {
    /// How much memory it holds, with everything below it.
    pub(super) fn weight(&self, extent_bytes: u64) -> u64 {
        match self {
            Self::Stored(_) => 0,
            Self::Extent(_) => extent_bytes,
            Self::Node(node) => {
                let below = node.children.iter().map(|child| child.weight(extent_bytes));
                NODE_BYTES + below.sum::<u64>()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn id(number: u8) -> BlobId {
        BlobId::from_bytes([number; 32])
    }

    proptest! {
        #[test]
        fn a_node_is_a_map_from_slots(steps in prop::collection::vec((0..SLOTS, any::<Option<u8>>()), 0..300)) {
            let (mut node, mut model) = (Node::new(1), BTreeMap::new());
            for (slot, child) in steps {
                match child {
                    Some(number) => {
                        node.set(slot, Child::Stored(id(number)));
                        model.insert(slot, id(number));
                    }
                    None => prop_assert_eq!(node.take(slot).is_some(), model.remove(&slot).is_some()),
                }
                let index = slot as u64 * 256 + 17;
                prop_assert_eq!(node.child(index).is_some(), model.contains_key(&slot));
            }
            let found = node.children().map(|(slot, child)| match child {
                Child::Stored(id) => (slot, *id),
                other => panic!("{other:?} was never put in"),
            });
            prop_assert!(found.eq(model));
        }
    }
}
