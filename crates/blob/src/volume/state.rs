//! [`State`]: what a volume is at one moment. It never asks the store; whoever changes it has loaded what that needs.

use std::ops::Range;
use std::sync::Arc;

use super::VolumeError;
use super::extent::Extent;
use super::geometry::{Geometry, SLOT_BITS, Span};
use super::node::{Child, Found, NODE_BYTES, Node};
use crate::BlobId;

/// The size and the tree of a volume. Copying it copies no node.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) geometry: Geometry,
    pub(super) size: u64,
    pub(super) root: Arc<Node>,
    /// The snapshot that it equals, if there is one.
    pub(super) clean: Option<BlobId>,
    /// How much memory the extents and nodes below the root need that are not only named.
    pub(super) dirty_bytes: u64,
    /// How often it was written out. What was only named before may be gone from the store once this has changed.
    pub(super) checkpoints: u64,
}

/// What lies at the end of the way to an extent.
#[derive(Debug)]
pub(super) enum Walked {
    /// The way goes on in this node, of this level, which must be loaded first.
    Missing(BlobId, u8),
    /// The extent is all zeroes.
    Absent,
    /// The extent is held.
    Held,
    /// The extent is in the store.
    Stored(BlobId),
}

impl State {
    /// A volume of zeroes.
    pub(super) fn new(geometry: Geometry, size: u64) -> Self {
        Self {
            geometry,
            size,
            root: Arc::new(Node::new(geometry.height(size) - 1)),
            clean: None,
            dirty_bytes: 0,
            checkpoints: 0,
        }
    }

    /// The bytes from `offset` on, if the volume has so many.
    pub(super) fn span(&self, offset: u64, length: u64) -> Result<Span, VolumeError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size);
        let end = end.ok_or(VolumeError::OutOfRange { offset, length, size: self.size })?;
        Ok(self.geometry.span(offset, end))
    }

    /// How many extents the tree has room for, within the volume and behind its end.
    pub(super) fn capacity(&self) -> u64 {
        1 << (SLOT_BITS * (u32::from(self.root.level()) + 1))
    }

    /// Goes to an extent and holds the nodes on the way, so that it can be changed. `hand` is a node that was loaded
    /// because the way ended there the last time. What the volume contains stays the same.
    pub(super) fn walk(&mut self, index: u64, hand: &mut Option<(BlobId, Arc<Node>)>) -> Walked {
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            let level = node.level();
            let Some(child) = node.child_mut(index) else {
                return Walked::Absent;
            };
            if let Child::Stored(id) = *child {
                if level == 0 {
                    return Walked::Stored(id);
                }
                let Some((_, loaded)) = hand.take_if(|(loaded, _)| *loaded == id) else {
                    return Walked::Missing(id, level - 1);
                };
                *child = Child::Node(loaded);
                self.dirty_bytes += NODE_BYTES;
            }
            match child {
                Child::Node(below) => node = Arc::make_mut(below),
                Child::Extent(_) | Child::Stored(_) => return Walked::Held,
            }
        }
    }

    /// The extent, to be changed, if it is held.
    pub(super) fn extent_mut(&mut self, index: u64) -> Option<&mut Extent> {
        if !matches!(self.root.find(index), Found::Held(_)) {
            return None;
        }
        self.clean = None;
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            match node.child_mut(index)? {
                Child::Node(below) => node = Arc::make_mut(below),
                Child::Extent(extent) => return Some(extent),
                Child::Stored(_) => return None,
            }
        }
    }

    /// An extent that is known to be held, to be changed.
    pub(super) fn held_mut(&mut self, index: u64) -> &mut Extent {
        self.extent_mut(index).expect("whoever has the turn saw that it is held")
    }

    /// Puts an extent in its place. The nodes on the way to it must be held.
    pub(super) fn insert(&mut self, index: u64, extent: Extent) {
        self.clean = None;
        let mut node = Arc::make_mut(&mut self.root);
        while let Some(below) = node.level().checked_sub(1) {
            let dirty_bytes = &mut self.dirty_bytes;
            let child = node.child_or_insert(index, || {
                *dirty_bytes += NODE_BYTES;
                Child::Node(Arc::new(Node::new(below)))
            });
            let Child::Node(next) = child else {
                unreachable!("the nodes on the way are held");
            };
            node = Arc::make_mut(next);
        }
        let replaced = node.set(node.slot(index), Child::Extent(extent));
        if !matches!(replaced, Some(Child::Extent(_))) {
            self.dirty_bytes += self.geometry.extent_bytes();
        }
    }

    /// Forgets extents. The nodes on the way to the first and the last must be held.
    pub(super) fn remove(&mut self, range: &Range<u64>) {
        self.clean = None;
        let extent_bytes = self.geometry.extent_bytes();
        self.dirty_bytes -= Arc::make_mut(&mut self.root).remove(0, range, extent_bytes);
    }

    /// Gives it another size and the height that this size asks for. Behind the smaller of both there must be nothing
    /// but zeroes, and the nodes on the way to the first extent must be held.
    pub(super) fn set_size(&mut self, size: u64) {
        self.clean = None;
        self.size = size;
        let level = self.geometry.height(size) - 1;
        while self.root.level() < level {
            let mut above = Node::new(self.root.level() + 1);
            if !self.root.is_empty() {
                above.set(0, Child::Node(Arc::clone(&self.root)));
                self.dirty_bytes += NODE_BYTES;
            }
            self.root = Arc::new(above);
        }
        while self.root.level() > level {
            let below = match self.root.child(0) {
                Some(Child::Node(below)) => {
                    self.dirty_bytes -= NODE_BYTES;
                    Arc::clone(below)
                }
                Some(_) => unreachable!("the nodes on the way are held"),
                None => Arc::new(Node::new(self.root.level() - 1)),
            };
            self.root = below;
        }
    }

    /// Notes that it was written out: all of it is in the store now, under this root.
    pub(super) fn settle(&mut self, id: BlobId, root: Arc<Node>) {
        self.root = root;
        self.clean = Some(id);
        self.dirty_bytes = 0;
        self.checkpoints += 1;
    }
}
