//! How shards advance together: in windows, within which none can hear of another.
//!
//! A window begins with the first event of all shards, and lasts for as long as a frame needs at least from one shard
//! to another. What is sent across within it arrives after it, so shards can go through it in any order, or at once.
//! At its end they exchange what they sent.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::Fabric;
use super::layout::Layout;
use super::shard::{Crossing, Shard};

/// How often a thread looks whether the others are done before it lets others run.
const SPINS: u32 = 2_000;

impl Fabric {
    /// Lets everything happen that is due at `until` or before, on up to `workers` threads.
    ///
    /// The result is that of [`run_until`](Self::run_until). More workers than there are shards have nothing to do.
    ///
    /// # Panics
    ///
    /// If a node panics.
    pub fn run_until_on(&mut self, until: Instant, workers: usize) {
        let lookahead = self.lookahead();
        let workers = workers.clamp(1, self.shards.len());
        if workers == 1 {
            advance(&mut self.shards, &self.layout, lookahead, until);
        } else {
            advance_on(&mut self.shards, &self.layout, lookahead, until, workers);
        }
        self.now = self.now.max(until);
        self.collect();
    }

    /// How long a frame needs at least from one shard to another; `None` if no link leads from one to another.
    pub(super) fn lookahead(&mut self) -> Option<Duration> {
        if let Some(known) = self.lookahead {
            return known;
        }
        let links = self.between.iter().filter_map(|link| self.layout.link(*link));
        let latency = |line: u32| self.layout.lines.line(line).profile.latency;
        let shortest = links.flat_map(|link| link.lines.map(latency)).min();
        self.lookahead = Some(shortest);
        shortest
    }
}

/// The last instant of the window that begins with the event at `first`.
fn end_of_window(first: Instant, lookahead: Option<Duration>, until: Instant) -> Instant {
    let Some(lookahead) = lookahead else { return until };
    let length = Duration::from_nanos(lookahead.as_nanos().saturating_sub(1));
    first.saturating_add(length).min(until)
}

fn first_event(shards: &[Shard]) -> Option<Instant> {
    shards.iter().filter_map(|shard| shard.traffic.agenda.next()).min()
}

/// Goes through all windows on this thread.
fn advance(shards: &mut [Shard], layout: &Layout, lookahead: Option<Duration>, until: Instant) {
    if let [shard] = shards {
        return shard.run(layout, until);
    }
    exchange(shards);
    while let Some(first) = first_event(shards).filter(|first| *first <= until) {
        let end = end_of_window(first, lookahead, until);
        shards.iter_mut().for_each(|shard| shard.run(layout, end));
        exchange(shards);
    }
    shards.iter_mut().for_each(|shard| shard.run(layout, until));
}

/// Hands over what shards sent to one another.
fn exchange(shards: &mut [Shard]) {
    for from in 0..shards.len() {
        for to in 0..shards.len() {
            if shards[from].traffic.crossings[to].is_empty() {
                continue;
            }
            let mut crossings = std::mem::take(&mut shards[from].traffic.crossings[to]);
            shards[to].receive(&mut crossings);
            shards[from].traffic.crossings[to] = crossings;
        }
    }
}

/// Goes through all windows on several threads, each with shards of its own.
fn advance_on(
    shards: &mut [Shard],
    layout: &Layout,
    lookahead: Option<Duration>,
    until: Instant,
    workers: usize,
) {
    exchange(shards);
    let share = shards.len().div_ceil(workers);
    let workers = shards.len().div_ceil(share);
    let meeting = Meeting {
        layout,
        lookahead,
        until,
        share,
        next: (0..workers).map(|_| AtomicU64::new(u64::MAX)).collect(),
        letters: shards.iter().map(|_| Mutex::new(Vec::new())).collect(),
        barrier: Barrier::new(workers),
    };
    std::thread::scope(|scope| {
        let mut parts = shards.chunks_mut(share).enumerate();
        let (_, own) = parts.next().expect("there is at least one shard");
        for (worker, part) in parts {
            let meeting = &meeting;
            scope.spawn(move || meeting.work(worker, part));
        }
        meeting.work(0, own);
    });
}

/// What the threads of one run share.
struct Meeting<'a> {
    layout: &'a Layout,
    lookahead: Option<Duration>,
    until: Instant,
    /// How many shards a worker has, but for the last.
    share: usize,
    /// When the first event of each worker is due.
    next: Vec<AtomicU64>,
    /// What was sent to each shard.
    letters: Vec<Mutex<Vec<Crossing>>>,
    barrier: Barrier,
}

impl Meeting<'_> {
    fn work(&self, worker: usize, shards: &mut [Shard]) {
        let _alarm = Alarm(&self.barrier);
        loop {
            let own = first_event(shards).unwrap_or(Instant::MAX);
            self.next[worker].store(own.as_nanos(), Ordering::Release);
            self.barrier.wait();
            let first = self.next.iter().map(|next| next.load(Ordering::Acquire)).min();
            let first = Instant::from_nanos(first.unwrap_or(u64::MAX));
            if first > self.until || first == Instant::MAX {
                break;
            }
            let end = end_of_window(first, self.lookahead, self.until);
            for shard in &mut *shards {
                shard.run(self.layout, end);
                self.post(shard);
            }
            self.barrier.wait();
            for (offset, shard) in shards.iter_mut().enumerate() {
                let mut letters = std::mem::take(&mut *self.letters[worker * self.share + offset].lock());
                shard.receive(&mut letters);
            }
        }
        shards.iter_mut().for_each(|shard| shard.run(self.layout, self.until));
    }

    fn post(&self, shard: &mut Shard) {
        for (target, crossings) in shard.traffic.crossings.iter_mut().enumerate() {
            if !crossings.is_empty() {
                self.letters[target].lock().append(crossings);
            }
        }
    }
}

/// Where threads wait for each other, for so short a time that sleeping would not pay.
struct Barrier {
    threads: usize,
    waiting: AtomicUsize,
    round: AtomicUsize,
    is_broken: AtomicBool,
}

impl Barrier {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            waiting: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            is_broken: AtomicBool::new(false),
        }
    }

    fn wait(&self) {
        let round = self.round.load(Ordering::Acquire);
        if self.waiting.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.waiting.store(0, Ordering::Release);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(!self.is_broken.load(Ordering::Acquire), "another worker panicked");
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Tells the others when its thread panics, for it will not come to the barrier any more.
struct Alarm<'a>(&'a Barrier);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_broken.store(true, Ordering::Release);
        }
    }
}
