//! Races that once lost something, driven step by step or run until they would show.

use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::Seed;

use super::{fresh, noise, open};
use crate::disk::checkpoint;
use crate::disk::index::{Age, Key};
use crate::disk::record::Kind;
use crate::link::Linked;
use crate::{BlobStore, Durability, FaultyMedium};

/// Two threads put one large blob, both find it absent, and a checkpoint comes between their manifests. The later
/// manifest once took the place of the synced one behind the checkpoint, and a crash forgot both.
#[test]
fn a_second_manifest_does_not_replace_a_synced_one() {
    for seed in 0..20 {
        let medium = FaultyMedium::new(Seed::new(seed));
        let store = open(&medium);
        let content = noise(1, 60_000);
        let id = store.put(&content, Durability::Synced).unwrap();
        let (position, _) = store.writer.settle(&store.ground()).unwrap();
        let record = store.record(&id, Kind::Manifest).unwrap();
        store.store(&record.header, &record.stored, None).unwrap();
        checkpoint::save(&store.medium, &store.index, position).unwrap();
        medium.power_off_after(0);
        drop(store);
        medium.crash();
        assert_eq!(open(&medium).get(id).unwrap(), content, "seed {seed}");
    }
}

/// A pin that failed for a part that was swept already is set again once that part is put. The second attempt once
/// walked nothing, and the sweep took what the pin kept.
#[test]
fn a_pin_that_failed_is_walked_again() {
    let (_, store) = fresh();
    let (swept, kept) = (noise(1, 300), noise(2, 300));
    let (swept_id, kept_id) =
        (store.put(&swept, Durability::Synced).unwrap(), store.put(&kept, Durability::Synced).unwrap());
    let root = store.put(&Linked::encode(&[kept_id, swept_id], b""), Durability::Synced).unwrap();
    store.begin_collection().unwrap();
    store.mark().unwrap();
    let entry = store.index.find(&swept_id).unwrap();
    store.index.remove(&Key::of(&swept_id), &entry);

    let pin = "root".parse().unwrap();
    store.set_pin(&pin, None, Some(root)).unwrap_err();
    store.put(&swept, Durability::Synced).unwrap();
    store.set_pin(&pin, None, Some(root)).unwrap();
    let age = store.index.find(&kept_id).unwrap().age;
    assert!(matches!(age, Age::New | Age::Reached), "the sweep would take it: {age:?}");
}

/// What is put while a checkpoint is being made is not part of it. It once counted as saved, and a store that was
/// closed right then never wrote it.
#[test]
fn what_is_put_during_a_checkpoint_is_saved_at_the_end() {
    for round in 0..200u64 {
        let medium = FaultyMedium::new(Seed::new(round));
        let store = open(&medium);
        let stop = AtomicBool::new(false);
        let mut last = None;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    store.checkpoint().unwrap();
                }
            });
            for number in 0..50u64 {
                let content = (round * 1_000 + number).to_le_bytes();
                last = Some(store.put(&content, Durability::Buffered).unwrap());
            }
            stop.store(true, Ordering::Relaxed);
        });
        drop(store);
        assert!(open(&medium).get(last.unwrap()).is_ok(), "round {round}");
    }
}
