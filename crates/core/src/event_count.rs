//! [`EventCount`]: how a thread or a task waits for a condition that lock-free code changes, without missing it.
//!
//! The invariant is Dekker's. A waiter first makes itself known, then looks at the condition; a notifier first
//! changes the condition, then looks for waiters. With a sequentially consistent fence between the two steps on
//! both sides, at least one of them sees the other. `tests` explores every interleaving of that with loom.

use std::collections::VecDeque;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc as StdArc;
use std::task::{Context, Poll, Wake, Waker};

#[cfg(not(loom))]
use crate::Duration;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, Thread, current, fence, park};

/// Lets threads and tasks wait until something changes, and costs a notifier almost nothing while nobody waits.
///
/// It holds no condition of its own: the condition is whatever the waiter looks at. Waiters are woken in the order in
/// which they came.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use ironloom_core::EventCount;
///
/// let (ready, changed) = (AtomicBool::new(false), EventCount::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         ready.store(true, Ordering::Release);
///         changed.notify_all();
///     });
///     changed.wait_until(|| ready.load(Ordering::Acquire));
/// });
/// ```
pub struct EventCount {
    /// How many waiters are in the queue; written under its lock, read without.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Wakes everybody it holds, also those behind a waker that panics.
///
/// Wakers are foreign code: cloned, woken and dropped they may do anything, also come back to the event they belong to.
/// So none of that happens while the queue is locked.
struct WakeAll<I: Iterator<Item = Waker>>(I);

impl<I: Iterator<Item = Waker>> WakeAll<I> {
    fn run(&mut self) {
        self.0.by_ref().for_each(Waker::wake);
    }
}

impl<I: Iterator<Item = Waker>> Drop for WakeAll<I> {
    fn drop(&mut self) {
        self.run();
    }
}

/// Everybody who holds a ticket that was not called yet, in order of their numbers.
struct Queue {
    next_number: u64,
    waiters: VecDeque<Waiter>,
}

struct Waiter {
    number: u64,
    /// Whom to wake; `None` until the ticket is waited on.
    waker: Option<Waker>,
}

impl EventCount {
    /// An event that nobody waits for.
    #[must_use]
    pub fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            queue: Mutex::new(Queue { next_number: 0, waiters: VecDeque::new() }),
        }
    }

    /// Blocks the thread until `condition` holds, looking again each time that it is notified.
    pub fn wait_until(&self, mut condition: impl FnMut() -> bool) {
        while !condition() {
            let ticket = self.ticket();
            if condition() {
                return; // it changed before we had a ticket
            }
            ticket.wait();
        }
    }

    /// Waits until `condition` holds, looking again each time that it is notified.
    pub async fn until(&self, mut condition: impl FnMut() -> bool) {
        while !condition() {
            let ticket = self.ticket();
            if condition() {
                return;
            }
            ticket.await;
        }
    }

    /// Joins the queue of waiters, for those who wait in a way of their own.
    ///
    /// Look at the condition once more before waiting on the ticket: a change just before it is not told any more.
    pub fn ticket(&self) -> Ticket<'_> {
        let mut queue = self.lock();
        let number = queue.next_number;
        queue.next_number += 1;
        queue.waiters.push_back(Waiter { number, waker: None });
        self.waiting.store(queue.waiters.len(), Ordering::Relaxed);
        drop(queue);
        fence(Ordering::SeqCst); // pairs with the one in `notify`
        Ticket { event: self, number, called: Called::No }
    }

    /// Wakes the waiter that has waited longest, if there is one.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes everybody who waits now.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    #[inline]
    fn notify(&self, count: usize) {
        fence(Ordering::SeqCst); // pairs with the one in `ticket`
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.call(count);
        }
    }

    #[cold]
    fn call(&self, count: usize) {
        let mut queue = self.lock();
        let count = count.min(queue.waiters.len());
        let called: Vec<Waker> = queue.waiters.drain(..count).filter_map(|waiter| waiter.waker).collect();
        self.waiting.store(queue.waiters.len(), Ordering::Relaxed);
        drop(queue);
        WakeAll(called.into_iter()).run();
    }

    /// Takes a ticket back; whether it was still waiting.
    fn leave(&self, number: u64) -> bool {
        let mut queue = self.lock();
        let Ok(index) = queue.position(number) else {
            return false;
        };
        let left = queue.waiters.remove(index);
        self.waiting.store(queue.waiters.len(), Ordering::Relaxed);
        drop(queue);
        drop(left);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no foreign code runs under this lock, and ours does not panic")
    }
}

impl Default for EventCount {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventCount").field("waiting", &self.waiting.load(Ordering::Relaxed)).finish()
    }
}

impl Queue {
    fn position(&self, number: u64) -> Result<usize, usize> {
        self.waiters.binary_search_by_key(&number, |waiter| waiter.number)
    }
}

/// A place in the queue of an [`EventCount`].
///
/// Wait on it by blocking ([`wait`](Ticket::wait), [`wait_for`](Ticket::wait_for)) or by awaiting it.
/// A ticket that is dropped after it was called, but before anybody noticed, passes the call on to the next.
#[must_use = "a ticket that is not waited on only costs time"]
#[derive(Debug)]
pub struct Ticket<'a> {
    event: &'a EventCount,
    number: u64,
    called: Called,
}

#[derive(Debug, PartialEq, Eq)]
enum Called {
    No,
    Noticed,
}

impl Ticket<'_> {
    /// Blocks the thread until the ticket is called.
    pub fn wait(self) {
        let mut ticket = pin!(self);
        let waker = thread_waker();
        let mut context = Context::from_waker(&waker);
        while ticket.as_mut().poll(&mut context).is_pending() {
            park();
        }
    }

    /// Blocks the thread until the ticket is called, or for so long; whether it was called.
    #[cfg(not(loom))] // loom knows no time
    #[expect(clippy::disallowed_methods, reason = "a timeout is what is asked for, and it is in real time")]
    #[must_use = "a wait that timed out was for nothing"]
    pub fn wait_for(self, timeout: Duration) -> bool {
        use crate::{Clock, WallClock};

        let mut ticket = pin!(self);
        let waker = thread_waker();
        let mut context = Context::from_waker(&waker);
        let clock = WallClock::start();
        loop {
            if ticket.as_mut().poll(&mut context).is_ready() {
                return true;
            }
            let left = timeout.saturating_sub(Duration::from_nanos(clock.now().as_nanos()));
            if left.is_zero() {
                return false;
            }
            std::thread::park_timeout(left.into());
        }
    }
}

impl Future for Ticket<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.called == Called::Noticed {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let mut queue = self.event.lock();
        if let Ok(index) = queue.position(self.number) {
            let known = queue.waiters[index].waker.replace(waker);
            drop(queue);
            drop(known);
            return Poll::Pending;
        }
        drop(queue);
        self.called = Called::Noticed;
        Poll::Ready(())
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.called == Called::No && !self.event.leave(self.number) {
            self.event.notify_one();
        }
    }
}

fn thread_waker() -> Waker {
    Waker::from(StdArc::new(Unpark(current())))
}

/// Wakes a thread that parks.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: StdArc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests;
