//! Harts that run freely: several threads ask, write, and take pages from each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// Catches up until everybody has, as a hart does between two blocks.
fn settle(memory: &Memory, reader: ReaderId, revision: Option<Revision>, cache: &mut Option<Grant>) {
    while revision.is_some_and(|revision| !memory.is_settled(revision)) {
        memory.catch_up(reader, &mut |_| *cache = None);
        std::thread::yield_now();
    }
    memory.catch_up(reader, &mut |_| *cache = None);
}

/// Asks for a page until what was revoked for it is settled.
fn writable(memory: &Memory, reader: ReaderId, page: PageNumber) -> HostPage {
    loop {
        let mut cache = None;
        let grant = memory.grant(page, Access::Write).unwrap();
        if grant.revoked.is_none() {
            return grant.host;
        }
        settle(memory, reader, grant.revoked, &mut cache);
    }
}

#[test]
fn increments_of_many_threads_are_all_counted() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 300;
    let memory = memory(16);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let memory = &memory;
            scope.spawn(move || {
                let reader = memory.register().unwrap();
                for round in 0..ROUNDS {
                    let number = (round + thread) % 16;
                    if round % 7 == thread {
                        memory.grant(page(number), Access::Fetch).unwrap();
                    }
                    let host = writable(memory, reader, page(number));
                    host.peek()[0].fetch_add(1, Ordering::Relaxed);
                    memory.catch_up(reader, &mut |_| ());
                }
                memory.dismiss(reader);
            });
        }
    });
    let total: u64 = (0..16).map(|number| memory.load::<u64>(at(number, 0)).unwrap()).sum();
    assert_eq!(total, THREADS * ROUNDS);
}

/// A hart that has a page of zeroes sees the write of another before it sees what that one writes after it.
#[test]
fn a_message_is_seen_before_the_flag_that_announces_it() {
    const ROUNDS: u64 = 400;
    let (memory, flag) = (memory(ROUNDS), AtomicU64::new(0));
    let started = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let reader = memory.register().unwrap();
            let mut seen = 0;
            for round in 0..ROUNDS {
                let mut cache = Some(memory.grant(page(round), Access::Read).unwrap());
                started.store(true, Ordering::Release);
                while seen <= round {
                    seen = flag.load(Ordering::Acquire);
                    if let Some(grant) = cache {
                        let found = grant.host.peek()[0].load(Ordering::Relaxed);
                        assert!(
                            seen <= round || found == 1,
                            "round {round}: the flag came before the message"
                        );
                    }
                    memory.catch_up(reader, &mut |_| cache = None);
                    let again = || memory.grant(page(round), Access::Read).unwrap();
                    cache = cache.or_else(|| Some(again()));
                }
            }
            memory.dismiss(reader);
        });
        scope.spawn(|| {
            let reader = memory.register().unwrap();
            while !started.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            for round in 0..ROUNDS {
                writable(&memory, reader, page(round)).peek()[0].store(1, Ordering::Relaxed);
                flag.store(round + 1, Ordering::Release);
            }
            memory.dismiss(reader);
        });
    });
}

#[test]
fn forks_write_at_the_same_time() {
    let memory = memory(600);
    for number in 0..600 {
        memory.store(at(number, 0), number).unwrap();
    }
    let forks: Vec<Memory> = (0..4).map(|_| memory.fork()).collect();
    std::thread::scope(|scope| {
        for (index, fork) in forks.iter().enumerate() {
            scope.spawn(move || {
                for number in 0..600 {
                    fork.store(at(number, 8), index as u64 + 1).unwrap();
                }
            });
        }
    });
    for (index, fork) in forks.into_iter().enumerate() {
        for number in 0..600 {
            assert_eq!(fork.load::<u64>(at(number, 0)).unwrap(), number);
            assert_eq!(fork.load::<u64>(at(number, 8)).unwrap(), index as u64 + 1);
        }
    }
    assert!((0..600).all(|number| memory.load::<u64>(at(number, 8)).unwrap() == 0));
    assert_eq!(memory.frames_used(), 600);
}
