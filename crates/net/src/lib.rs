//! Carry packets between machines.
//!
//! A network of Ethernet frames in which hundreds of thousands of machines have their place: a function of its seed and
//! its inputs, without a clock, a thread or a socket of the host.
//!
//! | to … | use |
//! |---|---|
//! | build a network and let time go by | [`Fabric`] |
//! | say what a link is like | [`link`] |
//! | give a program sockets | [`Host`], [`Service`], [`Stack`] |
//! | pass packets between networks | [`router`] |
//! | answer names, hand out addresses | [`dns`], [`dhcp`] |
//! | speak HTTP/1.1 | [`http`] |
//! | see what is said | [`capture`] |
//! | read and write the bytes of a frame | [`Frame`] |
//!
//! `docs/net.md` tells the life of a packet.

#![deny(unsafe_code)]

pub mod capture;
pub mod dhcp;
pub mod dns;
#[cfg(any(feature = "tap", feature = "publish"))]
pub mod door;
pub mod fabric;
pub mod frame;
pub mod http;
pub mod link;
pub mod neighbours;
pub mod router;
pub mod stack;
pub mod switch;
pub mod tcp;
pub mod topology;

mod mac;
mod node;
mod raw;
mod subnet;

pub use fabric::Fabric;
pub use frame::{Frame, Malformed, Packet, Payload};
pub use mac::{Mac, MacParseError};
pub use node::{Node, Outbox, Port};
pub use stack::{Host, Interface, Readiness, Service, SocketId, Stack};
pub use subnet::{Subnet, SubnetError};

/// Networks as an address and a length.
pub use ipnet;
