//! Directories of many nodes: that they cost what they should, whatever the order in which they came to be.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironloom_core::{Rng, Seed};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::probe::Probe;
use super::{NOW, attributes};
use crate::tree::{Config, MediaType, PATH_BYTES_MAX, Tree};
use crate::{BlobId, BlobStore, Durability};

const ENTRIES: usize = 50_000;

fn counted() -> (Arc<Probe>, Tree) {
    let store = Arc::new(Probe::default());
    let tree = Tree::new(Arc::clone(&store) as Arc<dyn BlobStore>, Config::default());
    (store, tree)
}

fn path(number: usize) -> String {
    format!("/d/{number:06}")
}

fn fill(tree: &mut Tree, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        tree.create(&*path(number), attributes()).unwrap();
    }
}

#[test]
fn a_large_directory_has_one_id_whatever_its_history() {
    let (_, mut tree) = counted();
    tree.mkdir("/d", attributes()).unwrap();
    fill(&mut tree, 0..ENTRIES);
    let id = tree.commit(Durability::Buffered).unwrap();

    let (_, mut other) = counted();
    other.mkdir("/d", attributes()).unwrap();
    fill(&mut other, (0..ENTRIES).rev().filter(|number| number % 3 == 0));
    other.commit(Durability::Buffered).unwrap();
    fill(&mut other, (0..ENTRIES).filter(|number| number % 3 != 0));
    other.create("/d/guest", attributes()).unwrap();
    assert_ne!(other.commit(Durability::Buffered).unwrap(), id);
    other.remove("/d/guest", NOW).unwrap();
    assert_eq!(other.commit(Durability::Buffered).unwrap(), id);

    fill_then_clear(&mut other, id);
}

/// Removes all but one of the entries, in two commits, and makes them again.
fn fill_then_clear(tree: &mut Tree, id: BlobId) {
    for number in (0..ENTRIES - 1).filter(|number| number % 50 != 0) {
        tree.remove(&*path(number), NOW).unwrap();
    }
    tree.commit(Durability::Buffered).unwrap();
    for number in (0..ENTRIES - 1).filter(|number| number % 50 == 0) {
        tree.remove(&*path(number), NOW).unwrap();
    }
    let one = tree.commit(Durability::Buffered).unwrap();
    let (_, mut other) = counted();
    other.mkdir("/d", attributes()).unwrap();
    fill(&mut other, ENTRIES - 1..ENTRIES);
    assert_eq!(other.commit(Durability::Buffered).unwrap(), one);
    fill(tree, 0..ENTRIES - 1);
    assert_eq!(tree.commit(Durability::Buffered).unwrap(), id);
}

#[test]
fn a_commit_and_a_diff_cost_what_changed() {
    const CHANGED: usize = 20;
    let (store, mut tree) = counted();
    tree.mkdir("/d", attributes()).unwrap();
    fill(&mut tree, 0..ENTRIES);
    let id = tree.commit(Durability::Buffered).unwrap();
    let before = Tree::open(Arc::clone(&store) as Arc<dyn BlobStore>, id, Config::default()).unwrap();
    store.take();

    assert_eq!(tree.commit(Durability::Buffered).unwrap(), id);
    assert_eq!(store.take(), (0, 0), "a commit without changes is nothing");

    let mut after = Tree::open(Arc::clone(&store) as Arc<dyn BlobStore>, id, Config::default()).unwrap();
    let mut rng = Rng::new(Seed::new(1));
    for _ in 0..CHANGED {
        let number = rng.below(ENTRIES as u64) as usize;
        after.create(&*format!("{}-new", path(number)), attributes()).unwrap();
    }
    after.commit(Durability::Buffered).unwrap();
    // A leaf, a branch and at times a neighbour of each, for every change.
    let (gets, puts) = store.take();
    assert!(gets <= 4 * CHANGED + 10 && puts <= 4 * CHANGED + 10, "{gets} gets, {puts} puts");

    let again =
        Tree::open(Arc::clone(&store) as Arc<dyn BlobStore>, after.snapshot().unwrap(), Config::default())
            .unwrap();
    store.take();
    assert_eq!(before.diff(&again).count(), CHANGED);
    let (gets, _) = store.take();
    assert!(gets <= 8 * CHANGED + 10, "{gets} gets");
}

#[test]
fn no_more_nodes_stay_in_memory_than_allowed() {
    let config = Config { resident_nodes_max: 10, ..Config::default() };
    let (store, mut tree) = counted();
    tree.mkdir("/d", attributes()).unwrap();
    fill(&mut tree, 0..3_000);
    let id = tree.commit(Durability::Buffered).unwrap();
    let mut tree = Tree::open(store, id, config).unwrap();
    assert_eq!(tree.walk("/").unwrap().count(), 3_001);
    assert_eq!(tree.shared.resident.load(Ordering::Relaxed), 10);
    fill(&mut tree, 3_000..4_000);
    tree.commit(Durability::Buffered).unwrap();
    assert_eq!(tree.walk("/").unwrap().count(), 4_001);
    assert!(tree.shared.resident.load(Ordering::Relaxed) <= 10);
    tree.release();
    assert_eq!(tree.shared.resident.load(Ordering::Relaxed), 0);
    assert_eq!(tree.walk("/").unwrap().count(), 4_001);
    let resident = Arc::clone(&tree.shared.resident);
    drop(tree);
    assert_eq!(resident.load(Ordering::Relaxed), 0);
}

#[test]
fn a_thousand_forks_cost_a_few_pointers() {
    let (store, mut tree) = counted();
    tree.mkdir("/d", attributes()).unwrap();
    fill(&mut tree, 0..5_000);
    tree.commit(Durability::Buffered).unwrap();
    fill(&mut tree, 5_000..6_000);
    store.take();
    let before = tree.shared.resident.load(Ordering::Relaxed);
    let mut forks: Vec<Tree> = (0..1_000).map(|_| tree.fork()).collect();
    assert_eq!(tree.shared.resident.load(Ordering::Relaxed), before);
    assert!(forks.iter().all(|fork| fork.top().is_same(tree.top())), "they share every node");
    assert!(size_of::<Tree>() < 256);

    let id = tree.commit(Durability::Buffered).unwrap();
    let (_, puts) = store.take();
    forks[0].create("/d/mine", attributes()).unwrap();
    assert!(!forks[0].top().is_same(forks[1].top()));
    assert_eq!(forks[1].commit(Durability::Buffered).unwrap(), id);
    assert_ne!(forks[0].commit(Durability::Buffered).unwrap(), id);
    assert!(puts < 20, "{puts} puts for a thousand new entries at the end");
}

/// Cuts come and go with the names that make them, also where the nodes behind are taken as they are.
#[test]
fn every_single_change_leads_to_the_id_of_a_tree_made_anew() {
    const NUMBERS: usize = 400;
    let anew = |without: usize| {
        let (_, mut tree) = counted();
        tree.mkdir("/d", attributes()).unwrap();
        fill(&mut tree, (0..NUMBERS).filter(|number| *number != without));
        tree.commit(Durability::Buffered).unwrap();
        tree
    };
    let mut all = anew(NUMBERS);
    let id = all.commit(Durability::Buffered).unwrap();
    for number in 0..NUMBERS {
        let mut without = anew(number);
        let mut removed = all.fork();
        removed.remove(&*path(number), NOW).unwrap();
        assert_eq!(
            removed.commit(Durability::Buffered).unwrap(),
            without.snapshot().unwrap(),
            "without {number}"
        );
        without.create(&*path(number), attributes()).unwrap();
        assert_eq!(without.commit(Durability::Buffered).unwrap(), id, "with {number} again");
    }
}

/// Whoever knows the hash can choose names that never end a node; then nodes end when they are full.
#[test]
fn names_chosen_against_the_cuts_do_not_make_nodes_without_end() {
    let names: Vec<String> = (0..6_000)
        .map(|number| format!("/{number}"))
        .filter(|path| xxh3_64_with_seed(&path.as_bytes()[1..], 0) & 63 != 0)
        .collect();
    let (_, mut tree) = counted();
    for path in &names {
        tree.create(path, attributes()).unwrap();
    }
    let id = tree.commit(Durability::Buffered).unwrap();
    let (store, mut other) = counted();
    for path in names.iter().rev().step_by(2).chain(names.iter().rev().skip(1).step_by(2)) {
        other.create(path, attributes()).unwrap();
        if path.ends_with("77") {
            other.commit(Durability::Buffered).unwrap();
        }
    }
    other.set_attributes("/", |root| root.modified = NOW).unwrap();
    assert_eq!(other.commit(Durability::Buffered).unwrap(), id);

    store.take();
    other.create("/0000", attributes()).unwrap();
    other.commit(Durability::Buffered).unwrap();
    let (_, puts) = store.take();
    assert!((3..12).contains(&puts), "{puts} full nodes and a root");
}

#[test]
fn the_largest_entries_fit_into_nodes() {
    let (_, mut tree) = counted();
    let mut largest = attributes();
    largest.media_type = "m".repeat(MediaType::BYTES_MAX).parse().ok();
    (largest.uid, largest.gid) = (u32::MAX, u32::MAX);
    for number in 0..200 {
        let path = format!("{number:0>255}");
        tree.symlink(&[b't'; PATH_BYTES_MAX - 1], &path, largest.clone()).unwrap();
    }
    let tree = super::reopened(&mut tree);
    let walked = tree.walk("/").unwrap().map(Result::unwrap);
    assert!(walked.map(|walked| walked.stat.attributes).eq(std::iter::repeat_n(largest, 200)));
}
