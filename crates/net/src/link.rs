//! Links: how long a frame takes from one end to the other, and what may happen to it on its way.
//!
//! A link is two *lanes*, one for each way, each with a [`LinkProfile`] of its own.
//! A lane keeps no queue: when it is free again is a number, and a frame that is offered to it is told at once when it
//! will arrive. All chance comes from the seed, the lane, the kind of fault and how many frames were offered before;
//! so to turn one kind of fault off changes nothing in what the others do.

mod chance;
mod counters;
mod lane;
mod line;
mod plan;
mod profile;
mod wire;

pub(crate) use chance::Chance;
pub use counters::{DropReason, LaneCounters};
pub(crate) use lane::{Arrival, Lane, Target};
pub(crate) use line::Line;
pub use plan::Plan;
pub use profile::{LinkProfile, Loss, ProfileError};

#[cfg(test)]
mod tests;
