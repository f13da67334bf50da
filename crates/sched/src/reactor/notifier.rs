//! [`Notifier`]: ends the sleep of a turn from any thread, and asks the host only if somebody sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::Shared;

/// Nobody sleeps, and nobody may not.
const AWAKE: u8 = 0;
/// A turn asks the host, and will be there until the host answers.
const ASLEEP: u8 = 1;
/// The next turn, or the present one, must return at once.
const NOTIFIED: u8 = 2;

/// Ends the sleep of a [`Reactor::turn`](super::Reactor::turn), or keeps the next one from sleeping.
///
/// Any number of calls that nobody has answered yet are one, and none of them asks the host unless a turn sleeps.
#[derive(Debug, Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
}

impl Notifier {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes the present or the next turn return.
    ///
    /// What was written before the call is seen by the thread whose turn returns for it.
    ///
    /// # Panics
    ///
    /// If the host refuses the write, which it has no reason for.
    pub fn notify(&self) {
        if self.shared.sleep.notify() {
            self.shared.counts.notifications.add(1);
            self.shared.waker.wake().expect("the host takes one more notification of a reactor that lives");
        }
    }
}

/// Whether a turn sleeps, and whether it may.
#[derive(Debug)]
pub(super) struct Sleep(AtomicU8);

impl Sleep {
    pub(super) const fn new() -> Self {
        Self(AtomicU8::new(AWAKE))
    }

    /// Whether somebody sleeps who must be woken by means of the host.
    fn notify(&self) -> bool {
        // Always a write, also where the value stays: it is what the sleeper synchronises with.
        self.0.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP
    }

    /// Whether a turn may sleep; from now on notifications reach for the host.
    pub(super) fn begin(&self) -> bool {
        self.0.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The turn is over, and what was notified until now is answered by that.
    pub(super) fn end(&self) {
        self.0.swap(AWAKE, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_notification_of_a_sleeper_reaches_for_the_host() {
        let sleep = Sleep::new();
        assert!(!sleep.notify(), "nobody sleeps");
        assert!(!sleep.begin(), "a notification keeps the turn awake");
        sleep.end();
        assert!(sleep.begin());
        assert!(sleep.notify() && !sleep.notify());
        sleep.end();
        assert!(sleep.begin(), "the turn answered both");
    }
}
