//! [`Placement`]: whether a page comes to a hart, or the hart goes to the page.
//!
//! Each host asks its own policy about the faults of the harts that live there, and tells it now and then to balance
//! load. What a policy sees are plain values and what it says is one, so that it can be tested alone, stored with its
//! inputs by [`Logged`], and learned.

mod baselines;
mod cost_model;
mod count;
mod logged;
mod streams;
mod view;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Instant;

use super::HostId;
use super::harts::HartId;

pub use baselines::{AlwaysMove, Fixed, JumpAfter};
pub use cost_model::{CostModel, CostModelConfig};
pub use logged::{Logged, LoggedDecision};
pub use streams::{GROUP_PAGES, GROUPS_MAX};
pub use view::{Access, Costs, Fault, HartView, HostView, View};

/// Says where harts and pages are to be.
pub trait Placement {
    /// What is to be done about a fault of a hart of this host.
    fn decide(&mut self, now: Instant, fault: &Fault, view: &View) -> Decision;

    /// Which harts of this host are to go where, whatever their faults.
    fn balance(&mut self, now: Instant, view: &View) -> Vec<(HartId, HostId)> {
        let _ = (now, view);
        Vec::new()
    }

    /// A hart leaves this host; what is known of it goes along.
    fn departs(&mut self, now: Instant, hart: HartId) -> Past {
        let _ = (now, hart);
        Past::default()
    }

    /// A hart has come to this host.
    fn arrives(&mut self, now: Instant, hart: HartId, past: Past) {
        let _ = (now, hart, past);
    }

    /// What the last decision was weighed by.
    fn weighing(&self) -> Option<Weighing> {
        None
    }
}

/// What is done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Decision {
    /// The page comes here, and nobody else holds it.
    MovePage,
    /// A copy of the page comes here.
    CopyPage,
    /// The hart goes there, and finds the page.
    MoveHart(HostId),
}

/// What is known of a hart that has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Past {
    /// How many faults it had lately where it was.
    pub faults: u32,
    /// How many of its moves did not help. It is to be more certain of the next one.
    pub regrets: u8,
}

/// What spoke for moving a hart, and what against, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Weighing {
    /// How many faults of the hart it lately had at the host where the page is.
    pub faults: u32,
    /// The time that those would take if they went on.
    pub benefit: u64,
    /// The time that moving would take, and that others would lose.
    pub cost: u64,
}

/// What is done about a fault if the hart stays.
const fn fetch(access: Access) -> Decision {
    match access {
        Access::Read => Decision::CopyPage,
        Access::Write => Decision::MovePage,
    }
}

#[cfg(test)]
mod tests;
