//! ICMP echo: questions are answered, and sockets may ask them.

use std::net::IpAddr;

use ironloom_core::Instant;

use crate::frame::{self, Icmp, Transport, Unreachable};
use crate::{Outbox, Packet, Payload, Readiness, SocketId};

use super::Stack;
use super::counters::DropReason;
use super::error::{BindError, SocketError};
use super::key::{Key, Kind};
use super::kinds::{Echo, Mailbox, Socket};

/// What came back after a question whether somebody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who said it: who was asked, or a router on the way.
    pub from: IpAddr,
    /// Which question it is about.
    pub sequence: u16,
    /// What was said.
    pub what: Answer,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Here I am, and this came with the question.
    Here {
        /// What came with the question.
        payload: Payload,
        /// How many more routers the answer might have passed.
        hops: u8,
    },
    /// The question could not be delivered.
    Unreachable(Unreachable),
    /// The question passed as many routers as it might.
    TimeExceeded,
    /// The question was too large for a link of this size.
    TooBig(u16),
}

impl Stack {
    /// Opens a socket that asks others whether they are there.
    ///
    /// # Errors
    ///
    /// If there are as many sockets as there may be.
    pub fn open_echo(&mut self, owner: u64) -> Result<SocketId, BindError> {
        let start = self.egress.secret.number(4) as u16;
        let tries = self.egress.config.ephemeral_tries_max;
        let counter = self.egress.rare().next_port();
        let candidates = (0..u32::from(tries)).map(|step| start.wrapping_add((counter + step) as u16));
        let mut keys = candidates.map(|identifier| Key::anywhere(Kind::Echo, identifier));
        let key =
            keys.find(|key| self.sockets.find(key).is_none()).ok_or(BindError::NoPort { tried: tries })?;
        let echo = Echo { mailbox: Mailbox::new(), hops: self.egress.config.hops };
        self.add(key, owner, Socket::Echo(Box::new(echo)))
    }

    /// Asks another machine whether it is there.
    ///
    /// # Errors
    ///
    /// If it is no echo socket, the payload is too long, or no route leads there.
    pub fn send_echo(
        &mut self,
        now: Instant,
        socket: SocketId,
        to: IpAddr,
        sequence: u16,
        payload: Payload,
        out: &mut Outbox,
    ) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        let slot = self.sockets.slot(index);
        let Socket::Echo(echo) = &slot.socket else { return Err(SocketError::WrongKind { socket }) };
        let (identifier, hops, limit) = (slot.key.local_port(), echo.hops, 65_507);
        if payload.len() > limit {
            return Err(SocketError::TooLong { bytes: payload.len(), limit });
        }
        let source = self.egress.source_for(to).ok_or(SocketError::NoRoute { address: to })?;
        let question = Icmp::EchoRequest(frame::Echo { identifier, sequence, payload });
        let packet = self.packet(source, to, hops, Transport::Icmp(question));
        self.egress.send(now, packet, out).map_err(|_| SocketError::NoRoute { address: to })
    }

    /// What came back, if anything did.
    ///
    /// # Errors
    ///
    /// If it is no echo socket.
    pub fn receive_echo(&mut self, socket: SocketId) -> Result<Option<Heard>, SocketError> {
        let index = self.index_of(socket)?;
        let Socket::Echo(echo) = &mut self.sockets.slot_mut(index).socket else {
            return Err(SocketError::WrongKind { socket });
        };
        let heard = echo.mailbox.pop();
        let bytes = echo.mailbox.bytes();
        self.sockets.charge(index, bytes);
        Ok(heard)
    }

    /// Answers a question.
    pub(super) fn answer_echo(
        &mut self,
        now: Instant,
        (source, target): (IpAddr, IpAddr),
        question: frame::Echo,
        out: &mut Outbox,
    ) {
        let hops = self.egress.config.hops;
        let packet = self.packet(target, source, hops, Transport::Icmp(Icmp::EchoReply(question)));
        let _ = self.egress.send(now, packet, out);
    }

    /// Hands what was heard to the socket with an identifier.
    pub(super) fn hear_echo(&mut self, identifier: u16, heard: Heard, out: &mut Outbox) {
        let Some(index) = self.sockets.find(&Key::anywhere(Kind::Echo, identifier)) else {
            self.egress.counters.count(DropReason::NoSocket);
            return;
        };
        let bytes = if let Answer::Here { payload, .. } = &heard.what { payload.len() } else { 0 };
        let room = self.room();
        let config = &self.egress.config;
        let Socket::Echo(echo) = &mut self.sockets.slot_mut(index).socket else { return };
        if room < bytes || !echo.mailbox.has_room(bytes, config.queue_bytes_max, config.queue_datagrams_max) {
            self.egress.counters.count(DropReason::QueueFull);
            return;
        }
        echo.mailbox.push(heard, bytes);
        let bytes = echo.mailbox.bytes();
        self.sockets.charge(index, bytes);
        out.tell(self.sockets.id(index), Readiness::READABLE);
    }

    /// A packet from this machine.
    pub(super) fn packet(
        &mut self,
        source: IpAddr,
        target: IpAddr,
        hops: u8,
        transport: Transport,
    ) -> Packet {
        let identification = self.egress.identification();
        Packet { source, target, hops, service: 0, identification, may_fragment: true, transport }
    }
}
