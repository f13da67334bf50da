//! Random histories: the root is that of the naive tree after each batch, whatever was cut, stored or evicted.

use proptest::prelude::*;

use super::*;
use crate::ResourceId;

/// One thing that happens to a tree.
#[derive(Debug, Clone)]
enum Step {
    /// A batch: which leaf, and its value if it is to have one.
    Apply(Vec<(u16, Option<u8>)>),
    Checkpoint,
    Reopen,
}

/// Where the leaves of a history are.
#[derive(Debug, Clone, Copy)]
enum Places {
    /// Anywhere, as those of resources are.
    Hashed,
    /// Close together at many depths, as those of no resource are.
    Crowded,
}

impl Places {
    fn path(self, name: u16) -> Path {
        match self {
            Self::Hashed => hash::path(&ResourceId::numbered(name.into())),
            Self::Crowded => {
                let bits = [usize::from(name) % 7, usize::from(name) / 7 % 251, 255 - usize::from(name % 32)];
                bits.into_iter().fold(path(&[usize::from(name % 3).to_le_bytes()[0]]), flipped)
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0_u16..2_000, prop::option::weighted(0.55, 0_u8..4));
    let small = prop::collection::vec(change.clone(), 0..20);
    let large = prop::collection::vec(change, 0..1_500);
    let step = prop_oneof![
        4 => small.prop_map(Step::Apply),
        3 => large.prop_map(Step::Apply),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..16)
}

fn check(places: Places, limits: Limits, steps: &[Step]) {
    let mut tree = Tree::new(limits);
    let (mut leaves, mut rested) = (BTreeMap::new(), BTreeMap::new());
    for step in steps {
        match step {
            Step::Apply(batch) => {
                let changes: Vec<_> = batch
                    .iter()
                    .map(|(name, value)| {
                        LeafChange::crafted(places.path(*name), value.map(|value| [value; 32]))
                    })
                    .collect();
                for change in &changes {
                    match change.leaf {
                        Some(leaf) => leaves.insert(change.path, leaf),
                        None => leaves.remove(&change.path),
                    };
                }
                assert_eq!(tree.apply(&changes), naive_root(&leaves));
            }
            Step::Checkpoint => {
                tree.checkpoint();
                rested = leaves.clone();
            }
            Step::Reopen => {
                tree.reopen(limits);
                leaves = rested.clone();
            }
        }
        assert_eq!(tree.root(), naive_root(&leaves));
    }
    let removals: Vec<_> = leaves.keys().map(|path| gone(*path)).collect();
    assert_eq!(tree.apply(&removals), Root::EMPTY);
    tree.checkpoint();
    assert!(tree.store.rows.lock().is_empty(), "what is removed leaves no trace");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tree_of_resources_is_the_naive_tree(steps in steps()) {
        check(Places::Hashed, ALL_CACHED, &steps);
    }

    #[test]
    fn a_tree_without_a_cache_is_the_naive_tree(steps in steps()) {
        check(Places::Hashed, NONE_CACHED, &steps);
    }

    #[test]
    fn a_tree_with_a_small_cache_is_the_naive_tree(steps in steps()) {
        check(Places::Hashed, Limits { cached_bytes_max: 8_000 }, &steps);
    }

    #[test]
    fn a_crowded_tree_is_the_naive_tree(steps in steps(), cached in any::<bool>()) {
        check(Places::Crowded, if cached { ALL_CACHED } else { NONE_CACHED }, &steps);
    }

    #[test]
    fn order_and_batches_do_not_matter(
        mut names in Just((0_u16..600).collect::<Vec<_>>()).prop_shuffle(),
        cuts in prop::collection::vec(1_usize..200, 1..20),
        others in prop::collection::vec(600_u16..900, 0..200),
    ) {
        let changes = |names: &[u16]| -> Vec<LeafChange> {
            names.iter().map(|name| put(Places::Hashed.path(*name), name.to_le_bytes()[0])).collect()
        };
        let mut tree = Tree::new(ALL_CACHED);
        let mut cuts = cuts.into_iter().cycle();
        let mut rest = &names[..];
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            tree.apply(&changes(batch));
            rest = after;
        }
        let root = tree.root();
        tree.apply(&changes(&others));
        let removals: Vec<_> = others.iter().map(|name| gone(Places::Hashed.path(*name))).collect();
        prop_assert_eq!(tree.apply(&removals), root, "what comes and goes leaves no trace");
        names.sort_unstable();
        prop_assert_eq!(Tree::new(ALL_CACHED).apply(&changes(&names)), root);
    }
}
