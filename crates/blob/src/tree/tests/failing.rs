//! A store that fails at any moment leaves the tree as it was.

use std::sync::Arc;

use ironloom_core::Instant;

use super::probe::Probe;
use super::{NOW, attributes};
use crate::tree::{Config, Tree, TreeError};
use crate::{BlobId, BlobStore, Durability};

/// A tree of which nothing is in memory, with files of several levels and a directory of several nodes.
fn stored() -> (Arc<Probe>, BlobId) {
    let store = Arc::new(Probe::default());
    let mut tree = Tree::new(Arc::clone(&store) as Arc<dyn BlobStore>, Config::default());
    for path in ["/a", "/a/b", "/full", "/empty"] {
        tree.mkdir(path, attributes()).unwrap();
    }
    for number in 0..300 {
        tree.create(&*format!("/full/{number}"), attributes()).unwrap();
    }
    tree.put("/a/b/long", &[3; 300_000], attributes()).unwrap();
    tree.truncate("/a/b/long", 20 << 20, NOW).unwrap();
    tree.write("/a/b/long", 20_000_000, b"more", NOW).unwrap();
    tree.put("/a/short", b"short", attributes()).unwrap();
    let id = tree.commit(Durability::Buffered).unwrap();
    (store, id)
}

type Change = fn(&mut Tree) -> Result<(), TreeError>;

/// A directory from which something was moved and put back would be as it was, but for the time.
const LATER: Instant = Instant::from_nanos(9);

const CHANGES: [Change; 15] = [
    |tree| tree.truncate("/a/b/long", 100, NOW),
    |tree| tree.truncate("/a/b/long", 70_000, NOW),
    |tree| tree.truncate("/a/b/long", 18_000_000, NOW),
    |tree| tree.truncate("/a/b/long", 5 << 30, NOW),
    |tree| tree.append("/a/b/long", b"end", NOW).map(drop),
    |tree| tree.write("/a/b/long", 100_000, b"middle", NOW),
    |tree| tree.put("/a/short", &[1; 100_000], attributes()),
    |tree| tree.rename("/a/b/long", "/full/long", LATER),
    |tree| tree.rename("/full", "/empty", LATER),
    |tree| tree.copy("/a", "/full/a", NOW),
    |tree| tree.remove("/full/77", NOW),
    |tree| tree.remove_all("/a", NOW),
    |tree| tree.set_attributes("/a/short", |attributes| attributes.uid = 1),
    |tree| tree.copy_content("/a/short", "/a/b/long", LATER),
    |tree| tree.copy_content("/a/b/long", "/full/77", LATER),
];

fn open(store: &Arc<Probe>, id: BlobId) -> Tree {
    Tree::open(Arc::clone(store) as Arc<dyn BlobStore>, id, Config::default()).unwrap()
}

#[test]
fn a_change_that_fails_is_as_if_it_was_never_tried() {
    let (store, id) = stored();
    for (number, change) in CHANGES.iter().enumerate() {
        let mut done = open(&store, id);
        change(&mut done).unwrap();
        let expected = done.commit(Durability::Buffered).unwrap();
        for succeeding in 0.. {
            let mut tree = open(&store, id);
            store.fail_after(succeeding);
            let result = change(&mut tree);
            if !store.heal() {
                result.unwrap();
                break;
            }
            assert!(matches!(result, Err(TreeError::Blob(_))), "change {number}: {result:?}");
            assert_eq!(tree.commit(Durability::Buffered).unwrap(), id, "change {number} at {succeeding}");
            change(&mut tree).unwrap();
            assert_eq!(tree.commit(Durability::Buffered).unwrap(), expected, "change {number} again");
        }
    }
}

#[test]
fn a_commit_that_fails_can_be_tried_again() {
    let (store, id) = stored();
    let mut tree = open(&store, id);
    for change in [4, 6, 7, 10, 8] {
        CHANGES[change](&mut tree).unwrap();
    }
    let expected = tree.fork().commit(Durability::Buffered).unwrap();
    for succeeding in 0.. {
        let mut tree = tree.fork();
        store.fail_after(succeeding);
        let result = tree.commit(Durability::Buffered);
        if !store.heal() {
            assert!(succeeding > 5, "there is more than that to be stored");
            break;
        }
        assert!(matches!(result, Err(TreeError::Blob(_))), "{result:?}");
        assert_eq!(tree.commit(Durability::Synced).unwrap(), expected);
    }
}
