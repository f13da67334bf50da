//! Doors: what of the host leads in, who may come, and who is told of it.
//!
//! A [`Listener`] says where connections come in and where they lead: to a port of a machine, to a process of its own for
//! each, or to a service in Rust. A [`Node`](crate::Node) has a table of them: it [listens](crate::Node::listen),
//! [says](crate::Node::listeners) what came, and [drains](crate::Node::drain).

mod access;
mod admission;
mod command;
mod entrance;
mod error;
mod guest;
mod listener;
mod passage;
mod place;
mod stage;
mod table;

pub use access::{Access, AccessLog, Recent};
pub use admission::{Admission, Turned};
pub use error::ListenError;
pub use listener::{ListenAt, Listener};
pub use stage::Draining;
pub use table::{ListenerCounts, ListenerInfo};

pub(crate) use admission::Gate;
pub(crate) use place::Place;
pub(crate) use table::{Begun, Doors};
