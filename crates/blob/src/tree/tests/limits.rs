//! Limits on what is in memory hold whatever the change, and times do not go back.

use std::sync::Arc;

use ironloom_core::Instant;

use super::probe::Probe;
use super::{NOW, attributes, empty};
use crate::link::Linked;
use crate::tree::format::{KIND_ROOT, VERSION};
use crate::tree::{Attributes, Config, MediaType, NodeError, Tree, TreeError};
use crate::{BlobStore, Durability, MemoryStore};

fn limited(dirty_bytes_max: u64) -> Tree {
    Tree::new(Arc::new(MemoryStore::new()), Config { dirty_bytes_max, ..Config::default() })
}

type Change = fn(&mut Tree, &str) -> Result<(), TreeError>;

/// A change of attributes, a removal and a renaming open nodes as a write does, and were not counted.
#[test]
fn every_change_is_subject_to_the_limit() {
    const DIRTY_BYTES_MAX: u64 = 64 << 10;
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let mut tree = Tree::new(Arc::clone(&store), Config::default());
    for directory in 0..100 {
        tree.mkdir(&format!("/{directory}"), attributes()).unwrap();
        for file in 0..50 {
            tree.create(&format!("/{directory}/{file}"), attributes()).unwrap();
        }
    }
    let id = tree.commit(Durability::Buffered).unwrap();
    let changes: [Change; 3] = [
        |tree, path| tree.set_attributes(path, |attributes| attributes.mode = 0o600),
        |tree, path| tree.remove(path, NOW),
        |tree, path| tree.rename(path, &format!("{path}x"), NOW),
    ];
    for change in changes {
        let config = Config { dirty_bytes_max: DIRTY_BYTES_MAX, ..Config::default() };
        let mut tree = Tree::open(Arc::clone(&store), id, config).unwrap();
        let refused = (0..100).find_map(|directory| change(&mut tree, &format!("/{directory}/25")).err());
        assert!(matches!(refused, Some(TreeError::Dirty { .. })), "{refused:?}");
        // What is there may exceed the limit by the nodes of one change.
        assert!(tree.usage().dirty_bytes < 2 * DIRTY_BYTES_MAX, "{:?}", tree.usage());
        tree.commit(Durability::Buffered).unwrap();
        change(&mut tree, "/99/26").unwrap();
    }
}

/// Targets of links, short contents and media types are in memory with their entries, and once weighed nothing.
#[test]
fn what_entries_hold_is_counted() {
    let mut tree = limited(1 << 20);
    let mut attributes = attributes();
    attributes.media_type = Some("a".repeat(MediaType::BYTES_MAX).parse().unwrap());
    let made = (0..10_000u64)
        .take_while(|number| tree.symlink(&[b'x'; 4_000], &format!("/{number}"), attributes.clone()).is_ok());
    let made = made.count() as u64;
    assert!((200..=(1 << 20) / 4_000 + 1).contains(&made), "{made} links of 4,000 bytes in a mebibyte");
}

/// A link to a blob that is too long for a node made us read all of it before it was refused.
#[test]
fn a_node_that_is_too_long_is_not_read() {
    let store = Arc::new(Probe::default());
    let long = store.put(&vec![7; 1 << 20], Durability::Buffered).unwrap();
    let mut body = vec![VERSION, KIND_ROOT, 0, 0b1001, 0, 0, 0, 0];
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(&[1, 0, 1]);
    let root = store.put(&Linked::encode(&[long], &body), Durability::Buffered).unwrap();
    let tree = Tree::open(Arc::clone(&store) as Arc<dyn BlobStore>, root, Config::default()).unwrap();
    store.take();
    let error = tree.stat("/x").unwrap_err();
    assert_eq!(store.take(), (0, 0));
    let TreeError::Corrupt { id, reason: NodeError::Length { length } } = error else { panic!("{error}") };
    assert_eq!((id, length), (long, 1 << 20));
}

/// Writing nothing changes nothing, as in POSIX: neither the length, however far off, nor the time.
#[test]
fn an_empty_write_changes_nothing() {
    let mut tree = empty();
    tree.put("/f", b"abc", attributes()).unwrap();
    let id = tree.commit(Durability::Buffered).unwrap();
    tree.write("/f", 1 << 50, b"", Instant::from_nanos(99)).unwrap();
    assert_eq!(tree.snapshot(), Some(id));
    assert!(matches!(tree.write("/none", 0, b"", NOW), Err(TreeError::NotFound { .. })));
}

/// Unpacking an archive puts old files into new directories, and gave those the time of the file.
#[test]
fn a_directory_does_not_become_older() {
    let at = |nanos| Attributes::new(0o755, Instant::from_nanos(nanos));
    let mut tree = empty();
    let modified = |tree: &Tree| tree.stat("/d").unwrap().attributes.modified.as_nanos();
    tree.mkdir("/d", at(1_000)).unwrap();
    tree.put("/d/old", b"", at(3)).unwrap();
    assert_eq!(modified(&tree), 1_000);
    tree.put("/d/new", b"", at(2_000)).unwrap();
    assert_eq!(modified(&tree), 2_000);
}
