//! [`Capture`]: frames written down for Wireshark; [`Recorder`]: a capture of ports and links of a fabric;
//! [`FlowLog`]: who talked to whom, how much, and how it ended.
//!
//! All look on and change nothing. A capture is a pcapng file: one interface for each place where somebody looks,
//! times in nanoseconds of virtual time (the run began in 1970), frames as they are on a wire, that is with right
//! checksums and cut to the interface's MTU, and why a frame was dropped as its comment.

mod file;
mod filter;
mod flow;
mod flow_log;
mod flow_metrics;
mod recorder;
mod table;

#[cfg(test)]
mod tests;

pub use file::{Capture, CaptureConfig, CaptureCounts, CaptureError, Interface, InterfaceId};
pub use filter::{Filter, FilterError};
pub use flow::{Flow, FlowEnd, Tally};
pub use flow_log::{FlowLog, FlowLogConfig};
pub use recorder::{RecordError, Recorder};
