//! [`HartMessage`]: what hosts say to each other about harts.
//!
//! ```text
//! source                                destination
//!   Prepare(term)       ───────────▶    keeps a slot
//!   freezes the hart    ◀───────────    Ready(term)
//!   State(term)         ───────────▶    keeps the state
//!   gives the hart up   ◀───────────    Accept(term)
//!   Commit(term)        ───────────▶    runs the hart
//!                       ◀───────────    Committed(term)
//! ```
//!
//! Until it has said `Commit` the source can take the hart back by `Abandon`, and until it has heard it the destination
//! does not run it. A *term* is used for one attempt to move one hart and never again.

use borsh::{BorshDeserialize, BorshSerialize};

use super::HartId;
use super::record::Seen;
use crate::cluster::{Epoch, HostId};

/// Something that a hart is told: an interrupt, a fence, a start, a timer, an answer. A value that can be sent.
pub trait Letter: BorshSerialize + BorshDeserialize + Clone {}

impl<L: BorshSerialize + BorshDeserialize + Clone> Letter for L {}

/// What one host says to another about a hart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct HartMessage<L> {
    pub(super) epoch: Epoch,
    pub(super) hart: HartId,
    pub(super) body: Body<L>,
}

impl<L> HartMessage<L> {
    /// The hart that it is about.
    #[must_use]
    pub const fn hart(&self) -> HartId {
        self.hart
    }

    /// The epoch in which it was said.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether a hart stands still until it arrives, so that it should overtake what does not hurry.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        matches!(self.body, Body::State { .. } | Body::Accept { .. } | Body::Commit { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub(super) enum Body<L> {
    /// Will you take the hart?
    Prepare { term: u64 },
    /// There is a place for it.
    Ready { term: u64 },
    /// It cannot come.
    Refuse { term: u64, why: Refusal },
    /// This is what the hart is, and which letters it has had.
    State { term: u64, seen: Seen, state: Vec<u8> },
    /// It is all here.
    Accept { term: u64 },
    /// It is yours.
    Commit { term: u64 },
    /// It runs here.
    Committed { term: u64 },
    /// It does not come.
    Abandon { term: u64 },
    /// Letters of one host, of which the first has a number. `term` is that of the place to which they were sent.
    Letters { sender: HostId, term: u64, first: u64, letters: Vec<L> },
    /// The hart lives with whom this is from, by this term, and has had the letters up to a number. Those after a gap
    /// were dropped.
    Delivered { term: u64, upto: u64, gap: bool },
    /// The hart went there by this term.
    Whereabouts { host: HostId, term: u64 },
}

/// Why a host does not take a hart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Refusal {
    /// As many harts as can live there live there.
    Full,
    /// The host is leaving the machine.
    Leaving,
    /// It knows nothing of a hart that was to come.
    Unasked,
    /// It cannot make sense of the hart's state.
    Unfit,
}
