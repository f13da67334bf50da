//! Files that are missing, or say what no store would have written, with checksums that are right.

use super::{fresh, noise, open, small};
use crate::{BlobStore, DiskStore, Durability, Medium, OpenError, Spare};

/// Without its pins, the next collection of a store would take everything.
#[test]
fn a_store_whose_pins_are_missing_is_not_opened() {
    for is_indexed in [false, true] {
        let (medium, store) = fresh();
        let id = store.put(b"kept", Durability::Synced).unwrap();
        store.set_pin(&"pin".parse().unwrap(), None, Some(id)).unwrap();
        drop(store);
        assert!(medium.delete("pins"));
        if !is_indexed {
            assert!(medium.delete("index"));
        }
        let opened = DiskStore::open_on(medium.clone(), small());
        assert!(matches!(opened, Err(OpenError::PinsMissing { .. })), "{opened:?}");
    }
}

/// A checkpoint that knows everything up to the end of numbers is one that was made up.
#[test]
fn a_checkpoint_of_an_impossible_position_is_ignored() {
    for (segment, offset) in [(1, u64::MAX), (1, u64::MAX - 7), (u32::MAX, 0), (u32::MAX - 1, 64)] {
        let (medium, store) = fresh();
        let id = store.put(b"there", Durability::Synced).unwrap();
        drop(store);
        assert!(medium.damage("index", |content| {
            content[12..16].copy_from_slice(&u32::to_le_bytes(segment));
            content[16..24].copy_from_slice(&u64::to_le_bytes(offset));
            let sum = crc32c::crc32c(&content[..32]);
            content[32..36].copy_from_slice(&sum.to_le_bytes());
        }));
        let store = open(&medium);
        assert_eq!(store.get(id).unwrap(), &b"there"[..]);
        store.put(b"more", Durability::Synced).unwrap();
    }
}

/// Edits the slot of the only blob of a checkpoint.
fn edit_slot(content: &mut [u8], edit: impl Fn(&mut [u8])) {
    let mut at = 36;
    while content[at..at + 4] == [0; 4] {
        at += 8;
    }
    edit(&mut content[at + 8..at + 48]);
    let sum = crc32c::crc32c(&content[at + 8..at + 48]);
    content[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
}

/// An entry may claim a segment that cannot be or a record of four gigabytes; neither is believed.
#[test]
fn an_entry_that_cannot_be_is_not_believed() {
    for (field, claim) in [(24, u32::MAX - 1), (32, u32::MAX)] {
        let (medium, store) = fresh();
        let id = store.put(b"there", Durability::Synced).unwrap();
        drop(store);
        assert!(medium.damage("index", |content| {
            edit_slot(content, |slot| slot[field..field + 4].copy_from_slice(&claim.to_le_bytes()));
        }));
        let store = open(&medium);
        let found = store.get(id);
        assert_eq!(found.is_ok(), field == 24, "{found:?}");
        store.collect(Spare::Recent).unwrap();
        store.put(b"there", Durability::Synced).unwrap();
        assert_eq!(store.get(id).unwrap(), &b"there"[..]);
    }
}

/// The last number there is has no next one.
#[test]
fn a_file_with_the_last_number_is_no_segment() {
    let (medium, store) = fresh();
    drop(store);
    medium.create("ffffffff.seg").unwrap();
    let store = open(&medium);
    for number in 0..40 {
        store.put(&noise(number, 1_400), Durability::Synced).unwrap();
    }
    assert!(store.statistics().segments.iter().all(|segment| segment.number < 10));
}

/// When the numbers of segments are used up, that is an error and not a number that wraps around.
#[test]
fn after_the_last_segment_there_is_an_error() {
    let (medium, store) = fresh();
    let id = store.put(b"there", Durability::Synced).unwrap();
    drop(store);
    medium.create("80000000.seg").unwrap();
    let store = open(&medium);
    let failed = (0..40).find_map(|number| store.put(&noise(number, 1_400), Durability::Synced).err());
    assert!(failed.is_some_and(|error| error.to_string().contains("segment")));
    assert_eq!(store.get(id).unwrap(), &b"there"[..]);
}
