//! Carry packets between machines.
//!
//! Being built: frames and the contract of nodes are here, the nodes come next.
//! `docs/architecture.md` says what will live here.

#![deny(unsafe_code)]

#[cfg(any(feature = "tap", feature = "publish"))]
pub mod door;
pub mod fabric;
pub mod frame;
pub mod http;
pub mod link;
pub mod neighbours;
pub mod stack;
pub mod switch;

mod mac;
mod node;

pub use fabric::Fabric;
pub use frame::{Frame, Packet, Payload};
pub use mac::{Mac, MacParseError};
pub use node::{Node, Outbox, Port};
pub use stack::{Host, Interface, Readiness, Service, SocketId, Stack};

/// Networks as an address and a length.
pub use ipnet;
