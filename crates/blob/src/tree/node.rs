//! [`Node`] and [`Link`]: the pieces of a directory in memory.
//!
//! A directory is a search tree of nodes: leaves hold entries by name, branches hold children by the last name in each.
//! A link leads to a node that is *stored*, so it has an id and is loaded when first needed, or *open*, so it was
//! changed since and exists in memory alone. Whatever lies above an open node is open. Nodes are shared by everybody
//! who forked from the same tree, and copied by whoever changes one that others see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::entry::Entry;
use super::totals::Totals;
use super::{Name, NodeError, Shared, TreeError, format};
use crate::BlobId;

/// So many items a node may have in memory before it is cut in half. Where nodes are cut for good is for commit to say.
const ITEMS_MAX: usize = 256;

/// Roughly what an entry weighs in memory, for the limit on what is not yet written.
const ENTRY_BYTES: u64 = 160;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) items: Items,
    pub(super) totals: Totals,
    resident: Resident,
}

#[derive(Debug, Clone)]
pub(super) enum Items {
    Leaf(Vec<Item>),
    /// At least one child; all of them are at the level below.
    Branch(u8, Vec<Child>),
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) name: Name,
    pub(super) entry: Entry,
}

#[derive(Debug, Clone)]
pub(super) struct Child {
    /// The last name in it.
    pub(super) last: Name,
    pub(super) link: Link,
}

#[derive(Debug, Clone)]
pub(super) enum Link {
    Stored(Arc<Stored>),
    Open(Arc<Node>),
}

/// A node that has an id.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: BlobId,
    /// What its parent says of it, without the dirty bytes that no stored node has.
    pub(super) totals: Totals,
    node: OnceLock<Arc<Node>>,
}

/// What the parent of a node knows of it before it is loaded; nothing, if it is the root of a directory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expected<'a> {
    pub(super) level: Option<u8>,
    /// The last name before it.
    pub(super) after: Option<&'a Name>,
    /// The last name in it.
    pub(super) last: Option<&'a Name>,
}

impl Node {
    pub(super) fn new(items: Items) -> Self {
        let mut node = Self { items, totals: Totals::default(), resident: Resident(None) };
        node.totals = node.added_up();
        node
    }

    /// Adds up anew after a change.
    pub(super) fn recount(&mut self) {
        self.totals = self.added_up();
        self.totals.dirty += self.items.weight();
    }

    fn added_up(&self) -> Totals {
        let none = Totals::default();
        match &self.items {
            Items::Leaf(items) => items.iter().fold(none, |sum, item| sum.plus(item.entry.totals())),
            Items::Branch(_, children) => {
                children.iter().fold(none, |sum, child| sum.plus(child.link.totals()))
            }
        }
    }

    pub(super) const fn level(&self) -> u8 {
        match self.items {
            Items::Leaf(_) => 0,
            Items::Branch(level, _) => level,
        }
    }

    pub(super) fn last(&self) -> Option<&Name> {
        match &self.items {
            Items::Leaf(items) => items.last().map(|item| &item.name),
            Items::Branch(_, children) => children.last().map(|child| &child.last),
        }
    }

    fn first(&self) -> Option<&Name> {
        match &self.items {
            Items::Leaf(items) => items.first().map(|item| &item.name),
            Items::Branch(_, children) => children.first().map(|child| &child.last),
        }
    }

    /// Cuts a node that has grown too large for quick changes in two.
    pub(super) fn split_if_large(&mut self) -> Option<Self> {
        let half = self.items.len() / 2;
        if self.items.len() <= ITEMS_MAX {
            return None;
        }
        let items = match &mut self.items {
            Items::Leaf(items) => Items::Leaf(items.split_off(half)),
            Items::Branch(level, children) => Items::Branch(*level, children.split_off(half)),
        };
        let mut right = Self::new(items);
        right.recount();
        self.recount();
        Some(right)
    }

    fn check(&self, stored: &Stored, expected: Expected<'_>) -> Result<(), NodeError> {
        let above = expected.after.zip(self.first());
        if expected.level.is_some_and(|level| level != self.level()) {
            Err(NodeError::Level { found: self.level() })
        } else if expected.level.is_none() && self.level() > 0 && self.items.len() == 1 {
            // Its only child would be the root in its place.
            Err(NodeError::Count { found: 1 })
        } else if expected.last.is_some_and(|last| self.last() != Some(last))
            || above.is_some_and(|(after, first)| first <= after)
        {
            Err(NodeError::Order)
        } else if self.totals.agrees(&stored.totals) {
            Ok(())
        } else {
            Err(NodeError::Totals)
        }
    }
}

impl Items {
    /// Roughly what they weigh in memory, with what hangs from them and is in no blob of its own.
    fn weight(&self) -> u64 {
        let entries = ENTRY_BYTES * self.len() as u64;
        match self {
            Self::Leaf(items) => items.iter().fold(entries, |sum, item| sum + item.entry.held_bytes()),
            Self::Branch(..) => entries,
        }
    }

    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Branch(_, children) => children.len(),
        }
    }
}

impl Link {
    pub(super) fn stored(id: BlobId, totals: Totals) -> Self {
        Self::Stored(Arc::new(Stored { id, totals, node: OnceLock::new() }))
    }

    /// A link to a node that was just stored and is kept in memory, if there is room.
    pub(super) fn kept(id: BlobId, node: Node, shared: &Arc<Shared>) -> Self {
        let stored = Stored { id, totals: Totals { dirty: 0, ..node.totals }, node: OnceLock::new() };
        stored.keep(node, shared);
        Self::Stored(Arc::new(stored))
    }

    pub(super) fn totals(&self) -> Totals {
        match self {
            Self::Stored(stored) => stored.totals,
            Self::Open(node) => node.totals,
        }
    }

    pub(super) fn id(&self) -> Option<BlobId> {
        match self {
            Self::Stored(stored) => Some(stored.id),
            Self::Open(_) => None,
        }
    }

    /// Whether both lead to the same content, as far as can be told without looking.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stored(left), Self::Stored(right)) => left.id == right.id,
            (Self::Open(left), Self::Open(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    pub(super) fn load(&self, expected: Expected<'_>, shared: &Arc<Shared>) -> Result<Arc<Node>, TreeError> {
        match self {
            Self::Open(node) => Ok(Arc::clone(node)),
            Self::Stored(stored) => stored.load(expected, shared),
        }
    }

    /// The node, to be changed by whoever holds this link alone.
    pub(super) fn open(
        &mut self,
        expected: Expected<'_>,
        shared: &Arc<Shared>,
    ) -> Result<&mut Node, TreeError> {
        if let Self::Stored(stored) = self {
            *self = Self::Open(stored.load(expected, shared)?);
        }
        match self {
            Self::Open(node) => Ok(Arc::make_mut(node)),
            Self::Stored(_) => unreachable!("it was opened above"),
        }
    }
}

impl Stored {
    fn load(&self, expected: Expected<'_>, shared: &Arc<Shared>) -> Result<Arc<Node>, TreeError> {
        if let Some(node) = self.node.get() {
            return Ok(Arc::clone(node));
        }
        let bytes = shared.load(self.id, format::NODE_BYTES_MAX)?;
        let node = format::decode_node(&bytes).and_then(|node| node.check(self, expected).map(|()| node));
        let node = node.map_err(|reason| TreeError::Corrupt { id: self.id, reason })?;
        Ok(self.keep(node, shared))
    }

    /// Remembers the node for the next who asks, unless there are as many in memory as there may be.
    fn keep(&self, mut node: Node, shared: &Arc<Shared>) -> Arc<Node> {
        if shared.resident.load(Ordering::Relaxed) >= shared.config.resident_nodes_max {
            return Arc::new(node);
        }
        node.resident = Resident::count(&shared.resident);
        Arc::clone(self.node.get_or_init(|| Arc::new(node)))
    }
}

/// Counts the nodes that are kept in memory because somebody may need them again.
#[derive(Debug)]
struct Resident(Option<Arc<AtomicUsize>>);

impl Resident {
    fn count(nodes: &Arc<AtomicUsize>) -> Self {
        nodes.fetch_add(1, Ordering::Relaxed);
        Self(Some(Arc::clone(nodes)))
    }
}

impl Clone for Resident {
    /// Whoever copies a node is about to change it: it is no longer one that could be loaded again.
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        if let Some(nodes) = &self.0 {
            nodes.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
