//! What can go wrong with sockets.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::SocketId;
use crate::frame::Unreachable;

/// An address or a port was not given to a socket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another socket has it.
    #[error("{address} is in use: close the socket that has it, or take another port")]
    InUse {
        /// What was asked for.
        address: SocketAddr,
    },
    /// It is not an address of this machine.
    #[error("{address} is not an address of this machine")]
    NotOurs {
        /// What was asked for.
        address: IpAddr,
    },
    /// No port was free, as far as was looked.
    #[error("none of {tried} ports was free: close sockets, or wait until ended connections are forgotten")]
    NoPort {
        /// How many were looked at.
        tried: u16,
    },
    /// The machine's sockets keep too many bytes for one more.
    #[error("sockets keep nearly {limit} bytes, which is as many as they may: close some")]
    NoMemory {
        /// How many they may keep.
        limit: usize,
    },
    /// The machine has as many sockets as it may have.
    #[error("the machine has {limit} sockets, which is as many as it may have")]
    TooManySockets {
        /// How many it may have.
        limit: u32,
    },
}

/// A connection was not begun.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The end on this side was not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No route leads there.
    #[error("no route leads to {address}")]
    NoRoute {
        /// Where.
        address: IpAddr,
    },
    /// It stands for nobody or for many.
    #[error("{address} is not something to connect to")]
    NotSingle {
        /// What was asked for.
        address: SocketAddr,
    },
}

/// Something cannot be done with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// It was closed, or never was.
    #[error("there is no {socket}")]
    NoSuchSocket {
        /// What was asked for.
        socket: SocketId,
    },
    /// It is of another kind.
    #[error("{socket} cannot do that: it is of another kind")]
    WrongKind {
        /// What was asked for.
        socket: SocketId,
    },
    /// The other side refused the connection.
    #[error("the other side refused the connection")]
    Refused,
    /// The other side broke the connection off.
    #[error("the other side broke the connection off")]
    Reset,
    /// The other side said nothing for too long.
    #[error("the other side said nothing for too long")]
    TimedOut,
    /// A packet could not be delivered.
    #[error("a packet could not be delivered: {reason:?}")]
    Unreachable {
        /// Why not.
        reason: Unreachable,
    },
    /// This side has finished sending.
    #[error("this side has finished sending")]
    Finished,
    /// It has no other side yet.
    #[error("it is not connected")]
    NotConnected,
    /// It is larger than a packet can be.
    #[error("{bytes} bytes do not fit into a packet: send at most {limit}")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// No route leads there.
    #[error("no route leads to {address}")]
    NoRoute {
        /// Where.
        address: IpAddr,
    },
    /// It is not a packet.
    #[error("it is not a packet that can be sent")]
    Malformed,
    /// Too much waits to be sent already.
    #[error("too much waits to be sent: send again later")]
    Busy,
}
