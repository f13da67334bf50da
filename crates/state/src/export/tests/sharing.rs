//! How many blobs an export has, and how many of them it shares.

use std::collections::BTreeSet;

use ironloom_blob::link::Linked;

use super::*;

/// All blobs of an export, with their lengths.
fn parts(blobs: &Blobs, export: BlobId) -> BTreeSet<(BlobId, usize)> {
    let (mut found, mut stack) = (BTreeSet::new(), vec![export]);
    while let Some(id) = stack.pop() {
        let content = blobs.get(id).unwrap();
        if let Ok(linked) = Linked::parse(&content) {
            stack.extend(linked.links().chain(linked.leaves()));
        }
        found.insert((id, content.len()));
    }
    found
}

#[test]
fn similar_states_share_most_blobs() {
    let (state, blobs) = (numbered(10_000), Blobs::new());
    let before = parts(&blobs, export(&state, &blobs));
    assert!((30..120).contains(&before.len()), "{} blobs", before.len());
    set(&state, vec![(5_000, Some(vec![1]))]);
    let after = parts(&blobs, export(&state, &blobs));
    let new: Vec<_> = after.difference(&before).collect();
    // The root, an index or two, and a chunk, or two if where it ended has changed.
    assert!(new.len() <= 5, "{} of {} blobs are new", new.len(), after.len());
    set(&state, vec![(0, None), (20_000, Some(vec![]))]);
    let last = parts(&blobs, export(&state, &blobs));
    assert!(last.difference(&after).count() <= 7);
}

#[test]
fn equal_states_have_equal_exports_however_they_came_about() {
    let (one, other) = (open(MemoryStore::new()), open(MemoryStore::new()));
    let value = |number: u64| (number, Some(number.to_le_bytes().to_vec()));
    set(&one, (0..500).map(value).collect());
    set(&other, (0..500).map(value).collect());
    let last = |state: &State<Set>| set(state, vec![(3, None), (1_000, Some(vec![9; 5_000]))]);
    assert_eq!(last(&one), last(&other));
    other.prune(other.tip());
    other.wait_pruned();
    let blobs = Blobs::new();
    assert_eq!(export(&one, &blobs), export(&other, &blobs));
}

#[test]
fn large_exports_have_levels() {
    let (state, blobs) = (open(MemoryStore::new()), Blobs::new());
    // Each value ends a chunk soon, so that there are many.
    set(&state, (0..6_000).map(|number| (number, Some(vec![7; 4_000]))).collect());
    let id = export(&state, &blobs);
    let (manifest, _) = format::Manifest::parse(&blobs.get(id).unwrap()).unwrap();
    assert!(manifest.level >= 2, "level {}", manifest.level);
    check(&state, &ImportConfig { tree_bytes_max: 64 << 10, ..ImportConfig::default() });
}

#[test]
fn what_cannot_be_cut_by_content_is_cut_by_size() {
    let numbers = (0_u64..).filter(|number| {
        let hash = blake3::hash(ResourceId::numbered(*number).as_bytes());
        hash.as_bytes()[31] >= 0x80 // ends a chunk only if it takes more than 4 KiB
    });
    let state = open(MemoryStore::new());
    set(&state, numbers.take(1_000).map(|number| (number, Some(vec![7; 1_000]))).collect());
    let blobs = Blobs::new();
    let all = parts(&blobs, export(&state, &blobs));
    let chunks: Vec<u64> = all.iter().map(|(_, bytes)| *bytes as u64).collect();
    assert_eq!(chunks.len(), 1 + 1 + 4, "a root, an index and a megabyte of chunks");
    assert!(chunks.iter().all(|bytes| *bytes <= NODE_BYTES_MAX), "{chunks:?}");
    check(&state, &ImportConfig::default());
}
