//! [`Syscalls`]: how often the host was asked, which is what a busy server spends its time on.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many system calls a reactor and its sockets have made, and what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Syscalls {
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Attempts to accept a connection.
    pub accepts: u64,
    /// Questions what is ready.
    pub polls: u64,
    /// Sockets registered and deregistered.
    pub registrations: u64,
    /// Writes that woke a sleeping turn.
    pub notifications: u64,
    /// Reads, writes and accepts that found nothing to do. They are counted there as well.
    pub would_blocks: u64,
    /// Events that polls told of; no system calls.
    pub events: u64,
}

impl Syscalls {
    /// All calls together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.reads + self.writes + self.accepts + self.polls + self.registrations + self.notifications
    }
}

/// The counters behind [`Syscalls`]. A relaxed addition beside a system call is not seen in any measurement.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) reads: Count,
    pub(super) writes: Count,
    pub(super) accepts: Count,
    pub(super) polls: Count,
    pub(super) registrations: Count,
    pub(super) notifications: Count,
    pub(super) would_blocks: Count,
    pub(super) events: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(super) fn snapshot(&self) -> Syscalls {
        Syscalls {
            reads: self.reads.value(),
            writes: self.writes.value(),
            accepts: self.accepts.value(),
            polls: self.polls.value(),
            registrations: self.registrations.value(),
            notifications: self.notifications.value(),
            would_blocks: self.would_blocks.value(),
            events: self.events.value(),
        }
    }
}
