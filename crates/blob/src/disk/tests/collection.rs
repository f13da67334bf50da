//! Collections, alone and while others put.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{fresh, noise, open};
use crate::link::Linked;
use crate::{BlobError, BlobId, BlobStore, Durability, PinError, PinName, Spare};

fn name(text: &str) -> PinName {
    text.parse().unwrap()
}

#[test]
fn what_no_pin_keeps_is_dropped_and_its_space_given_back() {
    let (medium, store) = fresh();
    let put = |number: u64, length: usize| store.put(&noise(number, length), Durability::Buffered).unwrap();
    let kept: Vec<BlobId> = (0..20).map(|number| put(number, 700)).chain([put(90, 50_000)]).collect();
    let dropped: Vec<BlobId> = (20..80).map(|number| put(number, 700)).chain([put(91, 50_000)]).collect();
    let inner = store.put(&Linked::encode(&kept[..10], b""), Durability::Buffered).unwrap();
    let links: Vec<BlobId> = kept[10..].iter().copied().chain([inner]).collect();
    let root = store.put(&Linked::encode(&links, b"root"), Durability::Buffered).unwrap();
    store.set_pin(&name("root"), None, Some(root)).unwrap();

    let collected = store.collect(Spare::Recent).unwrap();
    assert_eq!(collected.dropped, 0, "all of it was put since the last collection");
    let before = store.statistics();
    let collected = store.collect(Spare::Recent).unwrap();
    assert!(collected.dropped > 61 && collected.missing == 0, "{collected:?}");
    assert!(collected.freed_bytes > 60_000, "{collected:?}");
    let after = store.statistics();
    assert!(after.segments.iter().map(|segment| segment.bytes).sum::<u64>() < 120_000);
    assert!(after.stored_bytes < before.stored_bytes);
    assert_eq!(after.records, collected.kept);
    let check = |store: &super::Store| {
        kept.iter().for_each(|id| drop(store.get(*id).unwrap()));
        dropped.iter().for_each(|id| assert!(matches!(store.get(*id), Err(BlobError::NotFound { .. }))));
        let live: u64 = store.statistics().segments.iter().map(|segment| segment.live_bytes).sum();
        assert_eq!(live, after.stored_bytes);
    };
    check(&store);
    drop(store);
    check(&open(&medium));
}

#[test]
fn a_large_linked_blob_keeps_what_it_links_to() {
    let (_, store) = fresh();
    let leaves: Vec<BlobId> =
        (0..2_000u32).map(|number| store.put(&number.to_le_bytes(), Durability::Buffered).unwrap()).collect();
    let root = store.put(&Linked::encode(&leaves, b""), Durability::Buffered).unwrap();
    store.set_pin(&name("root"), None, Some(root)).unwrap();
    assert_eq!(store.collect(Spare::Racing).unwrap().dropped, 0);
    store.set_pin(&name("root"), Some(root), None).unwrap();
    store.collect(Spare::Racing).unwrap();
    assert_eq!(store.statistics().records, 0);
}

/// Content of strangers may look like a table: of what is nowhere, which must not stop a collection, or of what others
/// have dropped, which must not stay. Small and large ones alike.
#[test]
fn a_leaf_is_kept_and_leads_nowhere() {
    let (_, store) = fresh();
    let put = |content: &[u8]| store.put(content, Durability::Buffered).unwrap();
    let dropped = put(b"dropped");
    let names = [dropped, BlobId::of(b"nowhere")];
    let leaves = [put(&Linked::encode(&names, b"small")), put(&Linked::encode(&names, &noise(1, 50_000)))];
    let root = put(&Linked::encode_with(&[], &leaves, b""));
    store.set_pin(&name("root"), None, Some(root)).unwrap();
    for _ in 0..2 {
        let collected = store.collect(Spare::Racing).unwrap();
        assert_eq!(collected.missing, 0);
        leaves.iter().for_each(|leaf| drop(store.get(*leaf).unwrap()));
        assert!(!store.has(dropped).unwrap());
    }
    store.set_pin(&name("root"), Some(root), None).unwrap();
    store.collect(Spare::Racing).unwrap();
    assert_eq!(store.statistics().records, 0, "nothing is spared for having been a leaf");
}

/// A file may have the very bytes of a node that others link to.
#[test]
fn what_is_a_leaf_here_and_a_link_there_keeps_what_it_refers_to() {
    let (_, store) = fresh();
    let put = |content: &[u8]| store.put(content, Durability::Buffered).unwrap();
    for (length, is_direct) in [(10, true), (10, false), (50_000, true), (50_000, false)] {
        let child = put(&noise(2, 300));
        let node = put(&Linked::encode(&[child], &noise(3, length)));
        let above = if is_direct { node } else { put(&Linked::encode(&[node], b"above")) };
        let root = put(&Linked::encode_with(&[above], &[node], b""));
        store.set_pin(&name("root"), None, Some(root)).unwrap();
        store.collect(Spare::Racing).unwrap();
        store.collect(Spare::Racing).unwrap();
        assert_eq!(store.get(child).unwrap(), noise(2, 300));
        store.set_pin(&name("root"), Some(root), None).unwrap();
    }
}

#[test]
fn a_pin_moves_from_where_it_is_to_what_is_there() {
    let (_, store) = fresh();
    let id = store.put(b"one", Durability::Buffered).unwrap();
    let absent = BlobId::of(b"two");
    let refused = store.set_pin(&name("a"), None, Some(absent));
    assert!(matches!(refused, Err(PinError::Blob(BlobError::NotFound { id })) if id == absent));
    store.set_pin(&name("a"), None, Some(id)).unwrap();
    let moved = store.set_pin(&name("a"), None, Some(id));
    assert!(matches!(moved, Err(PinError::Moved { found: Some(found), .. }) if found == id));
}

/// Writers put trees and pin them, again and again the same ones, while one collection follows the other.
#[test]
fn a_put_that_races_with_collections_loses_nothing() {
    let (_, store) = fresh();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut dropped = 0;
            while !is_done.load(Ordering::Relaxed) {
                dropped += store.collect(Spare::Racing).unwrap().dropped;
            }
            dropped + store.collect(Spare::Racing).unwrap().dropped
        });
        let writers: Vec<_> = (0..2u64)
            .map(|writer| {
                scope.spawn({
                    let store = &store;
                    move || {
                        let pin = name(&format!("writer {writer}"));
                        let mut pinned = None;
                        for round in 0..60u64 {
                            // Most of it was there before and is garbage by now: only putting it again keeps it.
                            let content = noise(round % 7, 300 + 9_000 * (round % 4) as usize);
                            pinned = Some(put_and_pin(store, &pin, pinned, &content));
                        }
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        assert!(collector.join().unwrap() > 0, "there was something to collect");
    });
}

/// A collection that begins between the put and the pin may take the blob; then the pin says so, and both are tried
/// again. Once pinned, it stays.
fn put_and_pin(store: &super::Store, pin: &PinName, pinned: Option<BlobId>, content: &[u8]) -> BlobId {
    loop {
        let id = store.put(content, Durability::Buffered).unwrap();
        match store.set_pin(pin, pinned, Some(id)) {
            Ok(()) => {
                assert_eq!(store.get(id).unwrap(), content);
                return id;
            }
            Err(PinError::Blob(BlobError::NotFound { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
