//! Every store against sorted maps.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Whether in the second space, which key, and its value if it is not removed.
type Change = (bool, Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    Get(bool, Vec<u8>),
    Scan(bool, Bound<Vec<u8>>, Bound<Vec<u8>>),
    Sync,
    Reopen,
}

/// Few different keys, so that they meet.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(prop_oneof![Just(0), Just(1), Just(255)], 1..5),
        vec(prop_oneof![Just(0), Just(255)], 38..50),
        any::<[u8; 2]>().prop_map(|key| key.to_vec()),
    ]
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![key().prop_map(Bound::Included), key().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (any::<bool>(), key(), prop::option::weighted(0.7, vec(any::<u8>(), 0..40)));
    let step = prop_oneof![
        8 => vec(change, 0..60).prop_map(Step::Commit),
        4 => (any::<bool>(), key()).prop_map(|(space, key)| Step::Get(space, key)),
        8 => (any::<bool>(), bound(), bound()).prop_map(|(space, from, to)| Step::Scan(space, from, to)),
        1 => Just(Step::Sync),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..60)
}

type Model = [BTreeMap<Vec<u8>, Vec<u8>>; 2];

fn space(is_second: bool) -> Space {
    if is_second { B } else { A }
}

fn commit(store: &impl Store, model: &mut Model, changes: &[Change]) {
    let mut batch = WriteBatch::new();
    for (is_second, key, value) in changes {
        let map = &mut model[usize::from(*is_second)];
        if let Some(value) = value {
            batch.put(space(*is_second), key, value);
            map.insert(key.clone(), value.clone());
        } else {
            batch.remove(space(*is_second), key);
            map.remove(key);
        }
    }
    store.commit(&batch).unwrap();
}

fn run<S: Store>(mut bed: Bed<S>, steps: &[Step]) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Commit(changes) => commit(&bed.store, &mut model, changes),
            Step::Get(is_second, key) => {
                let expected = model[usize::from(*is_second)].get(key);
                assert_eq!(bed.store.get(space(*is_second), key).unwrap().as_ref(), expected);
            }
            Step::Scan(is_second, from, to) => {
                let range = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
                let expected: Vec<_> = model[usize::from(*is_second)]
                    .iter()
                    .filter(|(key, _)| std::ops::RangeBounds::<[u8]>::contains(&range, key.as_slice()))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                assert_eq!(entries(&bed.store, space(*is_second), range), expected);
            }
            Step::Sync => bed.store.sync().unwrap(),
            Step::Reopen => bed = bed.reopened(),
        }
    }
}

fn check<S: Store>(cases: u32, bed: fn() -> Bed<S>) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    runner
        .run(&steps(), |steps| {
            run(bed(), &steps);
            Ok(())
        })
        .unwrap();
}

#[test]
fn memory_is_two_sorted_maps() {
    check(200, memory);
}

#[test]
fn faulty_is_two_sorted_maps() {
    check(200, faulty);
}

#[test]
fn fjall_is_two_sorted_maps() {
    check(12, fjall);
}
