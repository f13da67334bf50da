//! [`Output`] and [`HartsCounters`]: what must happen next, and what has happened.

use ironloom_core::Duration;

use super::{HartId, HartMessage, MoveFailure};
use crate::cluster::HostId;

/// What the owner of a [`Harts`](super::Harts) must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<L> {
    /// Send a message to another host. It may be lost, come twice or come late.
    Send {
        /// To whom.
        to: HostId,
        /// What.
        message: HartMessage<L>,
    },
    /// Hand a letter to a hart that lives here: once, and in the order in which each host posted them.
    Deliver {
        /// To whom.
        hart: HartId,
        /// What.
        letter: L,
    },
    /// Stop a hart at its next safe point, with the letters that it was handed, and say so by
    /// [`frozen`](super::Harts::frozen).
    Freeze {
        /// Which.
        hart: HartId,
    },
    /// Run a hart from this state: it lives here now, or still.
    Thaw {
        /// Which.
        hart: HartId,
        /// What it is.
        state: Vec<u8>,
    },
    /// A hart of this host runs on another one.
    Moved {
        /// Which.
        hart: HartId,
        /// Where.
        to: HostId,
        /// From when it was told to freeze to when the other host was heard to run it.
        downtime: Duration,
    },
    /// A hart of this host was to move and stays.
    MoveFailed {
        /// Which.
        hart: HartId,
        /// Where it did not go.
        to: HostId,
        /// Why.
        why: MoveFailure,
    },
    /// The host on which a hart was known to live is gone. Letters to it wait until somebody says to have it.
    Missing {
        /// Which.
        hart: HartId,
        /// Where it was.
        host: HostId,
    },
    /// Nothing is left here: no hart, and no letter that was not delivered. The host may go.
    Drained,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HartsCounters {
    /// Letters that were handed to harts here.
    pub delivered: u64,
    /// Letters that came again and were not handed out again.
    pub repeated: u64,
    /// Messages with letters that came before others from the same host, and were dropped.
    pub early: u64,
    /// Messages with letters that were sent on to where the hart is.
    pub forwarded: u64,
    /// Messages with letters that were dropped because nothing here knows where the hart is, or too many wait for it.
    pub dropped: u64,
    /// Messages with letters that were sent again.
    pub resent: u64,
    /// Harts that went.
    pub departed: u64,
    /// Harts that came.
    pub arrived: u64,
    /// Moves that failed.
    pub failed: u64,
    /// Messages that were too late to matter.
    pub stale: u64,
    /// Messages that were refused.
    pub refused: u64,
}
