//! Nodes of trees: whatever a blob holds, it is a node or refused, and a tree over it answers or fails.
//!
//! `cargo +nightly fuzz run tree_node`

#![no_main]

use std::sync::Arc;

use ironloom_blob::link::Linked;
use ironloom_blob::tree::{Config, Tree, check_node};
use ironloom_blob::{BlobStore, Durability, MemoryStore};
use ironloom_core::Instant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let Ok(child) = store.put(bytes, Durability::Buffered) else {
        return;
    };
    // The bytes are a blob, and the body of a node all of whose links and leaves are that blob.
    let mut linked = vec![bytes.to_vec()];
    for links in 0..3 {
        let leaves = (0..2).map(|leaves| vec![child; leaves]);
        linked.extend(leaves.map(|leaves| Linked::encode_with(&vec![child; links], &leaves, bytes)));
    }
    for node in linked {
        if check_node(&node).is_err() {
            continue;
        }
        let Ok(id) = store.put(&node, Durability::Buffered) else {
            return;
        };
        let Ok(mut tree) = Tree::open(Arc::clone(&store), id, Config::default()) else {
            continue;
        };
        let Ok(walk) = tree.walk("/") else {
            continue;
        };
        let paths: Vec<_> = walk.take(100).map_while(Result::ok).map(|walked| walked.path).collect();
        for path in &paths {
            let _ = tree.read(path, 0, &mut [0; 100]);
            let _ = tree.write(path, 70_000, b"x", Instant::ZERO);
        }
        let _ = tree.commit(Durability::Buffered);
    }
});
