//! [`Record`]: what one host knows about one hart.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::{Duration, Instant};

use super::outbox::Outbox;
use super::timer::Timer;
use crate::cluster::{HostId, HostSet};

/// The number of the last letter of each host that a hart was handed. It moves with the hart.
pub(super) type Seen = BTreeMap<HostId, u64>;

/// Terms and the numbers of letters stay below this, so that the next one exists.
pub(super) const NUMBERS_MAX: u64 = 1 << 62;

/// Where a hart lives, and by which term it came there. Of two places the one of the higher term is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) host: HostId,
    pub(super) term: u64,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct Record<L> {
    /// Where the hart lives, as far as is known here.
    pub(super) place: Place,
    /// The last term that this host proposed for it.
    pub(super) tried: u64,
    pub(super) role: Role,
    pub(super) outbox: Outbox<L>,
    /// Letters that wait here because the hart is between two hosts.
    pub(super) held: VecDeque<Held<L>>,
    /// Hosts that did not take it when this host was leaving.
    pub(super) refused_by: HostSet,
}

/// Letters of one host, as they came.
#[derive(Debug, Clone, Hash)]
pub(super) struct Held<L> {
    pub(super) sender: HostId,
    pub(super) term: u64,
    pub(super) first: u64,
    pub(super) letters: Vec<L>,
}

impl<L> Held<L> {
    /// Whether all of the others are among these.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.sender == other.sender && self.first <= other.first && self.end() >= other.end()
    }

    const fn end(&self) -> u64 {
        self.first + self.letters.len() as u64
    }
}

/// What this host is to a hart.
#[derive(Debug, Clone, Hash)]
pub(super) enum Role {
    /// Nothing.
    Away,
    /// The hart runs here, and perhaps another host was asked to take it.
    Here { seen: Seen, journey: Option<Journey> },
    /// The hart lives here and stands still, or is about to. Without a journey it runs on as soon as its state is told.
    Frozen { seen: Seen, journey: Option<Journey>, since: Instant, state: Option<Vec<u8>> },
    /// The hart was given to the host of its place, which may not know it yet.
    Giving { since: Instant, timer: Timer },
    /// There is a slot for the hart.
    Reserved { from: HostId, term: u64, timer: Timer },
    /// The hart's state is here, and may not run yet.
    Accepted { from: HostId, term: u64, seen: Seen, state: Vec<u8>, timer: Timer },
}

/// An attempt to move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Journey {
    pub(super) to: HostId,
    pub(super) term: u64,
    pub(super) timer: Timer,
    /// When it is given up.
    pub(super) deadline: Instant,
}

impl Journey {
    pub(super) fn wait(&mut self, now: Instant, span: Duration) {
        self.deadline = now.saturating_add(span);
    }

    fn due(&self) -> Instant {
        self.timer.due().min(self.deadline)
    }
}

impl Role {
    /// Whether the hart lives here.
    pub(super) const fn is_home(&self) -> bool {
        matches!(self, Self::Here { .. } | Self::Frozen { .. })
    }

    /// Whether it takes one of the places for harts.
    pub(super) const fn takes_slot(&self) -> bool {
        !matches!(self, Self::Away | Self::Giving { .. })
    }

    /// The attempt to move the hart away from here, if it is this one.
    pub(super) fn journey(&mut self) -> Option<&mut Journey> {
        match self {
            Self::Here { journey, .. } | Self::Frozen { journey, .. } => journey.as_mut(),
            _ => None,
        }
    }

    /// What the hart has seen, if that is known here.
    pub(super) const fn seen(&mut self) -> Option<&mut Seen> {
        match self {
            Self::Here { seen, .. } | Self::Frozen { seen, .. } | Self::Accepted { seen, .. } => Some(seen),
            _ => None,
        }
    }

    /// Who was to give the hart to this host, and by which term.
    pub(super) const fn arrival(&self) -> Option<(HostId, u64)> {
        match self {
            Self::Reserved { from, term, .. } | Self::Accepted { from, term, .. } => Some((*from, *term)),
            _ => None,
        }
    }

    pub(super) const fn timer(&mut self) -> Option<&mut Timer> {
        match self {
            Self::Away | Self::Frozen { state: None, .. } => None,
            Self::Here { journey, .. } | Self::Frozen { journey, .. } => match journey {
                Some(journey) => Some(&mut journey.timer),
                None => None,
            },
            Self::Giving { timer, .. } | Self::Reserved { timer, .. } | Self::Accepted { timer, .. } => {
                Some(timer)
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        match self {
            Self::Away | Self::Frozen { state: None, .. } => None,
            Self::Here { journey, .. } | Self::Frozen { journey, .. } => journey.as_ref().map(Journey::due),
            Self::Giving { timer, .. } | Self::Reserved { timer, .. } | Self::Accepted { timer, .. } => {
                Some(timer.due())
            }
        }
    }
}

impl<L: Clone> Record<L> {
    pub(super) const fn new(place: Place, role: Role) -> Self {
        Self {
            place,
            tried: 0,
            role,
            outbox: Outbox::new(),
            held: VecDeque::new(),
            refused_by: HostSet::EMPTY,
        }
    }

    /// When something of it is due.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.role.due(), self.outbox.due()].into_iter().flatten().min()
    }
}
