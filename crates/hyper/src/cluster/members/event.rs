//! [`Input`], [`Output`] and [`State`]: what membership is told, what it demands, and what it makes of a host.

use ironloom_core::{Duration, Instant};

use super::message::{Change, Denied, MemberMessage, StepId, Why, Wish};
use crate::cluster::HostId;

/// What a host is in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It wants to become a member.
    Joining,
    /// It is one.
    Member,
    /// It was one and is none any more: it holds nothing.
    Left,
    /// The machine has stopped.
    Stopped {
        /// Without whom it cannot go on.
        host: HostId,
        /// How that is known.
        why: Why,
        /// Since when.
        at: Instant,
    },
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A host said something.
    Message(HostId, MemberMessage),
    /// A host is dead, says the detector or the link.
    Lost(HostId, Why),
    /// This host wants something; what became of it is told by [`Output::Ended`].
    Ask(Wish),
    /// What a step demanded is done: this host stands still, holds nothing, or has kept the snapshot.
    Done(StepId),
}

/// What must happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Say this to a host; it may be lost.
    Send(HostId, MemberMessage),
    /// Give away all harts and pages, then say [`Input::Done`]. The machine runs meanwhile.
    Drain(StepId),
    /// Let harts stand still and transactions end, then say [`Input::Done`].
    Quiesce(StepId),
    /// Keep what is now as a snapshot, then say [`Input::Done`].
    Mark {
        /// What is done then.
        step: StepId,
        /// The number of the snapshot: the same on all hosts.
        snapshot: u64,
    },
    /// A new epoch begins. Harts still stand still.
    Begin(Change),
    /// Harts may run.
    Continue {
        /// For how long they stood still.
        paused: Duration,
    },
    /// The operation that something was done for has been given up.
    Cancelled,
    /// What this host asked for has been done, or why not.
    Ended(Wish, Result<(), Denied>),
    /// This host is no member any more.
    Left,
    /// The machine stops here and now: no hart runs, nothing more goes to a device.
    Stop {
        /// Without whom it cannot go on.
        host: HostId,
        /// How that is known.
        why: Why,
    },
}
