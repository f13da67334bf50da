//! [`Context`]: what a process can do.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context as TaskContext, Poll, Waker},
};

use ironloom_core::{
    Duration, Instant, Limit, LimitExceeded, Rng,
    borsh::{self, BorshSerialize},
};

use crate::{
    Address, Elapsed, ExitReason, Handle, IntoExit, Options, ProcessId, ProcessRef, SpawnError, current,
    effect::{Commit, Effect, Signal},
    engine::{HEARD_BYTES, Windows},
    exit::wake,
    inspect::Wait,
    lock::Guard,
    mailbox::{Mailbox, Receiver, Seen},
    oneshot::Oneshot,
    process::{AnyProcess, Inner, Process, Rare, ThreadFuture},
    raw,
    seats::Seats,
    spawn::spawn,
    timer::{Interval, Sleep, race},
};

/// What a process can do: receive, wait, spawn, link, and know itself.
///
/// It is handed to the process when it begins, and its clones to its threads.
pub struct Context<M> {
    pub(crate) process: Arc<Process<M>>,
}

impl<M: Send + 'static> Context<M> {
    /// Which process this is.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.process.header.id
    }

    /// Where to send messages to this process.
    #[must_use]
    pub fn address(&self) -> Address<M> {
        Address { process: Arc::clone(&self.process) }
    }

    /// This process, for whoever does not send to it.
    #[must_use]
    pub fn process(&self) -> ProcessRef {
        ProcessRef { process: self.any() }
    }

    /// The kernel that runs this process.
    #[must_use]
    pub fn kernel(&self) -> Handle {
        Handle::new(Arc::clone(&self.process.header.home))
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.process.header.home.engine.now()
    }

    /// A stream of random numbers that depends on the kernel's seed and this process alone.
    ///
    /// Each call begins it anew: keep it.
    #[must_use]
    pub fn rng(&self) -> Rng {
        self.process.header.home.engine.rng.split("process", self.id().number())
    }

    /// Waits for a message.
    pub fn receive(&self) -> Receiving<'_, M> {
        Receiving { process: &self.process }
    }

    /// Waits for a message that is wanted, and leaves the others in the mailbox.
    pub async fn receive_where(&self, mut wanted: impl FnMut(&M) -> bool) -> M {
        let mut seen = Seen::default();
        std::future::poll_fn(|context| {
            if current::coop(context).is_pending() {
                return Poll::Pending;
            }
            self.process.poll_where(context.waker(), &mut seen, &mut wanted)
        })
        .await
    }

    /// A message, if there is one. If there is none, the next that comes wakes the process's main thread.
    #[must_use]
    pub fn try_receive(&self) -> Option<M> {
        current::spend(1);
        match raw::with_waker(&self.process, |waker| self.process.poll_mailbox(waker, Mailbox::pop)) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => {
                current::waits(Wait::Message);
                None
            }
        }
    }

    /// Waits for so long.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(duration))
    }

    /// Waits until then.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::for_process(self.any(), deadline)
    }

    /// Something that happens every `period`, for the first time one period from now.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    #[must_use]
    pub fn interval(&self, period: Duration) -> Interval {
        Interval::new(self.process(), period)
    }

    /// Waits for a future, but not longer than this.
    ///
    /// # Errors
    ///
    /// If the time comes first. The future is dropped then.
    pub async fn within<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        race(future, self.sleep(duration)).await.ok_or(Elapsed(duration))
    }

    /// Lets everybody else have a turn who is waiting for one.
    pub async fn yield_now(&self) {
        current::give_way();
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            current::waits(Wait::Turn);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Accounts for work that was done, in units of the budget, and gives way if that was the last.
    pub async fn work(&self, units: u64) {
        if !current::spend(units) {
            self.yield_now().await;
        }
    }

    /// Spawns a process.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn<N, F, R>(&self, main: F) -> Result<Address<N>, SpawnError>
    where
        N: Send + 'static,
        F: FnOnce(Context<N>) -> R,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        self.spawn_with(Options::default(), main)
    }

    /// Spawns a process that differs from the default.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the kernel shuts down.
    pub fn spawn_with<N, F, R>(&self, options: Options, main: F) -> Result<Address<N>, SpawnError>
    where
        N: Send + 'static,
        F: FnOnce(Context<N>) -> R,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        current::spend(1);
        let linked = options.linked;
        let address = spawn(&self.process.header.home, options, main)?;
        if linked {
            self.link(&address);
        }
        Ok(address)
    }

    /// Begins another thread of this process. It ends with the process, and the process does not wait for it.
    ///
    /// # Errors
    ///
    /// If the process has as many threads as it may, or no memory for another.
    pub fn thread<F>(&self, future: F) -> Result<Thread<F::Output>, LimitExceeded>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let header = &self.process.header;
        let cell = Oneshot::new();
        let result = Giving { cell: Arc::clone(&cell) };
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let value = future.await;
            result.cell.give(Some(value));
        });
        let bytes = size_of_val(&*future) as u64;
        let account = Account::open(self.any(), bytes)?;
        let future = Box::pin(async move {
            let _account = account;
            future.await;
        });
        let mut begun = Err(LimitExceeded {
            limit: Limit::new("threads_max", header.limits.threads_max.into()),
            amount: 0,
        });
        let mut future: Option<ThreadFuture> = Some(future);
        let main_runs = current::process_of(header.home.address()) == header.id;
        self.process.with(&mut |control| {
            begun = control.begin_thread(header.limits.threads_max, main_runs, &mut future);
            if begun.is_ok() {
                header.threaded.store(true, Ordering::Relaxed);
            }
        });
        drop(future); // it is still there if it was refused
        if let Some(runnable) = begun? {
            self.process.resume(runnable);
        }
        Ok(Thread { cell })
    }

    /// Ties this process to another: if one ends and not cleanly, so does the other.
    pub fn link(&self, other: impl Into<ProcessRef>) {
        self.process().signal(Signal::Link(other.into().process));
    }

    /// Unties this process from another.
    pub fn unlink(&self, other: impl Into<ProcessRef>) {
        self.process().signal(Signal::Unlink(other.into().process));
    }

    /// From now on the ends of linked processes do not end this one, but can be awaited with [`exits`](Self::exits).
    pub fn trap_exits(&self) {
        self.process.with(&mut |control| control.rare().trap_exits = true);
    }

    /// Waits for the end of a linked process; see [`trap_exits`](Self::trap_exits).
    pub async fn exits(&self) -> (ProcessId, ExitReason) {
        let mut seated = Seated::new(&self.process, |rare| &mut rare.exits_wakers);
        std::future::poll_fn(|context| self.poll_exits(context, &mut seated.seat)).await
    }

    fn poll_exits(&self, context: &TaskContext<'_>, seat: &mut Option<u64>) -> Poll<(ProcessId, ExitReason)> {
        if current::coop(context).is_pending() {
            return Poll::Pending;
        }
        let mut waker = Some(context.waker().clone()); // dropped after the lock
        let mut inner = self.process.inner.lock();
        let rare = inner.control.rare();
        if let Some(exit) = rare.exits.pop_front() {
            self.process.header.release(HEARD_BYTES);
            return Poll::Ready(exit);
        }
        current::waits(Wait::Exit);
        rare.exits_wakers.sit(seat, &mut waker);
        Poll::Pending
    }

    /// Whether this process was asked to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.process.inner.lock().control.rare_if_any().is_some_and(|rare| rare.stop_requested)
    }

    /// Waits until this process is asked to end. Then it should, and may take its time.
    pub async fn stopping(&self) {
        let mut seated = Seated::new(&self.process, |rare| &mut rare.stop_wakers);
        // Who sits there. Nobody else can be taken for it: the seat keeps its waker until there is something to hear.
        let mut sits = None;
        std::future::poll_fn(|context| {
            let waker = context.waker();
            let me = Some((waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr()));
            // Whoever waits for much else comes by here often.
            if sits == me && !self.process.header.leaving.load(Ordering::Acquire) {
                current::waits(Wait::Exit);
                return Poll::Pending;
            }
            let mut waker = Some(waker.clone()); // dropped after the lock
            let mut inner = self.process.inner.lock();
            let exited = inner.control.has_exited();
            let rare = inner.control.rare();
            if rare.stop_requested || exited {
                return Poll::Ready(());
            }
            current::waits(Wait::Exit);
            rare.stop_wakers.sit(&mut seated.seat, &mut waker);
            sits = me;
            Poll::Pending
        })
        .await;
    }

    /// Waits for a future, unless this process is asked to end: then `None`, and the future is dropped.
    pub async fn unless_stopping<F: Future>(&self, future: F) -> Option<F::Output> {
        let (mut future, mut stopping) = (pin!(future), pin!(self.stopping()));
        std::future::poll_fn(|context| {
            if stopping.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Takes memory into account that the kernel does not see.
    ///
    /// # Errors
    ///
    /// If that exceeds the process's limit. The process then ends at its next budget check, whatever it does with the
    /// error.
    pub fn charge(&self, bytes: u64) -> Result<(), LimitExceeded> {
        self.process.header.charge(bytes).inspect_err(|exceeded| {
            if current::process_of(self.process.header.home.address()) == self.id() {
                current::condemn(*exceeded);
            } else {
                self.process().exit(ExitReason::LimitExceeded(*exceeded));
            }
        })
    }

    /// Gives memory back that was charged.
    pub fn release(&self, bytes: u64) {
        self.process.header.release(bytes);
    }

    /// Enters something into the trace of virtual time; does nothing in real time.
    ///
    /// # Panics
    ///
    /// If `details` refuse to be encoded. Nothing that derives its encoding does.
    pub fn record<T: BorshSerialize>(&self, label: &'static str, details: &T) {
        let engine = &self.process.header.home.engine;
        if engine.windows().is_some() {
            let details = borsh::to_vec(details).expect("a derived encoding does not fail");
            engine.act(Effect::Event(label, details));
        }
    }

    pub(crate) fn any(&self) -> Arc<dyn AnyProcess> {
        Arc::clone(&self.process) as Arc<dyn AnyProcess>
    }
}

impl<M: Send + 'static> Process<M> {
    #[inline]
    fn poll_receive<T>(
        self: &Arc<Self>,
        context: &TaskContext<'_>,
        take: impl FnMut(&mut Mailbox<M>) -> Option<T>,
    ) -> Poll<T> {
        if current::coop(context).is_pending() {
            return Poll::Pending;
        }
        let polled = self.poll_mailbox(context.waker(), take);
        if polled.is_pending() {
            current::waits(Wait::Message);
        }
        polled
    }

    /// Likewise the first message that is wanted. Whether it is may be asked of anybody: it is not done under the lock.
    fn poll_where(
        self: &Arc<Self>,
        waker: &Waker,
        seen: &mut Seen,
        wanted: &mut impl FnMut(&M) -> bool,
    ) -> Poll<M> {
        let mut sought = None;
        loop {
            let mut loan = Loan { lent: Some(self.inner.lock().mailbox.lend()), process: self };
            let looked = loan.lent.as_mut().map_or(0, |lent| {
                sought = lent.pop_where(seen, &mut *wanted);
                lent.len()
            });
            drop(loan);
            if let Some(message) = sought.take() {
                self.made_room(self.inner.lock());
                return Poll::Ready(message);
            }
            let mut came = false;
            let polled = self.poll_mailbox(waker, |mailbox| {
                came = mailbox.len() > looked;
                None
            });
            if !came {
                current::waits(Wait::Message);
                return polled;
            }
        }
    }

    /// Takes something from the mailbox, or has `waker` woken by the next message.
    #[inline]
    fn poll_mailbox<T>(
        self: &Arc<Self>,
        waker: &Waker,
        mut take: impl FnMut(&mut Mailbox<M>) -> Option<T>,
    ) -> Poll<T> {
        let main = std::ptr::eq(waker.data(), Arc::as_ptr(self).cast());
        if main && !self.header.mail.load(Ordering::Acquire) && current::receives(self.header.id) {
            return Poll::Pending;
        }
        let mut inner = self.inner.lock();
        let Some(taken) = take(&mut inner.mailbox) else {
            if inner.mailbox.len() == 0 {
                self.header.mail.store(false, Ordering::Relaxed);
                inner.mailbox.shrink();
            }
            if main && matches!(inner.mailbox.receiver(), Receiver::Nobody | Receiver::Main) {
                *inner.mailbox.receiver() = Receiver::Main;
            } else {
                self.add_receiver(inner.mailbox.receiver(), waker);
            }
            return Poll::Pending;
        };
        self.made_room(inner);
        Poll::Ready(taken)
    }

    /// A message was taken out.
    #[inline]
    fn made_room(self: &Arc<Self>, mut inner: Guard<'_, Inner<M>>) {
        if inner.mailbox.len() == 0 {
            self.header.mail.store(false, Ordering::Relaxed);
        }
        let home = &self.header.home;
        if let Some(windows) = home.engine.windows() {
            let first = inner.mailbox.touch();
            drop(inner);
            if first {
                self.commit_later(windows);
            }
        } else if inner.mailbox.has_senders() {
            let sender = inner.mailbox.next_sender();
            drop(inner);
            wake(sender);
        }
    }

    /// Has the mailbox looked at when the window is over, or at once if none runs.
    pub(crate) fn commit_later(self: &Arc<Self>, windows: &Windows) {
        if current::process_of(self.header.home.address()) == ProcessId::HOST {
            Arc::clone(self).commit();
        } else {
            windows.touch(self.header.id, Arc::clone(self) as Arc<_>);
        }
    }

    /// Several threads wait for messages, or something else than a thread does: the next message wakes all of them.
    #[cold]
    fn add_receiver(self: &Arc<Self>, receiver: &mut Receiver, waker: &Waker) {
        let mut others = match std::mem::replace(receiver, Receiver::Nobody) {
            Receiver::Others(others) => others,
            Receiver::Main => Box::new(vec![Waker::from(Arc::clone(self))]),
            Receiver::Nobody => Box::default(),
        };
        if !others.iter().any(|known| known.will_wake(waker)) {
            others.push(waker.clone());
        }
        *receiver = Receiver::Others(others);
    }
}

/// Messages that are looked at; they go back also if whoever looks panics.
struct Loan<'a, M: Send + 'static> {
    lent: Option<Mailbox<M>>,
    process: &'a Arc<Process<M>>,
}

impl<M: Send + 'static> Drop for Loan<'_, M> {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.process.inner.lock().mailbox.put_back(lent);
        }
    }
}

/// A seat among those who wait for something, given up when this is dropped.
struct Seated<'a, M> {
    process: &'a Process<M>,
    seats: fn(&mut Rare) -> &mut Seats,
    seat: Option<u64>,
}

impl<'a, M> Seated<'a, M> {
    fn new(process: &'a Process<M>, seats: fn(&mut Rare) -> &mut Seats) -> Self {
        Self { process, seats, seat: None }
    }
}

impl<M> Drop for Seated<'_, M> {
    fn drop(&mut self) {
        let Some(seat) = self.seat else { return };
        let mut inner = self.process.inner.lock();
        let rare = inner.control.rare_if_any().is_some().then(|| inner.control.rare());
        let left = rare.and_then(|rare| (self.seats)(rare).leave(seat));
        drop(inner);
        drop(left); // it may be anybody's
    }
}

/// A message that is awaited; see [`Context::receive`].
#[must_use = "nothing is received until this is awaited"]
pub struct Receiving<'a, M> {
    process: &'a Arc<Process<M>>,
}

impl<M: Send + 'static> Future for Receiving<'_, M> {
    type Output = M;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<M> {
        self.process.poll_receive(context, Mailbox::pop)
    }
}

/// A thread of a process, to be awaited by another: `None` if it did not come to its end.
#[must_use = "await it to learn what it returns, or drop it to let it run"]
pub struct Thread<T> {
    cell: Arc<Oneshot<T>>,
}

impl<T: Send + 'static> Future for Thread<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<T>> {
        self.cell.poll(context, Wait::Exit)
    }
}

/// Says that there is no result, if the thread is dropped before there was one.
struct Giving<T: Send + 'static> {
    cell: Arc<Oneshot<T>>,
}

impl<T: Send + 'static> Drop for Giving<T> {
    fn drop(&mut self) {
        self.cell.give(None);
    }
}

/// Memory on a process's account, for as long as this exists.
pub(crate) struct Account {
    process: Arc<dyn AnyProcess>,
    bytes: u64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.bytes, self.process.header().id)
    }
}

impl Account {
    /// Charges a process.
    pub(crate) fn open(process: Arc<dyn AnyProcess>, bytes: u64) -> Result<Self, LimitExceeded> {
        process.header().charge(bytes)?;
        Ok(Self { process, bytes })
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.process.header().release(self.bytes);
    }
}

impl<M> Clone for Context<M> {
    fn clone(&self) -> Self {
        Self { process: Arc::clone(&self.process) }
    }
}

impl<M> fmt::Debug for Context<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.process.header.id)
    }
}

impl<M> fmt::Debug for Receiving<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiving({})", self.process.header.id)
    }
}

impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thread")
    }
}
