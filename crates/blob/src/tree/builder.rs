//! [`Builder`]: cuts the entries of a directory into nodes and stores them.
//!
//! Where a node ends depends on the names in it and on nothing else that happened: after an item whose name has a hash
//! with the right bits, if the node has [`ITEMS_MIN`] items; or when it has [`NODE_BYTES_FULL`]. Each level has a hash
//! of its own. So equal directories have equal nodes, whatever the order in which they came to be.
//!
//! What follows a cut does not depend on what precedes it. A stored node that begins where the builder has just cut, at
//! its own level and all those below, would come out as it is, so it is taken as it is, unread. After a change the cuts
//! soon fall together with the old ones again, and the cost of a commit is that of the nodes that were changed.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::directory::load_child;
use super::entry::{Body, Entry};
use super::format::Encoder;
use super::node::{Child, Expected, Item, Items, Link, Node};
use super::{Name, Shared, TreeError};
use crate::Durability;

/// A node has at least so many items, unless it is the last of its level or full of bytes.
const ITEMS_MIN: usize = 16;

/// One name in so many ends a node.
const CUT_MASK: u64 = 63;

/// A node ends when its items have so many bytes.
const NODE_BYTES_FULL: usize = 32 * 1_024;

/// The largest item is one with a long name, a long target and a media type; a node that is not full has room for it.
const _: () = assert!(NODE_BYTES_FULL + super::path::PATH_BYTES_MAX + 1_024 < super::format::NODE_BYTES_MAX);
const _: () = assert!(ITEMS_MIN >= 2, "levels must shrink");

pub(super) struct Builder<'a> {
    shared: &'a Arc<Shared>,
    leaf: Pending<Item>,
    /// What has come so far of the node at each level above the leaves.
    branches: Vec<Pending<Child>>,
}

/// A node that has not ended yet.
struct Pending<T> {
    items: Vec<T>,
    encoder: Encoder,
    /// Whether a node has ended at this level.
    has_ended: bool,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { items: Vec::new(), encoder: Encoder::default(), has_ended: false }
    }
}

impl<T> Pending<T> {
    fn ends(&self, name: &Name, level: u8) -> bool {
        let is_cut = || xxh3_64_with_seed(name.as_bytes(), level.into()) & CUT_MASK == 0;
        self.encoder.bytes() >= NODE_BYTES_FULL || (self.items.len() >= ITEMS_MIN && is_cut())
    }

    const fn is_untouched(&self) -> bool {
        self.items.is_empty() && !self.has_ended
    }

    fn take(&mut self) -> (Vec<T>, Encoder) {
        self.has_ended = true;
        (std::mem::take(&mut self.items), std::mem::take(&mut self.encoder))
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, leaf: Pending::default(), branches: Vec::new() }
    }

    /// Stores everything below this link and returns the one that leads to it; `None` if there are no entries.
    pub(super) fn build(mut self, root: &Link) -> Result<Option<Link>, TreeError> {
        let node = root.load(Expected::default(), self.shared)?;
        self.feed(&node)?;
        self.finish()
    }

    fn feed(&mut self, node: &Node) -> Result<(), TreeError> {
        match &node.items {
            Items::Leaf(items) => items.iter().try_for_each(|item| self.push_item(item)),
            Items::Branch(level, children) => {
                for (index, child) in children.iter().enumerate() {
                    if child.link.id().is_some() && self.is_between_nodes(level - 1) {
                        self.push_child(child.clone(), *level)?;
                    } else {
                        self.feed(&*load_child(node, index, self.shared)?)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether a node at this level would begin here.
    fn is_between_nodes(&self, level: u8) -> bool {
        let branches = self.branches.iter().take(level.into());
        self.leaf.items.is_empty() && branches.into_iter().all(|pending| pending.items.is_empty())
    }

    fn push_item(&mut self, item: &Item) -> Result<(), TreeError> {
        let item = Item { name: item.name.clone(), entry: stored(&item.entry, self.shared)? };
        self.leaf.encoder.put_item(&item);
        let ends = {
            self.leaf.items.push(item);
            let name = &self.leaf.items[self.leaf.items.len() - 1].name;
            self.leaf.ends(name, 0)
        };
        if ends { self.end_leaf() } else { Ok(()) }
    }

    /// Takes a child of a branch at this level.
    fn push_child(&mut self, child: Child, level: u8) -> Result<(), TreeError> {
        let index = usize::from(level) - 1;
        while self.branches.len() <= index {
            self.branches.push(Pending::default());
        }
        let pending = &mut self.branches[index];
        pending.encoder.put_child(&child);
        let name = child.last.clone();
        pending.items.push(child);
        if pending.ends(&name, level) {
            self.end_branch(level)?;
        }
        Ok(())
    }

    fn end_leaf(&mut self) -> Result<(), TreeError> {
        let (items, encoder) = self.leaf.take();
        let child = self.store(Items::Leaf(items), encoder, 0)?;
        self.push_child(child, 1)
    }

    fn end_branch(&mut self, level: u8) -> Result<(), TreeError> {
        let (children, encoder) = self.branches[usize::from(level) - 1].take();
        let child = self.store(Items::Branch(level, children), encoder, level)?;
        self.push_child(child, level + 1)
    }

    fn store(&self, items: Items, encoder: Encoder, level: u8) -> Result<Child, TreeError> {
        let id = self.shared.store.put(&encoder.finish(level), Durability::Buffered)?;
        let node = Node::new(items);
        Ok(Child {
            last: node.last().expect("only nodes with items end").clone(),
            link: Link::kept(id, node, self.shared),
        })
    }

    /// Ends the last node of each level, up to the level that has one child: that is the root.
    fn finish(mut self) -> Result<Option<Link>, TreeError> {
        if !self.leaf.items.is_empty() {
            self.end_leaf()?;
        }
        let mut level = 1;
        while let Some((pending, above)) =
            self.branches.get(usize::from(level) - 1..).and_then(<[_]>::split_first)
        {
            // Stored nodes are taken at any level, so there may be more above than has ended here.
            if !pending.has_ended && pending.items.len() == 1 && above.iter().all(Pending::is_untouched) {
                let root = pending.items[0].link.clone();
                return self.without_lone_parents(root, level - 1).map(Some);
            }
            if !pending.items.is_empty() {
                self.end_branch(level)?;
            }
            level += 1;
        }
        Ok(None)
    }

    /// The root of what is left when all nodes beside the last were removed is the first below that has two children.
    fn without_lone_parents(&self, mut link: Link, mut level: u8) -> Result<Link, TreeError> {
        loop {
            let expected = Expected { level: Some(level), ..Expected::default() };
            let node = link.load(expected, self.shared)?;
            match &node.items {
                Items::Branch(_, children) if children.len() == 1 => link = children[0].link.clone(),
                _ => return Ok(link),
            }
            level -= 1;
        }
    }
}

/// The same entry with all that it holds stored.
fn stored(entry: &Entry, shared: &Arc<Shared>) -> Result<Entry, TreeError> {
    let body = match &entry.body {
        Body::File(content) if content.is_open() => Body::File(content.commit(shared)?),
        Body::Directory(directory) if directory.is_open() => Body::Directory(directory.commit(shared)?),
        body => body.clone(),
    };
    Ok(Entry { attributes: entry.attributes.clone(), body })
}
