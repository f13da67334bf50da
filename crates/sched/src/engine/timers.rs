//! [`Timers`]: who is to be woken when.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    task::Waker,
};

use ironloom_core::{Instant, Limit, LimitExceeded, TimerId, TimerWheel, WheelFull};
use parking_lot::Mutex;

use crate::exit::wake;

/// How many are woken before others may set timers again.
const BATCH: usize = 64;

/// The most timers that a wheel can number.
const WHEEL_MAX: usize = u32::MAX as usize;

/// A wheel of wakers, and what can be known about it without its lock.
pub(crate) struct Timers {
    wheel: Mutex<Wheel>,
    /// Nothing is due before this; `u64::MAX` if nothing is set.
    next: AtomicU64,
    timers_max: usize,
}

struct Wheel {
    wakers: TimerWheel<Waker>,
    /// Set once the kernel has ended, when nobody looks at the time any more.
    ended: bool,
}

impl Timers {
    pub(crate) fn new(timers_max: usize) -> Self {
        let timers_max = timers_max.min(WHEEL_MAX);
        // The limit is not the wheel's: in virtual time a window may hold a few more.
        let wheel = Wheel { wakers: TimerWheel::new(WHEEL_MAX), ended: false };
        Self { wheel: Mutex::new(wheel), next: AtomicU64::new(u64::MAX), timers_max }
    }

    /// Wakes `waker` at `deadline`; `None` if that will never be, as the kernel has ended.
    ///
    /// Whether there is room is judged by how many timers are `held`, if that is not how many there are.
    pub(crate) fn set(
        &self,
        deadline: Instant,
        waker: Waker,
        held: Option<usize>,
    ) -> Result<Option<TimerId>, LimitExceeded> {
        let mut wheel = self.wheel.lock();
        if wheel.ended {
            drop(wheel); // before the waker
            return Ok(None);
        }
        let held = held.unwrap_or(wheel.wakers.len());
        let refused = if held < self.timers_max {
            match wheel.wakers.insert(deadline, waker) {
                Ok(timer) => {
                    // Whoever sets this looks for sleepers next, and a sleeper looks here after it said that it sleeps.
                    self.next.fetch_min(deadline.as_nanos(), Ordering::SeqCst);
                    return Ok(Some(timer));
                }
                Err(WheelFull { value, .. }) => value,
            }
        } else {
            waker
        };
        drop(wheel);
        drop(refused);
        Err(LimitExceeded {
            limit: Limit::new("timers_max", self.timers_max as u64),
            amount: held as u64 + 1,
        })
    }

    /// Makes sure that a timer wakes `waker`; `None` if it has woken somebody already.
    pub(crate) fn renew(&self, timer: TimerId, waker: &Waker) -> Option<TimerId> {
        if self.wheel.lock().wakers.timer(timer)?.1.will_wake(waker) {
            return Some(timer);
        }
        let waker = waker.clone(); // may do anything, also set a timer
        let mut wheel = self.wheel.lock();
        let (deadline, _) = wheel.wakers.timer(timer)?;
        let old = wheel.wakers.cancel(timer);
        let timer = wheel.wakers.insert(deadline, waker).ok();
        drop(wheel);
        drop(old);
        timer
    }

    /// Forgets a timer; whether it had not expired yet.
    pub(crate) fn cancel(&self, timer: TimerId) -> bool {
        let waker = self.wheel.lock().wakers.cancel(timer);
        waker.is_some() // and dropped here, without the lock
    }

    /// Nothing is due before this.
    #[inline]
    pub(crate) fn next(&self) -> Option<Instant> {
        match self.next.load(Ordering::SeqCst) {
            u64::MAX => None,
            nanos => Some(Instant::from_nanos(nanos)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.wheel.lock().wakers.len()
    }

    /// Wakes all that are due, and hands each one's deadline to `note`.
    pub(crate) fn expire(&self, now: Instant, mut note: impl FnMut(Instant)) {
        loop {
            let mut due = Vec::new();
            let mut wheel = self.wheel.lock();
            while due.len() < BATCH
                && let Some(expired) = wheel.wakers.poll(now)
            {
                note(expired.deadline);
                due.push(expired.value);
            }
            self.next.store(wheel.wakers.next_bound().map_or(u64::MAX, Instant::as_nanos), Ordering::Relaxed);
            drop(wheel);
            let more = due.len() == BATCH;
            wake(due);
            if !more {
                return;
            }
        }
    }

    /// Time passes no more: wakes everybody, as if their time had come, and nobody waits from now on.
    pub(crate) fn end(&self) {
        self.wheel.lock().ended = true;
        self.expire(Instant::MAX, |_| ());
    }
}
