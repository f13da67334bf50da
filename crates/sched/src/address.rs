//! [`Address`] and [`ProcessRef`]: how others reach a process.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ironloom_core::{Duration, Limit};

use crate::{
    CallError, ExitReason, ProcessId, Refusal, SendError,
    current::{self, Act},
    effect::{Effect, Signal},
    engine::Windows,
    exit::wake,
    inspect::{ProcessInfo, Wait, inspect},
    mailbox::Ticket,
    oneshot::Oneshot,
    process::{AnyProcess, Process},
    timer::Sleep,
};

/// Where to send messages to one process.
///
/// Anybody may hold one, inside the kernel or outside, and for as long as they like: sending to a process that has ended
/// is an error, not a fault.
///
/// ```
/// use ironloom_sched::{Config, Context, VirtualKernel};
///
/// let kernel = VirtualKernel::new(Config::default());
/// let adder = kernel.spawn(async move |ctx: Context<u64>| {
///     let sum = ctx.receive().await + ctx.receive().await;
///     assert_eq!(sum, 42);
/// })?;
/// adder.try_send(40)?;
/// adder.try_send(2)?;
/// kernel.run_until_idle();
/// assert!(adder.try_send(1).is_err()); // it has ended
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Address<M> {
    pub(crate) process: Arc<Process<M>>,
}

/// A process, whatever its messages are.
#[derive(Clone)]
pub struct ProcessRef {
    pub(crate) process: Arc<dyn AnyProcess>,
}

impl<M: Send + 'static> Address<M> {
    /// Which process this leads to.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.process.header.id
    }

    /// The process, for whoever does not send.
    #[must_use]
    pub fn process(&self) -> ProcessRef {
        ProcessRef { process: Arc::clone(&self.process) as Arc<dyn AnyProcess> }
    }

    /// Sends a message, and waits while the mailbox is full.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub fn send(&self, message: M) -> Sending<'_, M> {
        Sending { address: self, message: Some(message), ticket: None }
    }

    /// Sends a message if there is room for it.
    ///
    /// # Errors
    ///
    /// If the mailbox is full or its process has ended; the message comes back.
    #[inline]
    pub fn try_send(&self, message: M) -> Result<(), SendError<M>> {
        current::spend(1);
        let home = &self.process.header.home;
        if let Some(windows) = home.engine.windows()
            && let Some(act) = current::act(home.address())
        {
            let (accepted, first) = self.process.accept_deferred(act, message);
            if first {
                windows.touch(self.id(), Arc::clone(&self.process) as Arc<_>);
            }
            return accepted;
        }
        self.process.accept(message)
    }

    /// Asks something and waits for the answer: `make` puts the [`Reply`] into a message.
    ///
    /// # Errors
    ///
    /// If no answer came, or not in time.
    pub async fn call<R: Send + 'static>(
        &self,
        deadline: Duration,
        make: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, CallError> {
        let process = self.id();
        let sleep = Sleep::for_host(&self.process.header.home, deadline);
        let answered = crate::timer::race(self.ask(make), sleep).await;
        answered.unwrap_or(Err(CallError::TimedOut { process, deadline }))
    }

    /// Asks something and waits for the answer for as long as the process may still give one.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        make: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, CallError> {
        let process = self.id();
        let answer = Oneshot::new();
        let reply = Reply { answer: Arc::clone(&answer), home: Arc::clone(&self.process.header.home) };
        self.send(make(reply)).await.map_err(|_| CallError::NoReply { process })?;
        let answered = std::future::poll_fn(|context| answer.poll(context, Wait::Reply)).await;
        answered.ok_or(CallError::NoReply { process })
    }

    /// Hears of the process's end; see [`ProcessRef::monitor`].
    pub fn monitor(&self) -> Monitor {
        self.process().monitor()
    }

    /// Ends the process at its next budget check; see [`ProcessRef::kill`].
    pub fn kill(&self) {
        self.process().kill();
    }

    /// Asks the process to end; see [`ProcessRef::stop`].
    pub fn stop(&self) {
        self.process().stop();
    }
}

impl ProcessRef {
    /// Which process this is.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.process.header().id
    }

    /// Ends the process at its next budget check, whatever it does, with [`ExitReason::Killed`].
    pub fn kill(&self) {
        self.exit(ExitReason::Killed);
    }

    /// Ends the process at its next budget check with a reason of the caller's.
    pub fn exit(&self, reason: ExitReason) {
        self.signal(Signal::Kill(reason));
    }

    /// Asks the process to end. It hears of it in [`Context::stopping`](crate::Context::stopping), and may take its time.
    pub fn stop(&self) {
        self.signal(Signal::Stop);
    }

    /// Hears of the process's end: what is returned is a future of its [`ExitReason`], for anybody to await.
    pub fn monitor(&self) -> Monitor {
        let cell = Oneshot::new();
        self.signal(Signal::Monitor(Arc::clone(&cell)));
        Monitor { cell, process: self.clone(), done: false }
    }

    /// Whether the process has not ended yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let mut alive = false;
        self.process.with(&mut |control| alive = !control.has_exited());
        alive
    }

    /// What the process does, as seen now.
    #[must_use]
    pub fn info(&self) -> ProcessInfo {
        inspect(&*self.process)
    }

    /// Where to send it messages, if `M` is what it receives.
    #[must_use]
    pub fn address<M: Send + 'static>(&self) -> Option<Address<M>> {
        let process = Arc::clone(&self.process).as_any().downcast::<Process<M>>().ok()?;
        Some(Address { process })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.header().home.engine.act(Effect::Signal(Arc::clone(&self.process), signal));
    }
}

impl<M: Send + 'static> Process<M> {
    /// Puts a message into the mailbox now.
    #[inline]
    fn accept(self: &Arc<Self>, message: M) -> Result<(), SendError<M>> {
        let mut inner = self.inner.lock();
        let max = self.header.limits.mailbox_messages_max;
        if inner.control.has_exited() {
            return Err(self.refuse(message, Refusal::Closed { process: self.header.id }));
        }
        if inner.mailbox.len() >= max as usize {
            return Err(self.refuse(message, Refusal::Full { process: self.header.id, limit: max }));
        }
        if inner.mailbox.grows()
            && let Err(refusal) = self.may_grow(inner.mailbox.heap_bytes())
        {
            return Err(self.refuse(message, refusal));
        }
        inner.mailbox.push(message);
        inner.mailbox.refreeze();
        self.wake_receiver(inner);
        Ok(())
    }

    /// Keeps a message for the end of the window; whether the window has still to be told.
    fn accept_deferred(&self, act: Act, message: M) -> (Result<(), SendError<M>>, bool) {
        let limits = &self.header.limits;
        let limit = limits.messages_in_flight_max.max(1); // with none, whoever sends would try for ever
        if act.sequence >= limit {
            return (Err(self.refuse(message, Refusal::InFlight { process: self.header.id, limit })), false);
        }
        let mut inner = self.inner.lock();
        let max = limits.mailbox_messages_max;
        if inner.control.has_exited() {
            return (Err(self.refuse(message, Refusal::Closed { process: self.header.id })), false);
        }
        if inner.mailbox.frozen() >= max as usize {
            return (Err(self.refuse(message, Refusal::Full { process: self.header.id, limit: max })), false);
        }
        (Ok(()), inner.mailbox.defer(act, message))
    }

    #[cold]
    fn refuse(&self, message: M, refusal: Refusal) -> SendError<M> {
        SendError { message, refusal }
    }

    /// Whether the mailbox may take twice the memory that it takes.
    #[cold]
    fn may_grow(&self, bytes: usize) -> Result<(), Refusal> {
        let heap = self.header.heap.load(std::sync::atomic::Ordering::Relaxed);
        Limit::new("heap_bytes_max", self.header.limits.heap_bytes_max)
            .check(heap.saturating_add(2 * bytes as u64))
            .map_err(|exceeded| Refusal::Heap { process: self.header.id, exceeded })
    }
}

/// A message that is being sent; see [`Address::send`].
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending<'a, M: Send + 'static> {
    address: &'a Address<M>,
    message: Option<M>,
    ticket: Option<Ticket>,
}

impl<M: Send + 'static> Unpin for Sending<'_, M> {}

impl<M: Send + 'static> Future for Sending<'_, M> {
    type Output = Result<(), SendError<M>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if current::coop(context).is_pending() {
            return Poll::Pending;
        }
        let message = this.message.take().expect("a future is not polled after it was ready");
        match this.address.try_send(message) {
            Ok(()) => {
                this.leave();
                Poll::Ready(Ok(()))
            }
            // If it was woken for room that it does not use, its drop passes that on.
            Err(error) if matches!(error.refusal, Refusal::Closed { .. } | Refusal::Heap { .. }) => {
                Poll::Ready(Err(error))
            }
            Err(error) => {
                this.message = Some(error.message);
                this.wait(context, error.refusal)
            }
        }
    }
}

impl<M: Send + 'static> Sending<'_, M> {
    /// Leaves the queue: it may still stand there if it found room before it was woken.
    #[inline]
    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.address.process.inner.lock().mailbox.dequeue_sender(ticket);
            drop(left);
        }
    }

    #[cold]
    fn wait(&mut self, context: &Context<'_>, refusal: Refusal) -> Poll<Result<(), SendError<M>>> {
        current::waits(Wait::Room);
        if matches!(refusal, Refusal::InFlight { .. }) {
            // The limit is of this window; there will be room in the next.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let process = &self.address.process;
        let engine = &process.header.home.engine;
        let window = engine.windows().map_or(0, Windows::number);
        let act = current::act(process.header.home.address()).unwrap_or(Act { ordinal: 0, sequence: 0 });
        let mut inner = process.inner.lock();
        // Room may have been made since the message was refused. In virtual time it cannot show before the window ends.
        let full = if engine.windows().is_some() { inner.mailbox.frozen() } else { inner.mailbox.len() };
        if inner.control.has_exited() || full < process.header.limits.mailbox_messages_max as usize {
            drop(inner);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut waker = context.waker().clone();
        self.ticket = Some(inner.mailbox.enqueue_sender(self.ticket, window, act, &mut waker));
        drop(inner); // before the waker, which is now the one from before
        Poll::Pending
    }
}

impl<M: Send + 'static> Drop for Sending<'_, M> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut inner = self.address.process.inner.lock();
        let left = inner.mailbox.dequeue_sender(ticket);
        // If this one was woken for room that it does not use, somebody else may have it.
        let process = &self.address.process;
        if let Some(windows) = process.header.home.engine.windows() {
            // Who that is depends on who else came and went in this window, so it is found when that is over.
            let first = left.is_none() && inner.mailbox.touch();
            drop(inner);
            if first {
                process.commit_later(windows);
            }
        } else {
            let heir = if left.is_none() { inner.mailbox.next_sender() } else { None };
            drop(inner);
            wake(heir);
        }
        drop(left);
    }
}

/// The right to answer a call, once. Dropping it tells the caller that there is no answer.
pub struct Reply<R: Send + 'static> {
    answer: Arc<Oneshot<R>>,
    home: Arc<crate::engine::Home>,
}

impl<R: Send + 'static> Reply<R> {
    /// Answers.
    pub fn send(self, value: R) {
        self.answer.give_from(&self.home, Some(value));
    }
}

impl<R: Send + 'static> Drop for Reply<R> {
    fn drop(&mut self) {
        self.answer.give_from(&self.home, None);
    }
}

impl<R: Send + 'static> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// The end of a process, to be awaited by whoever made it with [`ProcessRef::monitor`].
#[must_use = "a monitor that is dropped hears nothing"]
pub struct Monitor {
    cell: Arc<Oneshot<ExitReason>>,
    process: ProcessRef,
    done: bool,
}

impl Monitor {
    /// The process that is monitored.
    #[must_use]
    pub fn process(&self) -> &ProcessRef {
        &self.process
    }
}

impl Future for Monitor {
    type Output = ExitReason;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ExitReason> {
        let polled = self.cell.poll(context, Wait::Exit);
        self.done = polled.is_ready();
        polled.map(|reason| reason.unwrap_or(ExitReason::NoProcess))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if !self.done {
            self.process.signal(Signal::Demonitor(Arc::clone(&self.cell)));
        }
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self { process: Arc::clone(&self.process) }
    }
}

impl<M> PartialEq for Address<M> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.process, &other.process)
    }
}

impl<M> Eq for Address<M> {}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.process.header.id)
    }
}

impl fmt::Debug for ProcessRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessRef({})", self.id())
    }
}

impl<M: Send + 'static> fmt::Debug for Sending<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("address", self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Monitor({})", self.process.id())
    }
}

impl<M: Send + 'static> From<&Address<M>> for ProcessRef {
    fn from(address: &Address<M>) -> Self {
        address.process()
    }
}

impl From<&ProcessRef> for ProcessRef {
    fn from(process: &ProcessRef) -> Self {
        process.clone()
    }
}
