//! A TCP connection as a state machine: what a stack puts in its tables.
//!
//! Nothing here knows of addresses, packets or clocks. Segments go into `Connection::handle`, time into
//! `Connection::expire`, and what is to be sent comes out of `Connection::poll`, which is called until it has
//! nothing more after anything else was called. A listener keeps an `Embryo` for each connection that is being
//! opened, and what is left of one that ended well is a `TimeWait`.
//!
//! The standards behind it: the states and events of RFC 9293 with the defences of RFC 5961, windows and timestamps of
//! RFC 7323, selective acknowledgements (RFC 2018) and the recovery of RFC 6675 with a probe for lost tails (RFC 8985,
//! section 7), timeouts of RFC 6298, congestion control of RFC 5681 and RFC 9438.
//!
//! Nothing that the other side sends is believed without a look: every table, queue and loop has a limit in
//! [`Config`], and whatever does not fit is answered as the standards say, a few times a second.

mod assembler;
mod config;
mod congestion;
mod connection;
mod embryo;
mod error;
mod offer;
mod refusal;
mod rope;
mod rtt;
mod scoreboard;
mod sequence;
mod time_wait;

#[cfg(test)]
mod tests;

pub use config::{Config, Congestion, Keepalive};
pub(crate) use connection::{Connection, Ends, State};
pub(crate) use embryo::{Embryo, Reaction};
pub use error::Error;
pub(crate) use error::{ReceiveError, SendError};
pub(crate) use refusal::refusal;
use sequence::Sequence;
pub(crate) use time_wait::{Late, TimeWait};
