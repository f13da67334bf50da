//! Two memories that hold the pages of one, beside a plain array.

use std::sync::{Arc, OnceLock, Weak};

use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore};
use ironloom_core::{Rng, Seed};
use parking_lot::Mutex;
use vm_memory::{GuestMemory as _, Permissions};

use super::*;
use crate::board::DeviceMemory;
use crate::coherence::{Content, Held, LINE_BYTES, Tell};

const PAGES_OF_IT: u64 = 4;

#[derive(Debug)]
struct NoPager;

impl Pager for NoPager {
    fn bring(&self, page: PageNumber, _: Access) -> Result<(), MemoryError> {
        Err(MemoryError::Lost { page })
    }

    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError> {
        Err(MemoryError::Full { page, frames_max: 0 })
    }
}

/// Two hosts; the page is at the first, both or the second.
struct Pair {
    hosts: [Memory; 2],
    /// Whether a host has ever had a page, so that it can be told what changed.
    knows: [[bool; 2]; PAGES_OF_IT as usize],
    carried: usize,
}

impl Pair {
    fn new() -> Self {
        let hosts = [memory(PAGES_OF_IT), memory(PAGES_OF_IT)];
        for host in &hosts {
            host.spread(Arc::new(NoPager)).unwrap();
        }
        hosts[1].leave(|_| false);
        Self { hosts, knows: [[true, false]; PAGES_OF_IT as usize], carried: 0 }
    }

    /// Gives a page to a host so that it may be used as wanted.
    fn give(&mut self, number: u64, to: usize, wanted: Held) {
        let page = page(number);
        let [here, there] = [&self.hosts[to], &self.hosts[1 - to]];
        let held = here.held(page);
        if held >= wanted {
            return;
        }
        let keep = if wanted == Held::Write { Held::Nothing } else { Held::Read };
        let _ = there.withdraw(page, keep);
        let tell = match (held, self.knows[number as usize][to]) {
            (Held::Read, _) => None,
            (_, true) => Some(Tell::Since),
            (_, false) => Some(Tell::Whole),
        };
        let told = there.tell(page, tell).unwrap();
        let content = told.content.unwrap_or(Content::Same);
        self.carried += content.carried();
        here.arrive(page, wanted, &content).unwrap();
        self.knows[number as usize][to] = true;
    }
}

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

/// Puts a page aside that nobody uses, if it is here and has a frame; whether it was.
fn put_aside(memory: &Memory, number: u64) -> bool {
    let mut hand = page(0);
    for _ in 0..2 {
        memory.look_round(&mut hand, PAGES, |_, _| {});
    }
    let _ = memory.recall(page(number));
    memory.put_aside(page(number)).unwrap()
}

#[test]
fn what_one_host_writes_the_other_reads() {
    for seed in 0..200 {
        let mut rng = Rng::new(Seed::new(seed));
        let mut pair = Pair::new();
        let common = store();
        for host in &pair.hosts {
            host.set_larder(common.clone(), true);
        }
        let mut model = vec![0_u8; (PAGES_OF_IT * PAGE_BYTES) as usize];
        for _ in 0..100 {
            let (number, to) = (rng.below(PAGES_OF_IT), rng.below(2) as usize);
            let offset = rng.below(PAGE_BYTES - 8);
            let place = (number * PAGE_BYTES + offset) as usize;
            match rng.below(7) {
                6 => {
                    put_aside(&pair.hosts[to], number);
                }
                5 => {
                    pair.give(number, to, Held::Write);
                    pair.hosts[to].give_up(page(number)).unwrap();
                    assert!(pair.hosts[to].is_dormant(page(number)));
                    model[place - offset as usize..][..4096].fill(0);
                }
                0 | 1 => {
                    pair.give(number, to, Held::Write);
                    let value = rng.next_u64();
                    pair.hosts[to].store(at(number, offset), value).unwrap();
                    model[place..place + 8].copy_from_slice(&value.to_le_bytes());
                }
                2 => {
                    pair.give(number, to, Held::Write);
                    let byte = rng.below(2) as u8;
                    pair.hosts[to].write_bytes(at(number, 0), &[byte; 4096]).unwrap();
                    model[place - offset as usize..][..4096].fill(byte);
                }
                3 => {
                    pair.give(number, to, Held::Read);
                    let expected = u64::from_le_bytes(model[place..place + 8].try_into().unwrap());
                    assert_eq!(pair.hosts[to].load::<u64>(at(number, offset)).unwrap(), expected, "{seed}");
                }
                _ => {
                    if pair.hosts[to].forget(page(number)) {
                        pair.knows[number as usize][to] = false;
                    }
                }
            }
        }
    }
}

#[test]
fn a_page_aside_takes_no_frame_until_it_is_used_and_is_part_of_snapshots() {
    let (store, other) = (store(), store());
    let memory = memory(4);
    assert!(!put_aside(&memory, 0), "there is no store");
    memory.set_larder(store.clone(), true);
    for number in 0..3 {
        memory.store(at(number, 8), number + 1).unwrap();
    }
    memory.store(at(3, 8), 0_u64).unwrap();
    let named = memory.digest().unwrap();
    for number in 0..4 {
        assert!(put_aside(&memory, number));
    }
    assert_eq!(memory.frames_used(), 0);
    assert_eq!(memory.load::<u64>(at(1, 8)).unwrap(), 2);
    assert_eq!(memory.frames_used(), 1);
    for place in [&store, &other] {
        assert_eq!(memory.digest().unwrap(), named);
        let image = memory.snapshot(place).unwrap();
        assert_eq!(image, named, "what is in memory and what is aside are one");
        let restored = Memory::restore(place.clone(), image, memory.config.clone()).unwrap();
        assert_eq!(restored.load::<u64>(at(2, 8)).unwrap(), 3);
        memory.load::<u64>(at(1, 8)).unwrap();
        assert!(put_aside(&memory, 1), "and the next begins like this");
    }
    memory.store(at(2, 8), 9_u64).unwrap();
    assert_eq!(memory.load::<u64>(at(0, 8)).unwrap(), 1);
    assert_ne!(memory.digest().unwrap(), named);
}

/// The host that gets it reads it from the store when it uses it, and not if it never does.
#[test]
fn a_page_aside_is_told_by_its_name() {
    let (mut pair, common) = (Pair::new(), store());
    for host in &pair.hosts {
        host.set_larder(common.clone(), true);
    }
    for number in 0..2 {
        pair.hosts[0].store(at(number, 8), number + 1).unwrap();
        assert!(put_aside(&pair.hosts[0], number));
        pair.give(number, 1, Held::Write);
    }
    let used = || pair.hosts.each_ref().map(Memory::frames_used);
    assert_eq!((pair.carried, used()), (0, [0, 0]));
    assert_eq!(pair.hosts[1].load::<u64>(at(1, 8)).unwrap(), 2);
    assert_eq!(used(), [0, 1]);
    pair.hosts[1].store(at(1, 8), 3_u64).unwrap();
    pair.give(1, 0, Held::Write);
    assert_eq!(pair.carried, LINE_BYTES, "what it once was is still in the store");
    assert_eq!(pair.hosts[0].load::<u64>(at(1, 8)).unwrap(), 3);
}

#[test]
fn a_page_is_told_whole_if_its_name_stands_for_it_elsewhere() {
    let (mut pair, common, other) = (Pair::new(), store(), store());
    pair.hosts[0].store(at(0, 8), 7_u64).unwrap();
    pair.hosts[0].snapshot(&other).unwrap();
    for host in &pair.hosts {
        host.set_larder(common.clone(), true);
    }
    assert!(put_aside(&pair.hosts[0], 0), "it is put into the other store");
    pair.give(0, 1, Held::Write);
    assert_eq!(pair.carried, PAGE_BYTES as usize);
    assert!(put_aside(&pair.hosts[1], 0), "it is put into the common store");
    assert!(pair.hosts[0].forget(page(0)));
    pair.knows[0][0] = false;
    pair.give(0, 0, Held::Write);
    assert_eq!(pair.carried, PAGE_BYTES as usize, "its name is enough");
    assert_eq!(pair.hosts[0].load::<u64>(at(0, 8)).unwrap(), 7);
}

#[test]
fn a_name_of_a_page_must_stand_for_one() {
    let (pair, common) = (Pair::new(), store());
    let arrive = |name| pair.hosts[1].arrive(page(0), Held::Read, &Content::Stored(name));
    let absent = BlobId::of(b"nobody has put that");
    assert!(matches!(arrive(absent), Err(MemoryError::Unsound { .. })), "there is no store");
    pair.hosts[1].set_larder(common.clone(), true);
    arrive(absent).unwrap();
    assert!(matches!(pair.hosts[1].load::<u64>(at(0, 0)), Err(MemoryError::Blob(_))));
    arrive(common.put(b"short", Durability::Buffered).unwrap()).unwrap();
    assert!(matches!(pair.hosts[1].load::<u64>(at(0, 0)), Err(MemoryError::Corrupt { .. })));
}

/// Whoever uses a page after it was looked at keeps it, also while it is being stored.
#[test]
fn a_page_that_is_used_is_not_put_aside() {
    let memory = memory(2);
    memory.set_larder(store(), true);
    let reader = memory.register().unwrap();
    memory.store(at(0, 0), 7_u64).unwrap();
    let mut hand = page(0);
    for _ in 0..2 {
        memory.look_round(&mut hand, PAGES, |_, _| {});
    }
    memory.load::<u64>(at(0, 0)).unwrap();
    let grant = memory.grant(page(0), Access::Write).unwrap();
    assert!(!memory.put_aside(page(0)).unwrap(), "somebody has a pointer to it");
    let revision = memory.recall(page(0)).expect("somebody had");
    assert!(!memory.is_settled(revision));
    assert_eq!(told(&memory, reader), [Revocation::Gone(grant.host)]);
    assert!(memory.is_settled(revision));
    assert!(!memory.put_aside(page(0)).unwrap(), "it was used since it was looked at");
    assert!(put_aside(&memory, 0));
    assert!(!put_aside(&memory, 0), "it is not here any more");
    assert_eq!(memory.load::<u64>(at(0, 0)).unwrap(), 7);
}

/// Gets pages from another memory, and notes which were expected.
#[derive(Debug)]
struct Neighbour {
    here: OnceLock<Weak<Memory>>,
    there: Memory,
    expected: Mutex<Vec<PageNumber>>,
}

impl Pager for Neighbour {
    fn bring(&self, page: PageNumber, _: Access) -> Result<(), MemoryError> {
        let here = self.here.get().and_then(Weak::upgrade).ok_or(MemoryError::Lost { page })?;
        let _ = self.there.withdraw(page, Held::Nothing);
        let told = self.there.tell(page, Some(Tell::Whole))?;
        here.arrive(page, Held::Write, &told.content.expect("it was asked for"))
    }

    fn expect(&self, pages: &[PageNumber]) {
        self.expected.lock().extend(pages);
    }

    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError> {
        Err(MemoryError::Full { page, frames_max: 0 })
    }
}

#[test]
fn what_is_given_up_leaves_the_host_that_had_it() {
    let (here, there) = (Arc::new(memory(8)), memory(8));
    for number in 0..8 {
        let owner = if number < 4 { &*here } else { &there };
        owner.write_bytes(at(number, 0), &[0xAB; 4096]).unwrap();
    }
    there.spread(Arc::new(NoPager)).unwrap();
    there.leave(|held| held.get() >= page(4).get());
    let expected = Mutex::default();
    let neighbour = Arc::new(Neighbour { here: OnceLock::from(Arc::downgrade(&here)), there, expected });
    here.spread(neighbour.clone()).unwrap();
    here.leave(|held| held.get() < page(4).get());
    let outside = PageNumber::new(7);
    let given = [page(1), page(5), page(6), page(5), page(9), outside];
    DeviceMemory::give_up(&*here, &given).unwrap();
    assert_eq!(
        *neighbour.expected.lock(),
        [page(5), page(6), page(5)],
        "those that are here or nowhere are not"
    );
    for number in [1, 5, 6] {
        assert!(here.is_dormant(page(number)) && here.held(page(number)) == Held::Write);
    }
    assert_eq!(neighbour.there.held(page(6)), Held::Nothing);
    assert_eq!(here.frames_used(), 3);
    assert_eq!(here.load::<u8>(at(7, 0)).unwrap(), 0xAB, "others are what they were");
}

/// A page whose first part a device reads, while it is given up.
#[test]
fn what_a_device_uses_stays() {
    let memory = memory(2);
    memory.store(at(0, 0), 7u64).unwrap();
    let place = vm_memory::GuestAddress(at(0, 0).get());
    let slices: Vec<_> = memory.get_slices(place, 64, Permissions::Read).unwrap().collect();
    memory.give_up(page(0)).unwrap();
    assert_eq!(memory.load::<u64>(at(0, 0)).unwrap(), 7);
    drop(slices);
    memory.give_up(page(0)).unwrap();
    assert_eq!((memory.load::<u64>(at(0, 0)).unwrap(), memory.frames_used()), (0, 0));
}

/// Whoever wrote by an older pointer would write to a page that is nowhere.
#[test]
fn readers_are_told_of_what_is_given_up() {
    let memory = memory(2);
    let reader = memory.register().unwrap();
    memory.store(at(0, 0), 7u64).unwrap();
    let grant = memory.grant(page(0), Access::Write).unwrap();
    let revision = memory.give_up(page(0)).unwrap().expect("there is a reader");
    assert!(!memory.is_settled(revision));
    assert_eq!(told(&memory, reader), [Revocation::Gone(grant.host)]);
    assert!(memory.is_settled(revision));
    assert_eq!(memory.grant(page(0), Access::Read).unwrap().host, HostPage::zero());
    assert_eq!(memory.give_up(page(0)).unwrap(), None, "there is nothing to give up any more");
}

#[test]
fn a_page_that_returns_carries_the_lines_that_changed() {
    let mut pair = Pair::new();
    pair.hosts[0].write_bytes(at(0, 0), &[1; 4096]).unwrap();
    pair.give(0, 1, Held::Write);
    assert_eq!(std::mem::take(&mut pair.carried), 4096);
    pair.give(0, 0, Held::Write);
    assert_eq!(pair.carried, 0, "nothing was written");
    pair.hosts[0].store(at(0, 8), 7_u64).unwrap();
    pair.hosts[0].store(at(0, 640), 7_u64).unwrap();
    pair.give(0, 1, Held::Read);
    assert_eq!(pair.carried, 128);
}

#[test]
fn a_page_elsewhere_is_denied_and_its_readers_are_told() {
    let memory = memory(2);
    memory.spread(Arc::new(NoPager)).unwrap();
    let reader = memory.register().unwrap();
    let grant = memory.grant(page(0), Access::Write).unwrap();
    assert!(told(&memory, reader).is_empty());

    let revision = memory.withdraw(page(0), Held::Read).unwrap();
    assert!(!memory.is_settled(revision));
    assert_eq!(told(&memory, reader), [Revocation::Writes(grant.host)]);
    assert!(memory.is_settled(revision));
    assert_eq!(memory.grant(page(0), Access::Write), Err(Denied::Absent { page: page(0) }));
    assert!(!memory.grant(page(0), Access::Read).unwrap().writable);

    let revision = memory.withdraw(page(0), Held::Nothing).unwrap();
    assert_eq!(told(&memory, reader), [Revocation::Gone(grant.host)]);
    assert!(memory.is_settled(revision));
    assert_eq!(memory.grant(page(0), Access::Fetch), Err(Denied::Absent { page: page(0) }));
    assert!(matches!(memory.load::<u8>(at(0, 0)), Err(MemoryError::Lost { .. })));
    assert!(matches!(memory.digest(), Err(MemoryError::Lacking)));
    assert!(memory.withdraw(page(0), Held::Nothing).is_none(), "nobody has a pointer to it");
}

/// The pages that a round finds used, idle and stale.
fn round(memory: &Memory, hand: &mut PageNumber) -> [Vec<u64>; 3] {
    let mut found = [const { Vec::new() }; 3];
    memory.look_round(hand, 1_000, |seen, usage| {
        let list = match usage {
            Use::Used => 0,
            Use::Idle => 1,
            Use::Stale => 2,
        };
        found[list].push(seen.get() - page(0).get());
    });
    found
}

#[test]
fn what_nobody_asks_for_during_a_round_is_idle() {
    let memory = memory(2_000);
    let reader = memory.register().unwrap();
    for number in [3, 700, 1_100] {
        memory.store(at(number, 0), number).unwrap();
    }
    let grant = memory.grant(page(700), Access::Write).unwrap();
    let hand = &mut page(600);
    assert_eq!(round(&memory, hand), [vec![700, 1_100, 3], vec![], vec![]]);
    assert_eq!(told(&memory, reader), [Revocation::Page(grant.host)], "who uses it has to ask again");
    memory.grant(page(700), Access::Read).unwrap();
    assert_eq!(round(&memory, hand), [vec![700], vec![1_100, 3], vec![]]);

    let revision = memory.withdraw(page(700), Held::Nothing).expect("there is a reader");
    assert!(!memory.is_settled(revision), "what is looked at counts as granted until it is withdrawn");
    assert_eq!(round(&memory, hand)[2], [700]);
    assert!(memory.forget(page(700)));
    assert_eq!(round(&memory, hand), [vec![], vec![1_100, 3], vec![]]);
}

#[test]
fn a_hand_goes_on_where_it_stopped() {
    let memory = memory(2_000);
    for number in 0..1_500 {
        memory.store(at(number, 0), 1_u8).unwrap();
    }
    let (hand, mut seen) = (&mut page(0), Vec::new());
    for _ in 0..5 {
        memory.look_round(hand, 600, |page, _| seen.push(page.get()));
    }
    let first = page(0).get();
    assert_eq!(seen, (0..3_000).map(|look| first + look % 1_500).collect::<Vec<_>>());
}

#[test]
fn code_that_comes_back_as_it_was_keeps_its_version() {
    let mut pair = Pair::new();
    pair.hosts[0].store(at(0, 0), 1_u64).unwrap();
    let version = pair.hosts[0].grant(page(0), Access::Fetch).unwrap().version;
    pair.give(0, 1, Held::Write);
    pair.give(0, 0, Held::Read);
    assert_eq!(pair.hosts[0].grant(page(0), Access::Fetch).unwrap().version, version);
    pair.give(0, 1, Held::Write);
    pair.hosts[1].store(at(0, 0), 2_u64).unwrap();
    pair.give(0, 0, Held::Read);
    assert_ne!(pair.hosts[0].grant(page(0), Access::Fetch).unwrap().version, version);
}

#[test]
fn a_page_stays_where_it_is_when_it_is_written_first() {
    let mut pair = Pair::new();
    pair.hosts[0].store(at(0, 0), 1_u64).unwrap();
    pair.give(0, 1, Held::Write);
    let read = pair.hosts[1].grant(page(0), Access::Read).unwrap().host;
    let written = pair.hosts[1].grant(page(0), Access::Write).unwrap();
    assert_eq!((read, None), (written.host, written.revoked), "a store-conditional finds what was loaded");
}
