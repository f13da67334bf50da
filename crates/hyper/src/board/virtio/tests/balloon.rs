//! Balloons.

use ironloom_core::Rng;
use proptest::prelude::*;

use super::super::driver::MEMORY_BYTES;
use super::*;
use crate::board::{BalloonSize, Board, layout};
use crate::{GuestAddress, PAGE_BYTES, PageNumber};

const INFLATE: usize = 0;
const DEFLATE: usize = 1;
const MUST_TELL_HOST: u64 = 1;
const DEFLATE_ON_OOM: u64 = 1 << 2;

/// Pages that neither rings nor requests use.
const SPARE: u64 = (layout::MEMORY + (8 << 20)) / PAGE_BYTES;

fn driver() -> Driver {
    Driver::new(Attachment::Balloon, EVENT_IDX | MUST_TELL_HOST, 2)
}

fn size(driver: &Driver) -> BalloonSize {
    driver.board.balloon(driver.slot).unwrap()
}

fn want(driver: &mut Driver, bytes: u64) -> usize {
    let input = Input::Balloon(driver.slot, bytes);
    driver.board.handle(Instant::ZERO, &driver.memory, input)
}

/// Names pages to the device, which is through with them.
fn tell(driver: &mut Driver, ring: usize, pages: &[u64]) {
    let names: Vec<u8> = pages.iter().flat_map(|page| (*page as u32).to_le_bytes()).collect();
    let head = driver.submit(ring, &[Part::Read(&names)], false);
    driver.notify(ring);
    while driver.board.next_event().is_some() {
        driver.board.advance(Instant::ZERO, &driver.memory);
    }
    assert_eq!(driver.complete(ring).expect("it is done").0, head);
}

fn fill(driver: &Driver, page: u64) {
    driver.put(page * PAGE_BYTES, &[0xAB; PAGE_BYTES as usize]);
}

fn is_dormant(driver: &Driver, page: u64) -> bool {
    driver.memory.is_dormant(PageNumber::new(page))
}

#[test]
fn what_is_given_up_takes_no_room_and_is_zero() {
    let mut driver = driver();
    assert_eq!(driver.features & (MUST_TELL_HOST | DEFLATE_ON_OOM), MUST_TELL_HOST);
    let pages: Vec<u64> = (SPARE..SPARE + 200).collect();
    pages.iter().for_each(|page| fill(&driver, *page));
    let used = driver.memory.frames_used();
    tell(&mut driver, INFLATE, &pages[..150]);
    assert_eq!(size(&driver).given, 150 * PAGE_BYTES);
    assert!(driver.memory.frames_used() <= used - 149, "what the request takes is little");
    assert!(pages[..150].iter().all(|page| is_dormant(&driver, *page)));
    assert_eq!(driver.bytes(pages[150] * PAGE_BYTES, 2), [0xAB, 0xAB], "others stay as they are");
    tell(&mut driver, DEFLATE, &pages[50..100]);
    assert_eq!(size(&driver).given, 100 * PAGE_BYTES);
    assert_eq!(driver.bytes(pages[60] * PAGE_BYTES, 4), [0; 4]);
    fill(&driver, pages[60]);
    assert_eq!(driver.bytes(pages[60] * PAGE_BYTES, 2), [0xAB, 0xAB], "it is memory again");
}

#[test]
fn the_driver_is_told_how_much_is_wanted() {
    let mut driver = Driver::new(Attachment::Balloon, EVENT_IDX, 2);
    assert_eq!(driver.get(register::VIRTIO_MMIO_DEVICE_ID), 5);
    assert_eq!(want(&mut driver, 3 * PAGE_BYTES + 4_095), 3 * PAGE_BYTES as usize);
    assert_eq!(driver.acknowledge(), register::VIRTIO_MMIO_INT_CONFIG);
    let generation = driver.get(register::VIRTIO_MMIO_CONFIG_GENERATION);
    assert_eq!(driver.get(register::VIRTIO_MMIO_CONFIG), 3);
    assert_eq!(want(&mut driver, u64::MAX), MEMORY_BYTES as usize, "there is no more than that");
    assert_ne!(driver.get(register::VIRTIO_MMIO_CONFIG_GENERATION), generation);
    assert_eq!(size(&driver), BalloonSize { wanted: MEMORY_BYTES, given: 0 });
    driver.set(register::VIRTIO_MMIO_CONFIG + 4, 77);
    driver.set(register::VIRTIO_MMIO_CONFIG, 99);
    assert_eq!(driver.get(register::VIRTIO_MMIO_CONFIG + 4), 77, "what it has, by its own account");
    assert_eq!(u64::from(driver.get(register::VIRTIO_MMIO_CONFIG)), MEMORY_BYTES / PAGE_BYTES);
    driver.acknowledge();
    driver.set(register::VIRTIO_MMIO_STATUS, 0);
    want(&mut driver, 0);
    assert_eq!(driver.acknowledge(), 0, "nobody is there to be told");
}

#[test]
fn pages_that_are_not_there_and_pages_named_twice_do_not_count() {
    let mut driver = driver();
    let outside = [0, 1, layout::UART / PAGE_BYTES, SPARE + (1 << 19), u64::from(u32::MAX)];
    tell(&mut driver, INFLATE, &outside);
    assert_eq!(size(&driver).given, 0);
    tell(&mut driver, INFLATE, &[SPARE, SPARE, SPARE + 1, 0, SPARE]);
    tell(&mut driver, INFLATE, &[SPARE + 1]);
    assert_eq!(size(&driver).given, 2 * PAGE_BYTES);
    tell(&mut driver, DEFLATE, &[SPARE + 1, SPARE + 1, SPARE + 2]);
    assert_eq!(size(&driver).given, PAGE_BYTES);
    assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), 0xF);
}

#[test]
fn requests_have_no_need_to_be_whole_and_have_an_end() {
    let mut driver = driver();
    (0..3_000).for_each(|number| fill(&driver, SPARE - 1_500 + number));
    let name = (SPARE as u32).to_le_bytes();
    let cut = [&name[..], &name[..3]].concat();
    driver.submit(INFLATE, &[Part::Read(&cut[..5]), Part::Read(&cut[5..]), Part::Write(8)], true);
    driver.notify(INFLATE);
    assert_eq!(driver.complete(INFLATE).map(|(_, written, _)| written), Some(0));
    assert_eq!(size(&driver).given, PAGE_BYTES);
    let many: Vec<u64> = (SPARE - 1_500..SPARE + 1_500).collect();
    tell(&mut driver, INFLATE, &many);
    assert_eq!(size(&driver).given, 1_025 * PAGE_BYTES, "1024 of a request count");
    assert!(!is_dormant(&driver, SPARE + 1_499), "and the rest stays as it is");
}

#[test]
fn a_turn_of_a_balloon_ends() {
    let mut driver = driver();
    let names: Vec<u8> = (0..1_024).flat_map(|number| (SPARE as u32 + number).to_le_bytes()).collect();
    for _ in 0..8 {
        driver.submit(INFLATE, &[Part::Read(&names)], false);
    }
    driver.notify(INFLATE);
    let mut turns = 1;
    while driver.board.next_event().is_some() {
        driver.board.advance(Instant::ZERO, &driver.memory);
        turns += 1;
    }
    assert_eq!(turns, 5, "8 requests of 4 MiB, and the turn after the last finds nothing");
    assert_eq!(std::iter::from_fn(|| driver.complete(INFLATE)).count(), 8);
}

#[test]
fn a_guest_that_gives_its_rings_up_harms_itself() {
    let mut driver = driver();
    let pages: Vec<u64> = (layout::MEMORY / PAGE_BYTES..layout::MEMORY / PAGE_BYTES + 64).collect();
    let names: Vec<u8> = pages.iter().flat_map(|page| (*page as u32).to_le_bytes()).collect();
    driver.submit(INFLATE, &[Part::Read(&names)], false);
    driver.notify(INFLATE);
    driver.start(EVENT_IDX, 2, 16);
    assert_eq!(size(&driver).given, 0, "after a reset the guest has all of its memory");
    tell(&mut driver, INFLATE, &[SPARE]);
    assert_eq!(size(&driver).given, PAGE_BYTES);
}

#[test]
fn a_balloon_is_stored_and_forked() {
    let mut driver = driver();
    want(&mut driver, 5 * PAGE_BYTES);
    tell(&mut driver, INFLATE, &[SPARE, SPARE + 64, SPARE + 65]);
    let before = size(&driver);
    assert_eq!(before, BalloonSize { wanted: 5 * PAGE_BYTES, given: 3 * PAGE_BYTES });
    let fork = driver.board.fork().unwrap();
    let state = driver.board.snapshot().unwrap();
    let bytes = borsh::to_vec(&state).unwrap();
    tell(&mut driver, DEFLATE, &[SPARE]);
    assert_eq!(fork.balloon(driver.slot), Some(before));
    driver.board = Board::restore(borsh::from_slice(&bytes).unwrap(), &mut |_| unreachable!()).unwrap();
    assert_eq!(size(&driver), before);
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xFF;
        let Ok(state) = borsh::from_slice(&damaged) else { continue };
        match Board::restore(state, &mut |_| unreachable!("there is no disk")) {
            Ok(board) => {
                let memory = board.config().memory_bytes;
                let size = board.balloon(driver.slot).unwrap();
                assert!(size.wanted <= memory && size.given <= memory, "byte {at}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "only {refused} of {} were refused", bytes.len());
}

/// What is in memory and in the balloon, after pages were written, given up and taken back in any order.
#[test]
fn a_balloon_counts_as_a_set_does() {
    proptest!(ProptestConfig::with_cases(64), |(seed in any::<u64>())| {
        let mut rng = Rng::new(ironloom_core::Seed::new(seed));
        let mut driver = driver();
        let mut given = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let pages: Vec<u64> = (0..rng.below(20)).map(|_| SPARE + rng.below(200)).collect();
            match rng.below(3) {
                0 => pages.iter().filter(|page| !given.contains(*page)).for_each(|page| fill(&driver, *page)),
                1 => {
                    tell(&mut driver, INFLATE, &pages);
                    given.extend(pages);
                }
                _ => {
                    tell(&mut driver, DEFLATE, &pages);
                    given.retain(|page| !pages.contains(page));
                }
            }
            assert_eq!(size(&driver).given, given.len() as u64 * PAGE_BYTES);
            for page in &given {
                assert!(is_dormant(&driver, *page));
                assert_eq!(driver.memory.load::<u64>(GuestAddress::new(page * PAGE_BYTES)).unwrap(), 0);
            }
        }
    });
}
