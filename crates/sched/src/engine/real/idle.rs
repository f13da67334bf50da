//! [`Idle`]: what a worker does that has nothing to do.
//!
//! It looks whether a timer is due, takes work from others, and then sleeps until the next timer or until somebody wakes
//! it. Before it sleeps it may spin for a moment: an answer that is on its way costs a fraction of a microsecond then,
//! and forty when the worker sleeps. It spins only while that pays: while it finds work, or while the last sleep was so
//! short that spinning would have.

use std::{sync::atomic::Ordering, time};

use ironloom_core::{Duration, Instant};

use super::{NOBODY, worker::Tenant};

/// How long to wait for an answer that is on its way: longer than waking the one who answers.
const SPIN: Duration = Duration::from_micros(60);
/// How often to look for an answer before looking at anything else, while answers come at once.
const GLANCES: u32 = 256;
/// How often a spin may fail before it is tried only now and then.
const FAILURES: u32 = 4;
/// How often it is tried then.
const RETRY: u32 = 32;

/// How one worker's waits went.
#[derive(Debug, Default)]
pub(super) struct Idle {
    failures: u32,
    waits: u32,
}

impl Idle {
    /// Returns when there may be something to do.
    #[cold]
    pub(super) fn wait(&mut self, tenant: &mut Tenant<'_>) {
        if self.failures == 0 && tenant.workers.count() > 1 && answered(tenant) {
            return tenant.rested_unmeasured();
        }
        let now = tenant.engine.now();
        tenant.expire(now);
        tenant.worker.inbox.store(false, Ordering::Relaxed);
        if !self.has_work(tenant) && !tenant.workers.steal(tenant.index) && !self.spin(tenant, now) {
            let began = tenant.engine.now();
            sleep(tenant);
            let slept = tenant.engine.now().saturating_since(began);
            if slept < SPIN.saturating_mul(2) {
                self.failures = self.failures.saturating_sub(1);
            }
        } else {
            // It found work without sleeping in the reactor, and may do so for ever.
            tenant.glance_at_host(now);
        }
        let now = tenant.engine.now();
        tenant.rested(now);
    }

    fn has_work(&self, tenant: &Tenant<'_>) -> bool {
        tenant.worker.queue.lock().runnable.len() > 0
    }

    /// Waits for a moment without sleeping; whether something came.
    fn spin(&mut self, tenant: &Tenant<'_>, began: Instant) -> bool {
        self.waits = self.waits.wrapping_add(1);
        if tenant.workers.count() == 1 || self.failures >= FAILURES && !self.waits.is_multiple_of(RETRY) {
            return false;
        }
        let until = began.saturating_add(SPIN);
        let until = tenant.engine.timers.next().map_or(until, |next| next.min(until));
        loop {
            for _ in 0..64 {
                if tenant.worker.inbox.load(Ordering::Acquire) {
                    self.failures = self.failures.saturating_sub(1);
                    return true;
                }
                std::hint::spin_loop();
            }
            if tenant.workers.stop.load(Ordering::Relaxed) || tenant.engine.now() >= until {
                self.failures = (self.failures + 1).min(2 * FAILURES);
                return false;
            }
        }
    }
}

/// Whether something comes at once.
#[inline]
fn answered(tenant: &Tenant<'_>) -> bool {
    for _ in 0..GLANCES {
        if tenant.worker.inbox.load(Ordering::Acquire) {
            tenant.worker.inbox.store(false, Ordering::Relaxed);
            return true;
        }
        std::hint::spin_loop();
    }
    false
}

/// Sleeps until the next timer or until somebody has work for this worker.
fn sleep(tenant: &Tenant<'_>) {
    {
        let mut queue = tenant.worker.queue.lock();
        if queue.runnable.len() > 0 || tenant.workers.stop.load(Ordering::SeqCst) || !tenant.is_tenant() {
            return;
        }
        // From here on whoever puts something on the queue finds the sleeper and wakes it.
        queue.sleeper = Some(std::thread::current());
    }
    let bit = 1 << tenant.index;
    tenant.workers.asleep.fetch_or(bit, Ordering::SeqCst);
    if !tenant.workers.stop.load(Ordering::SeqCst) {
        park(tenant);
    }
    tenant.workers.asleep.fetch_and(!bit, Ordering::SeqCst);
    tenant.workers.wake_watch();
    tenant.worker.queue.lock().sleeper = None;
}

/// Parks this thread. Only one worker wakes by itself for the next timer.
fn park(tenant: &Tenant<'_>) {
    let Some(next) = tenant.engine.timers.next() else { return await_host(tenant, None) };
    let keeper = &tenant.workers.keeper;
    if keeper.load(Ordering::SeqCst) <= next.as_nanos() {
        return await_host(tenant, None);
    }
    keeper.store(next.as_nanos(), Ordering::SeqCst);
    let left = next.saturating_since(tenant.engine.now());
    await_host(tenant, Some(left));
    keeper.store(u64::MAX, Ordering::SeqCst);
}

/// Sleeps in the reactor, if there is one and nobody else does; else it just sleeps.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the driver: here the kernel waits for real time to pass"
)]
fn await_host(tenant: &Tenant<'_>, timeout: Option<Duration>) {
    if let Some(reactor) = tenant.engine.reactor_if_any() {
        tenant.workers.notifier.get_or_init(|| reactor.notifier());
        let me = u32::from(tenant.index);
        let taken = tenant.workers.poller.compare_exchange(NOBODY, me, Ordering::SeqCst, Ordering::SeqCst);
        if taken.is_ok() {
            // Whoever took the sleeper before could not know that it takes a notification to wake us.
            if tenant.worker.queue.lock().sleeper.is_some()
                && let Err(error) = reactor.turn(timeout)
            {
                tracing::error!(%error, "the reactor does not answer");
            }
            return tenant.workers.poller.store(NOBODY, Ordering::SeqCst);
        }
    }
    match timeout {
        None => std::thread::park(),
        Some(timeout) => std::thread::park_timeout(time::Duration::from_nanos(timeout.as_nanos())),
    }
}
