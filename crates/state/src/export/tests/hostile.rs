//! Exports from somebody who lies.

use ironloom_blob::link::Linked;

use super::format::{Chunk, Entry, Manifest, Place, encode_index};
use super::*;
use crate::Root;
use crate::layout::Header;

const BATCH: BatchId = BatchId::new(7);

fn put(blobs: &Blobs, content: &[u8]) -> BlobId {
    blobs.put(content, Durability::Buffered).unwrap()
}

fn manifest(resources: u64, value_bytes: u64, level: u8) -> Manifest {
    let header =
        Header { parent: BatchId::new(3), content: [1; 32], transactions: 1, changes: 1, metadata: vec![9] };
    Manifest { batch: BATCH, header: Some(header), root: None, resources, value_bytes, level }
}

fn entry(number: u64, version: u64, value: Place<'_>) -> Entry<'_> {
    Entry { resource: ResourceId::numbered(number), version: BatchId::new(version), value }
}

fn chunk(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut chunk = Chunk::default();
    for entry in entries {
        chunk.push(entry);
    }
    chunk.take()
}

/// Imports what hangs below `top`.
fn import_crafted(blobs: &Blobs, manifest: &Manifest, top: Option<BlobId>) -> Result<Imported, ImportError> {
    let id = put(blobs, &manifest.encode(top));
    let store = MemoryStore::new();
    let imported = import_into(&store, blobs, id);
    let is_open = State::open(store, Set, Config { workers: 0, ..Config::default() })
        .is_ok_and(|state| state.tip() > BatchId::GENESIS);
    assert_eq!(is_open, imported.is_ok(), "what is refused is no state");
    imported
}

fn reason(imported: Result<Imported, ImportError>) -> Malformed {
    match imported {
        Err(ImportError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_are_checked() {
    let blobs = Blobs::new();
    let here = Place::Here(b"value");
    let import_entries = |entries: &[Entry<'_>]| {
        let top = put(&blobs, &chunk(entries));
        import_crafted(&blobs, &manifest(entries.len() as u64, 5 * entries.len() as u64, 0), Some(top))
    };
    assert!(import_entries(&[entry(1, 7, here), entry(2, 1, here)]).is_ok());
    let order = Malformed::Order { resource: ResourceId::numbered(1) };
    assert_eq!(reason(import_entries(&[entry(2, 7, here), entry(1, 7, here)])), order);
    assert_eq!(reason(import_entries(&[entry(1, 7, here), entry(1, 6, here)])), order);
    for version in [0, 8, u64::MAX] {
        let found = reason(import_entries(&[entry(1, version, here)]));
        assert_eq!(
            found,
            Malformed::Version { resource: ResourceId::numbered(1), version: BatchId::new(version) }
        );
    }
    let elsewhere = Place::Blob { id: put(&blobs, b"value"), bytes: 5 };
    assert!(matches!(reason(import_entries(&[entry(1, 7, elsewhere)])), Malformed::Place { bytes: 5, .. }));
    let nothing = put(&blobs, &chunk(&[]));
    assert_eq!(reason(import_crafted(&blobs, &manifest(1, 5, 0), Some(nothing))), Malformed::Empty);
}

#[test]
fn large_values_are_checked() {
    let (blobs, large) = (Blobs::new(), vec![7; 10_000]);
    let import_value = |content: &[u8], bytes: u32| {
        let value = Place::Blob { id: put(&blobs, content), bytes };
        let top = put(&blobs, &chunk(&[entry(1, 7, value)]));
        import_crafted(&blobs, &manifest(1, bytes.into(), 0), Some(top))
    };
    assert!(import_value(&large, 10_000).is_ok());
    for bytes in [9_999, 10_001] {
        let length = Malformed::Length { expected: u64::from(bytes), found: 10_000 };
        assert_eq!(reason(import_value(&large, bytes)), length);
    }
    let value = entry(1, 7, Place::Blob { id: put(&blobs, &large), bytes: 10_000 });
    let content = chunk(&[value]);
    let linked = Linked::parse(&content).unwrap();
    let leaves: Vec<BlobId> = linked.leaves().collect();
    let followed = put(&blobs, &Linked::encode(&leaves, linked.body()));
    let refused = reason(import_crafted(&blobs, &manifest(1, 10_000, 0), Some(followed)));
    assert_eq!(refused, Malformed::Links { found: 1, used: 0 });
    let refused = import_value(b"", u32::MAX);
    assert!(matches!(refused, Err(ImportError::Limit(_))), "{refused:?}");
}

#[test]
fn indexes_are_checked() {
    let blobs = Blobs::new();
    let here = Place::Here(b"value");
    let chunks: Vec<BlobId> = (0..3).map(|number| put(&blobs, &chunk(&[entry(number, 7, here)]))).collect();
    let import_index = |children: &[BlobId], level: u8| {
        let top = put(&blobs, &encode_index(level, children));
        import_crafted(&blobs, &manifest(3, 15, 1), Some(top))
    };
    assert!(import_index(&chunks, 1).is_ok());
    assert_eq!(reason(import_index(&chunks, 2)), Malformed::Kind { expected: 1, found: 2 });
    assert_eq!(reason(import_index(&chunks, 0)), Malformed::Kind { expected: 1, found: 0 });
    assert_eq!(reason(import_index(&[], 1)), Malformed::Empty);
    let [first, second, third] = chunks[..] else { unreachable!("there are three") };
    assert!(matches!(reason(import_index(&[second, first, third], 1)), Malformed::Order { .. }));
    assert!(matches!(reason(import_index(&[first, first, third], 1)), Malformed::Order { .. }));
    assert!(matches!(reason(import_index(&[first; 513], 1)), Malformed::Links { found: 513, .. }));
    for children in [&[first, third][..], &[first]] {
        let refused = import_index(children, 1);
        assert!(matches!(refused, Err(ImportError::Count { what: "resources", .. })), "{refused:?}");
    }
    let absent = BlobId::of(b"absent");
    let refused = import_index(&[first, absent], 1);
    assert!(matches!(refused, Err(ImportError::Blob(_))), "{refused:?}");
    let inner = put(&blobs, &encode_index(1, &chunks));
    assert_eq!(reason(import_index(&[inner], 1)), Malformed::Kind { expected: 0, found: 1 });
}

/// An index of indexes of … of one chunk, each level 512 times: without a check it would be walked for ever.
#[test]
fn a_small_export_cannot_stand_for_a_large_one() {
    let blobs = Blobs::new();
    let mut top = put(&blobs, &chunk(&[entry(1, 7, Place::Here(b"value"))]));
    for level in 1..=LEVELS_MAX {
        top = put(&blobs, &encode_index(level, &[top; CHILDREN_MAX]));
    }
    let found = reason(import_crafted(&blobs, &manifest(1 << 30, 5 << 30, LEVELS_MAX), Some(top)));
    assert!(matches!(found, Malformed::Order { .. }), "{found}");
}

#[test]
fn roots_are_checked() {
    let blobs = Blobs::new();
    let top = put(&blobs, &chunk(&[entry(1, 7, Place::Here(b"value"))]));
    let fine = || manifest(1, 5, 0);
    let root = import_crafted(&blobs, &fine(), Some(top)).unwrap().root;
    assert!(import_crafted(&blobs, &Manifest { root, ..fine() }, Some(top)).is_ok());
    let wrong = Manifest { root: Some(Root::from_bytes([1; 32])), ..fine() };
    let refused = import_crafted(&blobs, &wrong, Some(top));
    assert!(matches!(refused, Err(ImportError::Root { .. })), "{refused:?}");
    for (resources, value_bytes) in [(2, 5), (1, 6), (1, 4), (1, 0)] {
        let refused = import_crafted(&blobs, &manifest(resources, value_bytes, 0), Some(top));
        assert!(matches!(refused, Err(ImportError::Count { .. })), "{refused:?}");
    }
    let header = || fine().header.unwrap();
    for broken in [
        Manifest { header: None, ..fine() },
        Manifest { batch: BatchId::GENESIS, ..fine() },
        Manifest { batch: BatchId::GENESIS, header: None, ..fine() },
        Manifest { batch: BatchId::new(u64::MAX), ..fine() },
        Manifest { header: Some(Header { parent: BATCH, ..header() }), ..fine() },
        Manifest { level: LEVELS_MAX + 1, ..fine() },
        Manifest { root: Some(Root::EMPTY), ..fine() },
    ] {
        let found = reason(import_crafted(&blobs, &broken, Some(top)));
        assert!(matches!(found, Malformed::Manifest { .. }), "{broken:?}: {found}");
    }
    assert_eq!(reason(import_crafted(&blobs, &fine(), None)), Malformed::Links { found: 0, used: 1 });
    let empty = Manifest { resources: 0, value_bytes: 0, ..fine() };
    assert!(import_crafted(&blobs, &empty, None).is_ok());
    assert_eq!(reason(import_crafted(&blobs, &empty, Some(top))), Malformed::Links { found: 1, used: 0 });
}

#[test]
fn limits_are_kept() {
    let (state, blobs) = (numbered(100), Blobs::new());
    let (id, fine) = (export(&state, &blobs), ImportConfig::default());
    let root = state.wait_root(state.tip()).unwrap();
    let check = |config: ImportConfig| {
        let store = MemoryStore::new();
        import(&store, &blobs, id, &config).map(|imported| imported.resources)
    };
    let expecting = |expected_root| ImportConfig { expected_root, ..fine.clone() };
    assert_eq!(check(expecting(root)).unwrap(), 100);
    let other = expecting(Some(Root::EMPTY));
    assert!(matches!(check(other.clone()), Err(ImportError::Root { .. })));
    assert!(matches!(
        check(ImportConfig { roots: Roots::Off, ..other }),
        Err(ImportError::RootUnchecked { .. })
    ));
    for config in [
        ImportConfig { resources_max: 99, ..fine.clone() },
        ImportConfig { total_bytes_max: 799, ..fine.clone() },
        ImportConfig { value_bytes_max: 7, ..fine.clone() },
        ImportConfig { metadata_bytes_max: 18, ..fine.clone() },
    ] {
        let refused = check(config);
        assert!(matches!(refused, Err(ImportError::Limit(_))), "{refused:?}");
    }
}

/// Every blob of an export in turn is missing, is cut, has any bit flipped, or is another blob of the export: the import
/// is refused, or what is imported is what was exported.
#[test]
fn damage_to_any_blob_is_found() {
    let state = numbered(600);
    set(&state, vec![(4, Some(vec![4; 10_000])), (9, Some(vec![9; 10_000]))]);
    let blobs = Blobs::new();
    let id = export(&state, &blobs);
    let mut parts = vec![id];
    let mut at = 0;
    while at < parts.len() {
        let content = blobs.get(parts[at]).unwrap();
        // Values are the only parts that are not linked.
        if let Ok(linked) = Linked::parse(&content) {
            parts.extend(linked.links().chain(linked.leaves()));
        }
        at += 1;
    }
    assert!(parts.len() >= 6, "{} parts", parts.len());
    for victim in 0..parts.len() {
        let content = blobs.get(parts[victim]).unwrap().to_vec();
        let mut versions: Vec<Vec<u8>> =
            parts.iter().map(|part| blobs.get(*part).unwrap().to_vec()).collect();
        versions.remove(victim);
        versions.extend([Vec::new(), content[..content.len() - 1].to_vec(), [&content[..], &[0]].concat()]);
        for bit in (0..content.len() * 8).step_by(1 + content.len() / 8) {
            let mut flipped = content.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            versions.push(flipped);
        }
        for version in versions {
            let new = put(&blobs, &version);
            let root = relinked(&blobs, id, parts[victim], new);
            let store = MemoryStore::new();
            // Versions and the header are no part of the Merkle root, but everything else is found.
            if import_into(&store, &blobs, root).is_ok() {
                let values =
                    |state: &State<Set>| -> Vec<_> { state.snapshot().iter().map(Result::unwrap).collect() };
                assert_eq!(values(&open(store)), values(&state), "part {victim}");
            }
        }
        let root = relinked(&blobs, id, parts[victim], BlobId::of(b"missing"));
        let refused = import_into(&MemoryStore::new(), &blobs, root);
        assert!(matches!(refused, Err(ImportError::Blob(_))), "{refused:?}");
    }
}

/// The export in which one part is another one.
fn relinked(blobs: &Blobs, part: BlobId, old: BlobId, new: BlobId) -> BlobId {
    if part == old {
        return new;
    }
    let Ok(content) = blobs.get(part) else {
        return part;
    };
    let Ok(linked) = Linked::parse(&content) else {
        return part;
    };
    let renew = |part| relinked(blobs, part, old, new);
    let (links, leaves): (Vec<_>, Vec<_>) =
        (linked.links().map(renew).collect(), linked.leaves().map(renew).collect());
    put(blobs, &Linked::encode_with(&links, &leaves, linked.body()))
}
