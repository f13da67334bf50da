//! The store as a whole: what it does on good days here, and on bad ones in the modules below.

mod collection;
mod crash;
mod damage;
mod forged;
mod hostile;
mod lost;
mod names;
mod races;
mod sequences;

use std::collections::BTreeMap;

use ironloom_core::{Rng, Seed};
use proptest::prelude::*;

use super::{ChunkConfig, DiskConfig, DiskStore, OpenError};
use crate::{BlobError, BlobId, BlobStore, Durability, FaultyMedium};

type Store = DiskStore<FaultyMedium>;

/// A store whose every limit is reached by a few kilobytes.
fn small() -> DiskConfig {
    DiskConfig {
        segment_bytes: 16 << 10,
        buffer_bytes: 4 << 10,
        direct_bytes: 2 << 10,
        whole_bytes_max: 20 << 10,
        chunks: ChunkConfig { bytes_min: 1 << 10, bytes_average: 4 << 10, bytes_max: 8 << 10 },
        checkpoint_bytes: 64 << 10,
        ..DiskConfig::default()
    }
}

fn open(medium: &FaultyMedium) -> Store {
    DiskStore::open_on(medium.clone(), small()).unwrap()
}

fn fresh() -> (FaultyMedium, Store) {
    let medium = FaultyMedium::new(Seed::new(7));
    let store = open(&medium);
    (medium, store)
}

/// Bytes that differ for every number and do not compress.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(Seed::new(1)).split("content", number).fill(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn is_a_map_from_names_to_contents(
        puts in prop::collection::vec((0..40u64, 0..70_000usize, 0..4u8), 1..60),
        ranges in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8),
    ) {
        let (medium, mut store) = fresh();
        let mut model: BTreeMap<BlobId, Vec<u8>> = BTreeMap::new();
        for (number, length, how) in puts {
            let length = if number % 3 == 0 { length } else { length / 50 };
            let content = if number % 2 == 0 { vec![number as u8; length] } else { noise(number, length) };
            let id = match how {
                0 => store.put_stream(&mut &content[..], Durability::Buffered).unwrap().0,
                1 => store.put(&content, Durability::Synced).unwrap(),
                _ => store.put(&content, Durability::Buffered).unwrap(),
            };
            prop_assert_eq!(id, BlobId::of(&content));
            if how == 3 && number % 5 == 0 {
                drop(store);
                store = open(&medium);
            }
            model.insert(id, content);
        }
        for (id, content) in &model {
            prop_assert_eq!(&store.get(*id).unwrap()[..], &content[..]);
            prop_assert_eq!(store.len(*id).unwrap(), Some(content.len() as u64));
            for (start, end) in &ranges {
                let (start, end) = (start.index(content.len() + 1), end.index(content.len() + 1));
                let found = store.get_range(*id, start as u64..end as u64);
                if start <= end {
                    prop_assert_eq!(&found.unwrap()[..], &content[start..end]);
                } else {
                    let is_refused = matches!(found, Err(BlobError::Range { .. }));
                    prop_assert!(is_refused);
                }
            }
        }
    }
}

#[test]
fn a_duplicate_is_not_written() {
    let (medium, store) = fresh();
    for length in [100, 3_000, 60_000] {
        let content = noise(1, length);
        let id = store.put(&content, Durability::Synced).unwrap();
        let operations = medium.operations();
        assert_eq!(store.put(&content, Durability::Synced).unwrap(), id);
        assert_eq!(store.put_stream(&mut &content[..], Durability::Synced).unwrap(), (id, length as u64));
        assert_eq!(medium.operations(), operations);
    }
    assert!((store.statistics().dedup_ratio() - 3.0).abs() < 0.01);
}

/// The reason for cutting blobs by their content.
#[test]
fn an_edit_in_the_middle_of_a_large_blob_stores_a_few_chunks() {
    let (_, store) = fresh();
    let content = noise(1, 1 << 20);
    store.put(&content, Durability::Buffered).unwrap();
    let before = store.statistics().unique_bytes;
    let mut edited = content;
    edited.splice(500_000..500_003, *b"a longer insertion");
    let id = store.put(&edited, Durability::Buffered).unwrap();
    let added = store.statistics().unique_bytes - before;
    assert!(added <= 4 * small().chunks.bytes_max as u64, "{added} bytes were added");
    assert_eq!(store.get(id).unwrap(), edited);
}

/// What one thread has put, another can read at once, whether it is in a buffer, on its way or in a file.
#[test]
fn threads_share_a_store() {
    let (medium, store) = fresh();
    let lengths = [50, 900, 3_000, 30_000];
    let number = |thread: u64, round: u64| thread * 1_000 + round;
    std::thread::scope(|scope| {
        for thread in 0..3u64 {
            let (sender, receiver) = std::sync::mpsc::channel();
            let store = &store;
            scope.spawn(move || {
                for round in 0..80u64 {
                    let content = noise(number(thread, round), lengths[round as usize % 4]);
                    let durability = if round % 8 == 0 { Durability::Synced } else { Durability::Buffered };
                    sender.send((store.put(&content, durability).unwrap(), content)).unwrap();
                }
            });
            scope.spawn(move || {
                for (id, content) in receiver {
                    assert_eq!(store.get(id).unwrap(), content);
                }
            });
        }
    });
    store.sync().unwrap();
    medium.crash();
    drop(store);
    let store = open(&medium);
    for (thread, round) in (0..3).flat_map(|thread| (0..80).map(move |round| (thread, round))) {
        let content = noise(number(thread, round), lengths[round as usize % 4]);
        assert_eq!(store.get(BlobId::of(&content)).unwrap(), content);
    }
}

#[test]
fn a_store_is_open_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = DiskStore::open(directory.path(), small()).unwrap();
    let again = DiskStore::open(directory.path(), small());
    let path = directory.path().display().to_string();
    assert!(matches!(&again, Err(OpenError::Locked { at }) if *at == path), "{again:?}");
    drop(store);
    DiskStore::open(directory.path(), small()).unwrap();
}

#[test]
fn a_blob_beyond_the_limit_is_refused() {
    let medium = FaultyMedium::new(Seed::new(1));
    let config = DiskConfig { blob_bytes_max: 32 << 10, ..small() };
    let store = DiskStore::open_on(medium, config).unwrap();
    let content = noise(1, (32 << 10) + 1);
    for result in [
        store.put(&content, Durability::Buffered),
        store.put_stream(&mut &content[..], Durability::Buffered).map(|put| put.0),
    ] {
        assert!(matches!(result, Err(BlobError::TooLong { .. })), "{result:?}");
    }
}
