//! What others make of the same.

pub(crate) mod linux;
pub(crate) mod smoltcp;

pub(crate) const SMOLTCP: &str = "smoltcp";
pub(crate) const LINUX: &str = "linux loopback";
