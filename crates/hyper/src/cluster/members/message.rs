//! [`MemberMessage`]: what hosts say to each other about who is in the machine.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

use crate::cluster::{Epoch, HostId, HostSet};

/// What hosts say to each other about who is in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MemberMessage {
    /// I am there.
    Beat {
        /// In which epoch.
        epoch: Epoch,
        /// How often I have said so.
        number: u64,
        /// How often you had when I heard you last: an answer.
        heard: u64,
    },
    /// A host wants something; whoever does not coordinate passes it on.
    Ask {
        /// In which epoch; that of who wants to join does not count.
        epoch: Epoch,
        /// Who wants it.
        host: HostId,
        /// Which of its requests.
        request: RequestId,
        /// What it wants.
        wish: Wish,
    },
    /// What became of a request.
    Answer {
        /// In which epoch.
        epoch: Epoch,
        /// Which request.
        request: RequestId,
        /// Why nothing became of it, if so.
        denied: Option<Denied>,
    },
    /// Do this, and say when it is done.
    Step {
        /// Which step it is.
        id: StepId,
        /// What to do.
        step: Step,
    },
    /// It is done.
    Done {
        /// Which step.
        id: StepId,
    },
    /// The machine has stopped.
    Stop {
        /// In which epoch.
        epoch: Epoch,
        /// Without whom it cannot go on.
        host: HostId,
        /// How that is known.
        why: Why,
    },
}

/// Tells the requests of a host apart: which run of it asks, and how often it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct RequestId(pub u64, pub u64);

/// Which step of which operation; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StepId {
    /// The epoch in which the operation began.
    pub epoch: Epoch,
    /// How many operations there were before in that epoch.
    pub operation: u64,
    /// How many steps it had before.
    pub index: u8,
}

/// What a host can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Wish {
    /// To become a member.
    Join,
    /// To be one no longer, once it holds nothing any more.
    Leave,
    /// That the machine is written down as it is at one moment.
    Snapshot,
}

/// An epoch that is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Change {
    /// The epoch.
    pub epoch: Epoch,
    /// Its members.
    pub hosts: HostSet,
}

/// What a host is to do as its part of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Step {
    /// Give away all that it holds.
    Drain,
    /// Stand still; and know what is to begin then.
    Quiesce(Option<Change>),
    /// Keep what is now as a snapshot.
    Mark {
        /// Which one: the same number on all hosts.
        snapshot: u64,
    },
    /// The new epoch begins.
    Begin(Change),
    /// Go on as before.
    Continue,
    /// Nothing will come of it: go on as before.
    Cancel,
}

/// Why the machine cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Why {
    /// The detector takes the host to be dead.
    Suspected,
    /// The link to it is lost.
    Unlinked,
    /// It has not answered for as long as a lease lasts.
    Unheard,
    /// It did not do its part of an operation that cannot be undone any more.
    Idle,
    /// It stopped by itself, or was made to.
    Halted,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suspected => "it is suspected of being dead",
            Self::Unlinked => "the link to it is lost",
            Self::Unheard => "it has not answered for too long",
            Self::Idle => "it did not do its part",
            Self::Halted => "it was halted",
        })
    }
}

/// Why nothing comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, BorshSerialize, BorshDeserialize)]
pub enum Denied {
    /// Who wants to join is a member.
    #[error("it is a member already")]
    Member,
    /// Who wants something else is none.
    #[error("it is not a member")]
    Stranger,
    /// The last member cannot leave.
    #[error("it is the last member")]
    Last,
    /// Too many operations wait, or the host waits for one already.
    #[error("too many operations wait")]
    Busy,
    /// A host did not do its part in time; everything is as before.
    #[error("{0} did not do its part in time")]
    Undone(HostId),
    /// Nobody has said what became of it.
    #[error("no answer came in time")]
    Late,
    /// The machine has stopped.
    #[error("the machine has stopped")]
    Stopped,
}

/// Why what a host said was not listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Refused {
    /// It is not a member.
    #[error("it comes from a host that is not a member")]
    UnknownHost,
    /// It is about an epoch that is over.
    #[error("it is about an epoch that is over")]
    OldEpoch,
    /// It is about an epoch that has not begun here.
    #[error("it is about an epoch that has not begun")]
    NewEpoch,
    /// It does not fit what this host is doing.
    #[error("it does not fit what this host is doing")]
    OutOfState,
    /// It is for the coordinator to say, or to hear.
    #[error("it is between the coordinator and others")]
    NotCoordinator,
}
