//! The store on disk with more than fits into its memtables.

use super::*;

fn small(directory: &TempDir) -> FjallStore {
    let config = FjallConfig { memtable_bytes_max: 1 << 20, cache_bytes: 1 << 20, ..FjallConfig::default() };
    let store = FjallStore::open(directory.path().join("store"), config).unwrap();
    store.declare(&[A, B]).unwrap();
    store
}

/// Keys that are put, put again and removed over many memtables are those of the store in memory.
#[test]
fn what_was_sorted_into_tables_is_what_was_put() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = small(&directory);
    let model = MemoryStore::new();
    model.declare(&[A, B]).unwrap();
    let mut rng = Rng::new(Seed::new(9));
    for round in 0..60_u64 {
        let mut changes = WriteBatch::new();
        for _ in 0..600 {
            let (space, key) =
                (if rng.chance(1, 9) { B } else { A }, rng.below(8_000).to_be_bytes().repeat(5));
            if rng.chance(1, 4) {
                changes.remove(space, &key);
            } else {
                changes.put(space, &key, &rng.bytes::<400>());
            }
        }
        store.commit(&changes).unwrap();
        model.commit(&changes).unwrap();
        if round % 20 == 19 {
            assert_eq!(entries(&store, A, ALL), entries(&model, A, ALL), "round {round}");
            drop(store);
            store = small(&directory);
            assert_eq!(entries(&store, A, ALL), entries(&model, A, ALL), "round {round}, opened again");
            assert_eq!(entries(&store, B, ALL), entries(&model, B, ALL), "round {round}, opened again");
        }
    }
    let tables = std::fs::read_dir(directory.path().join("store/keyspaces/1/tables")).unwrap().count();
    assert!(tables > 0, "nothing was sorted into tables");
}

/// A moment stays as it was while memtables are sorted into tables and merged.
#[test]
fn a_scan_sees_one_moment_while_tables_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let store = small(&directory);
    let commit = |value: u8| {
        let mut changes = WriteBatch::new();
        (0..200_u64).for_each(|key| changes.put(A, &key.to_be_bytes(), &[value; 5_000]));
        store.commit(&changes).unwrap();
    };
    commit(0);
    let mut seen = 0;
    let visit = &mut |_: &[u8], value: &[u8]| {
        assert!(value.iter().all(|byte| *byte == 0), "after {seen} entries");
        if seen % 20 == 0 {
            commit(1 + seen / 20);
        }
        seen += 1;
        ControlFlow::Continue(())
    };
    store.scan(A, ALL, visit).unwrap();
    assert_eq!(seen, 200);
}
