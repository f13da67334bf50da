//! [`Process`]: the part of a process that others can reach.
//!
//! A process is two allocations. This one is shared: its identity, its accounts, its mailbox and its state, under one
//! lock. The other is its [`Frame`], the future that it runs. The frame has one owner at a time:
//! while the process waits, it rests here, in [`Control`]; whoever wakes the process takes it out and puts it on a
//! run queue; the worker that runs it owns it meanwhile. So no frame can run twice at a time, and no lock is held while
//! it runs.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use ironloom_core::{Limit, LimitExceeded};

use crate::{
    Class, ExitReason, Limits, ProcessId,
    effect::Commit,
    engine::Home,
    exit::{bury, wake},
    frame::{Threads, Turn},
    inspect::Wait,
    lock::{Guard, Lock},
    mailbox::{Mailbox, Receiver},
    oneshot::Oneshot,
    queue::Why,
    seats::Seats,
};

/// What a process runs, wherever it rests.
pub(crate) type Frame = Pin<Box<dyn Turn>>;

/// What a thread runs that is not the main one.
pub(crate) type ThreadFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A process that may receive messages of type `M`.
pub(crate) struct Process<M> {
    pub(crate) header: Header,
    pub(crate) inner: Lock<Inner<M>>,
}

/// What can be read without the lock.
pub(crate) struct Header {
    pub(crate) id: ProcessId,
    pub(crate) home: Arc<Home>,
    pub(crate) limits: Limits,
    pub(crate) class: Class,
    /// The worker that alone may run it, or [`ANY_WORKER`].
    pub(crate) pinned: u16,
    /// The worker that ran it last.
    pub(crate) worker: AtomicU16,
    /// Whether it is to end at the next budget check; the reason is in [`Rare`].
    pub(crate) condemned: AtomicBool,
    /// Whether it was asked to end, or has ended: changed under the lock, read without it.
    pub(crate) leaving: AtomicBool,
    /// Whether it has other threads than the main one, or had.
    pub(crate) threaded: AtomicBool,
    /// What it waits for, as a [`Wait`].
    pub(crate) wait: AtomicU8,
    /// Whether there may be a message in the mailbox: changed under the lock, read without it.
    pub(crate) mail: AtomicBool,
    pub(crate) slices: AtomicU64,
    pub(crate) spent: AtomicU64,
    pub(crate) heap: AtomicU64,
}

/// The process may run on any worker.
pub(crate) const ANY_WORKER: u16 = u16::MAX;

/// What is under the process's lock.
pub(crate) struct Inner<M> {
    pub(crate) control: Control,
    pub(crate) mailbox: Mailbox<M>,
}

/// What is under the lock whatever the messages are.
pub(crate) struct Control {
    /// The frame, while the process waits: whoever wakes it takes it.
    parked: Option<Runnable>,
    exited: bool,
    /// Whether the process has other threads than the main one, or had.
    threaded: bool,
    /// Which threads were woken since they last ran.
    wakes: Wakes,
    rare: Option<Box<Rare>>,
}

/// The threads of a process that have something to do.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) main: bool,
    /// Whether the main thread left the others no budget the last time: then they are first.
    pub(crate) owed: bool,
    /// The others, in the order in which they were woken.
    #[expect(
        clippy::box_collection,
        reason = "few processes need it, and a pointer is a quarter of its size"
    )]
    pub(crate) others: Option<Box<VecDeque<u32>>>,
}

/// What only some processes need.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) links: BTreeMap<ProcessId, Arc<dyn AnyProcess>>,
    /// By address, which is how one that is dropped finds itself here; each with its number, in whose order they are told.
    pub(crate) monitors: BTreeMap<usize, (u64, Arc<Oneshot<ExitReason>>)>,
    pub(crate) monitors_made: u64,
    /// Whether ends of linked processes arrive as [`Rare::exits`] instead of ending this one.
    pub(crate) trap_exits: bool,
    pub(crate) exits: VecDeque<(ProcessId, ExitReason)>,
    pub(crate) exits_wakers: Seats,
    pub(crate) stop_requested: bool,
    pub(crate) stop_wakers: Seats,
    /// Threads that were begun and are not yet in the frame.
    pub(crate) new_threads: Vec<(u32, ThreadFuture)>,
    pub(crate) threads: u32,
    /// Numbers of threads that have ended.
    pub(crate) free_threads: Vec<u32>,
    /// Why it is to end, or why it ended.
    pub(crate) reason: Option<ExitReason>,
}

/// A process that is to run: its frame, which leads to the process.
pub(crate) struct Runnable(Frame);

impl Runnable {
    pub(crate) fn new(frame: Frame) -> Self {
        Self(frame)
    }

    #[inline]
    pub(crate) fn process(&self) -> &(dyn AnyProcess + 'static) {
        self.0.process()
    }

    pub(crate) fn share(&self) -> Arc<dyn AnyProcess> {
        self.0.share()
    }

    #[inline]
    pub(crate) fn turn(&mut self, wakes: &mut Wakes) -> Poll<ExitReason> {
        self.0.as_mut().turn(wakes)
    }

    /// Lets the process wait; see [`park_in`].
    #[inline]
    pub(crate) fn park(self, receives: bool) -> Result<(), (Self, Wakes)> {
        self.0.park(receives)
    }

    /// See [`Turn::fetch`].
    #[inline]
    pub(crate) fn fetch(&self) {
        self.0.fetch();
    }

    /// See [`Turn::fetch_process`].
    #[inline]
    pub(crate) fn fetch_process(&self) {
        self.0.fetch_process();
    }

    pub(crate) fn part(&mut self) -> (Arc<dyn AnyProcess>, Option<Box<Threads>>) {
        self.0.as_mut().part()
    }
}

/// A process, whatever its messages are.
pub(crate) trait AnyProcess: Send + Sync {
    fn header(&self) -> &Header;
    /// Does something under the lock. Nothing of anybody else's may be called or dropped there.
    fn with(&self, act: &mut dyn FnMut(&mut Control));
    /// Notes that the main thread waits for a message, though the process does not wait.
    fn receive_later(&self, runnable: &Runnable);
    /// Ends the process: nobody can send to it any more. Returns what has to be told to others.
    fn close(&self, reason: &ExitReason) -> Option<Box<Rare>>;
    /// How many messages there are, and what they take beyond the mailbox itself.
    fn mailbox(&self) -> (usize, usize);
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl Header {
    /// Takes memory into account.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), LimitExceeded> {
        let limit = Limit::new("heap_bytes_max", self.limits.heap_bytes_max);
        let more = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.limits.heap_bytes_max);
        match self.heap.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(held) => Err(LimitExceeded { limit, amount: held.saturating_add(bytes) }),
        }
    }

    pub(crate) fn release(&self, bytes: u64) {
        // A guest may release more than it charged; that must not make it look as if it held almost everything.
        let less = |held: u64| Some(held.saturating_sub(bytes));
        let _ = self.heap.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less); // never refuses
    }

    /// A slice begins on this worker. Only the worker that runs the process writes here.
    #[inline]
    pub(crate) fn count_slice(&self, worker: u16) {
        self.slices.store(self.slices.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.worker.store(worker, Ordering::Relaxed);
    }

    /// Has the process end at its next budget check.
    pub(crate) fn condemn(&self) {
        self.condemned.store(true, Ordering::Release);
    }

    pub(crate) fn waits(&self, wait: Wait) {
        self.wait.store(wait as u8, Ordering::Relaxed);
    }
}

impl<M> Inner<M> {
    pub(crate) const fn new() -> Self {
        Self {
            control: Control { parked: None, exited: false, threaded: false, wakes: Wakes::NONE, rare: None },
            mailbox: Mailbox::new(),
        }
    }
}

impl Control {
    pub(crate) fn has_exited(&self) -> bool {
        self.exited
    }

    /// Why the process ended.
    pub(crate) fn exit_reason(&self) -> ExitReason {
        self.rare.as_ref().and_then(|rare| rare.reason.clone()).unwrap_or(ExitReason::Normal)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.parked.is_some()
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn rare_if_any(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// Notes that the main thread has something to do, and gives the process to whoever must now let it run.
    #[inline]
    pub(crate) fn wake_main(&mut self) -> Option<Runnable> {
        let parked = self.parked.take();
        // A slice begins with the main thread unless the process has others.
        self.wakes.main = parked.is_none() || self.threaded;
        parked
    }

    /// Likewise for another thread.
    pub(crate) fn wake_thread(&mut self, index: u32) -> Option<Runnable> {
        self.threaded = true;
        let others = self.wakes.others.get_or_insert_default();
        if !others.contains(&index) {
            others.push_back(index);
        }
        self.parked.take()
    }

    /// Enters a thread that is to begin at the process's next turn. It is taken out of `future` unless there is an error,
    /// so that it is not dropped under the lock. With `main_runs` it is the process itself that begins it.
    pub(crate) fn begin_thread(
        &mut self,
        threads_max: u32,
        main_runs: bool,
        future: &mut Option<ThreadFuture>,
    ) -> Result<Option<Runnable>, LimitExceeded> {
        if self.exited {
            return Ok(None); // it never runs, like all other threads of a process that has ended
        }
        let rare = self.rare();
        // The main thread is one of them.
        let threads = u64::from(rare.threads) + 2;
        Limit::new("threads_max", threads_max.into()).check(threads)?;
        let index = rare.free_threads.pop().unwrap_or(rare.threads);
        rare.threads += 1;
        rare.new_threads.extend(future.take().map(|future| (index, future)));
        if !self.threaded && !main_runs && self.parked.is_none() {
            // It is on a queue, where having the first turn was understood; from now on that has to be said.
            self.wakes.main = true;
        }
        Ok(self.wake_thread(index))
    }

    /// Gives the process away to end.
    pub(crate) fn take_parked(&mut self) -> Option<Runnable> {
        self.parked.take()
    }

    pub(crate) fn take_wakes(&mut self) -> Wakes {
        mem::take(&mut self.wakes)
    }

    /// Puts back those that had no turn, before those that were woken since.
    pub(crate) fn return_wakes(&mut self, wakes: Wakes) {
        self.wakes.main |= wakes.main;
        self.wakes.owed |= wakes.owed;
        if let Some(mut others) = wakes.others {
            for index in self.wakes.others.take().into_iter().flat_map(|later| *later) {
                if !others.contains(&index) {
                    others.push_back(index);
                }
            }
            self.wakes.others = Some(others);
        }
    }
}

impl Wakes {
    pub(crate) const MAIN: Self = Self { main: true, ..Self::NONE };
    const NONE: Self = Self { main: false, owed: false, others: None };

    pub(crate) fn is_empty(&self) -> bool {
        !self.main && self.others.as_ref().is_none_or(|others| others.is_empty())
    }
}

impl<M: Send + 'static> Process<M> {
    /// Lets the process run that was taken out of its control.
    #[inline]
    pub(crate) fn resume(&self, runnable: Runnable) {
        self.header.home.engine.enqueue(runnable, Why::Woken);
    }

    /// Wakes those who wait for a message, and releases the lock.
    #[inline]
    pub(crate) fn wake_receiver(self: &Arc<Self>, mut inner: Guard<'_, Inner<M>>) {
        self.header.mail.store(true, Ordering::Release);
        match mem::replace(inner.mailbox.receiver(), Receiver::Nobody) {
            Receiver::Nobody => {}
            Receiver::Main => {
                let parked = inner.control.wake_main();
                drop(inner);
                if let Some(runnable) = parked {
                    self.resume(runnable);
                }
            }
            Receiver::Others(wakers) => {
                drop(inner);
                wake(*wakers);
            }
        }
    }
}

/// Lets a process wait, unless it was woken meanwhile: then the frame comes back, with who was woken.
///
/// With `receives`, the main thread waits for a message. The process may be gone when this returns: see
/// [`raw::park`](crate::raw::park), which alone calls it.
#[inline]
pub(crate) fn park_in<M: Send + 'static>(
    inner: &Lock<Inner<M>>,
    condemned: &AtomicBool,
    runnable: Runnable,
    receives: bool,
) -> Result<(), (Runnable, Wakes)> {
    let mut inner = inner.lock();
    let inner = &mut *inner;
    let control = &mut inner.control;
    if receives {
        if inner.mailbox.len() > 0 {
            control.wakes.main = true;
        } else {
            // Also if other threads go on: the main thread does not come by here again before it is woken.
            inner.mailbox.enter_main(&runnable);
        }
    }
    if condemned.load(Ordering::Relaxed) || !control.wakes.is_empty() {
        return Err((runnable, control.take_wakes()));
    }
    control.parked = Some(runnable);
    Ok(())
}

impl<M: Send + 'static> Mailbox<M> {
    /// The main thread of this process waits for a message, perhaps beside others.
    #[inline]
    fn enter_main(&mut self, runnable: &Runnable) {
        match self.receiver() {
            receiver @ Receiver::Nobody => *receiver = Receiver::Main,
            Receiver::Main => {}
            Receiver::Others(others) => {
                let process = runnable.share().as_any().downcast::<Process<M>>();
                let waker = Waker::from(process.expect("a mailbox is of its process's type"));
                if !others.iter().any(|known| known.will_wake(&waker)) {
                    others.push(waker);
                }
            }
        }
    }
}

impl<M: Send + 'static> AnyProcess for Process<M> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn with(&self, act: &mut dyn FnMut(&mut Control)) {
        act(&mut self.inner.lock().control);
    }

    fn receive_later(&self, runnable: &Runnable) {
        let mut inner = self.inner.lock();
        if inner.mailbox.len() > 0 {
            inner.control.wakes.main = true;
        } else {
            inner.mailbox.enter_main(runnable);
        }
    }

    fn close(&self, reason: &ExitReason) -> Option<Box<Rare>> {
        let mut inner = self.inner.lock();
        inner.control.exited = true;
        self.header.leaving.store(true, Ordering::Release);
        inner.control.wakes = Wakes::default();
        let mut rare = inner.control.rare.take();
        let remembered = (*reason != ExitReason::Normal).then(|| reason.clone());
        if remembered.is_some() {
            inner.control.rare().reason = remembered;
        }
        let (messages, wakers) = inner.mailbox.close();
        drop(inner);
        // A message may do anything when it is dropped; the process has ended all the same.
        messages.into_iter().for_each(bury);
        if let Some(rare) = &mut rare {
            mem::take(&mut rare.new_threads).into_iter().for_each(bury);
            wake(rare.stop_wakers.clear()); // to find that there is nothing left to stop
            rare.exits_wakers.clear().into_iter().for_each(bury);
        }
        wake(wakers);
        rare
    }

    fn mailbox(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        (inner.mailbox.len(), inner.mailbox.heap_bytes())
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<M: Send + 'static> Wake for Process<M> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let parked = self.inner.lock().control.wake_main();
        if let Some(runnable) = parked {
            self.resume(runnable);
        }
    }
}

impl<M: Send + 'static> Commit for Process<M> {
    fn commit(self: Arc<Self>) {
        let mut inner = self.inner.lock();
        if inner.control.exited {
            let (messages, wakers) = inner.mailbox.close();
            drop(inner);
            messages.into_iter().for_each(bury);
            wake(wakers);
            return;
        }
        let arrived = inner.mailbox.commit();
        let max = self.header.limits.mailbox_messages_max as usize;
        let room = max.saturating_sub(inner.mailbox.len());
        let senders: Vec<Waker> = std::iter::from_fn(|| inner.mailbox.next_sender()).take(room).collect();
        if arrived > 0 {
            self.header.home.engine.note_arrivals(self.header.id, arrived);
            self.wake_receiver(inner);
        } else {
            drop(inner);
        }
        wake(senders);
    }
}

/// Wakes one thread of a process that has several.
pub(crate) struct ThreadWaker {
    pub(crate) process: Arc<dyn AnyProcess>,
    pub(crate) index: u32,
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut parked = None;
        self.process.with(&mut |control| {
            if !control.has_exited() {
                parked = control.wake_thread(self.index);
            }
        });
        if let Some(runnable) = parked {
            self.process.header().home.engine.enqueue(runnable, Why::Woken);
        }
    }
}
