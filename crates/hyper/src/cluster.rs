//! The hosts of one machine: who they are, how they speak, who is among them, and where harts live.

pub mod detector;
pub mod harts;
pub mod link;
pub mod members;
pub mod placement;
pub mod tcp;

mod host;
mod traveller;

pub use host::{Epoch, HOSTS_MAX, HostId, HostSet};
pub use traveller::{TRAVELLER_BYTES_MAX, Traveller, TravellerError};
