//! Values that are kept in memory after their batch was committed, and those that are not any more.

use ironloom_state::{Config, MemoryStore};

use crate::support::{append, commit_all, open_with, read};

/// With room for few values in memory, or none, every value is found all the same.
#[test]
fn what_is_forgotten_is_found_in_the_store() {
    for resident_resources_max in [0, 1, 50] {
        for workers in [0, 2] {
            let limits = Config { workers, resident_resources_max, ..Config::default() };
            let state = open_with(&MemoryStore::new(), limits);
            let resources = |batch: u8| (0..10).map(move |one| u64::from(batch % 20) * 10 + one);
            commit_all(&state, (0..100).map(|number| append(number, &resources(number).collect::<Vec<_>>())));
            for first in 0..20_u8 {
                let expected: Vec<u8> = (0..5).map(|round| first + round * 20).collect();
                assert_eq!(read(&state, u64::from(first) * 10 + 3), Some(expected));
            }
        }
    }
}

#[test]
fn wave_after_wave() {
    let limits = Config { workers: 2, resident_resources_max: 8, ..Config::default() };
    let state = open_with(&MemoryStore::new(), limits);
    for wave in 0..10 {
        commit_all(&state, (0..50).map(|one| append(wave, &[one])));
    }
    for one in 0..50 {
        assert_eq!(read(&state, one), Some((0..10).collect()));
    }
}
