//! Trees against a map of paths, and the promises that a map cannot check.

mod errors;
mod failing;
mod handles;
mod hostile;
mod large;
mod limits;
mod model;
mod paths;
mod probe;
mod searching;
mod seen;

use std::sync::Arc;

use ironloom_core::Instant;

use super::{Attributes, Config, Tree};
use crate::{BlobStore, Durability, MemoryStore};

const NOW: Instant = Instant::from_nanos(7);

fn attributes() -> Attributes {
    Attributes::new(0o644, NOW)
}

fn empty() -> Tree {
    Tree::new(Arc::new(MemoryStore::new()), Config::default())
}

/// A tree of these: `name/` is a directory, `name -> target` a symbolic link, anything else a file with its path in it.
fn tree_of(paths: &[&str]) -> Tree {
    let mut tree = empty();
    for path in paths {
        if let Some((path, target)) = path.split_once(" -> ") {
            tree.symlink(target.as_bytes(), path, attributes()).unwrap();
        } else if path.ends_with('/') {
            tree.mkdir(*path, attributes()).unwrap();
        } else {
            tree.put(*path, path.as_bytes(), attributes()).unwrap();
        }
    }
    tree
}

/// The same tree, of which nothing is in memory any more.
fn reopened(tree: &mut Tree) -> Tree {
    let id = tree.commit(Durability::Buffered).unwrap();
    Tree::open(store(tree), id, tree.shared.config.clone()).unwrap()
}

fn store(tree: &Tree) -> Arc<dyn BlobStore> {
    Arc::clone(&tree.shared.store)
}

fn paths(tree: &Tree) -> Vec<String> {
    let walk = tree.walk("/").unwrap();
    walk.map(|walked| walked.unwrap().path.to_string()).collect()
}
