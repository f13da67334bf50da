//! An import that is broken off at any moment leaves nothing that is taken for a state.

use ironloom_core::Seed;

use super::*;

fn config() -> ImportConfig {
    ImportConfig { commit_bytes_max: 1_000, tree_bytes_max: 0, ..ImportConfig::default() }
}

fn exported() -> (State<Set>, Blobs, BlobId) {
    let state = numbered(150);
    set(&state, vec![(3, None), (4, Some(vec![4; 10_000])), (5, Some(vec![]))]);
    let blobs = Blobs::new();
    let id = export(&state, &blobs);
    (state, blobs, id)
}

/// What is found after a broken import is nothing, an unfinished import, or the whole state; in any case, one can import
/// or go on.
#[track_caller]
fn check_found(
    found: &FaultyStore,
    state: &State<Set>,
    (blobs, id): (&Blobs, BlobId),
    context: &str,
) -> bool {
    match State::open(found.clone(), Set, Config { workers: 0, ..Config::default() }) {
        Err(OpenError::UnfinishedImport { export }) => {
            assert_eq!(export, id, "{context}");
            import(found, blobs, id, &config()).unwrap();
        }
        Err(error) => panic!("{context}: {error}"),
        Ok(copy) if copy.tip() == BatchId::GENESIS => {
            assert_eq!(copy.snapshot().iter().count(), 0, "{context}");
            set(&copy, vec![(1, Some(vec![1]))]);
            assert_eq!(copy.snapshot().iter().count(), 1, "{context}: nothing shines through");
            return false;
        }
        Ok(copy) => drop(copy),
    }
    let copy = open(found.clone());
    assert_eq!(content(&copy.snapshot()), content(&state.snapshot()), "{context}");
    assert_eq!(copy.wait_root(copy.tip()).unwrap(), state.wait_root(state.tip()).unwrap(), "{context}");
    true
}

#[test]
fn a_power_failure_during_an_import_leaves_no_half_a_state() {
    let (state, blobs, id) = exported();
    let whole = FaultyStore::new(Seed::new(0));
    import(&whole, &blobs, id, &config()).unwrap();
    assert_eq!(whole.unsynced(), 0, "it is durable on return");
    let operations = whole.operations();
    assert!(operations > 20, "{operations} operations");
    let (mut lost, mut kept) = (0, 0);
    for operation in 0..operations {
        for seed in 0..4 {
            let store = FaultyStore::new(Seed::new(seed));
            store.power_off_after(operation);
            import(&store, &blobs, id, &config()).unwrap_err();
            let found = if seed == 0 { store.crash_keeping(usize::MAX) } else { store.crash() };
            let context = format!("operation {operation}, seed {seed}");
            if check_found(&found, &state, (&blobs, id), &context) { kept += 1 } else { lost += 1 }
        }
    }
    assert!(lost > 0 && kept > 0, "{lost} lost, {kept} kept");
}

#[test]
fn a_failure_during_an_import_leaves_no_half_a_state() {
    let (state, blobs, id) = exported();
    let whole = FaultyStore::new(Seed::new(0));
    import(&whole, &blobs, id, &config()).unwrap();
    for operation in 0..whole.operations() {
        let store = FaultyStore::new(Seed::new(operation));
        store.fail_after(operation);
        let error = import(&store, &blobs, id, &config()).unwrap_err();
        assert!(matches!(error, ImportError::Store(_)), "{error}");
        check_found(&store.restart(), &state, (&blobs, id), &format!("operation {operation}"));
    }
    for read in 0..whole.reads() {
        let store = FaultyStore::new(Seed::new(read));
        store.fail_read_after(read);
        let error = import(&store, &blobs, id, &config()).unwrap_err();
        assert!(matches!(error, ImportError::Store(_)), "{error}");
        check_found(&store, &state, (&blobs, id), &format!("read {read}"));
    }
}

/// Breaks an import of one export off, then one of another at any moment, and then imports a third.
#[test]
fn an_import_over_an_unfinished_one_starts_over() {
    let (state, blobs, id) = exported();
    let larger = export(&numbered(400), &blobs);
    let begin = |operation| {
        let store = FaultyStore::new(Seed::new(1));
        store.fail_after(operation);
        import(&store, &blobs, larger, &config()).unwrap_err();
        store.restart()
    };
    let whole = begin(25);
    let before = whole.operations();
    import(&whole, &blobs, id, &config()).unwrap();
    for operation in 0..whole.operations() - before {
        let store = begin(25);
        store.power_off_after(operation);
        import(&store, &blobs, id, &config()).unwrap_err();
        let found = store.crash();
        let opened = State::open(found.clone(), Set, Config { workers: 0, ..Config::default() });
        if matches!(opened, Err(OpenError::UnfinishedImport { .. })) {
            import(&found, &blobs, id, &config()).unwrap();
        }
        drop(opened);
        let copy = open(found);
        if copy.tip() > BatchId::GENESIS {
            assert_eq!(content(&copy.snapshot()), content(&state.snapshot()), "operation {operation}");
        } else {
            assert_eq!(copy.snapshot().iter().count(), 0, "operation {operation}");
        }
    }
}

#[test]
fn what_was_discarded_is_gone() {
    let (_, blobs, id) = exported();
    let store = FaultyStore::new(Seed::new(1));
    store.fail_after(12);
    import(&store, &blobs, id, &config()).unwrap_err();
    let store = store.restart();
    assert!(discard_import(&store).unwrap());
    for space in crate::SPACES {
        store
            .scan(space, (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded), &mut |key, _| {
                panic!("{space}: {key:?} is left");
            })
            .unwrap();
    }
    assert_eq!(open(store).tip(), BatchId::GENESIS);
}
