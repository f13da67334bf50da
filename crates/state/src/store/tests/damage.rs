//! Directories that hold no store, or no whole one.

use std::fs;
use std::path::Path;

use super::*;

fn open(path: &Path) -> Result<FjallStore, StoreError> {
    FjallStore::open(path, FjallConfig::default())
}

/// A closed store with content, some of it in tables.
fn made() -> TempDir {
    let bed = fjall();
    for number in 0..200_u64 {
        bed.store.commit(&batch(&[(A, &number.to_be_bytes(), &[7; 500])])).unwrap();
    }
    bed.store.sync().unwrap();
    let Bed { store, directory, .. } = bed;
    drop(store);
    directory
}

#[track_caller]
fn check_refused(damage: impl Fn(&Path)) {
    let directory = made();
    let path = directory.path().join("store");
    damage(&path);
    let error = open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. } | StoreError::Engine { .. }), "{error}");
    assert_eq!(fs::read_dir(path.join("keyspaces")).unwrap().count(), 3, "{error}: nothing was deleted");
}

#[test]
fn a_file_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "no store").unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    let error = open(&path.join("below")).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

#[test]
fn a_store_is_opened_once_at_a_time() {
    let bed = fjall();
    let error = open(bed.store.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let path = bed.store.path().to_owned();
    drop(bed.store);
    open(&path).unwrap();
}

#[test]
fn limits_out_of_range_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let config = FjallConfig::default();
    for config in [
        FjallConfig { threads: 0, ..config.clone() },
        FjallConfig { journal_bytes_max: 1, ..config.clone() },
        FjallConfig { memtable_bytes_max: 0, ..config },
    ] {
        let error = FjallStore::open(directory.path(), config).unwrap_err();
        assert!(matches!(error, StoreError::Config { .. }), "{error}");
    }
}

#[test]
fn a_store_whose_making_was_cut_short_is_made_again() {
    for marker in [None, Some("")] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::create_dir(path.join("keyspaces")).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        fs::write(path.join("0.jnl"), [0; 9_999]).unwrap();
        if let Some(marker) = marker {
            fs::write(path.join("version"), marker).unwrap();
        }
        let store = open(path).unwrap();
        store.declare(&[A]).unwrap();
        store.commit(&batch(&[(A, b"a", b"1")])).unwrap();
        drop(store);
        let store = open(path).unwrap();
        store.declare(&[A]).unwrap();
        assert_eq!(entries(&store, A, ALL).len(), 1);
    }
}

#[test]
fn a_directory_with_a_part_missing_is_refused_and_kept() {
    check_refused(|path| fs::remove_file(path.join("version")).unwrap());
    check_refused(|path| fs::write(path.join("version"), "").unwrap());
    check_refused(|path| fs::write(path.join("version"), "something else").unwrap());
    check_refused(|path| fs::remove_file(path.join("0.jnl")).unwrap());
    check_refused(|path| fs::remove_file(path.join("keyspaces/0/current")).unwrap());
    check_refused(|path| fs::write(path.join("keyspaces/0/current"), "x").unwrap());
}

#[test]
fn what_the_engine_did_not_make_is_refused() {
    check_refused(|path| fs::rename(path.join("keyspaces/2"), path.join("keyspaces/two")).unwrap());
    check_refused(|path| {
        fs::remove_dir_all(path.join("keyspaces/2")).unwrap();
        fs::write(path.join("keyspaces/2"), "a file").unwrap();
    });
    check_refused(|path| fs::create_dir(path.join("1.jnl")).unwrap());
    check_refused(|path| fs::write(path.join("one.jnl"), "").unwrap());
}

/// Damage anywhere ends in a store or in an error, never in a panic.
#[test]
fn random_damage_is_an_error_or_goes_unnoticed() {
    fn files(path: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    for seed in 0..60 {
        let mut rng = Rng::new(Seed::new(seed));
        let directory = made();
        let path = directory.path().join("store");
        let mut all = Vec::new();
        files(&path, &mut all);
        all.sort();
        let file = rng.choose(&all).unwrap();
        let mut content = fs::read(file).unwrap();
        let length = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        content.truncate(length);
        if length > 0 && rng.chance(2, 3) {
            content[rng.below(length as u64) as usize] ^= 1 << rng.below(8);
        } else {
            content.truncate(rng.below(length as u64 + 1) as usize);
        }
        fs::write(file, content).unwrap();
        if let Ok(store) = open(&path) {
            // A space whose name was lost is declared anew; reads may fail but do not panic.
            let _ = store.declare(&[A, B]);
            let _ = store.scan(A, ALL, &mut |_, _| ControlFlow::Continue(()));
        }
    }
}
