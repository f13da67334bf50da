//! Blobs that are what their names say, but not what an image needs.

use std::sync::Arc;

use ironloom_blob::link::{Linked, Role};
use ironloom_blob::{BlobError, BlobId, BlobStore, Durability, MemoryStore};

use super::*;

const PAGES: u64 = 600;

fn root_body(bytes: u64, slots: &[usize]) -> Vec<u8> {
    let mut body = b"ILMROOT\x01".to_vec();
    body.extend_from_slice(&BASE.to_le_bytes());
    body.extend_from_slice(&bytes.to_le_bytes());
    body.extend_from_slice(&slot_bytes(slots));
    body
}

fn node_body(level: u8, slots: &[usize]) -> Vec<u8> {
    let mut body = b"ILMNODE\x01".to_vec();
    body.extend_from_slice(&[level, 0, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(&slot_bytes(slots));
    body
}

fn slot_bytes(slots: &[usize]) -> [u8; 64] {
    let mut bytes = [0; 64];
    slots.iter().for_each(|slot| bytes[slot / 8] |= 1 << (slot % 8));
    bytes
}

/// A region with these pages.
fn pages_of(ids: &[BlobId], body: &[u8]) -> Vec<u8> {
    Linked::encode_only(Role::Leaf, ids, body)
}

/// A store of these blobs, and what they are called.
fn stored(blobs: &[&[u8]]) -> (Arc<MemoryStore>, Vec<BlobId>) {
    let store = MemoryStore::new();
    let ids = store.put_many(blobs, Durability::Buffered).unwrap();
    (Arc::new(store), ids)
}

/// Restores from a root and reads the first page; returns why that fails.
fn check(store: &Arc<MemoryStore>, root: &[u8], expected: &str) {
    let image = store.put(root, Durability::Buffered).unwrap();
    let config = MemoryConfig::new(GuestAddress::new(BASE), PAGES * PAGE_BYTES);
    let store: Arc<dyn BlobStore> = Arc::<MemoryStore>::clone(store);
    let error = match Memory::restore(store, image, config) {
        Err(error) => error,
        Ok(memory) => {
            let error = memory.load::<u64>(at(0, 0)).unwrap_err();
            assert!(memory.grant(page(0), Access::Write).is_err(), "a page without content is not given out");
            error
        }
    };
    assert!(error.to_string().contains(expected), "`{error}` does not say `{expected}`");
}

/// As [`check`], with a sound root that leads to one region.
fn check_region(region: &[u8], expected: &str) {
    let (store, ids) = stored(&[region]);
    check(&store, &Linked::encode(&ids, &root_body(PAGES * PAGE_BYTES, &[0])), expected);
}

/// As [`check`], with a sound root and region that lead to one page.
fn check_page(page: &[u8], expected: &str) {
    let (store, ids) = stored(&[page]);
    let region = store.put(&pages_of(&ids, &node_body(0, &[0])), Durability::Buffered).unwrap();
    check(&store, &Linked::encode(&[region], &root_body(PAGES * PAGE_BYTES, &[0])), expected);
}

#[test]
fn roots_that_lie_are_refused() {
    let bytes = PAGES * PAGE_BYTES;
    let (store, ids) = stored(&[b"a", b"b"]);
    check(&store, b"", "table of links");
    check(&store, &root_body(bytes, &[]), "table of links");
    check(&store, &Linked::encode(&[], &node_body(0, &[])), "ILMROOT");
    check(&store, &Linked::encode(&[], &root_body(bytes, &[])[..80]), "wrong length");
    check(&store, &Linked::encode(&[], &root_body(bytes, &[])[..83]), "wrong length");
    check(&store, &Linked::encode(&[], &[root_body(bytes, &[]), vec![0; 8]].concat()), "wrong length");
    check(&store, &Linked::encode(&[], &root_body(bytes, &[0])), "0 links and 0 leaves for 1 slots");
    check(&store, &Linked::encode(&ids, &root_body(bytes, &[1])), "2 links and 0 leaves for 1 slots");
    check(&store, &Linked::encode(&ids, &root_body(bytes, &[0, 2])), "behind its end");
    for other in [0, bytes + 1, bytes - PAGE_BYTES, u64::MAX] {
        check(&store, &Linked::encode(&[], &root_body(other, &[])), "cannot become");
    }
}

#[test]
fn regions_that_lie_are_refused() {
    let page = [7; 4096];
    let (_, ids) = stored(&[&page]);
    check_region(b"whatever", "table of links");
    check_region(&Linked::encode(&ids, &root_body(PAGES * PAGE_BYTES, &[0])), "ILMNODE");
    check_region(&Linked::encode(&ids, &node_body(1, &[0])), "its level");
    check_region(&Linked::encode(&[], &node_body(0, &[])), "without children");
    check_region(&pages_of(&ids, &node_body(0, &[0, 1])), "0 links and 1 leaves for 2 slots");
    check_region(&pages_of(&ids, &node_body(0, &[0])[..72]), "wrong length");
    check_region(&Linked::encode(&ids, &node_body(0, &[0])), "1 links and 0 leaves for 1 slots");
}

#[test]
fn a_region_ends_where_the_memory_ends() {
    let page = [7; 4096];
    let (store, ids) = stored(&[&page]);
    let region = store.put(&pages_of(&ids, &node_body(0, &[88])), Durability::Buffered).unwrap();
    let root = Linked::encode(&[region], &root_body(PAGES * PAGE_BYTES, &[1]));
    let image = store.put(&root, Durability::Buffered).unwrap();
    let config = MemoryConfig::new(GuestAddress::new(BASE), PAGES * PAGE_BYTES);
    let memory = Memory::restore(store, image, config).unwrap();
    assert!(matches!(memory.load::<u8>(at(512, 0)), Err(MemoryError::Corrupt { .. })));
    assert_eq!(memory.load::<u8>(at(0, 0)).unwrap(), 0, "the other region is sound");
}

#[test]
fn pages_that_lie_are_refused() {
    check_page(&[7; 4095], "4095 bytes");
    check_page(&[7; 4097], "4097 bytes");
    check_page(&[], "0 bytes");
    check_page(&[0; 4096], "zeroes");
}

#[test]
fn what_is_missing_is_said_to_be() {
    let absent = BlobId::of(b"nowhere");
    let (store, _) = stored(&[]);
    let region = store.put(&pages_of(&[absent], &node_body(0, &[0])), Durability::Buffered).unwrap();
    check(&store, &Linked::encode(&[region], &root_body(PAGES * PAGE_BYTES, &[0])), "not in the store");
    check(&store, &Linked::encode(&[absent], &root_body(PAGES * PAGE_BYTES, &[0])), "not in the store");
    let config = MemoryConfig::new(GuestAddress::new(BASE), PAGES * PAGE_BYTES);
    let error = Memory::restore(store, absent, config).unwrap_err();
    assert!(matches!(error, MemoryError::Blob(BlobError::NotFound { .. })));
}
