//! [`Stack`](crate): a machine's sockets. Only the names of sockets are here yet.

mod socket;

pub use socket::{Readiness, SocketId};
