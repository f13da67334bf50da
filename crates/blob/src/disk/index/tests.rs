//! The index against a map of the standard library.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Age, Entry, Index, Key, SHARDS, Slot};
use crate::BlobId;

#[derive(Debug, Clone)]
enum Step {
    Insert(u16),
    Remove(u16),
    Touch(u16),
    Sweep(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2_000u16).prop_map(Step::Insert),
        3 => (0..2_000u16).prop_map(Step::Remove),
        2 => (0..2_000u16).prop_map(Step::Touch),
        1 => any::<u8>().prop_map(Step::Sweep),
    ];
    prop::collection::vec(step, 0..600)
}

/// Names that all fall into two shards, and there close together.
fn name(number: u16) -> BlobId {
    let mut bytes = *BlobId::of(&number.to_le_bytes()).as_bytes();
    bytes[0] = (number % 2) as u8;
    bytes[1] &= 0b1100_0001;
    BlobId::from_bytes(bytes)
}

fn entry(number: u16) -> Entry {
    Entry {
        segment: 1,
        offset: u32::from(number),
        stored: u32::from(number),
        length: u32::from(number),
        age: Age::Old,
        verified: false,
        links: false,
    }
}

proptest! {
    #[test]
    fn is_a_map(steps in steps()) {
        let index = Index::new();
        let mut model: BTreeMap<BlobId, Entry> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(number) => {
                    let found = index.insert(Key::of(&name(number)), entry(number));
                    prop_assert_eq!(found, model.insert(name(number), entry(number)));
                }
                Step::Remove(number) => {
                    let removed = index.remove(&Key::of(&name(number)), &entry(number));
                    prop_assert_eq!(removed, model.remove(&name(number)).is_some());
                }
                Step::Touch(number) => {
                    let touched = model.get_mut(&name(number)).map(|entry| {
                        entry.age = Age::New;
                        *entry
                    });
                    prop_assert_eq!(index.touch(&name(number)), touched);
                }
                Step::Sweep(bit) => {
                    let dead = |entry: &Entry| entry.offset >> (bit % 8) & 7 == 5;
                    (0..SHARDS).for_each(|shard| index.retain(shard, |_, entry| !dead(entry)));
                    model.retain(|_, entry| !dead(entry));
                }
            }
        }
        prop_assert_eq!(index.len(), model.len());
        for number in 0..2_000 {
            prop_assert_eq!(index.find(&name(number)), model.get(&name(number)).copied());
        }
        let mut listed = Vec::new();
        (0..SHARDS).for_each(|shard| index.for_each(shard, |key, entry| listed.push((*key, *entry))));
        let expected: Vec<(Key, Entry)> = model.iter().map(|(id, entry)| (Key::of(id), *entry)).collect();
        prop_assert_eq!(listed, expected, "in the order of the names");
    }

    #[test]
    fn a_slot_survives_being_packed(id: [u8; 32], numbers: [u32; 3], length in 0..=super::LARGE, age in 0..4u8, verified: bool, links: bool) {
        let age = [Age::Old, Age::Recent, Age::New, Age::Reached][age as usize];
        let [segment, offset, stored] = numbers;
        let entry = Entry { segment, offset, stored, length, age, verified, links };
        let key = Key::of(&BlobId::from_bytes(id));
        let slot = Slot::parse(&Slot::new(key, &entry).encode());
        prop_assert_eq!((slot.key(), slot.entry()), (key, entry));
    }
}

/// The promise of 64 bytes for each blob, at every size on the way.
#[test]
fn takes_at_most_64_bytes_a_blob() {
    let index = Index::new();
    let mut most: f64 = 0.0;
    for number in 0..400_000u32 {
        index.insert(Key::of(&BlobId::of(&number.to_le_bytes())), entry(1));
        if number > 100_000 && number % 5_000 == 0 {
            most = most.max(index.memory_bytes() as f64 / index.len() as f64);
        }
    }
    assert!(most <= 64.0, "{most} bytes a blob");
}

#[test]
fn a_shard_is_filled_only_with_what_is_in_order() {
    let index = Index::new();
    let slot = |number: u64| Slot::new(Key([number, 0, 0]), &entry(1));
    assert!(index.fill(0, 2, [slot(1), slot(2)].into_iter()));
    assert!(!index.fill(0, 2, [slot(2), slot(1)].into_iter()));
    assert_eq!(index.len(), 2);
}
