//! Snapshots that somebody made who wishes us ill.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::geometry::Geometry;
use super::super::{Volume, VolumeError};
use super::{SMALL, memory, open, read, volume};
use crate::link::{HEADER_BYTES, Linked, Role};
use crate::{BlobId, BlobStore, Durability};

fn put(store: &Arc<dyn BlobStore>, content: &[u8]) -> BlobId {
    store.put(content, Durability::Buffered).unwrap()
}

fn root(size: u64, bits: u8, slots: &[u8], children: &[BlobId]) -> Vec<u8> {
    let header = [&b"ILVOLUM\x01"[..], &size.to_le_bytes(), &[bits, 0, 0, 0, 0, 0, 0, 0]].concat();
    let role = if size <= 256 << bits { Role::Leaf } else { Role::Link };
    Linked::encode_only(role, children, &[header, bitmap(slots)].concat())
}

fn node(level: u8, slots: &[u8], children: &[BlobId]) -> Vec<u8> {
    let header = [&b"ILVNODE\x01"[..], &[level, 0, 0, 0, 0, 0, 0, 0]].concat();
    let role = if level == 0 { Role::Leaf } else { Role::Link };
    Linked::encode_only(role, children, &[header, bitmap(slots)].concat())
}

fn bitmap(slots: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    for slot in slots {
        bytes[usize::from(slot / 8)] |= 1 << (slot % 8);
    }
    bytes
}

/// Opens a volume of this root and reads its first byte.
fn check(store: &Arc<dyn BlobStore>, root: &[u8]) -> Result<(), String> {
    let volume = Volume::open(Arc::clone(store), put(store, root), SMALL);
    match volume.and_then(|volume| volume.read_at(0, &mut [0])) {
        Ok(()) => Ok(()),
        Err(VolumeError::Corrupt { reason, .. }) => Err(reason),
        Err(error) => panic!("{error:?} instead of a corrupt volume"),
    }
}

#[test]
fn roots_that_lie_are_told_apart() {
    let store = memory();
    let extent = put(&store, b"data");
    let refused = |root: &[u8], reason: &str| assert_eq!(check(&store, root), Err(reason.to_owned()));
    let sound = root(5_000, 12, &[0, 1], &[extent, extent]);
    assert_eq!(check(&store, &sound), Ok(()));
    refused(b"data", "the blob does not begin with a table of links");
    refused(&Linked::encode(&[], b"body"), r#"it does not say "ILVOLUM\\x01""#);
    refused(&root(5_000, 11, &[], &[]), "its extents have 2^11 bytes");
    refused(&root(5_000, 12, &[0], &[]), "it has 0 links and 0 leaves for 1 slots");
    let mixed = Linked::encode_with(&[extent], &[extent], Linked::parse(&sound).unwrap().body());
    refused(&mixed, "it has 1 links and 1 leaves for 2 slots");
    refused(&root(5_000, 12, &[2], &[extent]), "slot 2 lies behind its end");
    refused(&root(0, 12, &[0], &[extent]), "slot 0 lies behind its end");
    let size = (1 << 63) + 1;
    refused(&root(size, 12, &[], &[]), "its size is 9223372036854775809, the limit 9223372036854775808");
    let mut long = root(5_000, 12, &[], &[]);
    long.push(0);
    refused(&long, "its body has a wrong length");
    let mut noted = root(5_000, 12, &[], &[]);
    noted[HEADER_BYTES + 17] = 1;
    refused(&noted, "bytes that must be zero are not");
}

#[test]
fn nodes_and_extents_that_lie_are_told_apart() {
    let store = memory();
    let extent = put(&store, b"data");
    let leaf = put(&store, &node(0, &[0], &[extent]));
    let over = |child: &[u8]| check(&store, &root(1 << 21, 12, &[0], &[put(&store, child)]));
    let refused = |child: &[u8], reason: &str| assert_eq!(over(child), Err(reason.to_owned()));
    assert_eq!(over(&node(0, &[0], &[extent])), Ok(()));
    refused(&node(1, &[0], &[leaf]), "its level is 1, that of its place is 0");
    refused(&node(0, &[], &[]), "it is a node without children");
    let followed = Linked::encode(&[extent], Linked::parse(&node(0, &[0], &[extent])).unwrap().body());
    refused(&followed, "it has 1 links and 0 leaves for 1 slots");
    refused(&root(5_000, 12, &[], &[]), r#"it does not say "ILVNODE\\x01""#);
    refused(&[7; 10_000], "it has 10000 bytes where 8264 are the most");
    let with = |extent: &[u8]| node(0, &[0], &[put(&store, extent)]);
    refused(&with(&[7; 4_097]), "it has 4097 bytes where 4096 are the most");
    refused(&with(b"zero\0"), "zeroes at the end of an extent are not stored");
    refused(&with(b""), "zeroes at the end of an extent are not stored");
}

#[test]
fn a_node_is_what_its_place_says_even_if_the_cache_knows_it_otherwise() {
    let store = memory();
    let extent = put(&store, b"data");
    let leaf = put(&store, &node(0, &[0, 255], &[extent, extent]));
    let inner = put(&store, &node(1, &[0], &[leaf]));
    // The root has level two: its first child is sound, its second is a leaf in the place of an inner node, and the
    // leaf of a third is also an extent.
    let both = put(&store, &node(1, &[0], &[put(&store, &node(0, &[0], &[leaf]))]));
    let size = 1 << 30;
    let volume = open(&store, put(&store, &root(size, 12, &[0, 1, 2], &[inner, leaf, both])));
    assert_eq!(read(&volume, 0, 4), b"data");
    let error = volume.read_at(1 << 28, &mut [0]).unwrap_err();
    assert!(matches!(error, VolumeError::Corrupt { id, .. } if id == leaf), "{error}");
    assert_eq!(&read(&volume, 2 << 28, 8), &crate::link::MAGIC);
    assert_eq!(read(&volume, 0, 4), b"data");
}

#[test]
fn what_hides_behind_the_end_is_gone_when_the_volume_grows() {
    let store = memory();
    let secret = put(&store, &[7; 4_000]);
    let leaf = put(&store, &node(0, &[0, 200], &[secret, secret]));
    let volume = open(&store, put(&store, &root((1 << 20) + 10, 12, &[0, 1], &[leaf, leaf])));
    volume.resize(1 << 21).unwrap();
    assert_eq!(read(&volume, 1 << 20, 10), [7; 10]);
    let rest = read(&volume, (1 << 20) + 10, (1 << 20) - 10);
    assert!(rest.iter().all(|byte| *byte == 0));

    let whole = self::volume(&store, (1 << 20) + 10);
    whole.write_at(0, &[7; 4_000]).unwrap();
    whole.write_at(200 * 4_096, &[7; 4_000]).unwrap();
    whole.write_at(1 << 20, &[7; 10]).unwrap();
    whole.resize(1 << 21).unwrap();
    assert_eq!(volume.snapshot().unwrap(), whole.snapshot().unwrap());
}

/// Nodes that are sound by themselves, but link to each other as they please.
fn nodes() -> impl Strategy<Value = Vec<(u8, Vec<u8>, prop::sample::Index)>> {
    let slot = prop_oneof![0..4u8, any::<u8>()];
    let node = (0..3u8, prop::collection::btree_set(slot, 1..6), any::<prop::sample::Index>());
    prop::collection::vec(
        node.prop_map(|(level, slots, link)| (level, slots.into_iter().collect(), link)),
        1..8,
    )
}

/// Everything that can be done to a volume, wherever it fails.
fn use_up(volume: &Volume) {
    drop(volume.read_at(0, &mut [0; 20_000]));
    drop(volume.write_at(volume.size().saturating_sub(5_000), &[1; 5_000]));
    drop(volume.write_zeroes(5_000, volume.size().saturating_sub(6_000)));
    drop(volume.write_at(0, &[1; 5_000]));
    drop(volume.resize(volume.size() / 3));
    drop(volume.resize(1 << 40));
    drop(volume.resize(1 << 20));
    drop(volume.next_extent(0));
    drop(volume.snapshot());
}

proptest! {
    #[test]
    fn sound_nodes_in_wrong_places_are_errors_or_volumes(
        nodes in nodes(),
        size in prop_oneof![0..1u64 << 21, 0..1u64 << 29, 0..1u64 << 63],
    ) {
        let store = memory();
        let mut pool = vec![put(&store, b"extent"), put(&store, &[7; 4_096])];
        for (level, slots, link) in nodes {
            // Links lead to what comes before, so that nodes lead to nodes and now and then to the right ones.
            let first = link.index(pool.len());
            let links: Vec<BlobId> = pool.iter().cycle().skip(first).take(slots.len()).copied().collect();
            pool.push(put(&store, &node(level, &slots, &links)));
        }
        pool.reverse();
        let geometry = Geometry::of(4_096).unwrap();
        let last = (geometry.extents(size).max(1) - 1) >> (8 * (geometry.height(size) - 1));
        let slots: Vec<u8> = (0..=last as u8).take(pool.len()).collect();
        let snapshot = put(&store, &root(size, 12, &slots, &pool[..slots.len()]));
        if size > 0 {
            use_up(&open(&store, snapshot));
        }
    }

    #[test]
    fn arbitrary_changes_to_a_snapshot_are_errors_or_volumes(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_root: bool,
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let store = memory();
        let leaf = node(0, &[0, 3, 255], &[put(&store, b"a"), put(&store, b"b"), put(&store, b"c")]);
        let mut changed = if in_root { root(1 << 21, 12, &[0], &[put(&store, &leaf)]) } else { leaf };
        for (at, value) in changes {
            let at = at.index(changed.len());
            changed[at] = value;
        }
        if let Some(cut) = cut {
            changed.truncate(cut.index(changed.len()));
        }
        let id = put(&store, &changed);
        let snapshot = if in_root { id } else { put(&store, &root(1 << 21, 12, &[0], &[id])) };
        let Ok(volume) = Volume::open(Arc::clone(&store), snapshot, SMALL) else {
            return Ok(());
        };
        use_up(&volume);
    }
}
