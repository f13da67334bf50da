//! What a ledger remembers, and for how long.

use ironloom_core::{Duration, Instant};

use super::{BUSY, Ledger, SUPPLIERS, Supplier, Supply};
use crate::PageNumber;
use crate::cluster::HostId;
use crate::cluster::harts::{HARTS_MAX, HartId};
use crate::cluster::placement::{Costs, GROUP_PAGES, Past};
use crate::coherence::Content;
use crate::computer::spread::placing::STAY;

const PAGE: PageNumber = PageNumber::new(0x8_0000);

fn hart(number: u8) -> HartId {
    HartId::new(number).unwrap()
}

fn host(number: u8) -> HostId {
    HostId::new(number).unwrap()
}

fn supply(ledger: &mut Ledger, page: PageNumber, content: &Content) {
    ledger.note(Supply::new(page, host(1), content));
}

fn at(micros: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_micros(micros))
}

#[test]
fn who_supplied_one_page_of_a_group_is_expected_to_supply_the_others() {
    let mut ledger = Ledger::new(Instant::ZERO);
    assert_eq!(ledger.supplier(PAGE), None);
    supply(&mut ledger, PAGE, &Content::of(&[7; 4_096]));
    let neighbour = PageNumber::new(PAGE.get() + GROUP_PAGES - 1);
    assert_eq!(ledger.supplier(neighbour).and_then(Supplier::holder), Some(host(1)));
    assert_eq!(ledger.supplier(PageNumber::new(PAGE.get() + GROUP_PAGES)), None);
    // What was zero was most likely nobody's, and so are those beside it.
    supply(&mut ledger, neighbour, &Content::Zeroes);
    assert_eq!(ledger.supplier(PAGE).and_then(Supplier::holder), None);
}

#[test]
fn of_suppliers_only_so_many_are_remembered() {
    let mut ledger = Ledger::new(Instant::ZERO);
    let page = |group: u64| PageNumber::new(group * GROUP_PAGES);
    for group in 0..3 * SUPPLIERS as u64 {
        supply(&mut ledger, page(group), &Content::Same);
    }
    assert_eq!(ledger.suppliers.len(), SUPPLIERS);
    assert_eq!(ledger.supplier(page(0)), None);
    assert!(ledger.supplier(page(3 * SUPPLIERS as u64 - 1)).is_some());
}

#[test]
fn waits_are_measured_only_if_something_came() {
    let mut ledger = Ledger::new(Instant::ZERO);
    let took = Duration::from_micros(850);
    let grants = ledger.begin_fault(hart(0), PAGE, 12);
    ledger.note_stall(hart(0), PAGE, grants, took);
    assert_eq!(ledger.costs, Costs::default());
    supply(&mut ledger, PAGE, &Content::Same);
    ledger.note_stall(hart(0), PAGE, grants, took);
    let view = ledger.view(hart(0)).unwrap();
    assert_eq!((view.stall, view.pages), (took, 12));
    assert_eq!(ledger.costs.round_trip, Duration::from_micros(150));
    // From then on a wait counts for an eighth.
    let grants = ledger.begin_fault(hart(0), PAGE, 3);
    supply(&mut ledger, PAGE, &Content::Same);
    ledger.note_stall(hart(0), PAGE, grants, Duration::from_micros(50));
    assert_eq!(ledger.view(hart(0)).unwrap().stall, Duration::from_micros(750));
}

#[test]
fn a_hart_that_came_stays_for_a_while() {
    let mut ledger = Ledger::new(Instant::ZERO);
    assert!(ledger.may_go(at(1), hart(5)));
    assert!(!ledger.may_go(at(2), hart(5)), "it could not go, and tries again later");
    ledger.arrives(at(10), hart(5), Past::default());
    assert_eq!(ledger.view(hart(5)).unwrap().since, at(10));
    assert!(!ledger.may_go(at(11), hart(5)));
    assert!(ledger.may_go(at(10).saturating_add(STAY), hart(5)));
}

#[test]
fn of_a_hart_that_comes_often_only_the_last_past_waits() {
    let mut ledger = Ledger::new(Instant::ZERO);
    for faults in 0..1_000 {
        ledger.arrives(at(1), hart(3), Past { faults, regrets: 0 });
    }
    assert_eq!(ledger.take_arrived(), [(hart(3), Past { faults: 999, regrets: 0 })]);
    assert_eq!(ledger.take_arrived(), []);
}

#[test]
fn load_is_how_many_ran_of_late() {
    let mut ledger = Ledger::new(Instant::ZERO);
    assert_eq!(ledger.sample(0b11), 0, "one look is not enough");
    let settled = (0..100).fold(0, |_, _| ledger.sample(0b11));
    assert_eq!(settled, 2);
    assert!(ledger.view(hart(1)).unwrap().busy && !ledger.view(hart(2)).unwrap().busy);
    // Who runs half of the time counts half.
    let half = (0..100).fold(0, |_, turn| ledger.sample(if turn % 2 == 0 { 0b1111 } else { 0 }));
    assert_eq!(half, 2);
    assert_eq!((0..100).fold(0, |_, _| ledger.sample(0)), 0);
    assert_eq!((0..200).fold(0, |_, _| ledger.sample(u64::MAX)), HARTS_MAX as u32 * 249 / BUSY);
}
