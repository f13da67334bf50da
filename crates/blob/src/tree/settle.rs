//! How a tree takes over what a fork of it has stored.

use std::sync::Arc;

use super::directory::Directory;
use super::entry::{Body, Entry};
use super::node::{Items, Link, Node};
use super::{Shared, Tree, TreeError};

impl Tree {
    /// Takes over what a fork has stored, so that the next commit does not store it again.
    ///
    /// That is how a tree is committed while it is being changed: whoever changes it makes a fork, `before`, for the price
    /// of a few pointers; somebody else commits a fork of that, `stored`; and what is still as it was then is given back
    /// here. What was changed since stays in memory, for the next commit. Costs what was changed meanwhile.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ironloom_blob::tree::{Attributes, Config, Tree};
    /// use ironloom_blob::{Durability, MemoryStore};
    /// use ironloom_core::Instant;
    ///
    /// let attributes = Attributes::new(0o644, Instant::ZERO);
    /// let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
    /// tree.put("/ledger", &[7; 100_000], attributes.clone())?;
    ///
    /// let before = tree.fork();
    /// let mut stored = before.fork(); // From here on another thread may have them,
    /// let snapshot = stored.commit(Durability::Buffered)?;
    ///
    /// tree.put("/note", b"written meanwhile", attributes)?; // and this one goes on.
    /// tree.settle(&before, &stored)?;
    /// assert!(tree.usage().dirty_bytes < 1_000);
    /// assert_ne!(tree.commit(Durability::Buffered)?, snapshot);
    /// # Ok::<(), ironloom_blob::tree::TreeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If what was stored cannot be read; nothing is lost then, and the next commit stores it again.
    pub fn settle(&mut self, before: &Self, stored: &Self) -> Result<(), TreeError> {
        if self.root.attributes == before.root.attributes && self.top().is_same(before.top()) {
            if stored.top().link().is_some() || stored.top().is_empty() {
                self.root.clone_from(&stored.root);
                self.snapshot = stored.snapshot;
            }
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        settle(&mut self.root, &before.root, &stored.root, &shared)
    }
}

fn settle(mine: &mut Entry, before: &Entry, stored: &Entry, shared: &Arc<Shared>) -> Result<(), TreeError> {
    match (&mut mine.body, &before.body, &stored.body) {
        (Body::Directory(mine), Body::Directory(before), Body::Directory(stored)) if mine.is_open() => {
            if mine.is_same(before) {
                mine.clone_from(stored);
                return Ok(());
            }
            mine.settle(before, stored, shared)
        }
        (Body::File(mine), Body::File(before), Body::File(stored)) if mine.is_open() => {
            mine.settle(before, stored, shared)
        }
        _ => Ok(()),
    }
}

impl Directory {
    /// Takes over what entries have stored. The directory itself was changed, and stays open.
    fn settle(&mut self, before: &Self, stored: &Self, shared: &Arc<Shared>) -> Result<(), TreeError> {
        match self.root_mut() {
            Some(Link::Open(node)) => settle_node(Arc::make_mut(node), before, stored, shared),
            _ => Ok(()),
        }
    }
}

fn settle_node(
    node: &mut Node,
    before: &Directory,
    stored: &Directory,
    shared: &Arc<Shared>,
) -> Result<(), TreeError> {
    let settled = match &mut node.items {
        Items::Leaf(items) => items.iter_mut().filter(|item| item.entry.is_open()).try_for_each(|item| {
            let name = item.name.as_bytes();
            match (before.find(name, shared)?, stored.find(name, shared)?) {
                (Some(before), Some(stored)) => settle(&mut item.entry, &before, &stored, shared),
                _ => Ok(()),
            }
        }),
        Items::Branch(_, children) => children.iter_mut().try_for_each(|child| match &mut child.link {
            Link::Open(node) => settle_node(Arc::make_mut(node), before, stored, shared),
            Link::Stored(_) => Ok(()),
        }),
    };
    node.recount();
    settled
}

impl Entry {
    /// Whether there is something in memory alone, beside the entry itself.
    fn is_open(&self) -> bool {
        match &self.body {
            Body::File(content) => content.is_open(),
            Body::Directory(directory) => directory.is_open(),
            Body::Symlink(_) => false,
        }
    }
}
