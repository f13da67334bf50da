//! [`Image`]: what machines begin with.

mod base;

use std::sync::Arc;

use ironloom_blob::tree::TreeError;
use ironloom_blob::{BlobStore, MemoryStore, Tree};

/// What machines begin with: a tree of files, which they share until they change it.
#[derive(Debug, Clone)]
pub struct Image {
    tree: Arc<Tree>,
}

impl Image {
    /// An image of a tree as it is.
    #[must_use]
    pub fn new(tree: Tree) -> Self {
        Self { tree: Arc::new(tree) }
    }

    /// The base image, in a store of its own in memory: the directories and programs of a small Unix.
    ///
    /// # Panics
    ///
    /// If the program has no memory for it.
    #[must_use]
    pub fn base() -> Self {
        Self::base_in(Arc::new(MemoryStore::new())).expect("a store in memory takes a small tree")
    }

    /// The base image in a store.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn base_in(store: Arc<dyn BlobStore>) -> Result<Self, TreeError> {
        Ok(Self::new(base::tree(store)?))
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}
