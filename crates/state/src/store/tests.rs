//! What every store promises, tried with each of them.

mod crashes;
mod damage;
mod model;
mod tables;

use std::ops::{Bound, ControlFlow};

use ironloom_core::{Rng, Seed};
use tempfile::TempDir;

use super::*;

const A: Space = Space::new("test.a");
const B: Space = Space::new("test.b");
const UNKNOWN: Space = Space::new("test.unknown");
const ALL: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

/// A store to be tried, and the directory it lives in.
struct Bed<S> {
    store: S,
    /// Ends the process that has it open, and opens it again.
    reopen: fn(S, &TempDir) -> S,
    directory: TempDir,
}

impl<S: Store> Bed<S> {
    fn new(open: fn(&TempDir) -> S, reopen: fn(S, &TempDir) -> S) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory);
        store.declare(&[A, B]).unwrap();
        Self { store, reopen, directory }
    }

    fn reopened(self) -> Self {
        let store = (self.reopen)(self.store, &self.directory);
        store.declare(&[B, A]).unwrap();
        Self { store, ..self }
    }
}

fn memory() -> Bed<MemoryStore> {
    Bed::new(|_| MemoryStore::new(), |store, _| store.fork())
}

fn fjall() -> Bed<FjallStore> {
    Bed::new(opened, |store, directory| {
        drop(store);
        opened(directory)
    })
}

fn faulty() -> Bed<FaultyStore> {
    Bed::new(|_| FaultyStore::new(Seed::new(1)), |store, _| store.restart())
}

fn opened(directory: &TempDir) -> FjallStore {
    FjallStore::open(directory.path().join("store"), FjallConfig::default()).unwrap()
}

fn batch(puts: &[(Space, &[u8], &[u8])]) -> WriteBatch {
    let mut changes = WriteBatch::new();
    puts.iter().for_each(|(space, key, value)| changes.put(*space, key, value));
    changes
}

fn entries(store: &impl ReadStore, space: Space, range: KeyRange<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    store.scan(space, range, visit).unwrap();
    found
}

/// The number under a key.
fn number(store: &impl ReadStore, space: Space, key: &[u8]) -> Option<u64> {
    store.get(space, key).unwrap().map(|value| u64::from_be_bytes(value.try_into().unwrap()))
}

/// Makes each function a test of each store.
macro_rules! every_store {
    ($($name:ident),* $(,)?) => {
        mod of_memory { $(#[test] fn $name() { super::$name(super::memory()); })* }
        mod of_fjall { $(#[test] fn $name() { super::$name(super::fjall()); })* }
        mod of_faulty { $(#[test] fn $name() { super::$name(super::faulty()); })* }
    };
}
every_store!(
    what_was_put_is_found_until_it_is_removed,
    changes_of_a_batch_are_made_in_their_order,
    a_scan_may_be_broken_off,
    a_scan_sees_one_moment_and_its_visitor_may_call_the_store,
    what_a_store_cannot_do_is_refused_and_changes_nothing,
    keys_and_values_have_any_length,
    ranges_that_hold_nothing_are_empty,
    a_commit_is_seen_whole_by_other_threads,
    a_store_that_is_opened_again_has_its_content,
);

fn what_was_put_is_found_until_it_is_removed<S: Store>(bed: Bed<S>) {
    let store = bed.store;
    store.commit(&WriteBatch::new()).unwrap();
    store.commit(&batch(&[(A, b"key", b"1"), (B, b"key", b"2"), (A, b"empty", b"")])).unwrap();
    assert_eq!(store.get(A, b"key").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get(B, b"key").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(store.get(A, b"empty").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(store.get(A, b"other").unwrap(), None);
    store.declare(&[A]).unwrap();
    let mut changes = WriteBatch::new();
    changes.remove(A, b"key");
    changes.remove(A, b"never there");
    store.commit(&changes).unwrap();
    assert_eq!(store.get(A, b"key").unwrap(), None);
    assert_eq!(entries(&store, A, ALL), [(b"empty".to_vec(), Vec::new())]);
    assert_eq!(entries(&store, B, ALL).len(), 1);
    store.sync().unwrap();
}

fn changes_of_a_batch_are_made_in_their_order<S: Store>(bed: Bed<S>) {
    let mut changes = batch(&[(A, b"a", b"1"), (A, b"a", b"2"), (A, b"b", b"1")]);
    changes.remove(A, b"b");
    changes.remove(A, b"c");
    changes.put(A, b"c", b"3");
    changes.put(B, b"a", b"4");
    changes.put(A, b"a", b"5");
    bed.store.commit(&changes).unwrap();
    let bed = bed.reopened();
    assert_eq!(entries(&bed.store, A, ALL), [(b"a".to_vec(), b"5".to_vec()), (b"c".to_vec(), b"3".to_vec())]);
    assert_eq!(entries(&bed.store, B, ALL), [(b"a".to_vec(), b"4".to_vec())]);
}

fn a_scan_may_be_broken_off<S: Store>(bed: Bed<S>) {
    let bed = bed.reopened();
    bed.store.commit(&batch(&[(A, b"a", b"1"), (A, b"b", b"2"), (A, b"c", b"3")])).unwrap();
    let mut seen = Vec::new();
    let from_b = (Bound::Excluded(&b"a"[..]), Bound::Unbounded);
    let visit = &mut |key: &[u8], _: &[u8]| {
        seen.push(key.to_vec());
        ControlFlow::Break(())
    };
    bed.store.scan(A, from_b, visit).unwrap();
    assert_eq!(seen, [b"b"]);
}

fn a_scan_sees_one_moment_and_its_visitor_may_call_the_store<S: Store>(bed: Bed<S>) {
    let store = bed.store;
    let keys: Vec<[u8; 8]> = (0..1_000_u64).map(|key| (2 * key).to_be_bytes()).collect();
    let mut changes = WriteBatch::new();
    keys.iter().for_each(|key| changes.put(A, key, b"old"));
    store.commit(&changes).unwrap();
    let mut seen = 0;
    let visit = &mut |key: &[u8], value: &[u8]| {
        assert_eq!((key, value), (&keys[seen][..], &b"old"[..]));
        seen += 1;
        let mut changes = batch(&[(A, &(seen as u64 * 2 + 1).to_be_bytes(), b"between")]);
        changes.put(A, &keys[999 - seen / 2], b"new");
        changes.remove(A, &keys[(seen + 5).min(999)]);
        store.commit(&changes).unwrap();
        store.declare(&[A, Space::new("test.c")]).unwrap();
        assert!(store.get(A, &(seen as u64 * 2 + 1).to_be_bytes()).unwrap().is_some());
        ControlFlow::Continue(())
    };
    store.scan(A, ALL, visit).unwrap();
    assert_eq!(seen, 1_000);
    assert!(entries(&store, A, ALL).len() > 1_000, "the commits were made");
}

fn what_a_store_cannot_do_is_refused_and_changes_nothing<S: Store>(bed: Bed<S>) {
    let store = bed.store;
    let long = vec![7; KEY_BYTES_MAX + 1];
    let is_undeclared = |result| matches!(result, Err(StoreError::Undeclared { space: UNKNOWN }));
    assert!(is_undeclared(store.get(UNKNOWN, b"key").map(drop)));
    assert!(is_undeclared(store.scan(UNKNOWN, ALL, &mut |_, _| ControlFlow::Continue(()))));
    assert!(is_undeclared(store.commit(&batch(&[(A, b"a", b"1"), (UNKNOWN, b"a", b"1"), (A, b"b", b"1")]))));
    for key in [&b""[..], &long] {
        let refused = store.commit(&batch(&[(A, b"a", b"1"), (B, key, b"1")]));
        let bytes = key.len();
        assert!(
            matches!(&refused, Err(StoreError::KeyLength { space: B, bytes: found }) if *found == bytes),
            "{refused:?}"
        );
        assert_eq!(store.get(A, key).unwrap(), None);
    }
    assert_eq!(entries(&store, A, ALL), []);
    store.commit(&batch(&[(A, b"a", b"1")])).unwrap();
    assert_eq!(entries(&store, A, ALL).len(), 1);
}

fn keys_and_values_have_any_length<S: Store>(bed: Bed<S>) {
    let lengths = [1, 2, 20, 21, 22, 23, 39, 40, 46, 47, 48, 255, 256, 4_096, KEY_BYTES_MAX];
    let value =
        |length: usize| (0..length * 20).map(|index| ((index * index) >> 3) as u8).collect::<Vec<u8>>();
    let mut changes = WriteBatch::new();
    for length in lengths {
        changes.put(A, &vec![0xff; length], &value(length));
    }
    bed.store.commit(&changes).unwrap();
    let bed = bed.reopened();
    for length in lengths {
        assert_eq!(bed.store.get(A, &vec![0xff; length]).unwrap(), Some(value(length)), "{length} bytes");
    }
    let found: Vec<usize> = entries(&bed.store, A, ALL).iter().map(|(key, _)| key.len()).collect();
    assert_eq!(found, lengths);
}

fn ranges_that_hold_nothing_are_empty<S: Store>(bed: Bed<S>) {
    use Bound::{Excluded, Included, Unbounded};
    let store = bed.store;
    assert_eq!(entries(&store, A, ALL), []);
    store.commit(&batch(&[(A, b"b", b""), (A, b"d", b"")])).unwrap();
    for range in [
        (Included(&b"c"[..]), Included(&b"a"[..])),
        (Included(b"d"), Excluded(b"b")),
        (Excluded(b"b"), Excluded(b"b")),
        (Included(b"b"), Excluded(b"b")),
        (Excluded(b"b"), Included(b"b")),
        (Excluded(b"b"), Excluded(b"d")),
        (Included(b"e"), Unbounded),
        (Unbounded, Included(b"a")),
        (Unbounded, Excluded(b"")),
    ] {
        assert_eq!(entries(&store, A, range), [], "{range:?}");
    }
    let long = [&b"b"[..], &[0; KEY_BYTES_MAX + 9]].concat();
    assert_eq!(entries(&store, A, (Included(&long), Excluded(&[&long[..], b"0"].concat()))), []);
    assert_eq!(entries(&store, A, (Excluded(&long), Unbounded)).len(), 1);
    assert_eq!(entries(&store, A, (Unbounded, Included(&long))).len(), 1);
    assert_eq!(entries(&store, A, (Included(b"b"), Included(b"b"))).len(), 1);
    assert_eq!(entries(&store, A, (Included(b""), Unbounded)).len(), 2);
}

fn a_commit_is_seen_whole_by_other_threads<S: Store>(bed: Bed<S>) {
    let Bed { store, directory: _directory, .. } = bed;
    let store = &store;
    let write = |number: u64| {
        let mut changes = WriteBatch::new();
        (0..200_u64).for_each(|key| changes.put(A, &key.to_be_bytes(), &number.to_be_bytes()));
        changes.put(B, b"number", &number.to_be_bytes());
        store.commit(&changes).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=300).for_each(write));
        while number(store, B, b"number") < Some(300) {
            let least = number(store, A, &199_u64.to_be_bytes());
            let seen = entries(store, A, ALL);
            assert!(seen.iter().all(|(_, value)| *value == seen[0].1), "a scan saw a part of a commit");
            assert!(Some(&seen[0].1[..]) >= least.map(u64::to_be_bytes).as_ref().map(|bytes| &bytes[..]));
            assert!(number(store, B, b"number") >= least, "a value was seen before the rest of its commit");
        }
    });
}

fn a_store_that_is_opened_again_has_its_content<S: Store>(mut bed: Bed<S>) {
    for round in 0..4_u64 {
        for key in 0..500_u64 {
            let key = (key * (round + 1)).to_be_bytes();
            bed.store.commit(&batch(&[(A, &key, &round.to_be_bytes())])).unwrap();
        }
        if round % 2 == 0 {
            bed.store.sync().unwrap();
        }
        let before = entries(&bed.store, A, ALL);
        bed = bed.reopened();
        assert_eq!(entries(&bed.store, A, ALL), before, "round {round}");
    }
}
