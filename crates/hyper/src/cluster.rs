//! The hosts of one machine: who they are, how they speak, who is among them, and where harts live.

pub mod harts;
mod host;
pub mod placement;

pub use host::{Epoch, HOSTS_MAX, HostId, HostSet};
