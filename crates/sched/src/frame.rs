//! [`MainFrame`]: what a process runs, and how it runs all of its threads until every one waits.

use std::{
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use pin_project_lite::pin_project;

use crate::{
    ExitReason, current,
    exit::IntoExit,
    process::{AnyProcess, Header, Process, Runnable, ThreadFuture, ThreadWaker, Wakes},
    raw,
};

/// What can be run, one turn of every woken thread at a time.
pub(crate) trait Turn: Send {
    /// Polls each woken thread once, as far as the budget goes; those that had no turn stay in `wakes`.
    fn turn(self: Pin<&mut Self>, wakes: &mut Wakes) -> Poll<ExitReason>;
    /// Lets the process wait; see [`park_in`](crate::process::park_in).
    fn park(self: Pin<Box<Self>>, receives: bool) -> Result<(), (Runnable, Wakes)>;
    /// The process that this is the frame of.
    fn process(&self) -> &(dyn AnyProcess + 'static);
    /// Takes out what is to be dropped apart from the rest, when the frame is about to go: the process outlives it, and
    /// two panics in one drop abort the program.
    fn part(self: Pin<&mut Self>) -> (Arc<dyn AnyProcess>, Option<Box<Threads>>);
    /// The process, to be kept.
    fn share(&self) -> Arc<dyn AnyProcess>;
    /// Has the frame fetched into the nearest cache, without waiting for any of it.
    fn fetch(&self);
    /// Likewise the process, to which the frame leads: what it reads of that was fetched before.
    fn fetch_process(&self);
}

pin_project! {
    /// The main future of a process beside its other threads, in one allocation.
    pub(crate) struct MainFrame<M, F> {
        // There until the frame goes.
        process: Option<Arc<Process<M>>>,
        threads: Option<Box<Threads>>,
        #[pin]
        main: F,
    }
}

/// The threads of a process that has more than one.
#[derive(Default)]
pub(crate) struct Threads {
    slots: Vec<Option<Thread>>,
}

struct Thread {
    future: ThreadFuture,
    waker: Waker,
}

impl<M, F> MainFrame<M, F> {
    pub(crate) fn new(process: Arc<Process<M>>, main: F) -> Self {
        Self { process: Some(process), threads: None, main }
    }

    /// Where the process is.
    pub(crate) fn process_pointer(&self) -> *const Process<M> {
        Arc::as_ptr(self.process.as_ref().expect(PARTED))
    }
}

const PARTED: &str = "a frame that has parted from its process is not used again";

impl<M, F> Turn for MainFrame<M, F>
where
    M: Send + 'static,
    F: Future<Output: IntoExit> + Send + 'static,
{
    fn turn(self: Pin<&mut Self>, wakes: &mut Wakes) -> Poll<ExitReason> {
        let this = self.project();
        let process = this.process.as_ref().expect(PARTED);
        if mem::take(&mut wakes.owed)
            && let Some(woken) = &mut wakes.others
        {
            let process = Arc::clone(process) as Arc<dyn AnyProcess>;
            let turned = this.threads.get_or_insert_default().turn(&process, woken);
            if turned.is_ready() || current::remaining() == 0 {
                return turned; // now it is the main thread that is first in the next slice
            }
        }
        if mem::take(&mut wakes.main) {
            let main = this.main;
            // What it returns may panic as well when it becomes a reason.
            let poll = |waker: &Waker| main.poll(&mut Context::from_waker(waker)).map(IntoExit::into_exit);
            match catch_unwind(AssertUnwindSafe(|| raw::with_waker(process, poll))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(reason)) => return Poll::Ready(reason),
                Err(payload) => return Poll::Ready(ExitReason::panicked(payload)),
            }
        }
        let Some(woken) = &mut wakes.others else { return Poll::Pending };
        let process = Arc::clone(process) as Arc<dyn AnyProcess>;
        let turned = this.threads.get_or_insert_default().turn(&process, woken);
        wakes.owed = !woken.is_empty();
        turned
    }

    fn park(self: Pin<Box<Self>>, receives: bool) -> Result<(), (Runnable, Wakes)> {
        raw::park(self, receives)
    }

    fn process(&self) -> &(dyn AnyProcess + 'static) {
        &**self.process.as_ref().expect(PARTED)
    }

    fn part(self: Pin<&mut Self>) -> (Arc<dyn AnyProcess>, Option<Box<Threads>>) {
        let this = self.project();
        let process: Arc<dyn AnyProcess> = this.process.take().expect(PARTED);
        (process, this.threads.take())
    }

    fn share(&self) -> Arc<dyn AnyProcess> {
        Arc::clone(self.process.as_ref().expect(PARTED)) as Arc<dyn AnyProcess>
    }

    #[inline]
    fn fetch(&self) {
        raw::prefetch(self);
    }

    #[inline]
    fn fetch_process(&self) {
        if let Some(process) = &self.process {
            raw::prefetch(&**process);
        }
    }
}

impl Threads {
    /// Drops the threads one by one. Returns what the first panicked with.
    fn dismantle(self) -> Option<ExitReason> {
        let mut panicked = None;
        for thread in self.slots.into_iter().flatten() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(thread))) {
                panicked.get_or_insert_with(|| ExitReason::panicked(payload));
            }
        }
        panicked
    }

    fn turn(&mut self, process: &Arc<dyn AnyProcess>, woken: &mut VecDeque<u32>) -> Poll<ExitReason> {
        self.adopt(process);
        while current::remaining() > 0
            && let Some(index) = woken.pop_front()
        {
            let Some(slot) = self.slots.get_mut(index as usize) else { continue };
            let Some(thread) = slot else { continue };
            current::spend(1);
            let mut context = Context::from_waker(&thread.waker);
            match catch_unwind(AssertUnwindSafe(|| thread.future.as_mut().poll(&mut context))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(())) => {
                    let thread = slot.take();
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(thread))) {
                        return Poll::Ready(ExitReason::panicked(payload));
                    }
                    release(process, index);
                }
                Err(payload) => return Poll::Ready(ExitReason::panicked(payload)),
            }
        }
        Poll::Pending
    }

    /// Takes in the threads that were begun since the last turn.
    fn adopt(&mut self, process: &Arc<dyn AnyProcess>) {
        let mut new = Vec::new();
        process.with(&mut |control| new = mem::take(&mut control.rare().new_threads));
        for (index, future) in new {
            let index_usize = index as usize;
            if self.slots.len() <= index_usize {
                self.slots.resize_with(index_usize + 1, || None);
            }
            let waker = Waker::from(Arc::new(ThreadWaker { process: Arc::clone(process), index }));
            self.slots[index_usize] = Some(Thread { future, waker });
        }
    }
}

/// A thread has ended: its number is free again.
fn release(process: &Arc<dyn AnyProcess>, index: u32) {
    process.with(&mut |control| {
        let rare = control.rare();
        rare.threads -= 1;
        rare.free_threads.push(index);
    });
}

/// What became of a slice.
pub(crate) enum Sliced {
    /// Everything waits; the frame rests in the process.
    Waits,
    /// It could go on, but its budget is spent.
    Spent(Runnable),
    /// It has ended.
    Exited(Runnable, ExitReason),
}

/// The least that a slice may spend: with less, waiting for one of two things would end it before it has begun.
const BUDGET_MIN: u32 = 16;

/// Runs one slice of a process: all of its threads that can run, until every one waits or the budget is spent.
///
/// How much it spent is on the process's account before anybody else can run it.
pub(crate) fn slice(mut runnable: Runnable, ordinal: u32) -> Sliced {
    let header = runnable.process().header();
    current::begin(header.id, ordinal, header.limits.slice_budget.max(BUDGET_MIN));
    let threaded = header.threaded.load(Ordering::Relaxed);
    let mut wakes = if threaded { first_wakes(runnable.process()) } else { Wakes::MAIN };
    let mut settled = 0;
    loop {
        if runnable.process().header().condemned.load(Ordering::Acquire) {
            let reason = condemnation(runnable.process());
            return Sliced::Exited(runnable, reason);
        }
        let turned = runnable.turn(&mut wakes);
        let process = runnable.process();
        let header = process.header();
        settle(header, &mut settled);
        if let Some(exceeded) = current::take_condemned() {
            return Sliced::Exited(runnable, ExitReason::LimitExceeded(exceeded));
        }
        if let Poll::Ready(reason) = turned {
            return Sliced::Exited(runnable, reason);
        }
        if !wakes.is_empty() {
            return spent(runnable, wakes);
        }
        header.waits(current::take_wait());
        match runnable.park(current::take_receives()) {
            Ok(()) => return Sliced::Waits,
            Err((back, woken)) => (runnable, wakes) = (back, woken),
        }
        if !current::spend(1) && !runnable.process().header().condemned.load(Ordering::Relaxed) {
            return spent(runnable, wakes);
        }
    }
}

/// The budget is spent; those who had no turn have one in the next slice.
fn spent(runnable: Runnable, mut wakes: Wakes) -> Sliced {
    let process = runnable.process();
    if process.header().threaded.load(Ordering::Relaxed) {
        process.with(&mut |control| control.return_wakes(mem::take(&mut wakes)));
    }
    if current::take_receives() {
        process.receive_later(&runnable);
    }
    Sliced::Spent(runnable)
}

/// Which threads of a process with several are to run first.
fn first_wakes(process: &dyn AnyProcess) -> Wakes {
    let mut wakes = Wakes::default();
    process.with(&mut |control| wakes = control.take_wakes());
    wakes
}

/// Why a condemned process ends.
fn condemnation(process: &dyn AnyProcess) -> ExitReason {
    let mut reason = None;
    process.with(&mut |control| reason = control.rare().reason.take());
    reason.unwrap_or(ExitReason::Killed)
}

/// Puts what was spent since the last time on the process's account.
#[inline]
fn settle(header: &Header, settled: &mut u64) {
    let spent = current::spent();
    // Only the worker that runs the process writes here, so a load and a store will do.
    let total = header.spent.load(Ordering::Relaxed).saturating_add(spent - *settled);
    header.spent.store(total, Ordering::Relaxed);
    *settled = spent;
}

/// Drops the frame of a process that has ended; a panic meanwhile is its reason, if it had no worse one.
pub(crate) fn dismantle(mut runnable: Runnable, reason: ExitReason) -> (Arc<dyn AnyProcess>, ExitReason) {
    let (process, threads) = runnable.part();
    let mut panicked = None;
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(runnable))) {
        panicked = Some(ExitReason::panicked(payload));
    }
    if let Some(threads) = threads {
        panicked = panicked.or(threads.dismantle());
    }
    // What it asked for too much while it was dropped must not be held against whoever runs next.
    let _ = current::take_condemned();
    match panicked {
        Some(panicked) if reason.is_clean() => (process, panicked),
        _ => (process, reason),
    }
}
