//! Carry packets between machines.
//!
//! Being built: frames and the contract of nodes are here, the nodes come next.
//! `docs/architecture.md` says what will live here.

#![deny(unsafe_code)]

pub mod capture;
pub mod dhcp;
pub mod dns;
pub mod frame;
pub mod neighbours;
pub mod stack;
pub mod tcp;

mod mac;
mod node;

pub use frame::{Frame, Malformed, Packet, Payload};
pub use mac::{Mac, MacParseError};
pub use node::{Node, Outbox, Port};
pub use stack::{Host, Interface, Readiness, Service, SocketId, Stack};

/// Networks as an address and a length.
pub use ipnet;
