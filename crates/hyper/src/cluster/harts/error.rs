//! What goes wrong with harts: [`MoveRefused`], [`PostRefused`], [`Refused`], [`MoveFailure`].

use thiserror::Error;

use super::{HartId, Refusal};
use crate::cluster::{Epoch, HostId};

/// Why a hart does not begin to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoveRefused {
    /// There is no such hart.
    #[error("there is no {hart}")]
    NoSuchHart {
        /// The hart.
        hart: HartId,
    },
    /// It does not live here.
    #[error("{hart} lives at {host}")]
    Elsewhere {
        /// The hart.
        hart: HartId,
        /// Where it is.
        host: HostId,
    },
    /// It is on its way already.
    #[error("{hart} is moving already")]
    Moving {
        /// The hart.
        hart: HartId,
    },
    /// It is there already.
    #[error("{hart} is at {host} already")]
    There {
        /// The hart.
        hart: HartId,
        /// Where it is.
        host: HostId,
    },
    /// The machine does not span that host.
    #[error("{host} is not among the hosts of this machine")]
    NoSuchHost {
        /// The host.
        host: HostId,
    },
    /// It has moved as often as can be counted.
    #[error("{hart} has moved too often")]
    Worn {
        /// The hart.
        hart: HartId,
    },
}

/// Why a letter was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PostRefused {
    /// There is no such hart.
    #[error("there is no {hart}")]
    NoSuchHart {
        /// The hart.
        hart: HartId,
    },
    /// Too many letters to it were not delivered yet.
    #[error("{letters_max} letters to {hart} wait already")]
    Full {
        /// The hart.
        hart: HartId,
        /// How many may wait.
        letters_max: usize,
    },
}

/// Why a message of another host was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// It, or whom it speaks of, is none of the machine's hosts.
    #[error("{host} is not among the hosts of this machine")]
    Stranger {
        /// The host.
        host: HostId,
    },
    /// It was said before the present membership, or after one that is not known here yet.
    #[error("said in epoch {said}, not in {now}", said = said.get(), now = now.get())]
    OtherEpoch {
        /// When it was said.
        said: Epoch,
        /// The epoch here.
        now: Epoch,
    },
    /// There is no such hart.
    #[error("there is no {hart}")]
    NoSuchHart {
        /// The hart.
        hart: HartId,
    },
    /// Nobody who keeps to the rules could say this now.
    #[error("{host} cannot say this of {hart} now")]
    OutOfState {
        /// Who said it.
        host: HostId,
        /// The hart.
        hart: HartId,
    },
    /// More letters or bytes at once than there may be, or none.
    #[error("a message of {found} parts, where 1 to {limit} are allowed")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A number that is never reached.
    #[error("the number {number} is out of range")]
    Number {
        /// The number.
        number: u64,
    },
}

/// Why a hart that had begun to move stays where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoveFailure {
    /// The other host does not take it.
    #[error("the other host refuses: {0:?}")]
    Refused(Refusal),
    /// The other host took too long.
    #[error("the other host took too long")]
    Late,
    /// The other host is no longer part of the machine.
    #[error("the other host is gone")]
    Gone,
}
