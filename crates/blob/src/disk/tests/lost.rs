//! Blobs that are known but cannot be read: they are not forgotten, and collections do not take them for absent.

use super::{Store, fresh, noise, open, small};
use crate::link::Linked;
use crate::{
    BlobError, BlobId, BlobStore, DiskConfig, DiskStore, Durability, FaultyMedium, PinError, PinName, Spare,
};

fn root() -> PinName {
    "root".parse().unwrap()
}

/// Flips a bit in the only place where the medium has these bytes.
fn damage(medium: &FaultyMedium, content: &[u8]) {
    let piece = &content[content.len() - 64..];
    let damaged = medium.damage("00000001.seg", |bytes| {
        let found = bytes.windows(piece.len()).position(|window| window == piece);
        bytes[found.expect("it is stored as it is")] ^= 1;
    });
    assert!(damaged);
}

fn assert_corrupt<T: std::fmt::Debug>(found: &Result<T, BlobError>) {
    assert!(matches!(found, Err(BlobError::Corrupt { .. })), "{found:?}");
}

/// A pinned root and what it links to.
fn put_pair(store: &Store) -> (Vec<u8>, BlobId, BlobId) {
    let child = store.put(&noise(1, 500), Durability::Synced).unwrap();
    let content = Linked::encode(&[child], &noise(2, 300));
    let id = store.put(&content, Durability::Synced).unwrap();
    store.set_pin(&root(), None, Some(id)).unwrap();
    (content, id, child)
}

/// The first collection says that the root is corrupt. The second one must not conclude that it is gone, and with it
/// every reason to keep what it links to.
#[test]
fn no_collection_takes_what_a_corrupt_blob_keeps() {
    let (medium, store) = fresh();
    let (content, id, child) = put_pair(&store);
    drop(store);
    damage(&medium, &content);
    let mut store = open(&medium);
    for round in 0..5 {
        assert_corrupt(&store.collect(Spare::Racing));
        if round % 2 == 1 {
            store.put(&[round], Durability::Synced).unwrap();
            drop(store);
            store = open(&medium);
        }
    }
    assert_corrupt(&store.get(id));
    assert_eq!(store.put(&content, Durability::Synced).unwrap(), id);
    assert_eq!(store.get(id).unwrap(), content);
    assert_eq!(store.get(child).unwrap(), noise(1, 500));
    assert_eq!(store.collect(Spare::Racing).unwrap().kept, 2);
    assert_eq!(store.get(child).unwrap(), noise(1, 500));
}

/// What has bad blocks today has them tomorrow: that a blob was lost is not forgotten when the store is closed.
#[test]
fn a_corrupt_blob_is_corrupt_after_reopening_until_it_is_put_again() {
    let (medium, store) = fresh();
    let contents = [noise(1, 500), noise(2, 3_000)];
    let ids = contents.each_ref().map(|content| store.put(content, Durability::Synced).unwrap());
    drop(store);
    contents.iter().for_each(|content| damage(&medium, content));
    let mut store = open(&medium);
    for round in 0..3u8 {
        for id in ids {
            assert_corrupt(&store.get(id));
            assert_corrupt(&store.len(id));
            assert!(!store.has(id).unwrap(), "whoever asks must know that it is to be put again");
            let pinned = store.set_pin(&root(), None, Some(id));
            assert!(matches!(pinned, Err(PinError::Blob(BlobError::Corrupt { .. }))), "{pinned:?}");
        }
        // So that there is something to save.
        store.put(&[round], Durability::Synced).unwrap();
        drop(store);
        store = open(&medium);
    }
    for (id, content) in ids.iter().zip(&contents) {
        store.put(content, Durability::Synced).unwrap();
        assert_eq!(store.get(*id).unwrap(), content);
    }
    drop(store);
    let store = open(&medium);
    ids.iter().zip(&contents).for_each(|(id, content)| assert_eq!(store.get(*id).unwrap(), content));
}

/// No table of damaged blobs can be too full to mend another one.
#[test]
fn any_number_of_corrupt_blobs_can_be_put_again() {
    let medium = FaultyMedium::new(ironloom_core::Seed::new(1));
    let config = || DiskConfig { segment_bytes: 1 << 20, ..small() };
    let store = DiskStore::open_on(medium.clone(), config()).unwrap();
    let contents: Vec<Vec<u8>> = (0..200).map(|number| noise(number, 400)).collect();
    let ids: Vec<BlobId> =
        contents.iter().map(|content| store.put(content, Durability::Buffered).unwrap()).collect();
    store.sync().unwrap();
    contents.iter().for_each(|content| damage(&medium, content));
    ids.iter().for_each(|id| assert_corrupt(&store.get(*id)));
    for content in &contents {
        store.put(content, Durability::Buffered).unwrap();
    }
    ids.iter().zip(&contents).for_each(|(id, content)| assert_eq!(store.get(*id).unwrap(), content));
    let statistics = store.statistics();
    assert_eq!(statistics.records, 200);
    assert_eq!(statistics.stored_bytes, 200 * 464, "the damaged records count no more");
}

/// An absent blob may have kept others, so nothing may be dropped without it, until it is put or the pin is gone.
#[test]
fn a_collection_drops_nothing_while_a_part_of_what_is_pinned_is_absent() {
    let (_, store) = fresh();
    let absent = BlobId::of(b"absent");
    let other = store.put(b"other", Durability::Synced).unwrap();
    let id = store.put(&Linked::encode(&[absent], b""), Durability::Synced).unwrap();
    store.set_pin(&root(), None, Some(id)).unwrap();
    for _ in 0..3 {
        let collected = store.collect(Spare::Racing);
        assert!(matches!(collected, Err(BlobError::NotFound { id }) if id == absent), "{collected:?}");
        assert!(store.has(other).unwrap());
    }
    store.put(b"absent", Durability::Synced).unwrap();
    let collected = store.collect(Spare::Racing).unwrap();
    assert_eq!((collected.kept, collected.dropped, collected.missing), (2, 1, 0));
}

/// Letting go of what fills the medium is the way out, so it must not need room for what waits to be written.
#[test]
fn a_pin_is_removed_while_what_waits_in_memory_finds_no_room() {
    let (medium, store) = fresh();
    let ids: Vec<BlobId> =
        (0..100).map(|number| store.put(&noise(number, 900), Durability::Buffered).unwrap()).collect();
    let id = store.put(&Linked::encode(&ids, b""), Durability::Synced).unwrap();
    store.set_pin(&root(), None, Some(id)).unwrap();
    medium.set_capacity(Some(200 << 10));
    let full = (1_000..).find_map(|number| store.put(&noise(number, 900), Durability::Buffered).err());
    assert!(matches!(full, Some(BlobError::Full)), "{full:?}");
    // Room for the log of pins, not for a buffer of blobs.
    medium.set_capacity(Some((200 << 10) + 500));
    assert!(matches!(store.sync(), Err(BlobError::Full)));
    store.set_pin(&root(), Some(id), None).unwrap();
    assert!(store.collect(Spare::Racing).unwrap().freed_bytes > 80_000);
    store.put(&noise(1, 900), Durability::Synced).unwrap();
}
