//! The definition, frozen; and where buckets are cut.

use super::super::{LEAVES_MAX, MERGED_LEAVES_MAX};
use super::*;
use crate::ResourceId;

fn numbered(count: u64) -> Vec<LeafChange> {
    let value = |number: u64| number.to_le_bytes();
    (0..count).map(|number| LeafChange::new(&ResourceId::numbered(number), Some(&value(number)))).collect()
}

#[test]
fn roots_are_what_they_always_were() {
    let root = |count| {
        let changes = numbered(count);
        let root = Tree::new(ALL_CACHED).apply(&changes);
        assert_eq!(
            root,
            naive_root(&changes.iter().map(|change| (change.path, change.leaf.unwrap())).collect())
        );
        format!("{root:#}")
    };
    assert_eq!(root(0), "0000000000000000000000000000000000000000000000000000000000000000");
    assert_eq!(root(1), "4f36d469298aaf572fd08ea01c28923de83d324335ab0f794e93ef23da862c6b");
    assert_eq!(root(2), "9a9f38db3cb81d49430ea23b9dba5875276fa77f8c3451578bb55989ff209d7b");
    assert_eq!(root(10_000), "a3b2dfa9a01b4277e96abfbe31f6fcdfe220a7bb84817d2354a0d9d1c2a8bf3a");
    let empty = LeafChange::new(&ResourceId::named("empty"), Some(&[]));
    assert_eq!(Tree::new(ALL_CACHED).apply(&[empty]).to_string(), "6ce122062970");
}

#[test]
fn the_leaf_of_a_resource_is_as_defined() {
    let id = ResourceId::named("account");
    let key = blake3::derive_key(hash::tests::LEAF_CONTEXT, &[]);
    let parts = [*id.as_bytes(), blake3::hash(b"40").into()];
    let leaf = blake3::keyed_hash(&key, parts.as_flattened()).into();
    let change = LeafChange::new(&id, Some(b"40"));
    assert_eq!(change, LeafChange::crafted(blake3::hash(id.as_bytes()).into(), Some(leaf)));
    assert_eq!(Tree::new(ALL_CACHED).apply(&[change]), Root::from_bytes(leaf), "a single leaf is the root");
}

#[test]
fn a_summary_tells_a_leaf_from_a_node() {
    let (one, other) = (path(&[0x31]), path(&[0x32]));
    let mut branch = Branch::new(3, ALL_CACHED);
    let store = Rows::default();
    assert_eq!(branch.apply(&store, &[]).unwrap(), Summary::Empty);
    assert_eq!(branch.apply(&store, &[put(one, 1)]).unwrap(), Summary::Leaf([1; 32]));
    assert!(matches!(branch.apply(&store, &[put(other, 2)]).unwrap(), Summary::Node(_)));
    assert_eq!(branch.apply(&store, &[gone(one)]).unwrap(), Summary::Leaf([2; 32]));
    assert_eq!(branch.apply(&store, &[gone(one), gone(other)]).unwrap(), Summary::Empty);
}

#[test]
fn changes_that_change_nothing_leave_nothing_to_write() {
    let mut tree = Tree::new(ALL_CACHED);
    tree.apply(&numbered(1_000));
    tree.checkpoint();
    let absent = hash::path(&ResourceId::named("absent"));
    tree.apply(&numbered(1_000));
    tree.apply(&[gone(absent)]);
    assert!(tree.branches.iter().all(|branch| branch.dirty_buckets() == 0));
}

#[test]
fn the_longest_common_prefixes_are_told_apart() {
    // One more leaf than a bucket has, in one subtree as deep as they can be together: a run of forks.
    let base = path(&[0xa5; 32]);
    let deep: Vec<_> = (0..=LEAVES_MAX)
        .map(|number| {
            let bits = (0..6).filter(|bit| number >> bit & 1 == 1);
            put(bits.fold(base, |path, bit| flipped(path, 255 - bit)), number.to_le_bytes()[0] + 1)
        })
        .collect();
    let leaves = deep.iter().map(|change| (change.path, change.leaf.unwrap())).collect();
    for limits in [ALL_CACHED, NONE_CACHED] {
        let mut tree = Tree::new(limits);
        assert_eq!(tree.apply(&deep), naive_root(&leaves));
        tree.checkpoint();
        tree.reopen(limits);
        assert_eq!(tree.root(), naive_root(&leaves));
        for (removed, change) in deep.iter().enumerate() {
            let mut leaves = leaves.clone();
            deep[..=removed].iter().for_each(|change| assert!(leaves.remove(&change.path).is_some()));
            assert_eq!(tree.apply(&[gone(change.path)]), naive_root(&leaves));
            tree.checkpoint();
            let few = leaves.len() <= MERGED_LEAVES_MAX;
            assert!(!few || tree.store.rows.lock().len() <= 1, "the run is gone");
        }
        assert!(tree.store.rows.lock().is_empty());
    }
}

#[test]
fn many_changes_of_one_bucket_at_once_are_made() {
    let mut tree = Tree::new(ALL_CACHED);
    tree.apply(&numbered(5));
    let root = tree.apply(&numbered(5_000));
    assert_eq!(root, Tree::new(ALL_CACHED).apply(&numbered(5_000)));
    let removals: Vec<_> = numbered(5_000)[5..].iter().map(|change| gone(change.path)).collect();
    assert_eq!(tree.apply(&removals), Tree::new(ALL_CACHED).apply(&numbered(5)));
    assert_eq!(
        tree.apply(&removals),
        Tree::new(ALL_CACHED).apply(&numbered(5)),
        "again, they change nothing"
    );
}
