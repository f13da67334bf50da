//! The hosts of one machine: who they are, how they speak, who is among them, and where harts live.

pub mod detector;
pub mod link;
pub mod members;
pub mod tcp;

mod host;

pub use host::{Epoch, HOSTS_MAX, HostId, HostSet};
