//! What goes out comes in, and nothing else does.

mod crashes;
mod hostile;
mod sharing;

use std::collections::BTreeMap;

use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore as Blobs};
use proptest::prelude::*;

use super::*;
use crate::config::Roots;
use crate::{
    Access, Batch, BatchId, Config, Context, Failure, FaultyStore, MemoryStore, OpenError, Processor,
    ReadStore, ResourceId, Snapshot, State, Store, Value,
};

/// Sets resources to values, or removes them.
struct Set;

impl Processor for Set {
    type Payload = Vec<(u64, Option<Vec<u8>>)>;

    fn execute(&self, context: &mut Context<'_>, payload: &Self::Payload) -> Result<(), Failure> {
        payload.iter().try_for_each(|(number, value)| match value {
            Some(value) => context.write(ResourceId::numbered(*number), value.clone()),
            None => context.remove(ResourceId::numbered(*number)),
        })
    }
}

type Content = BTreeMap<ResourceId, (BatchId, Value)>;

fn open(store: impl Store) -> State<Set> {
    State::open(store, Set, Config { workers: 0, ..Config::default() }).unwrap()
}

fn set(state: &State<Set>, changes: Vec<(u64, Option<Vec<u8>>)>) -> BatchId {
    let mut batch = Batch::new("metadata of a batch");
    for change in changes.into_iter().collect::<BTreeMap<_, _>>() {
        batch.push(&[Access::write(ResourceId::numbered(change.0))], vec![change]).unwrap();
    }
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    submission.id()
}

/// A state of `count` resources with short values.
fn numbered(count: u64) -> State<Set> {
    let state = open(MemoryStore::new());
    set(&state, (0..count).map(|number| (number, Some(number.to_le_bytes().to_vec()))).collect());
    state
}

fn content(snapshot: &Snapshot) -> Content {
    let version = |id| snapshot.version(id).unwrap().unwrap();
    snapshot.iter().map(Result::unwrap).map(|(id, value)| (id, (version(id), value))).collect()
}

fn export(state: &State<Set>, blobs: &Blobs) -> BlobId {
    state.export(state.committed(), blobs, Durability::Buffered).unwrap()
}

fn import_into(store: &dyn Store, blobs: &Blobs, export: BlobId) -> Result<Imported, ImportError> {
    import(store, blobs, export, &ImportConfig::default())
}

/// Exports, imports and compares everything; returns the copy.
#[track_caller]
fn check(state: &State<Set>, config: &ImportConfig) -> State<Set> {
    let (blobs, store, batch) = (Blobs::new(), MemoryStore::new(), state.committed());
    let id = export(state, &blobs);
    let imported = import(&store, &blobs, id, config).unwrap();
    let root = state.wait_root(batch).unwrap();
    assert_eq!((imported.batch, imported.claimed_root), (batch, root));
    if config.roots == Roots::On {
        assert_eq!(imported.root, root);
    }
    let copy = open(store);
    assert_eq!((copy.tip(), copy.committed(), copy.floor()), (batch, batch, batch));
    assert_eq!(content(&copy.snapshot()), content(&state.snapshot()));
    assert_eq!(copy.wait_root(batch).unwrap(), root);
    if batch > BatchId::GENESIS {
        assert_eq!(copy.metadata(batch).unwrap(), state.metadata(batch).unwrap());
    }
    assert_eq!(export(&copy, &blobs), id, "an equal state has an equal export");
    copy
}

#[test]
fn an_empty_state_is_exported_and_imported() {
    let copy = check(&open(MemoryStore::new()), &ImportConfig::default());
    let batch = set(&copy, vec![(1, Some(vec![1]))]);
    assert!(batch > BatchId::GENESIS);
    check(&copy, &ImportConfig::default());
}

#[test]
fn a_state_that_lost_everything_is_exported_and_imported() {
    let state = numbered(10);
    set(&state, (0..10).map(|number| (number, None)).collect());
    let copy = check(&state, &ImportConfig { roots: Roots::Off, ..ImportConfig::default() });
    assert_eq!(copy.snapshot().iter().count(), 0);
}

#[test]
fn empty_and_large_values_are_exported_and_imported() {
    let state = open(MemoryStore::new());
    let lengths = [0, 1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, 300_000, 16 << 20, 16 << 20];
    let values = lengths.iter().zip(0..).map(|(length, number)| (number, Some(vec![7; *length])));
    set(&state, values.collect());
    check(&state, &ImportConfig::default());
    check(&state, &ImportConfig { roots: Roots::Off, tree_bytes_max: 0, ..ImportConfig::default() });
    check(&state, &ImportConfig { commit_bytes_max: 0, tree_bytes_max: 0, ..ImportConfig::default() });
}

#[test]
fn a_copy_goes_on_where_the_original_was() {
    let state = numbered(100);
    let batch = state.tip();
    let copy = check(&state, &ImportConfig::default());
    let first = set(&copy, vec![(5, Some(vec![5])), (6, None), (1_000, Some(vec![]))]);
    let second = set(&copy, vec![(5, Some(vec![6]))]);
    assert!(batch < first && first < second);
    copy.rollback(batch).unwrap().wait().unwrap();
    assert_eq!(content(&copy.snapshot()), content(&state.snapshot()));
    assert_eq!(copy.wait_root(batch).unwrap(), state.wait_root(batch).unwrap());
    let third = set(&copy, vec![(5, Some(vec![7])), (7, None)]);
    copy.prune(third);
    copy.wait_pruned();
    assert_eq!(copy.floor(), third);
    assert_eq!(copy.snapshot().iter().count(), 99);
    check(&copy, &ImportConfig::default());
}

#[test]
fn an_export_is_of_one_moment() {
    let state = numbered(1_000);
    let (batch, blobs) = (state.tip(), Blobs::new());
    let root = state.wait_root(batch).unwrap();
    let snapshot = state.snapshot();
    let before = content(&snapshot);
    let id = export(&state, &blobs);
    set(&state, (500..1_500).map(|number| (number, Some(vec![1]))).collect());
    state.rollback(batch).unwrap().wait().unwrap();
    set(&state, (0..2_000).map(|number| (number, None)).collect());
    state.prune(state.tip());
    state.wait_pruned();
    assert_eq!(snapshot.export(&blobs, root, Durability::Synced).unwrap(), id);
    assert_eq!(content(&snapshot), before);
}

#[test]
fn an_export_while_writers_go_on_is_of_one_moment() {
    let config = Config { workers: 2, ..Config::default() };
    let state = State::open(MemoryStore::new(), Set, config).unwrap();
    let value = |round: u64| Some(round.to_le_bytes().to_vec());
    let mut submissions = Vec::new();
    for round in 0..200 {
        let mut batch = Batch::new("");
        for number in 0..50 {
            let access = Access::write(ResourceId::numbered(number));
            batch.push(&[access], vec![(number, value(round))]).unwrap();
        }
        submissions.push(state.submit(batch).unwrap());
        if round % 20 != 0 {
            continue;
        }
        // Every batch gives all resources one value, so a mixture of two would show.
        let (blobs, store) = (Blobs::new(), MemoryStore::new());
        let id = export(&state, &blobs);
        let imported = import_into(&store, &blobs, id).unwrap();
        let copy = open(store);
        let held: Vec<Value> = copy.snapshot().iter().map(|entry| entry.unwrap().1).collect();
        assert!(held.windows(2).all(|pair| pair[0] == pair[1]), "{held:?}");
        assert_eq!(held.len() as u64, imported.resources);
    }
    submissions.iter().for_each(|submission| submission.wait_committed().unwrap());
}

#[test]
fn only_what_the_store_knows_to_be_its_root_is_exported() {
    let state = numbered(10);
    state.wait_root(state.tip()).unwrap();
    let wrong = Some(crate::Root::from_bytes([1; 32]));
    set(&state, vec![]); // writes the root of the batch before
    let snapshot = state.snapshot_at(BatchId::GENESIS).unwrap();
    let refused = snapshot.export(&Blobs::new(), wrong, Durability::Buffered);
    assert!(matches!(refused, Err(ExportError::Root { .. })), "{refused:?}");
    let refused = state.export(BatchId::new(99), &Blobs::new(), Durability::Buffered);
    assert!(matches!(refused, Err(ExportError::Read(_))), "{refused:?}");
}

#[test]
fn a_store_that_holds_a_state_is_refused() {
    let blobs = Blobs::new();
    let id = export(&numbered(10), &blobs);
    let store = MemoryStore::new();
    drop(open(store.clone()));
    let refused = import_into(&store, &blobs, id).unwrap_err();
    assert!(matches!(refused, ImportError::NotEmpty), "{refused}");
    assert!(!discard_import(&store).unwrap());
    let store = MemoryStore::new();
    import_into(&store, &blobs, id).unwrap();
    let refused = import_into(&store, &blobs, id).unwrap_err();
    assert!(matches!(refused, ImportError::NotEmpty), "{refused}");
    assert!(!discard_import(&store).unwrap());
    assert_eq!(open(store).snapshot().iter().count(), 10);
}

/// Batches of changes to a few resources, with values on both sides of what is inline.
fn histories() -> impl Strategy<Value = Vec<Vec<(u64, Option<Vec<u8>>)>>> {
    let value = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 1..40),
        (any::<u8>(), INLINE_BYTES_MAX - 1..INLINE_BYTES_MAX + 3)
            .prop_map(|(byte, length)| vec![byte; length]),
    ];
    let change = (0..60_u64, prop::option::weighted(0.8, value));
    prop::collection::vec(prop::collection::vec(change, 0..30), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_comes_in(history in histories(), commit_bytes_max in 0..20_000_u64, back in 0..6_usize) {
        let state = open(MemoryStore::new());
        let mut ids = vec![BatchId::GENESIS];
        ids.extend(history.into_iter().map(|changes| set(&state, changes)));
        if let Some(target) = ids.iter().rev().nth(back) {
            state.rollback(*target).unwrap().wait().unwrap();
        }
        let copy = check(&state, &ImportConfig { commit_bytes_max, ..ImportConfig::default() });
        let next = set(&copy, vec![(3, Some(vec![3])), (4, None)]);
        prop_assert!(next > state.tip());
        check(&copy, &ImportConfig::default());
    }
}
