//! [`Engine`]: what real and virtual time share: the processes, their names, their timers, and what they do to each other.

mod host;
mod real;
mod signals;
mod timers;
mod windows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
};

use ironloom_core::{Clock, EventCount, Instant, Limit, LimitExceeded, Map, Rng, TimerId, WallClock};

pub(crate) use real::{Workers, start};
pub(crate) use signals::HEARD_BYTES;
pub(crate) use timers::Timers;
pub(crate) use windows::{Window, Windows};

use crate::{
    Config, ExitReason, ProcessId, SpawnError, current,
    effect::{Effect, Signal},
    lock::Lock,
    process::{AnyProcess, Runnable},
    queue::Why,
    table::{BLOCK, Table},
};

/// A kernel's inside.
pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) table: Table,
    pub(crate) names: Lock<Map<Arc<str>, Arc<dyn AnyProcess>>>,
    pub(crate) timers: Timers,
    pub(crate) mode: Mode,
    /// The next id that is in nobody's block.
    ids: AtomicU64,
    live: AtomicUsize,
    /// Set once the kernel takes no new processes.
    closing: AtomicBool,
    /// Notified when the last process has gone.
    pub(crate) emptied: EventCount,
    host: host::Host,
}

/// How time passes.
#[expect(clippy::large_enum_variant, reason = "there is one in each kernel, and real time is in a hurry")]
pub(crate) enum Mode {
    Real(Workers, WallClock),
    Virtual(Box<Windows>),
}

/// An engine, for the processes that one worker spawns.
///
/// Each process refers to its engine. If all counted on the same counter, two workers that spawn would fight for it.
pub(crate) struct Home {
    pub(crate) engine: Arc<Engine>,
}

impl Home {
    pub(crate) fn new(engine: &Arc<Engine>) -> Arc<Self> {
        Arc::new(Self { engine: Arc::clone(engine) })
    }

    /// What tells this engine from others.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.engine).addr()
    }
}

impl Engine {
    pub(crate) fn new(config: Config, mode: Mode) -> Arc<Self> {
        Arc::new(Self {
            rng: Rng::new(config.seed),
            table: Table::new(),
            names: Lock::new(Map::default()),
            timers: Timers::new(config.timers_max),
            mode,
            ids: AtomicU64::new(BLOCK),
            live: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            emptied: EventCount::new(),
            host: host::Host::default(),
            config,
        })
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The windows, in virtual time.
    #[inline]
    pub(crate) fn windows(&self) -> Option<&Windows> {
        match &self.mode {
            Mode::Virtual(windows) => Some(windows),
            Mode::Real(..) => None,
        }
    }

    /// The workers, in real time.
    #[inline]
    pub(crate) fn workers(&self) -> Option<&Workers> {
        match &self.mode {
            Mode::Real(workers, _) => Some(workers),
            Mode::Virtual(_) => None,
        }
    }

    /// Has somebody woken at `deadline`; `None` if the kernel has ended and nobody will be.
    pub(crate) fn set_timer(
        &self,
        deadline: Instant,
        waker: Waker,
    ) -> Result<Option<TimerId>, LimitExceeded> {
        let running = self.window_that_runs();
        let timer = self.timers.set(deadline, waker, running.map(Windows::timers))?;
        if running.is_some() && timer.is_some() {
            current::note_timers(1);
        }
        if let Mode::Real(workers, _) = &self.mode
            && current::worker_of(self.address()).is_none()
        {
            // Workers look at the timers before they sleep; if they sleep already, one has to look again.
            workers.rouse_any();
        }
        Ok(timer)
    }

    /// Forgets a timer.
    pub(crate) fn cancel_timer(&self, timer: TimerId) {
        if self.timers.cancel(timer) && self.window_that_runs().is_some() {
            current::note_timers(-1);
        }
    }

    /// The windows, if a process of one runs here.
    #[inline]
    fn window_that_runs(&self) -> Option<&Windows> {
        self.windows().filter(|_| current::process_of(self.address()) != ProcessId::HOST)
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.mode {
            Mode::Real(_, clock) => clock.now(),
            Mode::Virtual(windows) => windows.now(),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// Takes no new processes from now on.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Counts a new process in, and gives it its number.
    pub(crate) fn admit(&self) -> Result<ProcessId, SpawnError> {
        // Counted first: whoever closes the kernel looks at the count next, and either sees this one or is seen here.
        let live = self.live.fetch_add(1, Ordering::SeqCst) as u64 + 1;
        if self.closing.load(Ordering::SeqCst) {
            self.count_out();
            return Err(SpawnError::Closing);
        }
        self.number(live).inspect_err(|_| {
            self.live.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn number(&self, live: u64) -> Result<ProcessId, SpawnError> {
        let running = self.window_that_runs();
        let live = running.map_or(live, |windows| windows.lives() + 1);
        Limit::new("processes_max", self.config.processes_max as u64).check(live)?;
        match (&self.mode, current::worker_of(self.address())) {
            (Mode::Real(..), Some(_)) => Ok(current::next_id(|| {
                let first = self.ids.fetch_add(BLOCK, Ordering::Relaxed);
                (first, first + BLOCK)
            })),
            (Mode::Virtual(_), Some(_)) if running.is_some() => {
                let (next, end) = current::ids_left();
                if next == end {
                    let limit = Limit::new("spawns_per_window_max", windows::IDS_PER_SLICE);
                    return Err(LimitExceeded { limit, amount: windows::IDS_PER_SLICE + 1 }.into());
                }
                Ok(current::next_id(|| unreachable!("there are ids left")))
            }
            _ => Ok(ProcessId::new(self.ids.fetch_add(1, Ordering::Relaxed))),
        }
    }

    fn count_out(&self) {
        if self.live.fetch_sub(1, Ordering::AcqRel) == 1 && self.closing.load(Ordering::SeqCst) {
            self.emptied.notify_all();
        }
    }

    /// Puts a process where a worker finds it.
    #[inline]
    pub(crate) fn enqueue(&self, runnable: Runnable, why: Why) {
        match &self.mode {
            Mode::Real(workers, _) => workers.push(self.address(), runnable, why),
            Mode::Virtual(windows) => windows.push(runnable),
        }
    }

    /// Does what the running process, or the host, does to others: at once, or when the window is over.
    pub(crate) fn act(&self, effect: Effect) {
        match (&self.mode, self.windows().and_then(|_| current::act(self.address()))) {
            (Mode::Virtual(windows), Some(act)) => windows.defer(act, effect),
            _ => self.apply(effect),
        }
    }

    pub(crate) fn apply(&self, effect: Effect) {
        match effect {
            Effect::Spawn(runnable) => self.begin(runnable),
            Effect::Exit(process, reason) => self.finish(&process, &reason),
            Effect::Signal(process, signal) => self.signal(&process, signal),
            Effect::Register { name, process, done } => done.give(Some(self.register(name, process))),
            Effect::Unregister(name) => self.unregister(&name),
            Effect::Commit(commit) => commit.commit(),
            Effect::Event(label, details) => {
                if let Some(windows) = self.windows() {
                    windows.record(label, &details);
                }
            }
        }
    }

    fn begin(&self, runnable: Runnable) {
        self.table.insert(runnable.share());
        if self.closing.load(Ordering::SeqCst) {
            // Whoever closes the kernel ends the processes that it finds; it may have looked before this one came.
            runnable.process().header().condemn();
        }
        self.enqueue(runnable, Why::Woken);
    }

    /// Ends a process whose frame is gone: nobody can reach it, and everybody who wanted to know is told.
    fn finish(&self, process: &Arc<dyn AnyProcess>, reason: &ExitReason) {
        let rare = process.close(reason);
        let id = process.header().id;
        drop(self.table.remove(id));
        // Whoever is told that it has ended finds it gone.
        self.count_out();
        if let Some(rare) = rare {
            rare.names.iter().for_each(|name| self.forget(name, process));
            process.header().release(HEARD_BYTES * rare.exits.len() as u64);
            let mut monitors: Vec<_> = rare.monitors.values().collect();
            monitors.sort_unstable_by_key(|(number, _)| *number);
            for (_, monitor) in monitors {
                monitor.give(Some(reason.clone()));
            }
            for link in rare.links.values() {
                self.signal(link, Signal::Exited(id, reason.clone()));
            }
        }
        if let Some(windows) = self.windows() {
            windows.note_exit(id, reason);
        }
    }

    fn register(&self, name: Arc<str>, process: Arc<dyn AnyProcess>) -> bool {
        if process.header().home.address() != self.address() {
            return false; // its own kernel would not take the name back
        }
        let mut names = self.names.lock();
        if names.contains_key(&name) {
            return false;
        }
        let mut alive = false;
        process.with(&mut |control| {
            alive = !control.has_exited();
            if alive {
                control.rare().names.push(Arc::clone(&name));
            }
        });
        if alive {
            names.insert(name, process);
        }
        alive
    }

    /// Takes a name from a process that has ended, unless it belongs to another by now.
    fn forget(&self, name: &Arc<str>, process: &Arc<dyn AnyProcess>) {
        let mut names = self.names.lock();
        let removed = if names.get(name).is_some_and(|owner| Arc::ptr_eq(owner, process)) {
            names.remove(name)
        } else {
            None
        };
        drop(names);
        drop(removed);
    }

    fn unregister(&self, name: &Arc<str>) {
        let removed = self.names.lock().remove(name);
        if let Some(process) = removed {
            process.with(&mut |control| control.rare().names.retain(|known| known != name));
        }
    }

    /// Notes in virtual time that messages arrived.
    pub(crate) fn note_arrivals(&self, process: ProcessId, arrived: usize) {
        if let Some(windows) = self.windows() {
            windows.note_arrivals(process, arrived);
        }
    }
}
