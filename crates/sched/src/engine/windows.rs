//! [`Windows`]: virtual time.
//!
//! A window runs every runnable process for one slice, on any number of workers. No process sees what another did in the
//! same window: effects and messages wait, each marked with its sender's place and its own place in the sender's order.
//! Then the window is over, and they take place in that order on one thread. The senders' places are their places in the
//! list of the runnable, sorted by id, so nothing depends on which worker ran whom, or when.
//!
//! A process that spawns must know the child's id at once. So each place owns a block of ids in each window, and uses
//! what it needs of it; the rest of the last block that was used is lost, and the numbers have gaps.
//!
//! Whether there is room for another process or timer is judged by how many there were when the window began and what
//! this slice itself did, or who is refused would be chance.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use ironloom_core::{Clock, Instant, Trace, VirtualClock, trace::Digest};
use parking_lot::Mutex;

use super::Engine;
use crate::{
    ExitReason, ProcessId,
    current::{self, Act},
    effect::{Commit, Effect},
    frame::{self, Sliced},
    lock::Lock,
    process::Runnable,
};

/// How many processes one process may spawn in one window.
pub(super) const IDS_PER_SLICE: u64 = 4_096;
/// How many processes a worker takes at a time.
const SHARE: usize = 64;

/// What only virtual time has.
pub(crate) struct Windows {
    clock: VirtualClock,
    /// Who runs in the next window, in no order.
    ready: Lock<Vec<Runnable>>,
    /// What each worker's processes did to others in this window.
    outboxes: Box<[Outbox]>,
    number: AtomicU64,
    events: Mutex<Events>,
    /// Whether somebody runs a window.
    running: AtomicBool,
    /// How many processes and timers there were when this window began.
    lives: AtomicUsize,
    timers: AtomicUsize,
}

/// What the processes of one worker did.
type Outbox = Lock<Out>;

#[derive(Default)]
struct Out {
    /// As whose how manieth act.
    effects: Vec<(Act, Effect)>,
    /// Mailboxes that were touched. Who touched one first is chance when several workers run, so they have no place among
    /// the effects.
    touched: Vec<(ProcessId, Arc<dyn Commit>)>,
}

/// What happened, for the digest.
#[derive(Default)]
struct Events {
    trace: Trace,
    /// Who received how many messages at the end of this window.
    arrivals: Vec<(ProcessId, usize)>,
}

/// What is wrong if there are two steps at a time.
const STEP_IN_STEP: &str =
    "a kernel in virtual time is stepped by one at a time, and not by its own processes";

/// A step that is being made.
pub(crate) struct Stepping<'a> {
    windows: &'a Windows,
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        self.windows.running.store(false, Ordering::Release);
    }
}

/// A window that is being run.
pub(crate) struct Window {
    /// Shares of the runnable processes; the places of a share's processes follow from its index.
    shares: Vec<Lock<Vec<Runnable>>>,
    next: AtomicUsize,
    first_id: u64,
    /// One more than the highest place that used an id.
    spawners: AtomicU64,
    /// What the slices spent: by share.
    spent: Vec<Lock<Vec<(ProcessId, u64)>>>,
}

impl Windows {
    pub(crate) fn new(workers: usize, start: Instant) -> Self {
        Self {
            clock: VirtualClock::new(start),
            ready: Lock::new(Vec::new()),
            outboxes: (0..workers).map(|_| Lock::default()).collect(),
            number: AtomicU64::new(0),
            events: Mutex::new(Events::default()),
            running: AtomicBool::new(false),
            lives: AtomicUsize::new(0),
            timers: AtomicUsize::new(0),
        }
    }

    /// How many processes there are as far as the running one may know: those of before the window and its own.
    pub(super) fn lives(&self) -> u64 {
        let (next, end) = current::ids_left();
        self.lives.load(Ordering::Relaxed) as u64 + (IDS_PER_SLICE - (end - next))
    }

    /// Likewise how many timers.
    pub(super) fn timers(&self) -> usize {
        self.timers.load(Ordering::Relaxed).saturating_add_signed(current::timers())
    }

    /// Begins a step, which must be the only one.
    pub(crate) fn begin_step(&self) -> Stepping<'_> {
        assert!(!self.running.swap(true, Ordering::Acquire), "{STEP_IN_STEP}");
        Stepping { windows: self }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// How many windows there were.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, runnable: Runnable) {
        self.ready.lock().push(runnable);
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.lock().is_empty()
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.lock().len()
    }

    /// Keeps what the running process does until the window is over.
    pub(crate) fn defer(&self, act: Act, effect: Effect) {
        let worker = current::worker();
        self.outboxes[usize::from(worker)].lock().effects.push((act, effect));
    }

    /// Has a mailbox looked at when the window is over.
    pub(crate) fn touch(&self, process: ProcessId, mailbox: Arc<dyn Commit>) {
        let worker = current::worker();
        self.outboxes[usize::from(worker)].lock().touched.push((process, mailbox));
    }

    pub(super) fn note_arrivals(&self, process: ProcessId, arrived: usize) {
        self.events.lock().arrivals.push((process, arrived));
    }

    pub(super) fn note_exit(&self, process: ProcessId, reason: &ExitReason) {
        self.record("exit", &(process, reason.to_string()));
    }

    /// Enters something into the trace.
    pub(crate) fn record<T: ironloom_core::borsh::BorshSerialize + std::fmt::Debug>(
        &self,
        label: &'static str,
        details: &T,
    ) {
        let now = self.now();
        self.events.lock().trace.record(now, label, details);
    }

    pub(crate) fn digest(&self) -> Digest {
        self.events.lock().trace.digest()
    }

    pub(crate) fn with_trace<T>(&self, look: impl FnOnce(&mut Trace) -> T) -> T {
        look(&mut self.events.lock().trace)
    }
}

impl Window {
    /// How many processes are in it.
    pub(crate) fn len(&self) -> usize {
        self.spent.len() * SHARE
    }
}

impl Engine {
    /// Moves the present, and wakes whose time has come.
    pub(crate) fn advance_to(&self, windows: &Windows, now: Instant) {
        assert!(!windows.running.load(Ordering::Acquire), "{STEP_IN_STEP}");
        windows.clock.advance_to(now);
        self.timers.expire(now, |_| ());
    }

    /// Begins a window with whoever is runnable; `None` if nobody is.
    pub(crate) fn open_window(&self, windows: &Windows) -> Option<Window> {
        let mut ready = mem::take(&mut *windows.ready.lock());
        if ready.is_empty() {
            return None;
        }
        ready.sort_unstable_by_key(|runnable| runnable.process().header().id);
        windows.lives.store(self.live(), Ordering::Relaxed);
        windows.timers.store(self.timers.len(), Ordering::Relaxed);
        let places = ready.len() as u64;
        // Threads of the host may take ids meanwhile.
        let first = |next: u64| next.next_multiple_of(crate::table::BLOCK);
        let reserve = |next| Some(first(next) + places * IDS_PER_SLICE);
        let before = self.ids.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve);
        let first_id = first(before.expect("there is always a next id"));
        let mut shares = Vec::with_capacity(ready.len().div_ceil(SHARE));
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() {
            shares.push(Lock::new(ready.by_ref().take(SHARE).collect()));
        }
        let spent = shares.iter().map(|_| Lock::new(Vec::new())).collect();
        Some(Window { shares, next: AtomicUsize::new(0), first_id, spawners: AtomicU64::new(0), spent })
    }

    /// Runs processes of the window until there are none left. Any number of threads may do so at a time, each as a
    /// worker of its own.
    pub(crate) fn run_window(&self, windows: &Windows, window: &Window) {
        loop {
            let index = window.next.fetch_add(1, Ordering::Relaxed);
            let Some(share) = window.shares.get(index) else { return };
            let share = mem::take(&mut *share.lock());
            let spent = share
                .into_iter()
                .enumerate()
                .map(|(offset, runnable)| self.run_place(windows, window, index * SHARE + offset, runnable))
                .collect();
            *window.spent[index].lock() = spent;
        }
    }

    fn run_place(
        &self,
        windows: &Windows,
        window: &Window,
        place: usize,
        runnable: Runnable,
    ) -> (ProcessId, u64) {
        let header = runnable.process().header();
        let id = header.id;
        header.count_slice(current::worker());
        let ordinal = u32::try_from(place).expect("there are fewer processes than ids");
        let first = window.first_id + place as u64 * IDS_PER_SLICE;
        current::set_ids(first, first + IDS_PER_SLICE);
        match frame::slice(runnable, ordinal) {
            Sliced::Waits => {}
            Sliced::Spent(runnable) => windows.push(runnable),
            Sliced::Exited(runnable, reason) => {
                let (process, reason) = frame::dismantle(runnable, reason);
                self.act(Effect::Exit(process, reason));
            }
        }
        if current::ids_left().0 != first {
            window.spawners.fetch_max(place as u64 + 1, Ordering::Relaxed);
        }
        current::set_ids(0, 0);
        (id, current::end())
    }

    /// Ends the window: what its processes did takes place.
    pub(crate) fn close_window(&self, windows: &Windows, window: &Window) {
        let reserved = window.first_id + self.places(window) * IDS_PER_SLICE;
        let used = window.first_id + window.spawners.load(Ordering::Relaxed) * IDS_PER_SLICE;
        // Fails if the host spawned something meanwhile; then the ids stay lost.
        let _ = self.ids.compare_exchange(reserved, used, Ordering::Relaxed, Ordering::Relaxed);
        for share in &window.spent {
            windows.record("slices", &*share.lock());
        }
        let mut out = Out::default();
        for outbox in &windows.outboxes {
            let mut outbox = outbox.lock();
            out.effects.append(&mut outbox.effects);
            out.touched.append(&mut outbox.touched);
        }
        out.effects.sort_unstable_by_key(|(act, _)| *act);
        out.effects.into_iter().for_each(|(_, effect)| self.apply(effect));
        out.touched.sort_unstable_by_key(|(process, _)| *process);
        out.touched.into_iter().for_each(|(_, mailbox)| mailbox.commit());
        let mut arrivals = mem::take(&mut windows.events.lock().arrivals);
        if !arrivals.is_empty() {
            arrivals.sort_unstable();
            windows.record(
                "arrivals",
                &arrivals.iter().map(|(id, count)| (*id, *count as u64)).collect::<Vec<_>>(),
            );
        }
        windows.number.fetch_add(1, Ordering::Relaxed);
    }

    fn places(&self, window: &Window) -> u64 {
        window.spent.iter().map(|share| share.lock().len() as u64).sum()
    }
}
