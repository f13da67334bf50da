//! [`Links`]: carries messages between hosts over TCP.
//!
//! Every link has a thread that blocks in reading and hands each message to the handler at once, because a page that a
//! hart waits for must not wait for a second thread to wake. Whoever sends writes to the socket itself; only what the
//! socket does not take is left to the link's second thread.
//!
//! A message is delivered once or not at all: what was on its way when a link was lost is lost with it. Who dialled a
//! link dials it again. When both sides dial at once, the link stays that the host with the lower number dialled.

mod accept;
mod config;
mod counts;
mod dial;
mod handshake;
mod link;
mod links;
mod outgoing;
mod peers;
mod shared;
mod socket;
mod table;

#[cfg(test)]
mod tests;

pub use config::LinksConfig;
pub use counts::LinkCounts;
pub use links::Links;
pub use peers::{Event, Peers};
