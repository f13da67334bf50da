//! [`VirtualKernel`]: processes in virtual time, window by window.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use ironloom_core::{Duration, EventCount, Instant, Trace, trace::Digest};
use parking_lot::Mutex;

use crate::{
    Config, Handle, current,
    engine::{Engine, Home, Mode, Window, Windows},
};

/// Below this many processes a window is run by the calling thread alone: waking another costs more.
const ALONE: usize = 128;

/// Processes in virtual time. Nothing happens but in [`step`](Self::step), and time passes only in
/// [`advance`](Self::advance).
///
/// A step runs a window: every process that can run has one slice. What they send arrives when the window is over, in an
/// order that depends only on who sent what. So the same seed and the same calls give the same
/// [`digest`](Self::digest), whatever the number of workers.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_sched::{Config, Context, VirtualKernel};
///
/// let kernel = VirtualKernel::new(Config::with_workers(1));
/// kernel.spawn(async move |ctx: Context<()>| {
///     ctx.sleep(Duration::from_secs(3_600)).await;
/// })?;
/// kernel.run_until_idle(); // an hour passes, in no time
/// assert!(kernel.is_empty());
/// assert_eq!(kernel.now().to_string(), "3600.000000000s");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VirtualKernel {
    handle: Handle,
    crew: Option<Crew>,
}

impl VirtualKernel {
    /// A kernel in which nothing has happened. With more than one worker it has threads of its own that help.
    ///
    /// # Panics
    ///
    /// If it is to have no worker, or more than 64.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::starting_at(config, Instant::ZERO)
    }

    /// A kernel whose time begins at `start`: where a world goes on that was saved then.
    ///
    /// # Panics
    ///
    /// If it is to have no worker, or more than 64.
    #[must_use]
    pub fn starting_at(config: Config, start: Instant) -> Self {
        let workers = config.workers;
        assert!((1..=64).contains(&workers), "a kernel has 1 to 64 workers");
        let engine = Engine::new(config, Mode::Virtual(Box::new(Windows::new(workers, start))));
        let crew = (workers > 1).then(|| Crew::start(&engine, workers));
        Self { handle: Handle::new(Home::new(&engine)), crew }
    }

    /// What can be done with this kernel, to be cloned and passed on.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs the current window: whoever can run has one slice, and then what they sent arrives. Returns whether anybody
    /// could.
    ///
    /// # Panics
    ///
    /// If a step of this kernel is being made, by another thread or by whoever runs the process that calls this.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn step(&self) -> bool {
        let engine = &self.handle.home().engine;
        let windows = self.windows();
        let _stepping = windows.begin_step();
        let Some(window) = engine.open_window(windows) else { return false };
        let window = Arc::new(window);
        match &self.crew {
            Some(crew) if window.len() > ALONE => crew.run(self.handle.home(), &window),
            _ => {
                let _entered = current::enter(self.handle.home(), 0);
                engine.run_window(windows, &window);
            }
        }
        engine.close_window(windows, &window);
        true
    }

    /// Lets time pass, and wakes whose time has come.
    ///
    /// # Panics
    ///
    /// As [`advance_to`](Self::advance_to) does.
    pub fn advance(&self, duration: Duration) {
        self.advance_to(self.now().saturating_add(duration));
    }

    /// Lets time pass until then; not back, if that was before.
    ///
    /// # Panics
    ///
    /// If a step of this kernel is being made: time stands still in a window.
    pub fn advance_to(&self, now: Instant) {
        self.handle.home().engine.advance_to(self.windows(), now);
    }

    /// Whether nobody can run until time passes or the host does something.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.windows().is_ready()
    }

    /// A bound on the next timer: nothing happens by itself before it; `None` if nothing ever does.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.handle.home().engine.timers.next()
    }

    /// Runs windows, and jumps from event to event when nobody can run, until nothing is left to happen.
    ///
    /// Windows take no time here. Processes that never stop to talk to each other, or to set timers, never let this end:
    /// then use [`run_for`](Self::run_for).
    pub fn run_until_idle(&self) {
        loop {
            while self.step() {}
            match self.next_event() {
                Some(next) => self.advance_to(next),
                None => return,
            }
        }
    }

    /// Runs windows for so much virtual time, each of which takes `window` of it.
    ///
    /// # Panics
    ///
    /// If a window takes no time.
    pub fn run_for(&self, duration: Duration, window: Duration) {
        assert!(!window.is_zero(), "a window takes time");
        let end = self.now().saturating_add(duration);
        while self.now() < end {
            self.step();
            let after = self.now().saturating_add(window);
            // Whole windows pass when nobody can run.
            let next = if self.is_idle() { self.next_event().unwrap_or(end).max(after) } else { after };
            self.advance_to(next.min(end));
        }
    }

    /// What has happened, as a number: the same for the same run.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.windows().digest()
    }

    /// Looks at the trace, or replaces it.
    pub fn with_trace<T>(&self, look: impl FnOnce(&mut Trace) -> T) -> T {
        self.windows().with_trace(look)
    }

    fn windows(&self) -> &Windows {
        self.handle.home().engine.windows().expect("a kernel in virtual time has windows")
    }
}

impl Deref for VirtualKernel {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for VirtualKernel {
    fn drop(&mut self) {
        let engine = Arc::clone(&self.handle.home().engine);
        engine.close();
        // A process that is dropped may do things to others; a few rounds end what they begin.
        for _ in 0..64 {
            for process in engine.table.all() {
                crate::ProcessRef { process }.exit(crate::ExitReason::Shutdown);
            }
            if !self.step() {
                break;
            }
        }
        engine.timers.end(); // time does not pass any more
    }
}

impl fmt::Debug for VirtualKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualKernel")
            .field("now", &self.now())
            .field("processes", &self.len())
            .finish_non_exhaustive()
    }
}

/// Threads that help to run windows.
struct Crew {
    shared: Arc<Desk>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Where helpers find the window.
struct Desk {
    /// The window and its number.
    window: Mutex<(u64, Option<Arc<Window>>)>,
    /// How many of the crew have not finished with it.
    busy: AtomicUsize,
    opened: EventCount,
    finished: EventCount,
    stop: AtomicBool,
}

impl Crew {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver: helpers are threads, joined when this is dropped"
    )]
    fn start(engine: &Arc<Engine>, workers: usize) -> Self {
        let shared = Arc::new(Desk {
            window: Mutex::new((0, None)),
            busy: AtomicUsize::new(0),
            opened: EventCount::new(),
            finished: EventCount::new(),
            stop: AtomicBool::new(false),
        });
        let threads = (1..workers)
            .map(|worker| {
                let (engine, desk) = (Arc::clone(engine), Arc::clone(&shared));
                let name = format!("ironloom-{worker}");
                std::thread::Builder::new()
                    .name(name)
                    .spawn(move || desk.help(&engine, worker as u16))
                    .expect("the host has a thread for each worker that was asked for")
            })
            .collect();
        Self { shared, threads }
    }

    /// Runs a window with all helpers and this thread.
    fn run(&self, home: &Arc<Home>, window: &Arc<Window>) {
        let desk = &self.shared;
        desk.busy.store(self.threads.len(), Ordering::SeqCst);
        {
            let mut current = desk.window.lock();
            *current = (current.0 + 1, Some(Arc::clone(window)));
        }
        desk.opened.notify_all();
        {
            let _entered = current::enter(home, 0);
            let windows = home.engine.windows().expect("a kernel in virtual time has windows");
            home.engine.run_window(windows, window);
        }
        desk.finished.wait_until(|| desk.busy.load(Ordering::SeqCst) == 0);
        desk.window.lock().1 = None;
    }
}

impl Desk {
    fn help(&self, engine: &Arc<Engine>, worker: u16) {
        let home = Home::new(engine);
        let _entered = current::enter(&home, worker);
        let windows = engine.windows().expect("a kernel in virtual time has windows");
        let mut seen = 0;
        loop {
            self.opened.wait_until(|| self.stop.load(Ordering::SeqCst) || self.window.lock().0 != seen);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let (number, window) = self.window.lock().clone();
            seen = number;
            if let Some(window) = window {
                engine.run_window(windows, &window);
            }
            if self.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.finished.notify_all();
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.opened.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a helper that panicked has said so
        }
    }
}
