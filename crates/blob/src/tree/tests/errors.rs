//! Renaming case by case, quotas, and what cannot be done to a tree.

use std::sync::Arc;

use super::{NOW, attributes, paths, tree_of};
use crate::MemoryStore;
use crate::tree::content::PIECE_BYTES;
use crate::tree::{Config, Quota, Tree, TreeError};

#[test]
fn renaming_is_that_of_posix() {
    let (ok, inside, unnamed) = ("ok", "Inside", "Unnamed");
    for (source, target, expected) in [
        ("/file", "/new", ok),
        ("/file", "/other", ok),
        ("/file", "/link", ok),
        ("/file", "/file", ok),
        ("/full", "/full", ok),
        ("/full", "/empty", ok),
        ("/full", "/empty/", ok),
        ("/full", "/new/", ok),
        ("/full", "/empty/in", ok),
        ("/link", "/new", ok),
        ("/full/x", "/x", ok),
        ("/file", "/empty", "IsADirectory"),
        ("/full", "/file", "NotADirectory"),
        ("/full", "/link", "NotADirectory"),
        ("/empty", "/full", "NotEmpty"),
        ("/full/x", "/full", "IsADirectory"),
        ("/full", "/full/y", inside),
        ("/full", "/full/x/y", "NotADirectory"),
        ("/file", "/new/", "NotADirectory"),
        ("/file", "/nowhere/new", "NotFound"),
        ("/nothing", "/new", "NotFound"),
        ("/", "/new", unnamed),
        ("/file", "/", unnamed),
        ("/full/.", "/new", unnamed),
        ("/full", "/empty/..", unnamed),
    ] {
        let mut tree = tree_of(&["/file", "/other", "/link -> file", "/empty/", "/full/", "/full/x"]);
        let before = tree.fork();
        let renamed = tree.rename(source, target, NOW);
        let found = renamed.map_or_else(|error| format!("{error:?}"), |()| ok.to_owned());
        assert!(found.starts_with(expected), "{source} to {target}: {found}");
        if expected != ok {
            assert_eq!(paths(&tree), paths(&before), "{source} to {target}");
        }
    }
}

#[test]
fn the_root_and_dots_are_not_removed() {
    let mut tree = tree_of(&["/d/", "/d/f"]);
    for path in ["/", "/d/.", "/d/..", "/.."] {
        assert!(matches!(tree.remove_all(path, NOW), Err(TreeError::Unnamed { .. })), "{path}");
    }
    assert!(matches!(tree.remove("/d", NOW), Err(TreeError::NotEmpty { .. })));
    assert!(matches!(tree.mkdir("/", attributes()), Err(TreeError::Exists { .. })));
    tree.remove_all("/d/", NOW).unwrap();
    assert_eq!(paths(&tree), [""; 0]);
}

#[test]
fn quotas_hold_at_every_write() {
    let quota = Quota { bytes_max: 1_000, entries_max: 4 };
    let config = Config { quota, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    tree.put("/a", &[1; 600], attributes()).unwrap();
    tree.mkdir("/d", attributes()).unwrap();
    let refused = [
        tree.put("/b", &[1; 401], attributes()),
        tree.write("/a", 1_000, b"x", NOW),
        tree.truncate("/a", 1_001, NOW),
        tree.copy("/a", "/b", NOW),
        tree.append("/a", &[1; 401], NOW).map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(TreeError::BytesQuota { bytes_max: 1_000, .. })), "{refused:?}");
    }
    tree.put("/d/1", b"", attributes()).unwrap();
    assert!(matches!(tree.copy("/d", "/e", NOW), Err(TreeError::EntriesQuota { entries: 5, .. })));
    tree.put("/d/2", b"", attributes()).unwrap();
    assert!(matches!(tree.create("/d/3", attributes()), Err(TreeError::EntriesQuota { .. })));

    tree.truncate("/a", 1_000, NOW).unwrap();
    tree.set_quota(Quota { bytes_max: 10, ..quota });
    tree.write("/a", 0, b"what is there may be changed", NOW).unwrap();
    tree.truncate("/a", 900, NOW).unwrap();
    assert!(tree.truncate("/a", 901, NOW).is_err());
    assert_eq!(tree.usage().bytes, 900);
}

#[test]
fn changes_are_limited_until_they_are_committed() {
    let config = Config { dirty_bytes_max: 3 * PIECE_BYTES, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    tree.put("/f", &[1; 2 * PIECE_BYTES as usize], attributes()).unwrap();
    let refused = tree.put("/g", &[1; 2 * PIECE_BYTES as usize], attributes());
    assert!(matches!(refused, Err(TreeError::Dirty { .. })), "{refused:?}");
    tree.commit(crate::Durability::Buffered).unwrap();
    assert_eq!(tree.usage().dirty_bytes, 0);
    tree.put("/g", &[1; 2 * PIECE_BYTES as usize], attributes()).unwrap();
    tree.remove("/g", NOW).unwrap();
    assert!(tree.usage().dirty_bytes < 1_000, "what is gone is not dirty");
}

#[test]
fn attributes_and_lengths_are_checked() {
    let mut tree = tree_of(&["/f", "/d/"]);
    let refused = tree.set_attributes("/f", |attributes| attributes.mode = 0o10000);
    assert!(matches!(refused, Err(TreeError::Mode { mode: 0o10000 })));
    assert!(matches!(tree.write("/f", u64::MAX, b"x", NOW), Err(TreeError::FileLength { .. })));
    assert!(matches!(tree.truncate("/f", 1 << 63, NOW), Err(TreeError::FileLength { .. })));
    assert!(matches!(tree.read_link("/f"), Err(TreeError::NotALink { .. })));
    assert!(matches!(tree.list("/f", None, 1), Err(TreeError::NotADirectory { .. })));
    assert!(matches!(tree.link("/d", "/e", NOW), Err(TreeError::IsADirectory { .. })));
    assert!(matches!(tree.create("/x/", attributes()), Err(TreeError::NotADirectory { .. })));
    tree.truncate("/f", 1 << 39, NOW).unwrap();
    assert!(matches!(tree.read_all("/f"), Err(TreeError::ReadLength { .. })));
}

#[test]
fn a_link_is_a_second_file() {
    let mut tree = tree_of(&["/a"]);
    tree.link("/a", "/b", NOW).unwrap();
    tree.write("/b", 0, b"!", NOW).unwrap();
    assert_eq!(tree.read_all("/a").unwrap(), b"/a");
    assert_eq!(tree.read_all("/b").unwrap(), b"!a");
}
