//! Carry packets between machines.
//!
//! Being built: frames and the contract of nodes are here, the nodes come next.
//! `docs/architecture.md` says what will live here.

#![deny(unsafe_code)]

pub mod capture;
pub mod fabric;
pub mod frame;
pub mod link;
pub mod neighbours;
pub mod router;
pub mod stack;
pub mod switch;
pub mod tcp;
pub mod topology;

mod mac;
mod node;
mod subnet;

pub use fabric::Fabric;
pub use frame::{Frame, Malformed, Packet, Payload};
pub use mac::{Mac, MacParseError};
pub use node::{Node, Outbox, Port};
pub use stack::{Host, Interface, Readiness, Service, SocketId, Stack};
pub use subnet::{Subnet, SubnetError};

/// Networks as an address and a length.
pub use ipnet;
