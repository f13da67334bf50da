//! [`Image`]: what machines begin with.

use std::sync::Arc;

use ironloom_blob::Tree;

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

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}
