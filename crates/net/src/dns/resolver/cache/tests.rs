use std::collections::BTreeMap;

use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, RecordType};
use ironloom_core::{Duration, HashState, Instant};
use proptest::prelude::*;

use super::{About, Cache, CacheConfig, Known};

const ABOUT: About = About::Kind(RecordType::A);

fn at(millis: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(millis))
}

fn records(number: u8) -> Known {
    Known::Records([RData::A(A::new(10, 0, 0, number))].into())
}

fn number(known: &Known) -> u8 {
    match known {
        Known::Records(records) => match &records[0] {
            RData::A(A(address)) => address.octets()[3],
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn time_passes() {
    let mut cache = Cache::new(CacheConfig::default(), HashState::default());
    cache.insert(at(500), 0, b"\x01a\0", ABOUT, records(1), Duration::from_secs(10));
    let ttl = |cache: &mut Cache, millis| Some(cache.find(at(millis), 0, b"\x01a\0", ABOUT)?.1);
    assert_eq!(ttl(&mut cache, 500), Some(10));
    assert_eq!(ttl(&mut cache, 501), Some(9));
    assert_eq!(ttl(&mut cache, 10_499), Some(0));
    assert_eq!(ttl(&mut cache, 10_500), None);
    assert_eq!(cache.len(), 0);
}

#[test]
fn what_differs_is_kept_apart() {
    let mut cache = Cache::new(CacheConfig::default(), HashState::default());
    let second = Duration::from_secs(1);
    cache.insert(at(0), 0, b"\x01a\0", ABOUT, records(1), second);
    cache.insert(at(0), 1, b"\x01a\0", ABOUT, records(2), second);
    cache.insert(at(0), 0, b"\x01a\0", About::Kind(RecordType::AAAA), records(3), second);
    cache.insert(at(0), 0, b"\x01a\0", About::Domain, records(4), second);
    cache.insert(at(0), 0, b"\x01a\0", About::Name, records(5), second);
    assert_eq!(cache.len(), 5);
    assert_eq!(number(&cache.find(at(0), 1, b"\x01a\0", ABOUT).unwrap().0), 2);
    // What holds for no time takes the place of what was known, and is not kept.
    cache.insert(at(0), 1, b"\x01a\0", ABOUT, records(2), Duration::ZERO);
    assert!(cache.find(at(0), 1, b"\x01a\0", ABOUT).is_none());
}

#[test]
fn bytes_are_bounded_too() {
    let mut cache =
        Cache::new(CacheConfig { bytes_max: 4_096, ..CacheConfig::default() }, HashState::default());
    for number in 0..100u8 {
        cache.insert(at(0), 0, &[1, number, 0], ABOUT, records(number), Duration::from_secs(1));
        assert!(cache.bytes <= 4_096);
    }
    assert!((4..50).contains(&cache.len()), "{}", cache.len());
    assert_eq!(cache.evicted(), 100 - cache.len() as u64);
}

proptest! {
    /// The cache says what a list of everything that was inserted says; and when there is no room, what was used least
    /// recently goes.
    #[test]
    fn remembers_as_a_list_does(
        steps in proptest::collection::vec((0..8u8, 0..3_000u64, 0..5_000u64, any::<bool>()), 0..100),
        entries_max in 1..10usize,
    ) {
        let mut cache =
            Cache::new(CacheConfig { entries_max, ..CacheConfig::default() }, HashState::default());
        // What was inserted: its value and when it expires; and the names in order of use, the last one last.
        let mut model: BTreeMap<u8, (u8, u64)> = BTreeMap::new();
        let mut used: Vec<u8> = Vec::new();
        let mut now = 0;
        for (step, (name, passed, ttl, is_insert)) in steps.into_iter().enumerate() {
            now += passed;
            let key = [1, b'a' + name, 0];
            let expected = model.get(&name).filter(|(_, expires)| is_insert || *expires > now).copied();
            used.retain(|other| *other != name);
            if is_insert {
                cache.insert(at(now), 0, &key, ABOUT, records(step as u8), Duration::from_millis(ttl));
                model.remove(&name);
                if ttl > 0 {
                    if used.len() >= entries_max {
                        model.remove(&used.remove(0));
                    }
                    model.insert(name, (step as u8, now + ttl));
                    used.push(name);
                }
            } else {
                let found = cache.find(at(now), 0, &key, ABOUT);
                let found = found.map(|(known, ttl)| (number(&known), u64::from(ttl)));
                prop_assert_eq!(found, expected.map(|(value, expires)| (value, (expires - now) / 1_000)));
                match expected {
                    Some(_) => used.push(name),
                    None => drop(model.remove(&name)),
                }
            }
            prop_assert_eq!(cache.len(), model.len());
        }
    }
}
