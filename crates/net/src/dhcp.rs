//! Addresses for machines that ask: a server and a client of DHCP (RFC 2131), for IPv4.
//!
//! Both take the time and bytes and give bytes back; what runs on a machine is a thin
//! [`Service`](crate::Service) around them. The frame of a message is `smoltcp::wire`'s. Its options are read and
//! written here, because a server needs more of them than `smoltcp`'s client does: identifiers of any length, several
//! routers, names.
//!
//! | to … | use |
//! |---|---|
//! | hand out addresses | [`Server`] with a [`Pool`] |
//! | ask for one | [`Client`] |
//! | run either on a machine | [`ServerService`], [`ClientService`] |
//! | look into a message | [`Message`] |

mod client;
mod message;
mod pool;
mod server;
mod service;

pub use client::{Bound, Client, ClientConfig, ClientOutput};
pub use message::{Message, MessageError, MessageKind, Options};
pub use pool::{Pool, RangePool};
pub use server::{Lease, LeaseState, Reservation, Server, ServerConfig, ServerCounters};
pub use service::{ClientService, ServerService};

/// The port on which servers, and relays, hear.
pub const SERVER_PORT: u16 = smoltcp::wire::DHCP_SERVER_PORT;

/// The port on which clients hear.
pub const CLIENT_PORT: u16 = smoltcp::wire::DHCP_CLIENT_PORT;
