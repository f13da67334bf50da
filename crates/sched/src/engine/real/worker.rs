//! What a worker's thread does: run whoever is next, and between slices look after timers and the backlog.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ironloom_core::{Duration, Instant};

use super::{BACKLOG, Shared, Worker, Workers, idle::Idle, watch};
use crate::{
    current,
    effect::Effect,
    engine::{Engine, Home},
    frame::{self, Sliced},
    process::Runnable,
    queue::{RunQueue, Why},
};

/// How many slices may pass before a worker looks at the clock, if they are short.
const SLICES_PER_LOOK: u32 = 32;
/// How long slices may take together before it looks, if each takes as long as those before.
const LOOK: Duration = Duration::from_micros(5);
/// How long a worker that is busy leaves the host's sockets alone. A round of thirty requests takes some 150 µs, and a
/// worker that asks before it is over pays for another system call.
const GLANCE: Duration = Duration::from_micros(1_000);

/// Starts the threads of a kernel in real time.
pub(crate) fn start(engine: &Shared) -> std::io::Result<()> {
    let workers = engine.workers().expect("a kernel in real time has workers");
    for index in 0..workers.count() {
        rent(engine, index as u16, |_| Some(0))?;
    }
    watch::start(engine)
}

/// Starts a thread that is this worker until another tenant is named, if it gets a number from `tenant`.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the driver: workers are threads, named here and joined by `stop`"
)]
pub(super) fn rent(
    engine: &Shared,
    index: u16,
    tenant: impl FnOnce(&Workers) -> Option<u64> + Send + 'static,
) -> std::io::Result<()> {
    let shared = Arc::clone(engine);
    let thread = std::thread::Builder::new().name(format!("ironloom-{index}")).spawn(move || {
        let workers = shared.workers().expect("a kernel in real time has workers");
        if let Some(tenant) = tenant(workers) {
            Tenant::new(&shared, index, tenant).work();
        }
    })?;
    let workers = engine.workers().expect("a kernel in real time has workers");
    let mut threads = workers.threads.lock();
    // A thread that was replaced and has ended is let go of, or its stack would be kept to the end.
    threads.retain(|thread| !thread.is_finished());
    threads.push(thread);
    Ok(())
}

/// One thread's time as a worker.
pub(super) struct Tenant<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) workers: &'a Workers,
    pub(super) worker: &'a Worker,
    pub(super) index: u16,
    tenant: u64,
    /// The number of the next slice's beginning.
    slice: u64,
    /// Slices since the last look at the clock, how many there may be, and when that was.
    slices: u32,
    slices_max: u32,
    looked: Instant,
    /// When a busy worker last asked the host what is ready.
    polled: Instant,
    /// How many were waiting when the last process was taken.
    waiting: usize,
    /// A place in the queue that is being watched: how many slices until it is reached, and since when.
    probe: Option<(u32, Instant)>,
}

impl<'a> Tenant<'a> {
    fn new(engine: &'a Arc<Engine>, index: u16, tenant: u64) -> Self {
        let workers = engine.workers().expect("a kernel in real time has workers");
        let worker = &workers.workers[usize::from(index)];
        // A tenant before us may still be in a slice, which has an odd number.
        let slice = (worker.slice.load(Ordering::Relaxed) | 1) + 1;
        worker.slice.store(slice, Ordering::Relaxed);
        let now = engine.now();
        let (looked, polled) = (now, now);
        Self {
            engine,
            workers,
            worker,
            index,
            tenant,
            slice,
            slices: 0,
            slices_max: 1,
            looked,
            polled,
            waiting: 0,
            probe: None,
        }
    }

    fn work(mut self) {
        let home = Home::new(self.engine);
        let _entered = current::enter(&home, self.index);
        let mut idle = Idle::default();
        while self.is_tenant() {
            let next = {
                let mut queue = self.worker.queue.lock();
                let next = queue.runnable.pop();
                foresee(&queue.runnable);
                self.waiting = queue.runnable.len();
                next
            };
            match next {
                Some(runnable) => self.run(runnable),
                None if self.workers.stop.load(Ordering::SeqCst) => return,
                None => idle.wait(&mut self),
            }
        }
        // It was replaced, and the slice has ended after all.
        self.workers.lost.fetch_sub(1, Ordering::Relaxed);
        // Whoever is awake looks at the timers before it sleeps; this thread does not, and the slice may have set one.
        self.workers.rouse_any();
    }

    pub(super) fn is_tenant(&self) -> bool {
        self.worker.tenant.load(Ordering::Relaxed) == self.tenant
    }

    #[inline]
    fn run(&mut self, runnable: Runnable) {
        let header = runnable.process().header();
        header.count_slice(self.index);
        self.worker.process.store(header.id.number(), Ordering::Relaxed);
        self.worker.slice.store(self.slice + 1, Ordering::Relaxed);
        let mut look = false;
        match frame::slice(runnable, 0) {
            Sliced::Waits => {}
            Sliced::Spent(runnable) => {
                self.workers.push_to(self.index, Some(self.index), runnable, Why::Spent);
                self.waiting += 1;
                // Who computes takes long; who gives way may do so all the time.
                look = !current::gave_way();
            }
            Sliced::Exited(runnable, reason) => {
                let (process, reason) = frame::dismantle(runnable, reason);
                self.engine.apply(Effect::Exit(process, reason));
            }
        }
        current::end();
        if !self.is_tenant() {
            return; // somebody else is this worker now, and counts its slices
        }
        self.slice += 2;
        self.worker.slice.store(self.slice, Ordering::Relaxed);
        self.slices += 1;
        if look || self.slices >= self.slices_max {
            self.look_around();
        }
    }

    /// Wakes whose time has come, and another worker if there is work for two.
    #[cold]
    fn look_around(&mut self) {
        let now = self.engine.now();
        self.expire(now);
        self.glance_at_host(now);
        self.watch_queue(now);
        let each = now.saturating_since(self.looked).as_nanos() / u64::from(self.slices.max(1));
        let backlog = each * self.waiting as u64;
        if backlog > BACKLOG.as_nanos() && self.workers.asleep.load(Ordering::Relaxed) != 0 {
            self.workers.rouse_any();
        }
        let enough = LOOK.as_nanos() / each.max(1);
        self.slices_max = u32::try_from(enough).unwrap_or(u32::MAX).clamp(1, SLICES_PER_LOOK);
        self.slices = 0;
        self.looked = now;
    }

    /// Measures now and then how long the last in the queue waits for its turn.
    fn watch_queue(&mut self, now: Instant) {
        self.probe = match self.probe {
            Some((slices, since)) if slices > self.slices => Some((slices - self.slices, since)),
            Some((_, since)) => {
                self.workers.queueing.record_duration(now.saturating_since(since));
                None
            }
            None => {
                u32::try_from(self.waiting).ok().filter(|waiting| *waiting > 0).map(|waiting| (waiting, now))
            }
        };
    }

    /// Asks the host what is ready, if nobody did for a while: who is busy does so now and then only.
    pub(super) fn glance_at_host(&mut self, now: Instant) {
        if let Some(reactor) = self.engine.reactor_if_any()
            && now.saturating_since(self.polled) > GLANCE
        {
            self.polled = now;
            if let Some(Err(error)) = reactor.try_turn(Some(Duration::ZERO)) {
                tracing::error!(%error, "the reactor does not answer");
            }
        }
    }

    /// Begins to measure slices anew, after something that was none.
    pub(super) fn rested(&mut self, now: Instant) {
        self.slices = 0;
        self.looked = now;
    }

    /// Likewise, without asking for the time: the slices until the next look say nothing of how long they take. They
    /// count, though: a worker that is always answered at once must look around now and then as well.
    pub(super) fn rested_unmeasured(&mut self) {
        self.looked = Instant::MAX;
    }

    pub(super) fn expire(&self, now: Instant) {
        if self.engine.timers.next().is_some_and(|next| next <= now) {
            self.engine.timers.expire(now, |deadline| {
                self.workers.lateness.record_duration(now.saturating_since(deadline));
            });
        }
    }
}

/// Has memory fetched of those who come next. Of ten thousand connections none is in a cache when its request comes, and what
/// would be waited for one after the other arrives while somebody else runs: first the frame, and what that leads to when it
/// is there.
#[inline]
fn foresee(runnable: &RunQueue<Runnable>) {
    if let Some(later) = runnable.ahead(1) {
        later.fetch();
    }
    if let Some(next) = runnable.ahead(0) {
        next.fetch_process();
    }
}

/// Reads what a worker wrote without waiting for it.
pub(super) fn peek(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}
