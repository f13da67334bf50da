//! Carry packets between machines.
//!
//! Being built: frames and the contract of nodes are here, the nodes come next.
//! `docs/architecture.md` says what will live here.

#![deny(unsafe_code)]

pub mod dhcp;
pub mod dns;
pub mod frame;

mod mac;
mod node;
mod stack;

pub use frame::{Frame, Packet, Payload};
pub use mac::{Mac, MacParseError};
pub use node::{Node, Outbox, Port};
pub use stack::{Readiness, SocketId};

/// Networks as an address and a length.
pub use ipnet;
