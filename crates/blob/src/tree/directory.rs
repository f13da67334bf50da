//! [`Directory`]: entries by name, to be found, changed and gone through in order.

use std::ops::Deref;
use std::sync::Arc;

use super::builder::Builder;
use super::entry::Entry;
use super::node::{Child, Expected, Item, Items, Link, Node};
use super::totals::Totals;
use super::{Name, NodeError, Shared, TreeError};
use crate::BlobId;

/// The entries of a directory. A clone costs a pointer.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    /// The node that leads to all others; `None` if there are no entries.
    root: Option<Link>,
}

/// An entry where it was found; it stays as it is whatever happens to the tree.
#[derive(Debug, Clone)]
pub(super) struct Found {
    leaf: Arc<Node>,
    index: usize,
}

/// What becomes of a name whose entry was looked at in order to change it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It stays, as it was changed in place.
    Keep,
    /// It is made or replaced.
    Put(Entry),
    /// It goes.
    Remove,
}

/// What decides, given the entry of the name if there is one.
pub(super) type Change<'a> = dyn FnMut(Option<&mut Entry>) -> Result<Verdict, TreeError> + 'a;

impl Directory {
    pub(super) const EMPTY: Self = Self { root: None };

    pub(super) fn stored(id: BlobId, totals: Totals) -> Self {
        Self { root: Some(Link::stored(id, totals)) }
    }

    pub(super) const fn of(root: Option<Link>) -> Self {
        Self { root }
    }

    pub(super) const fn root(&self) -> Option<&Link> {
        self.root.as_ref()
    }

    pub(super) const fn root_mut(&mut self) -> Option<&mut Link> {
        self.root.as_mut()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.root, Some(Link::Open(_)))
    }

    /// The id of its root node, if it has one and is stored.
    pub(super) fn link(&self) -> Option<BlobId> {
        self.root.as_ref().and_then(Link::id)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (None, None) => true,
            (Some(left), Some(right)) => left.is_same(right),
            _ => false,
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.root.as_ref().map(Link::totals).unwrap_or_default()
    }

    pub(super) fn find(&self, name: &[u8], shared: &Arc<Shared>) -> Result<Option<Found>, TreeError> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        let mut node = root.load(Expected::default(), shared)?;
        loop {
            let next = match &node.items {
                Items::Leaf(items) => {
                    let found = items.binary_search_by(|item| item.name.as_bytes().cmp(name));
                    return Ok(found.ok().map(|index| Found { leaf: node, index }));
                }
                Items::Branch(_, children) => {
                    let index = children.partition_point(|child| child.last.as_bytes() < name);
                    if index == children.len() {
                        return Ok(None);
                    }
                    load_child(&node, index, shared)?
                }
            };
            node = next;
        }
    }

    /// Looks at the entry of a name and changes it.
    pub(super) fn change(
        &mut self,
        name: &Name,
        shared: &Arc<Shared>,
        change: &mut Change<'_>,
    ) -> Result<(), TreeError> {
        let root = self.root.get_or_insert_with(|| Link::Open(Arc::new(Node::new(Items::Leaf(Vec::new())))));
        let changed =
            root.open(Expected::default(), shared).and_then(|node| change_in(node, name, shared, change));
        if root.totals().entries == 0 {
            self.root = None;
            return changed;
        }
        let node = root.open(Expected::default(), shared)?;
        if let Some(right) = node.split_if_large() {
            let level = node.level() + 1;
            let left = std::mem::replace(node, Node::new(Items::Leaf(Vec::new())));
            *node = Node::new(Items::Branch(level, vec![as_child(left), as_child(right)]));
            node.recount();
        }
        changed
    }

    /// The same directory with all that was changed stored.
    pub(super) fn commit(&self, shared: &Arc<Shared>) -> Result<Self, TreeError> {
        match &self.root {
            Some(root @ Link::Open(_)) => Ok(Self::of(Builder::new(shared).build(root)?)),
            _ => Ok(self.clone()),
        }
    }
}

impl Found {
    pub(super) fn new(leaf: &Arc<Node>, index: usize) -> Self {
        let leaf = Arc::clone(leaf);
        Self { leaf, index }
    }

    pub(super) fn name(&self) -> &Name {
        &self.item().name
    }

    fn item(&self) -> &Item {
        match &self.leaf.items {
            Items::Leaf(items) => &items[self.index],
            Items::Branch(..) => unreachable!("entries are found in leaves"),
        }
    }
}

impl Deref for Found {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.item().entry
    }
}

/// A node that holds together: nothing about it was known before.
fn as_child(node: Node) -> Child {
    Child {
        last: node.last().expect("a node that was cut has items").clone(),
        link: Link::Open(Arc::new(node)),
    }
}

pub(super) fn load_child(node: &Node, index: usize, shared: &Arc<Shared>) -> Result<Arc<Node>, TreeError> {
    let Items::Branch(level, children) = &node.items else {
        unreachable!("only branches have children");
    };
    let expected = Expected {
        level: Some(level - 1),
        after: index.checked_sub(1).map(|before| &children[before].last),
        last: Some(&children[index].last),
    };
    children[index].link.load(expected, shared)
}

fn change_in(
    node: &mut Node,
    name: &Name,
    shared: &Arc<Shared>,
    change: &mut Change<'_>,
) -> Result<(), TreeError> {
    let changed = match &mut node.items {
        Items::Leaf(items) => change_in_leaf(items, name, change),
        Items::Branch(level, children) => change_in_branch(*level, children, name, shared, change),
    };
    node.recount();
    changed
}

fn change_in_leaf(items: &mut Vec<Item>, name: &Name, change: &mut Change<'_>) -> Result<(), TreeError> {
    let place = items.binary_search_by(|item| item.name.cmp(name));
    let verdict = change(place.ok().map(|index| &mut items[index].entry))?;
    match (verdict, place) {
        (Verdict::Keep, _) | (Verdict::Remove, Err(_)) => {}
        (Verdict::Put(entry), Ok(index)) => items[index].entry = entry,
        (Verdict::Put(entry), Err(index)) => items.insert(index, Item { name: name.clone(), entry }),
        (Verdict::Remove, Ok(index)) => drop(items.remove(index)),
    }
    Ok(())
}

fn change_in_branch(
    level: u8,
    children: &mut Vec<Child>,
    name: &Name,
    shared: &Arc<Shared>,
    change: &mut Change<'_>,
) -> Result<(), TreeError> {
    let index = children.partition_point(|child| child.last < *name).min(children.len() - 1);
    let (before, rest) = children.split_at_mut(index);
    let child = &mut rest[0];
    let expected = Expected {
        level: Some(level - 1),
        after: before.last().map(|child| &child.last),
        last: Some(&child.last),
    };
    let node = child.link.open(expected, shared)?;
    let changed = change_in(node, name, shared, change);
    let right = node.split_if_large();
    match node.last() {
        Some(last) => child.last = last.clone(),
        None => drop(children.remove(index)),
    }
    if let Some(right) = right {
        children.insert(index + 1, as_child(right));
    }
    changed
}

/// A place between the entries of a directory, which moves over them in order.
#[derive(Debug)]
pub(super) struct Cursor {
    /// From the root to a leaf: each node with the index of what comes next in it.
    path: Vec<(Arc<Node>, usize)>,
}

impl Cursor {
    /// Before the first entry whose name is above `after`.
    pub(super) fn new(
        directory: &Directory,
        after: Option<&[u8]>,
        shared: &Arc<Shared>,
    ) -> Result<Self, TreeError> {
        let mut cursor = Self { path: Vec::new() };
        let Some(root) = &directory.root else {
            return Ok(cursor);
        };
        let mut node = root.load(Expected::default(), shared)?;
        loop {
            let index = after.map_or(0, |after| match &node.items {
                Items::Leaf(items) => items.partition_point(|item| item.name.as_bytes() <= after),
                Items::Branch(_, children) => {
                    children.partition_point(|child| child.last.as_bytes() <= after)
                }
            });
            let is_within_branch = node.level() > 0 && index < node.items.len();
            let child = is_within_branch.then(|| load_child(&node, index, shared)).transpose()?;
            cursor.path.push((node, index + usize::from(is_within_branch)));
            match child {
                Some(child) => node = child,
                None => return Ok(cursor),
            }
        }
    }

    pub(super) fn next(&mut self, shared: &Arc<Shared>) -> Result<Option<Found>, TreeError> {
        while let Some((node, index)) = self.path.last_mut() {
            if *index == node.items.len() {
                self.path.pop();
                continue;
            }
            *index += 1;
            let index = *index - 1;
            if node.level() == 0 {
                return Ok(Some(Found { leaf: Arc::clone(node), index }));
            }
            let child = load_child(node, index, shared)?;
            self.path.push((child, 0));
        }
        Ok(None)
    }
}

/// Whether a tree of this height may be read at all.
pub(super) fn check_height(id: BlobId, totals: Totals, shared: &Shared) -> Result<(), TreeError> {
    if usize::from(totals.height) > shared.config.depth_max {
        return Err(TreeError::Corrupt { id, reason: NodeError::Totals });
    }
    Ok(())
}
