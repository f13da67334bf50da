//! Handles that follow what they refer to.

use std::sync::Arc;

use super::{NOW, attributes, tree_of};
use crate::tree::{Config, Kind, Quota, Tree, TreeError};
use crate::{Durability, MemoryStore};

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

/// What is written to a removed file is no business of the next commit. It once counted towards the limit that only a
/// commit resets, so one such file stopped all changes until its handle was closed.
#[test]
fn a_removed_file_does_not_jam_the_tree() {
    let config = Config { dirty_bytes_max: 1 << 20, orphan_bytes_max: 1 << 20, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    tree.create("/tmp", attributes()).unwrap();
    let handle = tree.handle("/tmp").unwrap();
    tree.remove("/tmp", NOW).unwrap();
    tree.write(handle, 0, &[1; 800_000], NOW).unwrap();
    let usage = tree.usage();
    assert_eq!((usage.bytes, usage.orphan_bytes), (0, 800_000));
    assert!(usage.dirty_bytes == 0 && usage.orphan_dirty_bytes >= 800_000);
    tree.put("/other", &[2; 800_000], attributes()).unwrap();
    let error = tree.write(handle, 800_000, &[1; 300_000], NOW).unwrap_err();
    assert!(matches!(error, TreeError::Orphans { orphan_bytes_max: 1_048_576, .. }), "{error}");
    assert!(error.to_string().contains("close handles of removed files"), "{error}");

    let other = tree.handle("/other").unwrap();
    let error = tree.remove("/other", NOW).unwrap_err();
    assert!(matches!(error, TreeError::Orphans { .. }), "{error}");
    tree.commit(Durability::Buffered).unwrap();
    tree.remove("/other", NOW).unwrap();
    tree.close(handle).unwrap();
    tree.write(other, 0, &[3; 10], NOW).unwrap();
    tree.close(other).unwrap();
    let usage = tree.usage();
    assert_eq!((usage.orphan_bytes, usage.orphan_dirty_bytes), (0, 0));
}

/// A removed directory was kept with all that was in it: its files were listed there, could not be reached, and counted
/// again for each of them that was open by itself.
#[test]
fn a_removed_directory_is_empty_and_its_open_files_count_once() {
    let mut tree = tree_of(&["/d/", "/d/e/"]);
    tree.put("/d/e/f", &[1; 1_000], attributes()).unwrap();
    let [d, e, f] = ["/d", "/d/e", "/d/e/f"].map(|path| tree.handle(path).unwrap());
    tree.remove_all("/d", NOW).unwrap();
    assert_eq!(tree.usage().orphan_bytes, 1_000);
    assert_eq!(tree.list(d, None, 9).unwrap(), []);
    assert_eq!(tree.walk(e).unwrap().count(), 0);
    assert_eq!(tree.stat(e).unwrap().kind, Kind::Directory);
    assert!(matches!(tree.stat((d, "e")), Err(TreeError::NotFound { .. })));
    assert_eq!(tree.read_all(f).unwrap(), [1; 1_000]);
    [d, e, f].into_iter().for_each(|handle| tree.close(handle).unwrap());
    assert_eq!(tree.usage().orphan_bytes, 0);
}

/// Handles are found by path, and a name that merely begins like a directory's is not below it.
#[test]
fn handles_beside_a_renamed_directory_stay() {
    let mut tree = tree_of(&["/a/", "/a/f", "/a/g/", "/a/g/h", "/a-/", "/a-/f", "/ab"]);
    let paths = ["/a/f", "/a/g/h", "/a/g", "/a", "/a-/f", "/a-", "/ab", "/a/f"];
    let handles = paths.map(|path| tree.handle(path).unwrap());
    tree.rename("/a", "/z", NOW).unwrap();
    tree.set_attributes(handles[0], |attributes| attributes.uid = 5).unwrap();
    assert_eq!(tree.stat("/z/f").unwrap().attributes.uid, 5);
    assert_eq!(tree.stat(handles[7]).unwrap().attributes.uid, 5);
    for (handle, path) in handles.into_iter().zip(paths) {
        let moved = path.replacen("/a", "/z", usize::from(path == "/a" || path.starts_with("/a/")));
        tree.set_attributes(handle, |attributes| attributes.gid = 9).unwrap();
        assert_eq!(tree.stat(&moved).unwrap().attributes.gid, 9, "{moved}");
    }
    tree.remove_all("/z", NOW).unwrap();
    assert_eq!(tree.usage().orphan_bytes, 4 + 6, "the open files, each once");
    for handle in handles {
        tree.stat(handle).unwrap();
        tree.close(handle).unwrap();
    }
    assert_eq!(tree.usage().orphan_bytes, 0);
}
