//! Sequences of few steps that once lost something.

use std::io;

use ironloom_core::Seed;

use super::{fresh, noise, open, small};
use crate::disk::record::parse_segment;
use crate::{
    BlobError, BlobStore, DiskConfig, DiskStore, Durability, FaultyMedium, Medium, MediumFile, PinName, Spare,
};

fn name(text: &str) -> PinName {
    text.parse().unwrap()
}

/// A blob that is put again counts as put now, however long it has been there.
#[test]
fn an_old_blob_that_is_put_again_is_spared() {
    let (_, store) = fresh();
    let id = store.put(&noise(1, 500), Durability::Synced).unwrap();
    store.set_pin(&name("a"), None, Some(id)).unwrap();
    store.collect(Spare::Recent).unwrap();
    store.collect(Spare::Recent).unwrap();
    store.put(&noise(1, 500), Durability::Synced).unwrap();
    store.set_pin(&name("a"), Some(id), None).unwrap();
    store.collect(Spare::Recent).unwrap();
    assert_eq!(store.get(id).unwrap(), noise(1, 500));
}

/// A large blob that is spared needs the chunks that it shares with an older one, which is not.
#[test]
fn a_large_blob_is_spared_with_its_chunks() {
    let (_, store) = fresh();
    let content = noise(1, 100_000);
    let mut edited = content.clone();
    edited[99_000] ^= 1;
    let old = store.put(&content, Durability::Synced).unwrap();
    store.set_pin(&name("a"), None, Some(old)).unwrap();
    store.collect(Spare::Recent).unwrap();
    let id = store.put(&edited, Durability::Synced).unwrap();
    store.set_pin(&name("a"), Some(old), None).unwrap();
    store.collect(Spare::Recent).unwrap();
    assert_eq!(store.get(id).unwrap(), edited);
}

/// Many threads find at once that saving the index is due; none must subtract what another has just saved.
#[test]
fn threads_that_find_a_checkpoint_due_do_not_disagree() {
    let medium = FaultyMedium::new(Seed::new(1));
    let config = DiskConfig { checkpoint_bytes: 1 << 10, segment_bytes: 1 << 20, ..small() };
    let store = DiskStore::open_on(medium, config).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..1_000 {
                    let content = (thread * 1_000_000 + number).to_le_bytes();
                    store.put(&content, Durability::Buffered).unwrap();
                }
            });
        }
    });
    assert_eq!(store.statistics().records, 4_000);
}

/// A killed process leaves a segment whose name is not durable; what the next one syncs into it must be.
#[test]
fn what_is_synced_into_a_segment_of_a_killed_process_survives() {
    for seed in 0..20 {
        let medium = FaultyMedium::new(Seed::new(seed));
        let store = open(&medium);
        for number in 0..11 {
            store.put(&noise(number, 1_400), Durability::Buffered).unwrap();
        }
        store.checkpoint().unwrap();
        store.put(&noise(100, 1_400), Durability::Buffered).unwrap();
        medium.fail_after(0, io::ErrorKind::Other);
        store.sync().unwrap_err();
        drop(store);
        let store = open(&medium);
        let id = store.put(&noise(200, 100), Durability::Synced).unwrap();
        medium.power_off_after(0);
        drop(store);
        medium.crash();
        assert_eq!(open(&medium).get(id).unwrap(), noise(200, 100), "seed {seed}");
    }
}

/// A process that is killed before its first write leaves an empty segment, which gets its header from the next one.
#[test]
fn a_segment_without_a_header_gets_one() {
    let medium = FaultyMedium::new(Seed::new(1));
    let store = open(&medium);
    medium.fail_after(0, io::ErrorKind::Other);
    store.put(b"x", Durability::Synced).unwrap_err();
    drop(store);
    let store = open(&medium);
    store.put(b"y", Durability::Synced).unwrap();
    drop(store);
    let mut header = [0; 64];
    medium.open("00000001.seg").unwrap().read_at(&mut header, 0).unwrap();
    assert!(parse_segment(&header).is_some());
}

/// A sync that fails for want of room has not said what is durable, so the pin must not be promised to have stayed.
#[test]
fn a_pin_whose_sync_finds_no_room_is_in_doubt() {
    let (medium, store) = fresh();
    let id = store.put(b"a", Durability::Synced).unwrap();
    medium.fail_after(1, io::ErrorKind::StorageFull);
    let moved = store.set_pin(&name("p"), None, Some(id));
    assert!(matches!(moved, Err(crate::PinError::Blob(BlobError::Io { .. }))), "{moved:?}");
    assert!(matches!(store.put(b"b", Durability::Buffered), Err(BlobError::Stopped { .. })));
}

/// An attempt to save the index that failed does not count: closing the store saves it.
#[test]
fn after_a_failed_checkpoint_closing_saves_the_index() {
    let (medium, store) = fresh();
    store.put(&noise(1, 500), Durability::Synced).unwrap();
    medium.fail_after(1, io::ErrorKind::StorageFull);
    store.checkpoint().unwrap_err();
    drop(store);
    assert!(medium.list().unwrap().contains(&"index".to_owned()));
}

/// Compaction finds that a segment is gone already: that is what it wanted.
#[test]
fn a_collection_survives_a_segment_that_is_gone() {
    let (medium, store) = fresh();
    for number in 0..40 {
        store.put(&noise(number, 1_400), Durability::Synced).unwrap();
    }
    assert!(medium.delete("00000001.seg"));
    store.collect(Spare::Racing).unwrap();
    store.put(b"more", Durability::Synced).unwrap();
}
