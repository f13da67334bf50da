//! [`LaneCounters`]: what one way of a link carried, and what it dropped and why.

use std::fmt;

/// Why a frame was dropped at a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The link was down.
    Down,
    /// The queue was full.
    Queue,
    /// By chance.
    Loss,
    /// A packet did not fit and must not be cut.
    TooLarge,
    /// Both ends are on different sides of a partition.
    Partition,
    /// A machine sent it from an address that is not its own.
    Spoofed,
    /// The link was taken away while it was under way, or leads to nobody.
    Gone,
    /// More frames were to arrive in one instant than may.
    Limit,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Down,
        Self::Queue,
        Self::Loss,
        Self::TooLarge,
        Self::Partition,
        Self::Spoofed,
        Self::Gone,
        Self::Limit,
    ];

    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Queue => "queue",
            Self::Loss => "loss",
            Self::TooLarge => "too_large",
            Self::Partition => "partition",
            Self::Spoofed => "spoofed",
            Self::Gone => "gone",
            Self::Limit => "limit",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one way of a link carried and dropped, in packets as they are on a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneCounters {
    /// How many packets were put on it, also those that it dropped afterwards.
    pub packets: u64,
    /// How many bytes these had, with all headers.
    pub bytes: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl LaneCounters {
    pub(super) const fn new(packets: u64, bytes: u64, dropped: [u64; DropReason::ALL.len()]) -> Self {
        Self { packets, bytes, dropped }
    }

    /// How many packets were dropped for this reason.
    #[must_use]
    pub const fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many packets were dropped for any reason.
    #[must_use]
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }
}
