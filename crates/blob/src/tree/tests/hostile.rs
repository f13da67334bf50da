//! Nodes that lie.

use std::sync::Arc;

use proptest::prelude::*;

use super::{NOW, attributes, empty, reopened, store, tree_of};
use crate::link::Linked;
use crate::tree::content::{Content, FileNode};
use crate::tree::directory::Directory;
use crate::tree::entry::{Body, Entry};
use crate::tree::format::{self, Encoder, KIND_DIRECTORY, KIND_ROOT, LEVELS_MAX, VERSION};
use crate::tree::node::{Child, Item, Items, Link, Node};
use crate::tree::{Config, NODE_BYTES_MAX, Name, NodeError, Tree, TreeError, check_node};
use crate::{BlobId, BlobStore, Durability, MemoryStore};

/// Blobs of every kind of node, as they are written.
fn nodes() -> Vec<Vec<u8>> {
    let mut tree = tree_of(&["/d/", "/d/f", "/l -> d"]);
    tree.truncate("/d/f", 300_000, NOW).unwrap();
    tree.write("/d/f", 200_000, b"x", NOW).unwrap();
    for number in 0..500 {
        tree.create(&*format!("/d/{number}"), attributes()).unwrap();
    }
    let mut found = Vec::new();
    let mut ahead = vec![tree.commit(Durability::Buffered).unwrap()];
    while let Some(id) = ahead.pop() {
        let blob = store(&tree).get(id).unwrap();
        if let Ok(linked) = Linked::parse(&blob) {
            ahead.extend(linked.links());
            found.push(blob.to_vec());
        }
    }
    found
}

/// Does everything that reads with a tree that may lie; it may fail, and nothing worse.
fn use_all(tree: &mut Tree) {
    let paths: Vec<_> = match tree.walk("/") {
        Ok(walk) => walk.take(2_000).map_while(Result::ok).map(|walked| walked.path).collect(),
        Err(_) => Vec::new(),
    };
    for path in paths.iter().take(20) {
        drop(tree.read(path, 0, &mut [0; 300_000]));
        drop(tree.write(path, 250_000, b"x", NOW));
        drop(tree.list(path, None, 10));
        drop(tree.remove(path, NOW));
    }
    drop(tree.create("/d/new", attributes()));
    assert!(tree.diff(&empty()).take(2_000).map_while(Result::ok).count() <= 2_000);
    drop(tree.commit(Durability::Buffered));
}

/// What is accepted is what would have been written: one node, one encoding.
fn check_canonical(bytes: &[u8]) {
    if check_node(bytes).is_err() {
        return;
    }
    if let Ok(root) = format::decode_root(bytes) {
        assert_eq!(format::encode_root(&root), bytes);
    } else if let Ok(node) = format::decode_node(bytes) {
        let mut encoder = Encoder::default();
        match &node.items {
            Items::Leaf(items) => items.iter().for_each(|item| encoder.put_item(item)),
            Items::Branch(_, children) => children.iter().for_each(|child| encoder.put_child(child)),
        }
        assert_eq!(encoder.finish(node.level()), bytes);
    } else {
        assert!(FileNode::parse(bytes).is_ok());
    }
}

#[test]
fn what_is_written_is_well_formed() {
    let nodes = nodes();
    assert!(nodes.len() > 5);
    for node in nodes {
        assert_eq!(check_node(&node), Ok(()));
        check_canonical(&node);
    }
}

fn ids() -> impl Strategy<Value = Vec<BlobId>> {
    prop::collection::vec(any::<[u8; 32]>().prop_map(BlobId::from_bytes), 0..4)
}

proptest! {
    #[test]
    fn arbitrary_bodies_are_refused_or_read(
        links in ids(),
        leaves in ids(),
        kind in 0..4u8,
        level in 0..3u8,
        rest in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..120),
    ) {
        let body = [&[VERSION, kind, level][..], &rest].concat();
        check_canonical(&Linked::encode_with(&links, &leaves, &body));
    }

    #[test]
    fn a_damaged_node_is_an_error_and_nothing_worse(node: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: bool) {
        let nodes = nodes();
        let mut bytes = nodes[node.index(nodes.len())].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        check_canonical(&bytes);
        let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
        let parts: Vec<&[u8]> = nodes.iter().map(Vec::as_slice).collect();
        store.put_many(&parts, Durability::Buffered).unwrap();
        let id = store.put(&bytes, Durability::Buffered).unwrap();
        // As a root by itself, and as the root node of a tree with the totals of that node.
        for root in [id, store.put(&root_over(id, &bytes), Durability::Buffered).unwrap()] {
            if let Ok(mut tree) = Tree::open(Arc::clone(&store), root, Config::default()) {
                use_all(&mut tree);
            }
        }
    }
}

/// The root of a tree whose root node is this.
fn root_over(id: BlobId, node: &[u8]) -> Vec<u8> {
    let mut body = vec![VERSION, KIND_ROOT, 0, 0b1001, 0, 0, 0, 0];
    body.extend_from_slice(&[0; 8]);
    let totals = format::decode_node(node).map(|node| node.totals).unwrap_or_default();
    for number in [totals.entries, totals.bytes, totals.height.into()] {
        crate::tree::codec::put_number(number, &mut body);
    }
    Linked::encode(&[id], &body)
}

fn refused(blob: &[u8]) -> TreeError {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let id = store.put(blob, Durability::Buffered).unwrap();
    Tree::open(store, id, Config::default()).unwrap_err()
}

#[test]
fn what_is_no_tree_is_not_opened() {
    for (blob, expected) in [
        (b"hello".to_vec(), "does not begin"),
        (Linked::encode(&[], &[]), "ends within"),
        (Linked::encode(&[], &[9, KIND_ROOT, 0]), "format is 9"),
        (Linked::encode(&[], &[VERSION, KIND_DIRECTORY, 0, 0, 0]), "another is expected"),
        (Linked::encode(&[], &[0; NODE_BYTES_MAX]), "has 65552 bytes"),
    ] {
        let error = refused(&blob);
        assert!(matches!(error, TreeError::Corrupt { .. }));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn totals_that_do_not_add_up_are_found_out() {
    let mut tree = tree_of(&["/a", "/b"]);
    let root = tree.commit(Durability::Buffered).unwrap();
    let blob = store(&tree).get(root).unwrap();
    let linked = Linked::parse(&blob).unwrap();
    let mut body = linked.body().to_vec();
    let entries = body.len() - 3;
    assert_eq!(body[entries..], [2, 4, 1]);
    body[entries] = 3;
    let links: Vec<BlobId> = linked.links().collect();
    let liar = store(&tree).put(&Linked::encode(&links, &body), Durability::Buffered).unwrap();
    let liar = Tree::open(store(&tree), liar, Config::default()).unwrap();
    let error = liar.stat("/a").unwrap_err();
    assert!(matches!(error, TreeError::Corrupt { reason: NodeError::Totals, .. }), "{error}");
    reopened(&mut tree).stat("/a").unwrap();
}

/// Stores branches of these children.
fn branch(store: &dyn BlobStore, level: u8, children: Vec<Child>) -> Child {
    let mut encoder = Encoder::default();
    children.iter().for_each(|child| encoder.put_child(child));
    let id = store.put(&encoder.finish(level), Durability::Buffered).unwrap();
    let node = Node::new(Items::Branch(level, children));
    Child { last: node.last().unwrap().clone(), link: Link::stored(id, node.totals) }
}

/// Stores an entry under so many levels of branches that have nothing else below them.
fn lone(store: &dyn BlobStore, name: &[u8], entry: Entry, levels: u8) -> Child {
    let item = Item { name: Name::new(name).unwrap(), entry };
    let mut encoder = Encoder::default();
    encoder.put_item(&item);
    let id = store.put(&encoder.finish(0), Durability::Buffered).unwrap();
    let link = Link::stored(id, Node::new(Items::Leaf(vec![item.clone()])).totals);
    let leaf = Child { last: item.name, link };
    (1..=levels).fold(leaf, |child, level| branch(store, level, vec![child]))
}

fn file() -> Entry {
    Entry { attributes: attributes(), body: Body::File(Content::of_inline(b"")) }
}

/// The root of a directory.
fn directory(child: Child) -> Entry {
    Entry { attributes: attributes(), body: Body::Directory(Directory::of(Some(child.link))) }
}

/// As many directories in each other as may be, each below as many levels of nodes as may be, overflowed the stack of
/// whoever opened and changed such a snapshot, when there could be 16 levels.
#[test]
fn the_deepest_nodes_of_the_deepest_directories_fit_on_the_stack() {
    for (depth_max, stack_bytes) in [(Config::default().depth_max, 2 << 20), (Config::DEPTH_MAX, 4 << 20)] {
        let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
        let mut entry = file();
        for _ in 0..depth_max {
            let below = [(b"d", entry), (b"e", file())];
            let children = below.map(|(name, entry)| lone(&*store, name, entry, LEVELS_MAX - 1));
            entry = directory(branch(&*store, LEVELS_MAX, children.into()));
        }
        let id = store.put(&format::encode_root(&entry), Durability::Buffered).unwrap();
        let use_it = || {
            let config = Config { depth_max, ..Config::default() };
            let mut tree = Tree::open(Arc::clone(&store), id, config).unwrap();
            let path = "/d".repeat(depth_max);
            tree.write(&path, 0, b"hello", NOW).unwrap();
            let fork = tree.fork();
            let id = tree.commit(Durability::Buffered).unwrap();
            tree.remove(&path, NOW).unwrap();
            tree.rename("/d", "/f", NOW).unwrap();
            drop((tree, fork));
            Tree::open(Arc::clone(&store), id, Config { depth_max, ..Config::default() })
                .unwrap()
                .read_all(&path)
        };
        let read = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, use_it);
            thread.unwrap().join().unwrap()
        });
        assert_eq!(read.unwrap(), b"hello");
    }
}

#[test]
fn a_root_with_one_child_is_none() {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let root = directory(lone(&*store, b"f", file(), 1));
    let id = store.put(&format::encode_root(&root), Durability::Buffered).unwrap();
    let mut tree = Tree::open(store, id, Config::default()).unwrap();
    for error in [tree.stat("/f").unwrap_err(), tree.remove("/f", NOW).unwrap_err()] {
        assert!(matches!(error, TreeError::Corrupt { reason: NodeError::Count { found: 1 }, .. }), "{error}");
    }
}
