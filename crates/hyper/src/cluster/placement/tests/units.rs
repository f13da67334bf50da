//! One decision at a time.

use ironloom_core::{Duration, Instant};

use super::super::count::Count;
use super::super::{
    Access, CostModel, Costs, Decision, Fault, Fixed, GROUPS_MAX, HartView, HostView, JumpAfter, Logged,
    Past, Placement, View,
};
use crate::PageNumber;
use crate::cluster::harts::HartId;
use crate::cluster::{HostId, HostSet};

const HART: HartId = HartId::new(0).unwrap();

fn host(number: u8) -> HostId {
    HostId::new(number).expect("below 64")
}

fn at(micros: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_micros(micros))
}

fn view(pages: u32, load_there: u16) -> View {
    let of = |number, load| HostView { host: host(number), cores: 2, load, open: true };
    let stall = Duration::ZERO;
    View {
        here: host(1),
        hosts: vec![of(0, load_there), of(1, 1), of(2, 0)],
        harts: vec![HartView { hart: HART, since: Instant::ZERO, pages, stall, busy: true }],
        costs: Costs::default(),
    }
}

fn fault(holder: u8, page: u64, returns: bool) -> Fault {
    Fault {
        hart: HART,
        page: PageNumber::new(page),
        access: Access::Read,
        holder: host(holder),
        copies: HostSet::EMPTY.with(host(holder)),
        returns,
        bytes: 4_096,
    }
}

/// After how many faults, one in 100 µs, the hart moves.
fn faults_until_move(policy: &mut impl Placement, view: &View, holder: u8, returns: bool) -> Option<u64> {
    let moves = |count: &u64| {
        let decision = policy.decide(at(20_000 + count * 100), &fault(holder, *count, returns), view);
        decision == Decision::MoveHart(host(holder))
    };
    (1..2_000).find(moves)
}

#[test]
fn a_hart_with_little_to_leave_follows_the_pages() {
    assert_eq!(faults_until_move(&mut CostModel::default(), &view(0, 0), 0, false), Some(8));
}

#[test]
fn a_hart_with_much_to_leave_waits_for_more() {
    let few = faults_until_move(&mut CostModel::default(), &view(20, 0), 0, false).expect("it is worth it");
    assert!(few > 30, "{few}");
    assert_eq!(faults_until_move(&mut CostModel::default(), &view(2_000, 0), 0, false), None);
}

#[test]
fn a_hart_does_not_go_where_no_core_is_free() {
    assert_eq!(faults_until_move(&mut CostModel::default(), &view(0, 2), 0, false), None);
}

#[test]
fn a_hart_does_not_go_where_none_is_taken() {
    let mut closed = view(0, 0);
    closed.hosts[0].open = false;
    assert_eq!(faults_until_move(&mut CostModel::default(), &closed, 0, false), None);
    assert_eq!(faults_until_move(&mut JumpAfter::new(3), &closed, 0, false), None);
    assert_eq!(faults_until_move(&mut JumpAfter::new(3), &view(0, 0), 0, false), Some(3));
    assert_eq!(faults_until_move(&mut Fixed, &view(0, 0), 0, false), None);
}

/// Two hosts that take a page from each other do not both send their harts.
#[test]
fn who_would_go_up_lets_others_come_down() {
    let down = faults_until_move(&mut CostModel::default(), &view(0, 0), 0, true);
    let up = faults_until_move(&mut CostModel::default(), &view(0, 0), 2, true).expect("at last");
    assert_eq!(down, Some(8));
    assert!(up >= 32, "{up}");
}

#[test]
fn a_hart_stays_a_while_where_it_came_to() {
    let mut fresh = view(0, 0);
    fresh.harts[0].since = at(20_000);
    let moved = faults_until_move(&mut CostModel::default(), &fresh, 0, false);
    assert_eq!(moved, Some(100), "ten milliseconds are 100 faults");
}

/// Who moved in vain needs more evidence; who moved well needs none.
#[test]
fn regrets_make_careful() {
    let mut policy = CostModel::default();
    policy.arrives(at(0), HART, Past { faults: 1, regrets: 1 });
    assert_eq!(faults_until_move(&mut policy, &view(0, 0), 0, false), Some(16));
    let mut policy = CostModel::default();
    policy.arrives(at(0), HART, Past { faults: 10, regrets: 0 });
    for count in 0..600 {
        policy.decide(at(count * 100), &fault(2, count, true), &view(5_000, 0));
    }
    assert_eq!(policy.departs(at(60_000), HART).regrets, 1);
    let mut policy = CostModel::default();
    policy.arrives(at(0), HART, Past { faults: 1_000, regrets: 2 });
    policy.decide(at(60_000), &fault(2, 0, true), &view(5_000, 0));
    assert_eq!(policy.departs(at(60_000), HART).regrets, 1);
}

#[test]
fn too_many_harts_are_spread() {
    let mut crowded = view(0, 0);
    crowded.hosts[1].load = 4;
    let hart = |number: u8| HartId::new(number).expect("below 64");
    crowded.harts = (0..4)
        .map(|number| HartView { hart: hart(number), pages: 9 - u32::from(number), ..crowded.harts[0] })
        .collect();
    let mut policy = CostModel::default();
    assert_eq!(policy.balance(at(1_000), &crowded), [], "none has been here long");
    assert_eq!(policy.balance(at(20_000), &crowded), [(hart(3), host(2))]);
    assert_eq!(policy.balance(at(20_001), &crowded), [], "one step after the other");
    assert_eq!(policy.balance(at(60_000), &view(0, 0)), [], "there are cores for all");
}

#[test]
fn memory_is_bounded_and_keeps_what_is_hot() {
    let mut policy = CostModel::default();
    let full = view(100_000, 0);
    for count in 0..10_000u64 {
        policy.decide(at(count), &fault(0, 5, false), &full);
        policy.decide(at(count), &fault(0, count * 64, false), &full);
    }
    let hot = policy.hot_groups(at(10_000), HART);
    assert!(hot.len() <= GROUPS_MAX, "{}", hot.len());
    assert_eq!(hot[0].0, PageNumber::new(0));
    assert!(hot[0].1 > 5_000, "{hot:?}");
}

#[test]
fn counts_halve() {
    let half_life = Duration::from_millis(8);
    let mut count = Count::default();
    count.add(at(0), half_life, 1_000);
    assert_eq!(count.at(at(999), half_life), 1_000);
    assert_eq!(count.at(at(8_000), half_life), 500);
    let step = count.at(at(4_000), half_life);
    assert!((700..712).contains(&step), "{step}");
    assert_eq!(count.at(at(1_000_000), half_life), 0);
    assert_eq!(count.at(Instant::MAX, half_life), 0);
}

#[test]
fn costs_follow_what_is_measured() {
    let mut costs = Costs::default();
    for _ in 0..100 {
        costs.observe(0, Duration::from_micros(200));
        costs.observe(4_096, Duration::from_micros(200 + 41));
    }
    let (trip, rate) = (costs.round_trip.as_nanos(), costs.bytes_per_second);
    assert!((199_000..=200_000).contains(&trip), "{trip}");
    assert!((90_000_000..110_000_000).contains(&rate), "{rate}");
    costs.observe(u32::MAX, Duration::ZERO);
    costs.observe(0, Duration::MAX);
    assert!(costs.fetch(u32::MAX) > Duration::ZERO);
}

#[test]
fn decisions_are_kept_with_their_inputs() {
    let mut policy = Logged::new(CostModel::default(), 4);
    let full = view(3, 0);
    for count in 0..10 {
        policy.decide(at(20_000 + count * 100), &fault(0, count, false), &full);
    }
    let log = policy.take();
    assert_eq!(log.len(), 4);
    assert_eq!((log[3].fault.page, &log[3].view), (PageNumber::new(9), &full));
    assert_eq!(log[3].weighing.expect("it was weighed").faults, 10);
    let stored = borsh::to_vec(&log).expect("memory is enough");
    assert_eq!(borsh::from_slice::<Vec<super::super::LoggedDecision>>(&stored).expect("it was stored"), log);
}
