//! Going name by name, and what whoever judges needs besides.

use std::sync::Arc;

use ironloom_core::Instant;

use crate::tree::{Attributes, Config, Kind, Needle, Tree, TreeError};
use crate::{Durability, MemoryStore};

fn attributes() -> Attributes {
    Attributes::new(0o644, Instant::ZERO)
}

fn tree() -> Tree {
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
    tree.mkdir("/d", attributes()).unwrap();
    tree.put("/d/f", &[b'x'; 1_000], attributes()).unwrap();
    tree.symlink(b"f", "/d/l", attributes()).unwrap();
    tree
}

#[test]
fn a_step_finds_what_a_path_does() {
    let mut tree = tree();
    for _ in 0..2 {
        let directory = tree.root().child(b"d").unwrap().unwrap();
        assert_eq!(directory.kind(), Kind::Directory);
        assert!(!directory.is_empty_directory());
        let file = directory.child(b"f").unwrap().unwrap();
        assert_eq!(file.stat(), tree.stat("/d/f").unwrap());
        assert_eq!(file.length(), 1_000);
        let mut out = [0; 10];
        assert_eq!(file.read(995, &mut out).unwrap(), 5);
        assert!(file.child(b"f").unwrap().is_none());
        assert_eq!(file.target(), None);
        let link = directory.child(b"l").unwrap().unwrap();
        assert_eq!((link.target(), link.length(), link.blob()), (Some(&b"f"[..]), 0, None));
        assert!(directory.child(b"g").unwrap().is_none());
        let names = |after: Option<&[u8]>, limit| {
            let page = directory.children(after, limit).unwrap();
            page.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(None, 10), ["f", "l"]);
        assert_eq!(names(None, 1), ["f"]);
        assert_eq!(names(Some(b"f"), 10), ["l"]);
        assert_eq!(file.children(None, 10).unwrap().len(), 0);
        tree.commit(Durability::Buffered).unwrap();
        tree.release();
    }
    assert!(tree.root().child(b"d").unwrap().unwrap().child(b"f").unwrap().unwrap().blob().is_some());
}

#[test]
fn a_version_is_the_same_until_the_file_is_written() {
    let mut tree = tree();
    let version =
        |tree: &Tree| tree.root().child(b"d").unwrap().unwrap().child(b"f").unwrap().unwrap().version();
    let before = version(&tree);
    assert!(before.is_some());
    tree.set_attributes("/d/f", |attributes| attributes.mode = 0o600).unwrap();
    tree.put("/d/g", b"", attributes()).unwrap();
    assert_eq!(version(&tree), before);
    tree.write("/d/f", 5, b"y", Instant::ZERO).unwrap();
    assert_ne!(version(&tree), before);
    tree.write("/d/f", 5, b"x", Instant::ZERO).unwrap();
    assert_eq!(version(&tree), before, "short files are compared byte by byte");
    assert_eq!(tree.root().version(), None);
}

#[test]
fn content_is_copied_into_a_file_that_keeps_the_rest() {
    let mut tree = tree();
    let private = Attributes { mode: 0o600, uid: 7, ..attributes() };
    tree.put("/d/g", b"old", private).unwrap();
    let handle = tree.handle("/d/g").unwrap();
    let now = Instant::from_nanos(9);
    tree.copy_content("/d/f", "/d/g", now).unwrap();
    assert_eq!(tree.read_all(handle).unwrap(), [b'x'; 1_000]);
    let kept = tree.stat("/d/g").unwrap().attributes;
    assert_eq!((kept.mode, kept.uid, kept.modified), (0o600, 7, now));
    tree.write("/d/g", 0, b"y", now).unwrap();
    assert_eq!(tree.read_all("/d/f").unwrap(), [b'x'; 1_000]);
    assert!(matches!(tree.copy_content("/d", "/d/g", now), Err(TreeError::IsADirectory { .. })));
    assert!(matches!(tree.copy_content("/d/f", "/d", now), Err(TreeError::IsADirectory { .. })));
    assert!(matches!(tree.copy_content("/d/f", "/d/no", now), Err(TreeError::NotFound { .. })));
    let quota = crate::tree::Quota { bytes_max: 2_500, entries_max: 100 };
    tree.set_quota(quota);
    tree.put("/d/h", b"", attributes()).unwrap();
    assert!(matches!(tree.copy_content("/d/f", "/d/h", now), Err(TreeError::BytesQuota { .. })));
    assert_eq!(tree.usage().bytes, 2_001);
}

#[test]
fn handles_know_their_paths_and_close_together() {
    let mut tree = tree();
    let (file, removed) = (tree.handle("/d/f").unwrap(), tree.handle("/d/l").unwrap());
    tree.rename("/d", "/e", Instant::ZERO).unwrap();
    assert_eq!(tree.path_of(file).unwrap().unwrap(), "/e/f".into());
    let mut fork = tree.fork();
    fork.remove_all("/e", Instant::ZERO).unwrap();
    assert_eq!(fork.path_of(file).unwrap(), None);
    assert_eq!(fork.usage().orphan_bytes, 1_000);
    fork.close_all();
    assert_eq!(fork.usage().orphan_bytes, 0);
    assert!(matches!(fork.path_of(file), Err(TreeError::Handle { .. })));
    assert!(tree.path_of(removed).unwrap().is_some(), "the origin keeps its own");
}

#[test]
fn a_needle_finds_itself_in_a_line() {
    let needle = Needle::regex("b+").unwrap();
    assert_eq!(needle.find(b"abbc"), Some(1..3));
    assert_eq!(needle.find(b"ac"), None);
}
