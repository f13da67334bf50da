//! [`Sleep`], [`Interval`] and deadlines.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ironloom_core::{Duration, Instant, TimerId};
use pin_project_lite::pin_project;

use crate::{
    current,
    engine::Home,
    inspect::Wait,
    process::{AnyProcess, Header},
};

/// What a timer takes: a place in the wheel and a waker.
const TIMER_BYTES: u64 = 64;

/// Waits until a time has come.
#[must_use = "nothing waits until this is awaited"]
pub struct Sleep {
    home: Arc<Home>,
    /// Whose account the timer is on, if it is a process's.
    account: Option<Arc<dyn AnyProcess>>,
    deadline: Instant,
    timer: Option<TimerId>,
}

impl Sleep {
    pub(crate) fn for_process(process: Arc<dyn AnyProcess>, deadline: Instant) -> Self {
        let home = Arc::clone(&process.header().home);
        Self { home, account: Some(process), deadline, timer: None }
    }

    pub(crate) fn for_host(home: &Arc<Home>, after: Duration) -> Self {
        let deadline = home.engine.now().saturating_add(after);
        Self { home: Arc::clone(home), account: None, deadline, timer: None }
    }

    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    fn header(&self) -> Option<&Header> {
        self.account.as_ref().map(|process| process.header())
    }

    fn begin(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.deadline <= self.home.engine.now() {
            return Poll::Ready(());
        }
        let charged = self.header().map_or(Ok(()), |header| header.charge(TIMER_BYTES));
        let set = charged.and_then(|()| {
            let set = self.home.engine.set_timer(self.deadline, context.waker().clone());
            if !matches!(set, Ok(Some(_))) {
                self.header().into_iter().for_each(|header| header.release(TIMER_BYTES));
            }
            set
        });
        match set {
            Ok(Some(timer)) => self.timer = Some(timer),
            // Inside a process this is its end; outside, there is nobody to end but the wait.
            Err(exceeded) if self.account.is_some() => current::condemn(exceeded),
            // If the kernel has ended, its time does not come by waiting.
            Ok(None) | Err(_) => return Poll::Ready(()),
        }
        Poll::Pending
    }

    fn end(&mut self) {
        if self.timer.take().is_some()
            && let Some(header) = self.header()
        {
            header.release(TIMER_BYTES);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if current::coop(context).is_pending() {
            return Poll::Pending;
        }
        current::waits(Wait::Timer);
        let Some(timer) = self.timer else { return self.begin(context) };
        if let Some(timer) = self.home.engine.timers.renew(timer, context.waker()) {
            self.timer = Some(timer);
            return Poll::Pending;
        }
        self.end();
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.home.engine.cancel_timer(timer);
            self.end();
        }
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Something that happens again and again, a period apart.
///
/// Who comes late gets one tick for all that were missed, and the next at its proper time.
#[derive(Debug)]
pub struct Interval {
    process: crate::ProcessRef,
    period: Duration,
    next: Instant,
}

impl Interval {
    pub(crate) fn new(process: crate::ProcessRef, period: Duration) -> Self {
        assert!(!period.is_zero(), "an interval's period is more than nothing");
        let now = process.process.header().home.engine.now();
        Self { process, period, next: now.saturating_add(period) }
    }

    /// Waits for the next tick; when it was due.
    pub async fn tick(&mut self) -> Instant {
        let due = self.next;
        Sleep::for_process(Arc::clone(&self.process.process), due).await;
        let now = self.process.process.header().home.engine.now();
        let late = now.saturating_since(due).as_nanos() / self.period.as_nanos();
        self.next = due.saturating_add(self.period.saturating_mul(late + 1));
        due
    }
}

pin_project! {
    /// A future and a time by which it has to be done.
    pub(crate) struct Race<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

/// Whatever is first: `None` if that is the time.
pub(crate) fn race<F: Future>(future: F, sleep: Sleep) -> Race<F> {
    Race { future, sleep }
}

impl<F: Future> Future for Race<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Some(output));
        }
        let wait = current::take_wait();
        let slept = this.sleep.poll(context).map(|()| None);
        current::waits(wait); // what it really waits for
        slept
    }
}
