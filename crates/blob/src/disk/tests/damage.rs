//! Media that lie, fill up, fail, or lose files.

use std::io;

use proptest::prelude::*;

use super::{Store, fresh, noise, open, small};
use crate::{BlobError, BlobId, BlobStore, DiskStore, Durability, FaultyMedium, Medium, OpenError, Spare};

/// Blobs of every way to be stored.
fn fill(store: &Store) -> Vec<(BlobId, Vec<u8>)> {
    let lengths = [0, 1, 100, 1_000, 3_000, 10_000, 50_000];
    let noises = lengths.iter().map(|length| noise(*length as u64, *length));
    let texts =
        lengths.iter().map(|length| b"to be or not to be ".iter().copied().cycle().take(*length).collect());
    let contents: Vec<Vec<u8>> = noises.chain(texts).collect();
    let put = |content: Vec<u8>| (store.put(&content, Durability::Buffered).unwrap(), content);
    let blobs = contents.into_iter().map(put).collect();
    store.sync().unwrap();
    blobs
}

fn segments(medium: &FaultyMedium) -> Vec<String> {
    let names = medium.list().unwrap().into_iter();
    names.filter(|name| name.ends_with(".seg")).collect()
}

proptest! {
    #[test]
    fn a_flipped_bit_is_corrupt_or_does_not_matter(file: prop::sample::Index, at: prop::sample::Index, bit in 0..8u8, warm: bool) {
        let (medium, store) = fresh();
        let blobs = fill(&store);
        drop(store);
        let store = open(&medium);
        if warm {
            blobs.iter().for_each(|(id, content)| assert_eq!(&store.get(*id).unwrap(), content));
        }
        let names = segments(&medium);
        let name = &names[file.index(names.len())];
        let flipped = medium.damage(name, |content| {
            let at = at.index(content.len());
            content[at] ^= 1 << bit;
        });
        prop_assert!(flipped);
        let mut corrupt = 0;
        for (id, content) in &blobs {
            match store.get(*id) {
                Ok(found) => prop_assert_eq!(&found, content),
                Err(BlobError::Corrupt { .. }) => corrupt += 1,
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
        prop_assert!(corrupt <= 2, "a chunk may belong to two blobs");
        // Putting what is damaged mends it.
        for (id, content) in &blobs {
            store.put(content, Durability::Buffered).unwrap();
            prop_assert_eq!(&store.get(*id).unwrap(), content);
        }
    }

    #[test]
    fn a_damaged_index_is_rebuilt(at: prop::sample::Index, how in 0..3u8) {
        let (medium, store) = fresh();
        let blobs = fill(&store);
        drop(store);
        let damaged = match how {
            0 => medium.delete("index"),
            1 => medium.damage("index", |content| content.truncate(at.index(content.len()))),
            _ => medium.flip_bit("index"),
        };
        prop_assert!(damaged);
        let store = open(&medium);
        for (id, content) in blobs {
            prop_assert_eq!(store.get(id).unwrap(), content);
        }
    }

    #[test]
    fn a_damaged_segment_and_no_index_lose_what_was_damaged(at: prop::sample::Index, bit in 0..8u8) {
        let (medium, store) = fresh();
        let blobs = fill(&store);
        drop(store);
        prop_assert!(medium.delete("index"));
        let first = &segments(&medium)[0];
        let flipped = medium.damage(first, |content| {
            let at = at.index(content.len());
            content[at] ^= 1 << bit;
        });
        prop_assert!(flipped);
        let store = open(&medium);
        let lost = blobs.iter().filter(|(id, content)| match store.get(*id) {
            Ok(found) => {
                assert_eq!(&found, content);
                false
            }
            Err(BlobError::NotFound { .. } | BlobError::Corrupt { .. }) => true,
            Err(error) => panic!("{error}"),
        });
        prop_assert!(lost.count() <= 2);
    }
}

#[test]
fn a_lost_segment_is_told_from_a_blob_that_never_was() {
    let (medium, store) = fresh();
    let blobs = fill(&store);
    drop(store);
    let first = segments(&medium).remove(0);
    assert!(medium.delete(&first));
    let store = open(&medium);
    let mut lost = 0;
    for (id, content) in &blobs {
        match store.get(*id) {
            Ok(found) => assert_eq!(&found, content),
            Err(BlobError::Corrupt { .. }) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(lost > 0 && lost < blobs.len());
    for (id, content) in &blobs {
        store.put(content, Durability::Buffered).unwrap();
        assert_eq!(&store.get(*id).unwrap(), content, "putting a lost blob brings it back");
    }
}

#[test]
fn a_full_medium_refuses_and_goes_on_when_there_is_room() {
    for length in [300, 2_500, 9_000, 50_000] {
        let (medium, store) = fresh();
        let blobs = fill(&store);
        medium.set_capacity(Some(200 << 10));
        let mut stored = Vec::new();
        let error = loop {
            let content = noise(1_000 + stored.len() as u64, length);
            match store.put(&content, Durability::Buffered) {
                Ok(id) => stored.push((id, content)),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, BlobError::Full), "{error}");
        let check = |store: &Store| {
            for (id, content) in blobs.iter().chain(&stored) {
                assert_eq!(&store.get(*id).unwrap(), content);
            }
        };
        check(&store);
        assert!(matches!(store.put(&noise(0, length), Durability::Synced), Err(BlobError::Full)));
        medium.set_capacity(None);
        let late = store.put(&noise(0, length), Durability::Synced).unwrap();
        check(&store);
        medium.crash();
        drop(store);
        let store = open(&medium);
        check(&store);
        assert_eq!(store.get(late).unwrap(), noise(0, length));
    }
}

/// Were collecting to need room, a full store could never be used again.
#[test]
fn a_collection_frees_a_full_medium() {
    let (medium, store) = fresh();
    let kept = store.put(&noise(0, 1_000), Durability::Buffered).unwrap();
    store.set_pin(&"kept".parse().unwrap(), None, Some(kept)).unwrap();
    medium.set_capacity(Some(200 << 10));
    let fill = |seed: u64| {
        let puts = (seed..).map(|number| store.put(&noise(number, 900), Durability::Synced));
        puts.take_while(Result::is_ok).count()
    };
    let first = fill(1);
    assert!(first > 100);
    assert!(store.collect(Spare::Racing).unwrap().freed_bytes > 100 << 10);
    assert!(fill(10_000) > first / 2);
    assert_eq!(store.get(kept).unwrap(), noise(0, 1_000));
}

/// Numbers of segments say what a checkpoint knows, so they are not given twice.
#[test]
fn what_is_put_after_the_last_segment_was_lost_survives_a_crash() {
    let (medium, store) = fresh();
    store.put(&noise(1, 1_500), Durability::Buffered).unwrap();
    store.collect(Spare::Racing).unwrap();
    store.collect(Spare::Racing).unwrap();
    store.put(&noise(2, 1_500), Durability::Buffered).unwrap();
    drop(store);
    for name in segments(&medium) {
        assert!(medium.delete(&name));
    }
    let store = open(&medium);
    let id = store.put(&noise(3, 100), Durability::Synced).unwrap();
    medium.crash();
    drop(store);
    assert_eq!(open(&medium).get(id).unwrap(), noise(3, 100));
}

#[test]
fn after_a_failed_sync_nothing_is_written_and_everything_can_be_read() {
    let (medium, store) = fresh();
    let blobs = fill(&store);
    let content = noise(99, 100);
    let id = store.put(&content, Durability::Buffered).unwrap();
    // The write succeeds, the sync behind it does not.
    medium.fail_after(1, io::ErrorKind::Other);
    assert!(matches!(store.sync(), Err(BlobError::Io { .. })));
    assert!(matches!(store.sync(), Err(BlobError::Stopped { .. })));
    assert!(matches!(store.put(b"more", Durability::Buffered), Err(BlobError::Stopped { .. })));
    assert_eq!(store.get(id).unwrap(), content);
    for (id, content) in blobs {
        assert_eq!(store.get(id).unwrap(), content);
    }
}

#[test]
fn damaged_pins_are_an_error() {
    let (medium, store) = fresh();
    let id = store.put(b"kept", Durability::Buffered).unwrap();
    for name in ["a", "b"] {
        store.set_pin(&name.parse().unwrap(), None, Some(id)).unwrap();
    }
    drop(store);
    assert!(medium.damage("pins", |content| content[20] ^= 1));
    let opened = DiskStore::open_on(medium, small());
    assert!(matches!(opened, Err(OpenError::Pins { offset: 8, .. })), "{opened:?}");
}

#[test]
fn a_segment_of_another_version_is_refused() {
    for version in [1, 3] {
        let (medium, store) = fresh();
        fill(&store);
        drop(store);
        let first = segments(&medium).remove(0);
        let is_changed = medium.damage(&first, |content| {
            content[8] = version;
            let sum = crc32c::crc32c(&content[..60]);
            content[60..64].copy_from_slice(&sum.to_le_bytes());
        });
        assert!(is_changed);
        let opened = DiskStore::open_on(medium, small());
        let is_refused =
            matches!(opened, Err(OpenError::Version { found, .. }) if found == u32::from(version));
        assert!(is_refused, "{opened:?}");
    }
}

/// The medium turns read-only, or permission for it is taken away, at any operation there is: each gives a typed
/// error where it hits, and what was synced before is there when the store is opened again.
#[test]
fn permission_lost_at_any_moment_loses_nothing() {
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
        for operation in 0..40 {
            let (medium, store) = fresh();
            let blobs = fill(&store);
            drop(store);
            medium.fail_after(operation, kind);
            if let Err(error) = write_a_little(&medium) {
                assert!(
                    error.contains(&io::Error::from(kind).to_string()) || error.contains("no more writes"),
                    "{error}"
                );
            }
            medium.crash();
            let store = open(&medium);
            for (id, content) in &blobs {
                assert_eq!(store.get(*id).unwrap(), content, "operation {operation} failed: {kind}");
            }
        }
    }
}

/// Opens, puts, pins, collects and closes; what fails first, in its own words.
fn write_a_little(medium: &FaultyMedium) -> Result<(), String> {
    let store = DiskStore::open_on(medium.clone(), small()).map_err(|error| chain(&error))?;
    let id = store.put(&noise(77, 5_000), Durability::Synced).map_err(|error| chain(&error))?;
    store.set_pin(&"kept".parse().unwrap(), None, Some(id)).map_err(|error| chain(&error))?;
    store.put(&noise(78, 50_000), Durability::Buffered).map_err(|error| chain(&error))?;
    store.close().map_err(|error| chain(&error))
}

/// An error and all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
