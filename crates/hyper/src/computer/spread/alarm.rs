//! [`Alarm`]: the thread that does what is due by time, whether or not the computer runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use ironloom_core::{Duration, EventCount, Instant};

use super::Host;
use crate::computer::ComputerError;

/// Until when the thread sleeps that looks after time, and what wakes it.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    pub(super) sleeps_until: AtomicU64,
    pub(super) bell: EventCount,
    repeat: AtomicU64,
    closed: AtomicBool,
}

impl Alarm {
    /// Whether a period is over since it last was.
    pub(super) fn is_time(&self, now: Instant, period: Duration) -> bool {
        let is_time = now.as_nanos() >= self.repeat.load(Ordering::Relaxed);
        if is_time {
            self.repeat.store(now.saturating_add(period).as_nanos(), Ordering::Relaxed);
        }
        is_time
    }
}

/// Looks after a host until it is gone.
#[expect(clippy::disallowed_methods, reason = "it ends with the host, which it does not keep")]
pub(super) fn keep(host: &Arc<Host>) -> Result<(), ComputerError> {
    let (alarm, host) = (host.alarm.clone(), Arc::downgrade(host));
    let thread = std::thread::Builder::new().name("hyper-alarm".into());
    let spawned = thread.spawn(move || while look(&alarm, &host) {});
    spawned.map(drop).map_err(ComputerError::Thread)
}

/// Does what is due and sleeps until something is again; whether the host is there.
fn look(alarm: &Alarm, host: &Weak<Host>) -> bool {
    // Taken before anything is looked at, so that nothing that changes meanwhile is missed.
    let ticket = alarm.bell.ticket();
    let Some(host) = host.upgrade().filter(|_| !alarm.closed.load(Ordering::SeqCst)) else { return false };
    let event = host.look_after(host.clock.now());
    let nap = event.saturating_since(host.clock.now());
    drop(host);
    let _ = ticket.wait_for(nap);
    true
}

impl Drop for Host {
    fn drop(&mut self) {
        self.alarm.closed.store(true, Ordering::SeqCst);
        self.alarm.bell.notify_all();
    }
}
