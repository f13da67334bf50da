//! Who waits for TCP connections, and connections that are not made yet.
//!
//! A segment that asks for a connection makes a [`HalfOpen`]: small, bounded in number for a listener and for the
//! machine, and forgotten when nobody confirms it. What confirms it makes a connection of it in the same slot, and
//! that waits to be accepted. When as many wait as the listener asked for, further ones are not confirmed: the other
//! side tries again.

use std::collections::VecDeque;
use std::net::SocketAddr;

use ironloom_core::Instant;

use crate::frame::{Flags, Segment};
use crate::tcp::{Connection, Embryo, Ends, Reaction};
use crate::{Outbox, Readiness, SocketId};

use super::Stack;
use super::counters::DropReason;
use super::error::{BindError, SocketError};
use super::key::{Key, Kind};
use super::kinds::Socket;
use super::streams::{Holder, Stream};
use super::via::Via;

/// Somebody who waits for connections.
#[derive(Debug)]
pub(super) struct Listener {
    /// How many may be half open, and how many may wait.
    backlog: u32,
    /// How many are half open.
    half_open: u32,
    /// Those that wait to be accepted, in the order in which they were made.
    ready: VecDeque<SocketId>,
}

/// A connection that is not made yet.
#[derive(Debug)]
pub(super) struct HalfOpen {
    embryo: Embryo,
    listener: SocketId,
    via: Via,
}

impl Stack {
    /// Waits for connections. Port 0 stands for any free one, an unspecified address for all of them.
    ///
    /// Connections of an earlier listener on the same port, and what is left of them, do not matter.
    ///
    /// # Errors
    ///
    /// If another listener has the port, the address is not this machine's, or there are too many sockets.
    pub fn listen(&mut self, owner: u64, local: SocketAddr, backlog: u32) -> Result<SocketId, BindError> {
        self.check_local(local.ip())?;
        let local = match local.port() {
            0 => SocketAddr::new(local.ip(), self.free_port(Kind::Tcp, local.ip(), None)?),
            _ if self.is_taken(Kind::Tcp, local) => return Err(BindError::InUse { address: local }),
            _ => local,
        };
        let backlog = backlog.clamp(1, self.egress.config.backlog_connections_max.max(1));
        let listener = Listener { backlog, half_open: 0, ready: VecDeque::new() };
        self.add(Key::open(Kind::Tcp, local), owner, Socket::Listener(Box::new(listener)))
    }

    /// As [`listen`](Self::listen), but only if no connection of the port is left: what `SO_REUSEADDR` is for.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen), and if a connection of the port is left.
    pub fn listen_alone(
        &mut self,
        owner: u64,
        local: SocketAddr,
        backlog: u32,
    ) -> Result<SocketId, BindError> {
        let is_left = |key: &Key| {
            let overlaps = local.ip().is_unspecified() || key.local().ip() == local.ip();
            key.kind() == Kind::Tcp && key.local_port() == local.port() && overlaps
        };
        if local.port() != 0 && self.sockets.iter().any(|(_, slot)| is_left(&slot.key)) {
            return Err(BindError::InUse { address: local });
        }
        self.listen(owner, local, backlog)
    }

    /// The next connection that somebody made to a listener, and who that was. It belongs to process `owner`.
    ///
    /// What can be done with it is told then.
    ///
    /// # Errors
    ///
    /// If it is no listener.
    pub fn accept(
        &mut self,
        owner: u64,
        listener: SocketId,
        out: &mut Outbox,
    ) -> Result<Option<(SocketId, SocketAddr)>, SocketError> {
        let index = self.index_of(listener)?;
        let Socket::Listener(waiting) = &mut self.sockets.slot_mut(index).socket else {
            return Err(SocketError::WrongKind { socket: listener });
        };
        let Some(socket) = waiting.ready.pop_front() else { return Ok(None) };
        let slot = self.sockets.slot_mut(socket.index);
        slot.owner = owner;
        let remote = slot.key.remote();
        if let Socket::Stream(stream) = &mut slot.socket {
            let readiness = stream.accept();
            if !readiness.is_none() {
                out.tell(socket, readiness);
            }
        }
        Ok(Some((socket, remote)))
    }

    /// Closes a listener: what nobody accepted is broken off, and what is half open comes to nothing.
    pub(super) fn close_listener(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        let Socket::Listener(listener) = self.sockets.remove(index) else { return };
        for socket in listener.ready {
            self.abort_stream(now, socket.index, out);
        }
    }

    /// The listener for connections to an end of this machine.
    fn listener_for(&self, local: SocketAddr) -> Option<u32> {
        let exact = self.sockets.find(&Key::open(Kind::Tcp, local));
        exact.or_else(|| self.sockets.find(&Key::anywhere(Kind::Tcp, local.port())))
    }

    /// Takes a segment that belongs to no connection. `after` is the last number of an earlier connection of its ends.
    pub(super) fn take_first(
        &mut self,
        now: Instant,
        key: Key,
        segment: &Segment,
        after: Option<u32>,
        out: &mut Outbox,
    ) {
        let is_first = segment.flags.contains(Flags::SYN)
            && !segment.flags.contains(Flags::ACK)
            && !segment.flags.contains(Flags::RST);
        let listener = if is_first { self.listener_for(key.local()) } else { None };
        let Some(listener) = listener else {
            self.egress.counters.count(DropReason::NoConnection);
            return self.refuse_segment(now, &key, segment, out);
        };
        if let Err(reason) = self.has_room_for(listener) {
            return self.egress.counters.count(reason);
        }
        let (via, ends) = (self.via(key.remote().ip()), Ends { local: key.local(), remote: key.remote() });
        let initial = self.initial(now, &key, after);
        let embryo = Embryo::new(now, self.tcp_config(via), ends, segment, initial);
        let answer = embryo.syn_ack(now, self.tcp_config(via));
        let deadline = embryo.deadline();
        let half_open = HalfOpen { embryo, listener: self.sockets.id(listener), via };
        let owner = self.sockets.slot(listener).owner;
        if let Ok(socket) = self.add(key, owner, Socket::HalfOpen(Box::new(half_open))) {
            self.sockets.arm(socket.index, Some(deadline));
            self.count_half_open(listener, 1);
            self.send_segment(now, &key, answer, out);
        }
    }

    /// Whether a listener may have one more connection that is half open.
    fn has_room_for(&self, listener: u32) -> Result<(), DropReason> {
        let Socket::Listener(waiting) = &self.sockets.slot(listener).socket else {
            return Err(DropReason::NoConnection);
        };
        let config = &self.egress.config;
        let half_open = self.egress.rare.as_ref().map_or(0, |rare| rare.half_open);
        if waiting.ready.len() >= waiting.backlog as usize {
            Err(DropReason::Backlog)
        } else if waiting.half_open >= waiting.backlog || half_open >= config.half_open_max {
            Err(DropReason::HalfOpen)
        } else if self.sockets.live() >= config.sockets_max {
            Err(DropReason::Sockets)
        } else if self.room() == 0 {
            Err(DropReason::Memory)
        } else {
            Ok(())
        }
    }

    fn count_half_open(&mut self, listener: u32, difference: i32) {
        let rare = self.egress.rare();
        rare.half_open = rare.half_open.saturating_add_signed(difference);
        if let Socket::Listener(waiting) = &mut self.sockets.slot_mut(listener).socket {
            waiting.half_open = waiting.half_open.saturating_add_signed(difference);
        }
    }

    /// Takes a segment for a connection that is half open.
    pub(super) fn take_half_open(&mut self, now: Instant, index: u32, segment: Segment, out: &mut Outbox) {
        let slot = self.sockets.slot(index);
        let Socket::HalfOpen(half_open) = &slot.socket else { return };
        let (key, via) = (slot.key, half_open.via);
        match half_open.embryo.handle(&segment) {
            Reaction::Complete => self.complete(now, index, segment, out),
            Reaction::Reset => self.forget_half_open(index),
            Reaction::Again => {
                let answer = half_open.embryo.syn_ack(now, self.tcp_config(via));
                self.send_segment(now, &key, answer, out);
            }
            Reaction::Refuse => self.refuse_segment(now, &key, &segment, out),
            Reaction::Ignore => {}
        }
    }

    /// Makes a connection of one that was half open, if its listener has room.
    fn complete(&mut self, now: Instant, index: u32, segment: Segment, out: &mut Outbox) {
        let slot = self.sockets.slot(index);
        let (key, Socket::HalfOpen(half_open)) = (slot.key, &slot.socket) else { return };
        let (listener, via) = (half_open.listener, half_open.via);
        let Some(listener) = self.sockets.index_of(listener) else {
            self.forget_half_open(index);
            return self.refuse_segment(now, &key, &segment, out);
        };
        let Socket::Listener(waiting) = &self.sockets.slot(listener).socket else { return };
        if waiting.ready.len() >= waiting.backlog as usize {
            return self.egress.counters.count(DropReason::Backlog);
        }
        let connection = Connection::from_embryo(now, self.tcp_config(via), &half_open.embryo, segment);
        let stream = Stream::new(connection, Holder::Listener, via);
        self.sockets.slot_mut(index).socket = Socket::Stream(Box::new(stream));
        self.count_half_open(listener, -1);
        let socket = self.sockets.id(index);
        if let Socket::Listener(waiting) = &mut self.sockets.slot_mut(listener).socket {
            waiting.ready.push_back(socket);
        }
        out.tell(self.sockets.id(listener), Readiness::READABLE);
        self.drive(now, index, out);
    }

    /// Forgets a connection, if it is half open.
    pub(super) fn forget_half_open(&mut self, index: u32) {
        let Socket::HalfOpen(half_open) = &self.sockets.slot(index).socket else { return };
        let listener = half_open.listener;
        self.sockets.remove(index);
        match self.sockets.index_of(listener) {
            Some(listener) => self.count_half_open(listener, -1),
            None => self.egress.rare().half_open = self.egress.rare().half_open.saturating_sub(1),
        }
    }

    /// Answers again, or gives up on who does not confirm.
    pub(super) fn expire_half_open(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        let slot = self.sockets.slot_mut(index);
        let key = slot.key;
        let Socket::HalfOpen(half_open) = &mut slot.socket else { return };
        let listener = half_open.listener;
        let config = self.egress.tcp_config(half_open.via);
        let reaction = half_open.embryo.expire(now, config);
        let (deadline, answer) = (half_open.embryo.deadline(), half_open.embryo.syn_ack(now, config));
        if reaction == Reaction::Reset || self.sockets.index_of(listener).is_none() {
            return self.forget_half_open(index);
        }
        self.sockets.arm(index, Some(deadline));
        if reaction == Reaction::Again {
            self.send_segment(now, &key, answer, out);
        }
    }
}
