//! Timers: a million of them pending, deadlines spread evenly over one second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hint::black_box;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_core::{Duration, Instant, Rng, Seed, TimerId, TimerWheel};
use tokio_util::time::{DelayQueue, delay_queue};

const TIMERS: usize = 1_000_000;
const HORIZON: Duration = Duration::from_secs(1);

pub(crate) fn benches(suite: &mut Suite) {
    insert_cancel_same(suite);
    insert_cancel_random(suite);
    expire(suite);
    advance(suite);
}

fn deadlines() -> Rng {
    Rng::new(Seed::new(1)).split("deadlines", 0)
}

fn draw(rng: &mut Rng) -> u64 {
    rng.below(HORIZON.as_nanos())
}

/// A wheel with all timers set, and their ids.
fn full_wheel() -> (TimerWheel<u64>, Vec<TimerId>, Rng) {
    let mut rng = deadlines();
    let mut wheel = TimerWheel::new(2 * TIMERS);
    let insert = |number: usize| {
        let deadline = Instant::from_nanos(draw(&mut rng));
        wheel.insert(deadline, number as u64).expect("there is room")
    };
    let ids = (0..TIMERS).map(insert).collect();
    (wheel, ids, rng)
}

/// The peer that anyone would write: a heap that skips what was cancelled.
#[derive(Default)]
struct Heap {
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    live: Vec<bool>,
}

impl Heap {
    fn full() -> (Self, Vec<usize>, Rng) {
        let mut rng = deadlines();
        let mut heap = Self::default();
        let ids = (0..TIMERS).map(|_| heap.insert(draw(&mut rng))).collect();
        (heap, ids, rng)
    }

    fn insert(&mut self, deadline: u64) -> usize {
        self.live.push(true);
        self.heap.push(Reverse((deadline, self.live.len() - 1)));
        self.live.len() - 1
    }

    fn poll(&mut self, now: u64) -> Option<u64> {
        while let Some(Reverse((deadline, id))) = self.heap.peek().copied().filter(|top| top.0.0 <= now) {
            self.heap.pop();
            if std::mem::take(&mut self.live[id]) {
                return Some(deadline);
            }
        }
        None
    }
}

/// A deadline, and the number that tells timers with one deadline apart.
type Key = (u64, u64);

/// The peer that cancels for real: an ordered map by deadline and number.
fn full_map() -> (BTreeMap<Key, u64>, Vec<Key>, Rng) {
    let mut rng = deadlines();
    let ids: Vec<Key> = (0..TIMERS as u64).map(|number| (draw(&mut rng), number)).collect();
    (ids.iter().map(|id| (*id, id.1)).collect(), ids, rng)
}

/// The peer of the field: the timers of tokio, which are exact to a millisecond.
struct Tokio {
    runtime: tokio::runtime::Runtime,
    queue: DelayQueue<u64>,
    keys: Vec<delay_queue::Key>,
    rng: Rng,
}

impl Tokio {
    fn full() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let guard = runtime.enter();
        let mut rng = deadlines();
        let mut queue = DelayQueue::with_capacity(2 * TIMERS);
        // An hour on top keeps them from expiring while we measure.
        let keys = (0..TIMERS as u64).map(|number| queue.insert(number, Self::delay(&mut rng))).collect();
        drop(guard);
        Self { runtime, queue, keys, rng }
    }

    fn delay(rng: &mut Rng) -> std::time::Duration {
        std::time::Duration::from_secs(3_600) + std::time::Duration::from_nanos(draw(rng))
    }
}

/// The timeout that does not happen: set and cancelled again, among a million others.
fn insert_cancel_same(suite: &mut Suite) {
    suite
        .compare("core::wheel::insert_cancel/same", Some(Goal::Nanos(40.0)))
        .run(OURS, full_wheel, |(wheel, _, rng)| {
            let id = wheel.insert(Instant::from_nanos(draw(rng)), 0).expect("there is room");
            black_box(wheel.cancel(id));
        })
        .run("BTreeMap", full_map, |(map, _, rng)| {
            let id = (draw(rng), TIMERS as u64);
            map.insert(id, 0);
            black_box(map.remove(&id));
        })
        .run("tokio DelayQueue", Tokio::full, |tokio| {
            let _guard = tokio.runtime.enter();
            let key = tokio.queue.insert(0, Tokio::delay(&mut tokio.rng));
            black_box(tokio.queue.remove(&key));
        });
}

/// A new timer for a random old one: nothing that is touched is in the cache.
fn insert_cancel_random(suite: &mut Suite) {
    suite
        .compare("core::wheel::insert_cancel/random", Some(Goal::Nanos(40.0)))
        .run(OURS, full_wheel, |(wheel, ids, rng)| {
            let chosen = rng.below(TIMERS as u64) as usize;
            black_box(wheel.cancel(ids[chosen]));
            ids[chosen] = wheel.insert(Instant::from_nanos(draw(rng)), 0).expect("there is room");
        })
        .run("BTreeMap", full_map, |(map, ids, rng)| {
            let chosen = rng.below(TIMERS as u64) as usize;
            black_box(map.remove(&ids[chosen]));
            ids[chosen] = (draw(rng), ids[chosen].1);
            map.insert(ids[chosen], 0);
        })
        .run("the memory's own price", Floor::new, Floor::touch)
        .run("tokio DelayQueue", Tokio::full, |tokio| {
            let _guard = tokio.runtime.enter();
            let chosen = tokio.rng.below(TIMERS as u64) as usize;
            black_box(tokio.queue.remove(&tokio.keys[chosen]));
            tokio.keys[chosen] = tokio.queue.insert(0, Tokio::delay(&mut tokio.rng));
        });
}

/// What memory alone asks for that: look up a random id, then read and write at random in arrays as large as the ids,
/// generations and values of a million timers are. No exact timer among a million can be cheaper than this.
struct Floor {
    ids: Vec<u64>,
    generations: Vec<u32>,
    cells: Vec<[u64; 3]>,
    rng: Rng,
}

impl Floor {
    fn new() -> Self {
        let mut rng = deadlines();
        let mut ids: Vec<u64> = (0..TIMERS as u64).collect();
        rng.shuffle(&mut ids);
        Self { ids, generations: vec![0; TIMERS], cells: vec![[0; 3]; TIMERS], rng }
    }

    fn touch(&mut self) {
        let chosen = self.rng.below(TIMERS as u64) as usize;
        let id = self.ids[chosen] as usize;
        self.generations[id] += 1;
        self.cells[id][0] += 1;
        let other = self.cells[id][1]; // the next step waits for what this one found
        self.ids[chosen] = black_box(id as u64 + other);
    }
}

/// A simulation's event queue: take the next, set another one; a million are always pending.
fn expire(suite: &mut Suite) {
    suite
        .compare("core::wheel::poll_insert", None)
        .run(OURS, full_wheel, |(wheel, _, rng)| {
            let next = wheel.poll(Instant::MAX).expect("there are always a million");
            let deadline = next.deadline.saturating_add(Duration::from_nanos(draw(rng)));
            wheel.insert(deadline, next.value).expect("there is room");
        })
        .run("BinaryHeap", Heap::full, |(heap, _, rng)| {
            let deadline = heap.poll(u64::MAX).expect("there are always a million");
            heap.insert(deadline + draw(rng));
        })
        .run("BTreeMap", full_map, |(map, _, rng)| {
            let ((deadline, number), value) = map.pop_first().expect("there are always a million");
            map.insert((deadline + draw(rng), number), value);
        });
}

/// A clock that ticks through the second until all million have expired; per timer.
fn advance(suite: &mut Suite) {
    const TICK: u64 = 10_000;
    suite
        .compare("core::wheel::advance/per_expiry", Some(Goal::Nanos(60.0)))
        .run_many(
            OURS,
            || (),
            |(), iterations| {
                let (mut wheel, _, _) = full_wheel();
                let mut expired = 0u32;
                let took = timed(|| {
                    for now in (0..=HORIZON.as_nanos()).step_by(TICK as usize) {
                        while let Some(timer) = wheel.poll(Instant::from_nanos(now)) {
                            expired += u32::from(black_box(timer.value) < u64::MAX);
                        }
                    }
                });
                assert_eq!(expired as usize, TIMERS);
                took.mul_f64(iterations as f64 / TIMERS as f64)
            },
        )
        .run_many(
            "BinaryHeap",
            || (),
            |(), iterations| {
                let (mut heap, _, _) = Heap::full();
                let took = timed(|| {
                    for now in (0..=HORIZON.as_nanos()).step_by(TICK as usize) {
                        while let Some(deadline) = heap.poll(now) {
                            black_box(deadline);
                        }
                    }
                });
                took.mul_f64(iterations as f64 / TIMERS as f64)
            },
        );
}
