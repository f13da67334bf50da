//! Handles that follow what they refer to.

use std::sync::Arc;

use super::{NOW, attributes, tree_of};
use crate::MemoryStore;
use crate::tree::{Config, Kind, Quota, Tree, TreeError};

#[test]
fn a_handle_follows_its_entry() {
    let mut tree = tree_of(&["/a/", "/a/b/", "/a/b/f", "/z/"]);
    let file = tree.handle("/a/b/f").unwrap();
    let directory = tree.handle("/a/b").unwrap();
    tree.rename("/a", "/z/moved", NOW).unwrap();
    tree.write(file, 0, b"!", NOW).unwrap();
    assert_eq!(tree.read_all("/z/moved/b/f").unwrap(), b"!a/b/f");
    assert_eq!(tree.read_all((directory, "f")).unwrap(), b"!a/b/f");
    assert_eq!(tree.read_all((directory, "../b/f")).unwrap(), b"!a/b/f");
    assert_eq!(tree.stat((directory, "/z")).unwrap().kind, Kind::Directory);
    tree.put((directory, "g"), b"new", attributes()).unwrap();
    let listed = tree.list(directory, None, 9).unwrap();
    let sizes: Vec<u64> =
        listed.iter().map(|listed| tree.stat((directory, &listed.name)).unwrap().size).collect();
    assert_eq!(sizes, [6, 3]);
    tree.close(file).unwrap();
    assert!(matches!(tree.stat(file), Err(TreeError::Handle { .. })));
    assert!(matches!(tree.close(file), Err(TreeError::Handle { .. })));
}

#[test]
fn what_is_removed_lasts_until_it_is_closed() {
    let mut tree = tree_of(&["/d/", "/d/f", "/other"]);
    let [one, two] = [0; 2].map(|_| tree.handle("/d/f").unwrap());
    let directory = tree.handle("/d").unwrap();
    let other = tree.handle("/other").unwrap();
    tree.rename("/d/f", "/other", NOW).unwrap();
    assert_eq!(tree.read_all(other).unwrap(), b"/other", "the one that was replaced");
    assert_eq!(tree.read_all(one).unwrap(), b"/d/f");
    tree.remove("/other", NOW).unwrap();
    tree.remove_all("/d", NOW).unwrap();
    assert_eq!(tree.usage().entries, 0);
    tree.append(one, b"!", NOW).unwrap();
    assert_eq!(tree.read_all(two).unwrap(), b"/d/f!", "both have the same file open");
    tree.close(one).unwrap();
    let again = tree.handle(two).unwrap();
    tree.close(two).unwrap();
    assert_eq!(tree.read_all(again).unwrap(), b"/d/f!");
    assert!(matches!(tree.create((directory, "f"), attributes()), Err(TreeError::NotFound { .. })));
    assert_eq!(tree.list(directory, None, 9).unwrap(), []);
}

#[test]
fn forks_have_handles_of_their_own() {
    let mut tree = tree_of(&["/f"]);
    let handle = tree.handle("/f").unwrap();
    let mut fork = tree.fork();
    fork.remove("/f", NOW).unwrap();
    fork.write(handle, 0, b"fork", NOW).unwrap();
    assert_eq!(tree.read_all(handle).unwrap(), b"/f");
    fork.close(handle).unwrap();
    tree.stat(handle).unwrap();
}

#[test]
fn handles_and_what_they_keep_are_limited() {
    let config =
        Config { handles_max: 2, quota: Quota { bytes_max: 100, entries_max: 9 }, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    tree.put("/f", &[1; 80], attributes()).unwrap();
    let handle = tree.handle("/f").unwrap();
    tree.handle("/").unwrap();
    assert!(matches!(tree.handle("/f"), Err(TreeError::Handles { handles_max: 2 })));
    tree.remove("/f", NOW).unwrap();
    assert!(matches!(tree.put("/g", &[1; 30], attributes()), Err(TreeError::BytesQuota { bytes: 110, .. })));
    assert!(matches!(tree.write(handle, 80, &[1; 30], NOW), Err(TreeError::BytesQuota { bytes: 110, .. })));
    tree.close(handle).unwrap();
    tree.put("/g", &[1; 30], attributes()).unwrap();
}
