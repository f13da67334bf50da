//! [`Capture`]: frames written down for Wireshark; [`FlowLog`]: who talked to whom, how much, and how it ended.
//!
//! Both look on and change nothing. A capture is a pcapng file: one interface for each place where somebody looks,
//! times in nanoseconds of virtual time (the run began in 1970), frames as they are on a wire, that is with right
//! checksums and cut to the interface's MTU, and why a frame was dropped as its comment.

mod file;
mod filter;
mod flow;
mod flow_log;
mod table;

#[cfg(test)]
mod tests;

pub use file::{Capture, CaptureConfig, CaptureCounts, CaptureError, Interface, InterfaceId};
pub use filter::{Filter, FilterError};
pub use flow::{Flow, FlowEnd, Tally};
pub use flow_log::{FlowLog, FlowLogConfig};
