//! [`Workers`]: real time. Queues that workers take processes from, and who is woken for what.
//!
//! Waking a worker that sleeps costs tens of microseconds, more than most processes run for. So a process that is woken
//! goes to the worker that ran it last only while that one is awake; else whoever woke it runs it as well. A second
//! worker is woken when the first has [more to do](BACKLOG) than the waking costs, and then takes half.

mod idle;
mod watch;
mod worker;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use ironloom_core::{
    Duration, EventCount,
    metrics::{Histogram, HistogramSnapshot},
};
use parking_lot::Mutex;

pub(crate) use worker::start;

use crate::{
    ProcessId, current,
    lock::Lock,
    process::{ANY_WORKER, Runnable},
    queue::{RunQueue, Why},
    reactor::Notifier,
};

/// How much work must be waiting on one worker before another is woken for it.
const BACKLOG: Duration = Duration::from_micros(50);
/// How many processes are taken from another worker at a time, at most.
const HAUL: usize = 256;
/// No worker sleeps in the reactor.
const NOBODY: u32 = u32::MAX;

/// What only real time has.
pub(crate) struct Workers {
    workers: Box<[Worker]>,
    /// One bit for each worker that sleeps.
    asleep: AtomicU64,
    /// The worker that sleeps in the reactor, or [`NOBODY`].
    poller: AtomicU32,
    /// Makes the reactor return; there once a worker has slept in it.
    notifier: OnceLock<Notifier>,
    /// Where the host's next process goes.
    next: AtomicU32,
    stop: AtomicBool,
    /// Until when the worker sleeps that wakes by itself for the next timer.
    keeper: AtomicU64,
    /// For the watch, which is to hear of the end at once, and of the first worker that wakes when all sleep.
    watch: EventCount,
    watch_sleeps: AtomicBool,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Slices that lasted too long.
    pub(crate) stuck: AtomicU64,
    /// The process of the last of them.
    pub(crate) last_stuck: Mutex<Option<(ProcessId, Arc<str>)>>,
    /// Threads that are in such a slice and are no longer workers.
    lost: AtomicU32,
    lateness: Histogram,
    queueing: Histogram,
}

/// One worker, as others see it. What other workers touch to give it something is in one line of memory.
#[repr(C, align(128))]
struct Worker {
    /// Whether somebody else put something on the queue; what a worker that spins looks at.
    inbox: AtomicBool,
    queue: Lock<Queue>,
    /// Even between slices, odd during one; each slice has a number of its own.
    slice: AtomicU64,
    /// The process of that slice.
    process: AtomicU64,
    /// Which thread is this worker: a stuck one is replaced, and finds another number here when it comes back.
    tenant: AtomicU64,
    steals: AtomicU64,
}

#[repr(C)]
struct Queue {
    /// The worker's thread, while it sleeps.
    sleeper: Option<std::thread::Thread>,
    runnable: RunQueue<Runnable>,
}

impl Workers {
    pub(crate) fn new(count: usize) -> Self {
        assert!((1..=64).contains(&count), "a kernel has 1 to 64 workers");
        let worker = || Worker {
            queue: Lock::new(Queue { runnable: RunQueue::new(), sleeper: None }),
            inbox: AtomicBool::new(false),
            slice: AtomicU64::new(0),
            process: AtomicU64::new(0),
            tenant: AtomicU64::new(0),
            steals: AtomicU64::new(0),
        };
        Self {
            workers: (0..count).map(|_| worker()).collect(),
            asleep: AtomicU64::new(0),
            poller: AtomicU32::new(NOBODY),
            notifier: OnceLock::new(),
            next: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            keeper: AtomicU64::new(u64::MAX),
            watch: EventCount::new(),
            watch_sleeps: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
            stuck: AtomicU64::new(0),
            last_stuck: Mutex::new(None),
            lost: AtomicU32::new(0),
            lateness: Histogram::new(),
            queueing: Histogram::new(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.workers.len()
    }

    /// Puts a process on the queue of the worker that should run it.
    #[inline]
    pub(super) fn push(&self, engine: usize, runnable: Runnable, why: Why) {
        let header = runnable.process().header();
        let (pinned, last) = (header.pinned, header.worker.load(Ordering::Relaxed));
        let me = current::worker_of(engine);
        if pinned != ANY_WORKER {
            return self.push_to(pinned, me, runnable, why);
        }
        match me {
            Some(me) if last == me || last == ANY_WORKER || self.is_asleep(last) => {
                self.push_to(me, Some(me), runnable, why);
            }
            None if last == ANY_WORKER => {
                let next = self.next.fetch_add(1, Ordering::Relaxed) as usize % self.workers.len();
                // The host's processes go where somebody is awake, if anybody is.
                let asleep = self.asleep.load(Ordering::Relaxed);
                let awake =
                    (0..self.workers.len()).find(|worker| asleep & (1 << worker) == 0).unwrap_or(next);
                self.push_to(awake as u16, None, runnable, why);
            }
            _ => self.push_to(last, me, runnable, why),
        }
    }

    #[inline]
    pub(super) fn push_to(&self, target: u16, me: Option<u16>, runnable: Runnable, why: Why) {
        let worker = &self.workers[usize::from(target)];
        let class = runnable.process().header().class;
        let mut queue = worker.queue.lock();
        queue.runnable.push(class, why, runnable);
        if me != Some(target) {
            worker.inbox.store(true, Ordering::Release);
        }
        // Also where the thread is this worker itself: it may have been replaced, and its successor sleep.
        let sleeper = queue.sleeper.take();
        drop(queue);
        if let Some(thread) = sleeper {
            self.rouse(target, &thread);
        }
    }

    /// A worker is awake again, and has to be watched.
    fn wake_watch(&self) {
        if self.watch_sleeps.load(Ordering::SeqCst) && self.watch_sleeps.swap(false, Ordering::SeqCst) {
            self.watch.notify_all();
        }
    }

    fn all_sleep(&self) -> bool {
        self.asleep.load(Ordering::SeqCst).count_ones() as usize == self.workers.len()
    }

    fn is_asleep(&self, worker: u16) -> bool {
        self.asleep.load(Ordering::Relaxed) & (1 << worker) != 0
    }

    /// Wakes one worker that sleeps, if there is one, to take work from others.
    pub(super) fn rouse_any(&self) {
        let asleep = self.asleep.load(Ordering::SeqCst);
        if asleep != 0 {
            self.rouse_worker(asleep.trailing_zeros() as u16);
        }
    }

    fn rouse_worker(&self, worker: u16) {
        let sleeper = self.workers[usize::from(worker)].queue.lock().sleeper.take();
        if let Some(thread) = sleeper {
            self.rouse(worker, &thread);
        }
    }

    fn rouse(&self, worker: u16, thread: &std::thread::Thread) {
        self.asleep.fetch_and(!(1 << worker), Ordering::Relaxed);
        if thread.id() == std::thread::current().id() {
            // It wakes whom the reactor told it of, and looks at its queue next. A notification would keep it from sleeping
            // the next time, for one question to the host that is answered with nothing.
            return;
        }
        thread.unpark();
        if self.poller.load(Ordering::SeqCst) == u32::from(worker)
            && let Some(notifier) = self.notifier.get()
        {
            notifier.notify();
        }
    }

    /// Wakes all workers that sleep.
    pub(super) fn rouse_all(&self) {
        (0..self.workers.len()).for_each(|worker| self.rouse_worker(worker as u16));
    }

    /// Takes about half of the processes of whoever has some to spare; whether that was anything.
    fn steal(&self, me: u16) -> bool {
        let count = self.workers.len();
        for distance in 1..count {
            let victim = &self.workers[(usize::from(me) + distance) % count];
            let mut haul = Vec::new();
            {
                let mut queue = victim.queue.lock();
                if queue.runnable.len() > 0 {
                    let keep = |runnable: &Runnable| runnable.process().header().pinned != ANY_WORKER;
                    queue.runnable.give(HAUL, keep, |lane, runnable| haul.push((lane, runnable)));
                }
            }
            if !haul.is_empty() {
                let worker = &self.workers[usize::from(me)];
                worker.steals.fetch_add(haul.len() as u64, Ordering::Relaxed);
                let mut queue = worker.queue.lock();
                haul.into_iter().for_each(|(lane, runnable)| queue.runnable.take_in(lane, runnable));
                return true;
            }
        }
        false
    }

    pub(crate) fn queued(&self) -> Vec<usize> {
        self.workers.iter().map(|worker| worker.queue.lock().runnable.len()).collect()
    }

    pub(crate) fn slices(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.slice.load(Ordering::Relaxed) / 2).collect()
    }

    pub(crate) fn steals(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.steals.load(Ordering::Relaxed)).collect()
    }

    /// How late timers were noticed.
    pub(crate) fn lateness(&self) -> HistogramSnapshot {
        self.lateness.snapshot()
    }

    /// How long processes waited for their turn.
    pub(crate) fn queueing(&self) -> HistogramSnapshot {
        self.queueing.snapshot()
    }

    /// Ends all workers; those that are stuck are left behind.
    pub(crate) fn stop(&self) -> Vec<std::thread::JoinHandle<()>> {
        self.stop.store(true, Ordering::SeqCst);
        self.rouse_all();
        self.watch.notify_all();
        std::mem::take(&mut *self.threads.lock())
    }
}

/// A handle for whoever starts threads.
pub(super) type Shared = Arc<super::Engine>;
