//! [`Node`]: what a fabric is made of, and [`Outbox`]: what nodes give back.

use std::collections::VecDeque;

use ironloom_core::{Instant, local_id};

use crate::{Frame, Readiness, SocketId};

local_id! {
    /// A node's n-th port: where a link ends.
    pub struct Port(u16) = "port";
}

/// Something with ports: a machine's stack, a switch, a router.
///
/// A node reads no clock and keeps no queue of what it sends: it is told the time, and puts what it has to say into the
/// [`Outbox`] of whoever called.
pub trait Node {
    /// Takes a frame that arrived at a port.
    fn handle(&mut self, now: Instant, port: Port, frame: Frame, out: &mut Outbox);

    /// Does what is due at `now`. It may be called early: then nothing happens.
    fn expire(&mut self, now: Instant, out: &mut Outbox);

    /// When [`expire`](Self::expire) is to be called next, if nothing else happens before.
    fn next_event(&self) -> Option<Instant>;
}

/// What nodes give back: frames to be sent, and sockets and timers of which somebody should hear.
///
/// Whoever calls a node empties the outbox before the next call.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<(Port, Frame)>,
    notices: VecDeque<(SocketId, Readiness)>,
    timers: VecDeque<u64>,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a frame through a port.
    #[inline]
    pub fn send(&mut self, port: Port, frame: Frame) {
        self.frames.push_back((port, frame));
    }

    /// Tells that something can be done with a socket that could not be done before.
    #[inline]
    pub fn tell(&mut self, socket: SocketId, readiness: Readiness) {
        self.notices.push_back((socket, readiness));
    }

    /// The next frame to be sent, in the order in which they were.
    #[inline]
    pub fn next_frame(&mut self) -> Option<(Port, Frame)> {
        self.frames.pop_front()
    }

    /// The next socket of which somebody should hear.
    #[inline]
    pub fn next_notice(&mut self) -> Option<(SocketId, Readiness)> {
        self.notices.pop_front()
    }

    /// Tells that a timer is due.
    #[inline]
    pub fn ring(&mut self, token: u64) {
        self.timers.push_back(token);
    }

    /// The next timer of which somebody should hear.
    #[inline]
    pub fn next_timer(&mut self) -> Option<u64> {
        self.timers.pop_front()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.notices.is_empty() && self.timers.is_empty()
    }
}
