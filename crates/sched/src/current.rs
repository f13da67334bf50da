//! What runs on this thread right now: the slice, its budget, and who sends.
//!
//! A message needs a sender and an order, and every wait costs a unit of the budget, also where the code that sends or
//! waits holds no context of its process. So the worker notes here what it runs. It is private to the crate: nothing of
//! it shows in what anybody can call, and outside of a slice it is empty.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task;

use ironloom_core::LimitExceeded;

use crate::{ProcessId, engine::Home, inspect::Wait};

/// The slice that this thread runs; see the module.
pub(crate) struct Current {
    /// Which engine's worker this thread is, by address; 0 if it is none's.
    engine: Cell<usize>,
    worker: Cell<u16>,
    home: RefCell<Option<Arc<Home>>>,
    /// The ids that this worker may give to new processes: the next and the end.
    ids: Cell<(u64, u64)>,
    /// The process whose slice it is; 0 between slices.
    process: Cell<u64>,
    /// The process's place among those that run in this window; 0 in real time.
    ordinal: Cell<u32>,
    /// How many messages and other effects it has sent in this slice.
    sequence: Cell<u32>,
    /// How many timers more there are for what it did in this slice.
    timers: Cell<isize>,
    granted: Cell<u64>,
    spent: Cell<u64>,
    wait: Cell<Wait>,
    condemned: Cell<Option<LimitExceeded>>,
    /// Whether the main thread found its mailbox empty and waits for a message.
    receives: Cell<bool>,
}

impl Current {
    const fn nobody() -> Self {
        Self {
            engine: Cell::new(0),
            worker: Cell::new(0),
            home: RefCell::new(None),
            ids: Cell::new((0, 0)),
            process: Cell::new(0),
            ordinal: Cell::new(0),
            sequence: Cell::new(0),
            timers: Cell::new(0),
            granted: Cell::new(0),
            spent: Cell::new(0),
            wait: Cell::new(Wait::Other),
            condemned: Cell::new(None),
            receives: Cell::new(false),
        }
    }

    /// Empties this, and returns what was in it.
    fn take(&self) -> Self {
        let taken = Self::nobody();
        self.swap(&taken);
        taken
    }

    fn swap(&self, other: &Self) {
        self.engine.swap(&other.engine);
        self.worker.swap(&other.worker);
        self.home.swap(&other.home);
        self.ids.swap(&other.ids);
        self.process.swap(&other.process);
        self.ordinal.swap(&other.ordinal);
        self.sequence.swap(&other.sequence);
        self.timers.swap(&other.timers);
        self.granted.swap(&other.granted);
        self.spent.swap(&other.spent);
        self.wait.swap(&other.wait);
        self.condemned.swap(&other.condemned);
        self.receives.swap(&other.receives);
    }
}

/// Who does something, and as its how manieth act in this window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Act {
    pub(crate) ordinal: u32,
    pub(crate) sequence: u32,
}

thread_local! {
    // Never dropped, so that it is there for whatever else the thread drops at its end; what it holds goes with `Entered`.
    static CURRENT: ManuallyDrop<Current> = const { ManuallyDrop::new(Current::nobody()) };
}

/// Makes this thread a worker of an engine until the guard is dropped.
pub(crate) fn enter(home: &Arc<Home>, worker: u16) -> Entered {
    CURRENT.with(|current| {
        let before = current.take();
        current.engine.set(home.address());
        current.worker.set(worker);
        *current.home.borrow_mut() = Some(Arc::clone(home));
        Entered { before }
    })
}

/// This thread is a worker; when this is dropped, it is again what it was before.
///
/// That may be in the middle of a slice: a process may run a whole kernel in virtual time inside of itself.
pub(crate) struct Entered {
    before: Current,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let home = CURRENT.with(|current| {
            current.swap(&self.before);
            self.before.home.take()
        });
        drop(home); // perhaps the last of its engine
    }
}

/// The worker of `engine` that this thread is, if it is one.
#[inline]
pub(crate) fn worker_of(engine: usize) -> Option<u16> {
    CURRENT.with(|current| (current.engine.get() == engine).then(|| current.worker.get()))
}

/// Which worker this thread is.
pub(crate) fn worker() -> u16 {
    CURRENT.with(|current| current.worker.get())
}

/// The home that processes spawned on this thread get, if it is a worker of `engine`.
#[inline]
pub(crate) fn home_of(engine: usize) -> Option<Arc<Home>> {
    CURRENT.with(|current| {
        if current.engine.get() == engine { current.home.borrow().as_ref().map(Arc::clone) } else { None }
    })
}

/// The next id of this worker's block; `more` gives it a new block when the old one is used up.
#[inline]
pub(crate) fn next_id(more: impl FnOnce() -> (u64, u64)) -> ProcessId {
    CURRENT.with(|current| {
        let (mut next, mut end) = current.ids.get();
        if next == end {
            (next, end) = more();
        }
        current.ids.set((next + 1, end));
        ProcessId::new(next)
    })
}

/// Sets the block of ids for the slice that begins.
pub(crate) fn set_ids(first: u64, end: u64) {
    CURRENT.with(|current| current.ids.set((first, end)));
}

/// How many ids of the block are left.
pub(crate) fn ids_left() -> (u64, u64) {
    CURRENT.with(|current| current.ids.get())
}

/// The running process has set a timer, or cancelled one.
pub(crate) fn note_timers(more: isize) {
    CURRENT.with(|current| current.timers.set(current.timers.get() + more));
}

/// How many more timers there are for what the running process did in this slice.
pub(crate) fn timers() -> isize {
    CURRENT.with(|current| current.timers.get())
}

/// A slice begins.
#[inline]
pub(crate) fn begin(process: ProcessId, ordinal: u32, budget: u32) {
    CURRENT.with(|current| {
        current.process.set(process.number());
        current.ordinal.set(ordinal);
        current.sequence.set(0);
        current.timers.set(0);
        current.granted.set(u64::from(budget));
        current.spent.set(0);
        current.receives.set(false);
    });
}

/// The slice is over; how much it spent.
#[inline]
pub(crate) fn end() -> u64 {
    CURRENT.with(|current| {
        current.process.set(0);
        current.spent.get()
    })
}

/// The process whose slice this is, if it is a process of `engine`; else the host.
#[inline]
pub(crate) fn process_of(engine: usize) -> ProcessId {
    CURRENT.with(|current| {
        if current.engine.get() == engine { ProcessId::new(current.process.get()) } else { ProcessId::HOST }
    })
}

/// What the running process of `engine` does next counts as this act; `None` if none of its processes runs here.
#[inline]
pub(crate) fn act(engine: usize) -> Option<Act> {
    CURRENT.with(|current| {
        if current.engine.get() != engine || current.process.get() == 0 {
            return None;
        }
        let sequence = current.sequence.get();
        current.sequence.set(sequence + 1);
        Some(Act { ordinal: current.ordinal.get(), sequence })
    })
}

/// Spends units of the slice's budget; whether there are some left. There is no end to them outside of a slice.
#[inline]
pub(crate) fn spend(units: u64) -> bool {
    CURRENT.with(|current| {
        let spent = current.spent.get().saturating_add(units);
        current.spent.set(spent);
        spent < current.granted.get() || current.process.get() == 0
    })
}

/// Ends the slice without spending what is left of its budget: the process gives way.
pub(crate) fn give_way() {
    CURRENT.with(|current| current.granted.set(0));
}

/// Whether the slice ended because its process gave way.
#[inline]
pub(crate) fn gave_way() -> bool {
    CURRENT.with(|current| current.granted.get() == 0)
}

/// How much of the slice's budget is spent.
#[inline]
pub(crate) fn spent() -> u64 {
    CURRENT.with(|current| current.spent.get())
}

/// What is left of the slice's budget.
pub(crate) fn remaining() -> u64 {
    CURRENT.with(|current| current.granted.get().saturating_sub(current.spent.get()))
}

/// Begins every wait: spends a unit, and if that was the last, gives way and comes back.
#[inline]
pub(crate) fn coop(context: &task::Context<'_>) -> task::Poll<()> {
    if spend(1) {
        return task::Poll::Ready(());
    }
    waits(Wait::Turn);
    context.waker().wake_by_ref();
    task::Poll::Pending
}

/// Notes what the thread that is about to wait waits for.
#[inline]
pub(crate) fn waits(wait: Wait) {
    CURRENT.with(|current| current.wait.set(wait));
}

/// What was noted last, for the worker.
#[inline]
pub(crate) fn take_wait() -> Wait {
    CURRENT.with(|current| current.wait.replace(Wait::Other))
}

/// The main thread of the running process waits for a message: to be noted when it parks, under a lock that is taken
/// then anyway.
#[inline]
pub(crate) fn receives(process: ProcessId) -> bool {
    CURRENT.with(|current| {
        let runs = current.process.get() == process.number();
        if runs {
            current.receives.set(true);
        }
        runs
    })
}

/// Whether it does.
#[inline]
pub(crate) fn take_receives() -> bool {
    CURRENT.with(|current| current.receives.replace(false))
}

/// Ends the running process when its poll is over: it asked for more than it may have.
pub(crate) fn condemn(exceeded: LimitExceeded) {
    CURRENT.with(|current| {
        if current.process.get() != 0 {
            current.condemned.set(Some(exceeded));
        }
    });
}

/// The limit that the running process exceeded, if it did.
#[inline]
pub(crate) fn take_condemned() -> Option<LimitExceeded> {
    CURRENT.with(|current| if current.condemned.get().is_some() { current.condemned.take() } else { None })
}
