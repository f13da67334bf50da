//! The wheel against a `BinaryHeap` that does the obvious.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::{TimerId, TimerWheel};
use crate::{Instant, Rng, Seed};

/// Timers in a heap by (deadline, order of insertion); cancelled ones are looked up.
#[derive(Default)]
struct Model {
    present: u64,
    inserted: u64,
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    live: std::collections::BTreeSet<u64>,
}

impl Model {
    fn insert(&mut self, deadline: u64) -> u64 {
        let name = self.inserted;
        self.inserted += 1;
        self.heap.push(Reverse((deadline.max(self.present), name)));
        self.live.insert(name);
        name
    }

    fn cancel(&mut self, name: u64) -> bool {
        self.live.remove(&name)
    }

    fn poll(&mut self, now: u64) -> Option<(u64, u64)> {
        while let Some(&Reverse((deadline, name))) = self.heap.peek().filter(|top| top.0.0 <= now) {
            self.heap.pop();
            if self.live.remove(&name) {
                self.present = deadline;
                return Some((deadline, name));
            }
        }
        self.present = self.present.max(now);
        None
    }

    fn next(&self) -> Option<u64> {
        self.heap.iter().filter(|timer| self.live.contains(&timer.0.1)).map(|timer| timer.0.0).min()
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Insert this far after the present.
    Insert(u64),
    /// Insert this long before the present.
    InsertLate(u64),
    /// Cancel one of those inserted so far, expired or not.
    Cancel(prop::sample::Index),
    /// Poll at the present plus this, until nothing is due.
    Advance(u64),
    /// Poll at the present plus this, once.
    PollOnce(u64),
    /// Poll at the bound that the wheel gives.
    Jump,
}

/// Distances of every magnitude, small ones often, so that many timers share an instant or a slot.
fn distance() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, 0..300u64, (0..63u32, any::<u64>()).prop_map(|(bits, number)| number >> bits)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => distance().prop_map(Step::Insert),
        1 => distance().prop_map(Step::InsertLate),
        3 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => distance().prop_map(Step::Advance),
        2 => distance().prop_map(Step::PollOnce),
        1 => Just(Step::Jump),
    ]
}

struct Pair {
    wheel: TimerWheel<u64>,
    model: Model,
    ids: Vec<TimerId>,
    now: u64,
}

impl Pair {
    fn new() -> Self {
        Self { wheel: TimerWheel::new(usize::MAX >> 32), model: Model::default(), ids: Vec::new(), now: 0 }
    }

    fn insert(&mut self, deadline: u64) {
        let name = self.model.insert(deadline);
        self.ids.push(self.wheel.insert(Instant::from_nanos(deadline), name).unwrap());
    }

    /// Cancels one of the `among` timers that were inserted last, expired or not.
    fn cancel_recent(&mut self, rng: &mut Rng, among: usize) {
        if self.ids.is_empty() {
            return;
        }
        let back = rng.below(self.ids.len().min(among) as u64);
        self.cancel(self.ids.len() as u64 - 1 - back);
    }

    fn cancel(&mut self, name: u64) {
        let cancelled = self.wheel.cancel(self.ids[name as usize]);
        assert_eq!(cancelled, self.model.cancel(name).then_some(name));
    }

    /// Lets everything expire, and the same in a clone and in a copy that was made by setting all timers again.
    fn drain(&mut self) {
        let (mut clone, mut copy) = (self.wheel.clone(), TimerWheel::new(self.wheel.len()));
        for (_, deadline, name) in self.wheel.iter() {
            copy.insert(deadline, *name).unwrap();
        }
        while let Some(expired) = copy.poll(Instant::MAX) {
            assert_eq!(clone.poll(Instant::MAX), Some(expired));
        }
        while self.poll(u64::MAX) {}
        assert!(self.wheel.is_empty() && clone.is_empty());
    }

    fn poll(&mut self, now: u64) -> bool {
        self.now = self.now.max(now);
        let expired =
            self.wheel.poll(Instant::from_nanos(now)).map(|timer| (timer.deadline.as_nanos(), timer.value));
        assert_eq!(expired, self.model.poll(now));
        expired.is_some()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Insert(distance) => self.insert(self.now.saturating_add(*distance)),
            Step::InsertLate(distance) => self.insert(self.now.saturating_sub(*distance)),
            Step::Cancel(index) if !self.ids.is_empty() => {
                self.cancel(index.index(self.ids.len()) as u64);
            }
            Step::Cancel(_) => {}
            Step::Advance(distance) => while self.poll(self.now.saturating_add(*distance)) {},
            Step::PollOnce(distance) => drop(self.poll(self.now.saturating_add(*distance))),
            Step::Jump => {
                if let Some(bound) = self.wheel.next_bound() {
                    self.poll(bound.as_nanos());
                }
            }
        }
        assert_eq!(self.wheel.len(), self.model.live.len());
        assert_eq!(self.wheel.next_bound().is_some(), self.model.next().is_some());
        if let (Some(bound), Some(next)) = (self.wheel.next_bound(), self.model.next()) {
            assert!(bound.as_nanos() <= next, "a bound of {bound} is after the next timer at {next}");
        }
    }
}

proptest! {
    #[test]
    fn the_wheel_is_a_priority_queue(steps in prop::collection::vec(step(), 0..120)) {
        let mut pair = Pair::new();
        steps.iter().for_each(|step| pair.apply(step));
        pair.drain();
    }
}

/// Long runs reach sweeps, reused cells and every level.
#[test]
fn long_runs_agree_with_the_heap() {
    for seed in 0..20 {
        let mut rng = Rng::new(Seed::new(seed));
        let mut pair = Pair::new();
        let horizon = 40 - 2 * (seed as u32 % 16);
        for _ in 0..5_000 {
            let distance = rng.next_u64() >> rng.range(u64::from(64 - horizon)..64);
            match rng.below(8) {
                0..4 => pair.insert(pair.now.saturating_add(distance)),
                4..7 => pair.cancel_recent(&mut rng, 200),
                _ => while pair.poll(pair.now + (distance >> 2)) {},
            }
        }
        pair.drain();
    }
}

/// Crowds of few deadlines, at the end of time too: the near run is cut again and again, and must never cut one instant
/// in two. Once it did, and the older half of an instant expired behind the younger one.
#[test]
fn crowds_of_few_deadlines_agree_with_the_heap() {
    for seed in 0..200 {
        let mut rng = Rng::new(Seed::new(seed));
        let mut pair = Pair::new();
        let spread = 1 << rng.below(7);
        let base = if rng.chance(1, 4) { u64::MAX - 5_000 } else { 1 << 20 };
        pair.insert(base + 1);
        pair.poll(base - 10);
        for _ in 0..60 {
            match rng.below(10) {
                0..6 => {
                    let at = pair.now.max(base).saturating_add(rng.below(spread) * 3);
                    for _ in 0..rng.below(200) {
                        let earlier = if rng.chance(1, 3) { rng.below(spread) } else { 0 };
                        pair.insert(at.saturating_sub(earlier));
                    }
                    pair.insert(u64::MAX);
                }
                6..8 => (0..rng.below(300)).for_each(|_| pair.cancel_recent(&mut rng, 400)),
                _ => {
                    let now = pair.now.max(base).saturating_add(rng.below(spread));
                    for _ in 0..rng.below(100) {
                        pair.poll(now);
                    }
                }
            }
        }
        pair.drain();
    }
}

#[test]
fn timers_with_one_deadline_expire_in_order_of_insertion() {
    let mut wheel = TimerWheel::new(1_000);
    let deadline = Instant::from_nanos(1 << 40);
    // From ever closer, so that they start in every level.
    for name in 0..40 {
        assert!(wheel.poll(Instant::from_nanos((1 << 40) - (1 << (39 - name)))).is_none());
        wheel.insert(deadline, name).unwrap();
    }
    let expired: Vec<u64> = std::iter::from_fn(|| wheel.poll(deadline)).map(|timer| timer.value).collect();
    assert!(expired.iter().copied().eq(0..40), "{expired:?}");
}

#[test]
fn polling_at_the_bound_reaches_a_timer_in_eight_steps() {
    let mut wheel = TimerWheel::new(10);
    let deadline = Instant::from_nanos(0x0123_4567_89ab_cdef);
    wheel.insert(deadline, ()).unwrap();
    // A cancelled timer may pull the bound to the front of each slot that they shared.
    for digit in 0..8 {
        let sooner =
            wheel.insert(Instant::from_nanos(deadline.as_nanos() & !(0xff_u64 << (8 * digit))), ()).unwrap();
        wheel.cancel(sooner);
    }
    let mut steps = 0;
    while let Some(bound) = wheel.next_bound() {
        steps += 1;
        wheel.poll(bound);
    }
    assert!(steps <= 9, "{steps}");
}

/// The pattern of network timeouts: set further or less far away, cancelled soon. What is dead must not pile up,
/// also where time stands still.
fn check_no_pile(step: u64, distance: u64) {
    let mut wheel = TimerWheel::new(100);
    let mut pending = std::collections::VecDeque::new();
    for now in (0..100_000u64).map(|turn| turn * step) {
        assert!(wheel.poll(Instant::from_nanos(now)).is_none());
        pending.push_back(wheel.insert(Instant::from_nanos(now + distance), now).unwrap());
        if pending.len() > 3 {
            assert!(wheel.cancel(pending.pop_front().unwrap()).is_some());
        }
    }
    assert_eq!(wheel.len(), 3);
    assert!(wheel.levels.entries().count() < 1_000);
}

#[test]
fn cancelled_timers_leave_no_memory_behind() {
    check_no_pile(1_000, 60_000_000_000);
    check_no_pile(1_000, 5_000);
    check_no_pile(1, 100);
    check_no_pile(0, 60_000_000_000);
    check_no_pile(0, 1);
}

/// A crowd is not searched for each timer that is cancelled: done for all of them, that would take minutes.
#[test]
fn a_crowd_at_one_instant_can_be_called_off() {
    let mut wheel = TimerWheel::new(1_000_000);
    let deadline = Instant::from_nanos(1_000);
    let insert = |wheel: &mut TimerWheel<usize>, name| wheel.insert(deadline, name).unwrap();
    let ids: Vec<_> = (0..300_000).map(|name| insert(&mut wheel, name)).collect();
    assert_eq!(wheel.poll(deadline).unwrap().value, 0);
    let late: Vec<_> = (300_000..600_000).map(|name| insert(&mut wheel, name)).collect();
    for id in ids[1..].iter().rev().chain(&late[1..]) {
        assert!(wheel.cancel(*id).is_some());
    }
    assert_eq!(wheel.poll(deadline).unwrap().value, 300_000);
    assert_eq!((wheel.poll(deadline), wheel.len()), (None, 0));
}

/// Near timers are kept in a short run; a crowd of them must not make that slow, nor mix them up.
#[test]
fn a_crowd_at_one_instant_is_taken_in_order() {
    let mut wheel = TimerWheel::new(100_000);
    wheel.insert(Instant::from_nanos(1_000), 0).unwrap();
    wheel.poll(Instant::from_nanos(999));
    for name in 1..50_000 {
        wheel.insert(Instant::from_nanos(1_000), name).unwrap();
    }
    let expired = std::iter::from_fn(|| wheel.poll(Instant::from_nanos(1_000))).map(|timer| timer.value);
    assert!(expired.eq(0..50_000));
}

#[test]
fn a_full_wheel_gives_the_value_back() {
    let mut wheel = TimerWheel::new(1);
    wheel.insert(Instant::from_nanos(5), "first").unwrap();
    assert_eq!(wheel.insert(Instant::from_nanos(1), "second").unwrap_err().value, "second");
    assert_eq!(wheel.poll(Instant::MAX).unwrap().value, "first");
    assert!(wheel.insert(Instant::from_nanos(1), "third").is_ok());
}

#[test]
fn an_id_of_the_past_cancels_nobody() {
    let mut wheel = TimerWheel::new(10);
    let old = wheel.insert(Instant::from_nanos(5), 1).unwrap();
    wheel.poll(Instant::MAX).unwrap();
    let new = wheel.insert(Instant::MAX, 2).unwrap();
    assert_ne!(old, new);
    assert_eq!(wheel.cancel(old), None);
    assert_eq!(wheel.len(), 1);
}
