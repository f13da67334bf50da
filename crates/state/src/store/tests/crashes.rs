//! What is left after a crash: of the store that models it, and of the one on disk.

use std::fs;
use std::path::Path;

use super::*;

fn numbered(number: u64) -> WriteBatch {
    let number = number.to_be_bytes();
    batch(&[(A, b"last", &number), (A, &number, &number), (B, &number, &[number; 40].concat())])
}

/// Checks that a store holds the first commits and nothing of the others, and says how many.
fn check_prefix(store: &impl Store) -> u64 {
    store.declare(&[A, B]).unwrap();
    let last = number(store, A, b"last").unwrap_or(0);
    let expected: Vec<Vec<u8>> = (1..=last).map(|number| number.to_be_bytes().to_vec()).collect();
    let keys =
        |space| entries(store, space, ALL).into_iter().map(|(key, _)| key).filter(|key| key.len() == 8);
    assert!(keys(A).eq(expected.iter().cloned()) && keys(B).eq(expected), "not the first {last} commits");
    last
}

#[test]
fn a_crash_keeps_what_was_synced_and_the_first_of_the_rest() {
    let mut kept_so_far = [false; 6];
    for seed in 0..64 {
        let store = FaultyStore::new(Seed::new(seed));
        store.declare(&[A, B]).unwrap();
        (1..=3).for_each(|number| store.commit(&numbered(number)).unwrap());
        store.sync().unwrap();
        (4..=8).for_each(|number| store.commit(&numbered(number)).unwrap());
        assert_eq!((store.commits(), store.syncs(), store.unsynced()), (8, 1, 5));
        let found = store.crash();
        let last = check_prefix(&found);
        assert!((3..=8).contains(&last), "seed {seed}: {last}");
        kept_so_far[last as usize - 3] = true;
        assert_eq!(check_prefix(&found.crash()), last, "seed {seed}: what was found is durable");
        assert!(
            store.get(A, b"last").is_err() && store.commit(&numbered(9)).is_err() && store.sync().is_err()
        );
    }
    assert!(kept_so_far.iter().all(|kept| *kept), "{kept_so_far:?}");
}

#[test]
fn a_crash_keeps_as_many_commits_as_it_is_told() {
    let store = FaultyStore::new(Seed::new(1));
    store.declare(&[A, B]).unwrap();
    (1..=5).for_each(|number| store.commit(&numbered(number)).unwrap());
    let found = store.restart();
    assert_eq!((check_prefix(&found), found.unsynced()), (5, 5));
    let found = found.crash_keeping(2);
    assert_eq!((check_prefix(&found), found.unsynced()), (2, 0));
    assert_eq!(check_prefix(&found.crash_keeping(usize::MAX)), 2);
}

/// The power goes during each of the operations of a small program.
#[test]
fn the_power_may_go_at_every_operation() {
    for (off_at, seed) in (0..9).flat_map(|off_at| (0..16).map(move |seed| (off_at, seed))) {
        let store = FaultyStore::new(Seed::new(seed));
        store.power_off_after(off_at);
        let program = || -> Result<(), StoreError> {
            store.declare(&[A, B])?;
            for number in 1..=6 {
                store.commit(&numbered(number))?;
                if number == 3 {
                    store.sync()?;
                }
            }
            Ok(())
        };
        let is_done = program().is_ok();
        assert_eq!(is_done, off_at >= 8, "off at {off_at}");
        assert!(is_done || store.get(A, b"last").is_err(), "the power is off");
        let last = check_prefix(&store.crash());
        let (least, most) =
            [(0, 0), (0, 1), (0, 2), (0, 3), (0, 3), (3, 4), (3, 5), (3, 6), (3, 6)][off_at as usize];
        assert!((least..=most).contains(&last), "off at {off_at}, seed {seed}: {last}");
    }
}

#[test]
fn after_a_failure_nothing_is_written_until_the_store_is_opened_again() {
    for seed in 0..16 {
        let store = FaultyStore::new(Seed::new(seed));
        store.declare(&[A, B]).unwrap();
        store.commit(&numbered(1)).unwrap();
        store.fail_after(0);
        assert!(store.commit(&numbered(2)).is_err());
        assert!(store.commit(&numbered(3)).is_err() && store.sync().is_err());
        assert_eq!(check_reads(&store), Some(1), "a reader sees nothing of it");
        let found = store.restart();
        let last = check_prefix(&found);
        assert!((1..=2).contains(&last), "seed {seed}: {last}");
        found.commit(&numbered(last + 1)).unwrap();
    }
}

fn check_reads(store: &FaultyStore) -> Option<u64> {
    number(store, A, b"last")
}

#[test]
fn a_read_may_fail_once() {
    let store = FaultyStore::new(Seed::new(1));
    store.declare(&[A, B]).unwrap();
    (1..=9).for_each(|number| store.commit(&numbered(number)).unwrap());
    store.fail_read_after(1);
    assert!(store.get(A, b"last").is_ok());
    assert!(store.get(A, b"last").is_err());
    store.fail_read_after(0);
    let mut seen = 0;
    let visit = &mut |_: &[u8], _: &[u8]| {
        seen += 1;
        ControlFlow::Continue(())
    };
    assert!(store.scan(A, ALL, visit).is_err());
    assert!(seen < 10);
    assert_eq!((check_prefix(&store), store.reads()), (9, 6));
}

/// Copies a directory as it is now, files without the zeros at their ends.
fn image(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let copy = target.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            image(&entry.path(), &copy);
        } else {
            let content = fs::read(entry.path()).unwrap();
            let length = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            let is_journal = copy.extension().is_some_and(|extension| extension == "jnl");
            fs::write(copy, if is_journal { &content[..length] } else { &content }).unwrap();
        }
    }
}

fn with_commits(commits: u64) -> TempDir {
    let bed = fjall();
    (1..=commits).for_each(|number| bed.store.commit(&numbered(number)).unwrap());
    let copy = tempfile::tempdir().unwrap();
    image(bed.store.path(), &copy.path().join("store"));
    copy
}

#[test]
fn a_process_that_is_killed_loses_no_commit() {
    let bed = fjall();
    for number in 1..=40 {
        bed.store.commit(&numbered(number)).unwrap();
        if number % 13 == 1 {
            let copy = tempfile::tempdir().unwrap();
            image(bed.store.path(), &copy.path().join("store"));
            assert_eq!(check_prefix(&opened(&copy)), number);
        }
    }
}

#[test]
fn a_journal_that_was_cut_anywhere_holds_the_first_commits() {
    let copy = with_commits(12);
    let journal = copy.path().join("store/0.jnl");
    let whole = fs::read(&journal).unwrap();
    let mut rng = Rng::new(Seed::new(3));
    let mut last = 12;
    let mut length = whole.len();
    while length > 0 {
        for fill in [0, 4_096] {
            // Once cut off, once with zeros behind, as a file that was made longer first.
            let mut torn = whole[..length].to_vec();
            torn.resize(length + fill, 0);
            fs::write(&journal, torn).unwrap();
            let found = check_prefix(&opened(&copy));
            assert!(found <= last, "cut at {length}: {found} after {last}");
            assert!(length < whole.len() || found == 12, "nothing was cut");
            last = found;
        }
        length = length.saturating_sub(1 + rng.below(400) as usize);
    }
    assert_eq!(last, 0);
}

#[test]
fn a_store_goes_on_behind_a_torn_tail() {
    let copy = with_commits(5);
    let journal = copy.path().join("store/0.jnl");
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, &whole[..whole.len() - 30]).unwrap();
    let store = opened(&copy);
    assert_eq!(check_prefix(&store), 4);
    (5..=9).for_each(|number| store.commit(&numbered(number)).unwrap());
    drop(store);
    assert_eq!(check_prefix(&opened(&copy)), 9);
}

/// A power failure may lose any page that was not synced, and keep later ones.
#[test]
fn a_journal_with_pages_missing_holds_the_first_commits() {
    let copy = with_commits(150);
    let journal = copy.path().join("store/0.jnl");
    let whole = fs::read(&journal).unwrap();
    let pages = whole.len().div_ceil(4_096) as u64;
    assert!(pages > 15, "{pages}");
    for seed in 0..40 {
        let mut rng = Rng::new(Seed::new(seed));
        let mut torn = whole.clone();
        let first = rng.below(pages) as usize;
        for page in first..pages as usize {
            if page == first || rng.chance(1, 3) {
                torn[page * 4_096..whole.len().min((page + 1) * 4_096)].fill(0);
            }
        }
        fs::write(&journal, torn).unwrap();
        let found = check_prefix(&opened(&copy));
        assert!((found as usize) * whole.len() / 150 <= (first + 1) * 4_096, "seed {seed}: {found}");
    }
}
