//! What runs on machines: servers on port 53, and what programs ask them with.
//!
//! [`Desk`](desk::Desk) takes questions and carries replies back, over UDP and TCP. [`Asking`](asking::Asking) carries
//! a resolver's questions to other servers. The services put them together.

mod asking;
mod authority;
mod client;
mod desk;
mod resolver;

pub use authority::AuthorityService;
pub use client::{Client, ClientConfig, LookupError, LookupId};
pub use desk::{DeskConfig, DeskCounters};
pub use resolver::ResolverService;

/// The port on which name servers listen.
pub const PORT: u16 = 53;

#[cfg(test)]
mod tests;
