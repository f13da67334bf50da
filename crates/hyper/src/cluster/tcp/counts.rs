//! [`LinkCounts`]: what the links of a host have carried, and what went wrong.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cluster::link::{LinkError, LinkFault};

/// What the links of a host have carried, and what went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Messages that were sent, or wait to be.
    pub messages_sent: u64,
    /// Bytes that were sent for them, or wait to be.
    pub bytes_sent: u64,
    /// Messages that were received.
    pub messages_received: u64,
    /// Bytes that were received.
    pub bytes_received: u64,
    /// Links that stood.
    pub links: u64,
    /// Connections that were turned away because too many had not said who they are.
    pub turned_away: u64,
    faults: [u64; LinkFault::COUNT],
}

impl LinkCounts {
    /// How often something went wrong in this way: handshakes that came to nothing, and links that ended.
    #[must_use]
    pub const fn faults(&self, fault: LinkFault) -> u64 {
        self.faults[fault as usize]
    }
}

/// The same while it is being counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) messages_received: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) links: AtomicU64,
    pub(super) turned_away: AtomicU64,
    faults: [AtomicU64; LinkFault::COUNT],
}

impl Tally {
    pub(super) fn fault(&self, error: LinkError) {
        add(&self.faults[error.fault() as usize], 1);
    }

    pub(super) fn read(&self) -> LinkCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LinkCounts {
            messages_sent: read(&self.messages_sent),
            bytes_sent: read(&self.bytes_sent),
            messages_received: read(&self.messages_received),
            bytes_received: read(&self.bytes_received),
            links: read(&self.links),
            turned_away: read(&self.turned_away),
            faults: self.faults.each_ref().map(read),
        }
    }
}

/// Counts, in no order with anything else.
pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
