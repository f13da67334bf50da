//! [`Socket`]: what a slot of the table holds, by kind.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::Payload;

use super::echo::Heard;
use super::ended::Ended;
use super::error::SocketError;
use super::listeners::{HalfOpen, Listener};
use super::streams::Stream;

/// What a slot of the table holds. What it needs is in a box of its own, so that slots are small.
#[derive(Debug)]
pub(super) enum Socket {
    /// Nothing; the number of the next free slot.
    Free(u32),
    /// Somebody who waits for connections.
    Listener(Box<Listener>),
    /// A connection that is not made yet, which another machine began.
    HalfOpen(Box<HalfOpen>),
    /// A connection.
    Stream(Box<Stream>),
    /// What is left of a connection while late packets may come.
    Ended(Box<Ended>),
    /// UDP.
    Datagrams(Box<Datagrams>),
    /// ICMP echo.
    Echo(Box<Echo>),
    /// All packets of a protocol, or all frames; what it heard is kept where frames pass.
    Raw,
}

impl Socket {
    pub(super) fn is_free(&self) -> bool {
        matches!(self, Self::Free(_))
    }

    /// Whether a program has it: what was closed, or was never accepted, lives on without one.
    pub(super) fn is_held(&self) -> bool {
        match self {
            Self::Free(_) | Self::HalfOpen(_) | Self::Ended(_) => false,
            Self::Stream(stream) => stream.is_held(),
            _ => true,
        }
    }
}

/// What waits to be received, bounded in number and in bytes.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    items: VecDeque<(T, u32)>,
    bytes: usize,
}

/// What an item costs besides its bytes.
const ITEM_BYTES: usize = 64;

impl<T> Mailbox<T> {
    pub(super) fn new() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }

    /// Whether one more of so many bytes fits.
    pub(super) fn has_room(&self, bytes: usize, bytes_max: usize, items_max: usize) -> bool {
        self.items.len() < items_max && self.bytes + ITEM_BYTES + bytes <= bytes_max
    }

    pub(super) fn push(&mut self, item: T, bytes: usize) {
        self.bytes += ITEM_BYTES + bytes;
        self.items.push_back((item, bytes as u32));
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= ITEM_BYTES + bytes as usize;
        Some(item)
    }

    /// How many items it keeps.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A UDP socket.
#[derive(Debug)]
pub(super) struct Datagrams {
    pub(super) mailbox: Mailbox<(Payload, SocketAddr)>,
    /// What an ICMP message said, until somebody asks.
    pub(super) error: Option<SocketError>,
    /// How many routers its datagrams may pass.
    pub(super) hops: u8,
}

/// An ICMP echo socket.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) mailbox: Mailbox<Heard>,
    /// How many routers its questions may pass.
    pub(super) hops: u8,
}
