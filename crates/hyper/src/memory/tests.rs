//! What a memory promises, step by step.

use super::*;

const BASE: u64 = 0x8000_0000;

fn memory(pages: u64) -> Memory {
    Memory::new(MemoryConfig::new(GuestAddress::new(BASE), pages * PAGE_BYTES)).unwrap()
}

fn page(number: u64) -> PageNumber {
    PageNumber::new(BASE / PAGE_BYTES + number)
}

fn at(page: u64, offset: u64) -> GuestAddress {
    GuestAddress::new(BASE + page * PAGE_BYTES + offset)
}

/// What a reader is told when it catches up.
fn told(memory: &Memory, reader: ReaderId) -> Vec<Revocation> {
    let mut told = Vec::new();
    memory.catch_up(reader, &mut |revocation| told.push(revocation));
    told
}

#[test]
fn what_was_never_written_is_zero_and_costs_nothing() {
    let memory = memory(1024);
    assert_eq!(memory.load::<u64>(at(1023, 4088)).unwrap(), 0);
    let grant = memory.grant(page(3), Access::Read).unwrap();
    assert_eq!(grant, Grant { host: HostPage::zero(), writable: false, version: 0, revoked: None });
    assert_eq!(memory.frames_used(), 0);
}

#[test]
fn bytes_across_pages_are_read_as_written() {
    let memory = memory(3);
    let bytes: Vec<u8> = (0..9000u32).map(|number| (number * 7) as u8).collect();
    memory.write_bytes(at(0, 13), &bytes).unwrap();
    let mut found = vec![0; bytes.len()];
    memory.read_bytes(at(0, 13), &mut found).unwrap();
    assert_eq!(found, bytes);
    assert_eq!(memory.load::<u8>(at(0, 12)).unwrap(), 0);
    assert_eq!(memory.load::<u16>(at(0, 13 + 9000)).unwrap(), 0);
}

#[test]
fn what_is_outside_is_refused() {
    let memory = memory(2);
    let outside = |address: u64, bytes: usize| {
        let mut found = vec![0; bytes];
        matches!(memory.read_bytes(GuestAddress::new(address), &mut found), Err(MemoryError::Outside { .. }))
    };
    assert!(outside(BASE - 1, 1) && outside(BASE + 2 * PAGE_BYTES - 1, 2) && outside(u64::MAX, 2));
    assert!(!outside(BASE + 2 * PAGE_BYTES, 0));
    assert_eq!(memory.grant(page(2), Access::Read), Err(Denied::Outside { page: page(2) }));
    assert_eq!(
        memory.grant(PageNumber::new(0), Access::Read),
        Err(Denied::Outside { page: PageNumber::new(0) })
    );
}

#[test]
fn a_page_that_was_read_is_revoked_when_it_gets_a_frame() {
    let memory = memory(2);
    let reader = memory.register().unwrap();
    memory.grant(page(0), Access::Read).unwrap();
    let grant = memory.grant(page(0), Access::Write).unwrap();
    let revision = grant.revoked.unwrap();
    assert!(grant.writable && !memory.is_settled(revision));
    assert_eq!(told(&memory, reader), [Revocation::Page(HostPage::zero())]);
    assert!(memory.is_settled(revision) && told(&memory, reader).is_empty());
    let again = memory.grant(page(0), Access::Read).unwrap();
    assert_eq!(again, Grant { revoked: None, ..grant });
    assert_eq!(memory.grant(page(1), Access::Write).unwrap().revoked, None, "nobody had page 1");
}

#[test]
fn code_is_not_writable_until_it_is_written() {
    let memory = memory(1);
    let reader = memory.register().unwrap();
    let before = memory.grant(page(0), Access::Write).unwrap();
    let code = memory.grant(page(0), Access::Fetch).unwrap();
    assert!(!code.writable && code.revoked.is_some());
    assert_eq!(memory.grant(page(0), Access::Fetch).unwrap(), Grant { revoked: None, ..code });
    assert_eq!(told(&memory, reader), [Revocation::Writes(before.host)]);
    assert!(!memory.grant(page(0), Access::Read).unwrap().writable);
    memory.store(at(0, 8), 1u8).unwrap();
    assert_eq!(told(&memory, reader), [Revocation::Page(before.host)]);
    assert_ne!(memory.version(page(0)), code.version);
}

#[test]
fn a_fork_is_another_memory() {
    let memory = memory(600);
    let reader = memory.register().unwrap();
    memory.store(at(0, 0), 1u64).unwrap();
    memory.store(at(599, 0), 2u64).unwrap();
    let before = memory.grant(page(0), Access::Write).unwrap();
    let fork = memory.fork();
    assert_eq!(told(&memory, reader), [Revocation::Everything]);
    assert_eq!(memory.frames_used(), 2);
    fork.store(at(0, 0), 3u64).unwrap();
    assert_eq!((memory.load::<u64>(at(0, 0)).unwrap(), fork.load::<u64>(at(0, 0)).unwrap()), (1, 3));
    assert_eq!((memory.load::<u64>(at(599, 0)).unwrap(), fork.load::<u64>(at(599, 0)).unwrap()), (2, 2));
    assert_eq!(memory.frames_used(), 3);
    let after = memory.grant(page(0), Access::Write).unwrap();
    assert_eq!(after.host, before.host, "the fork has its own, so this may be written in place");
    drop(fork);
    assert_eq!(memory.frames_used(), 2);
}

#[test]
fn a_replaced_frame_waits_for_its_readers() {
    let memory = memory(1);
    let reader = memory.register().unwrap();
    memory.store(at(0, 0), 1u64).unwrap();
    let fork = memory.fork();
    told(&memory, reader);
    let before = memory.grant(page(0), Access::Read).unwrap();
    let after = memory.grant(page(0), Access::Write).unwrap();
    assert_ne!(before.host, after.host);
    drop(fork);
    assert_eq!(memory.frames_used(), 2, "the reader may still look at the old one");
    memory.park(reader);
    assert_eq!(memory.frames_used(), 1);
    let mut told = Vec::new();
    memory.unpark(reader, &mut |revocation| told.push(revocation));
    assert_eq!(told, [Revocation::Page(before.host)]);
}

#[test]
fn frames_are_limited_and_reused_clean() {
    let mut config = MemoryConfig::new(GuestAddress::new(BASE), 8 * PAGE_BYTES);
    config.frames_max = 2;
    let memory = Memory::new(config).unwrap();
    memory.store(at(0, 0), 1u64).unwrap();
    let fork = memory.fork();
    fork.store(at(1, 8), u64::MAX).unwrap();
    assert!(matches!(memory.store(at(2, 0), 1u64), Err(MemoryError::Full { frames_max: 2, .. })));
    assert_eq!(memory.grant(page(0), Access::Write), Err(Denied::Full { page: page(0), frames_max: 2 }));
    drop(fork);
    memory.store(at(2, 0), 1u64).unwrap();
    assert_eq!(memory.load::<u64>(at(2, 8)).unwrap(), 0);
}

#[test]
fn values_are_exchanged_if_they_are_as_expected() {
    let memory = memory(1);
    assert_eq!(memory.compare_exchange(at(0, 4), 0u32, 7).unwrap(), Ok(()));
    assert_eq!(memory.compare_exchange(at(0, 4), 0u32, 8).unwrap(), Err(7));
    assert_eq!(memory.load::<u64>(at(0, 0)).unwrap(), 7 << 32);
    let misaligned = memory.compare_exchange(at(0, 4), 0u64, 8);
    assert!(matches!(misaligned, Err(MemoryError::Misaligned { bytes: 8, .. })));
}

mod hostile;
mod images;
mod model;
mod parts;
mod queues;
mod spread;
mod threads;
