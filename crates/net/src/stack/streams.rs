//! TCP connections: how programs use them, and how segments reach them.
//!
//! What a connection does is in [`tcp`](crate::tcp); here it is looked up, driven, charged for, and turned into what is
//! left of it ([`ended`](super::ended)). Every call to a connection ends in [`drive`](Stack::drive): what it wants to
//! send is sent, who waits is told, its deadline is set and its memory charged.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::frame::{Segment, Transport, Unreachable};
use crate::tcp::{self, Connection, Ends, ReceiveError, SendError, refusal};
use crate::{Outbox, Packet, Payload, Readiness, SocketId};

use super::Stack;
use super::counters::DropReason;
use super::egress::Egress;
use super::error::{BindError, ConnectError, SocketError};
use super::key::{Key, Kind};
use super::kinds::Socket;
use super::told::Told;
use super::via::Via;

/// A connection, and who has it.
#[derive(Debug)]
pub(super) struct Stream {
    connection: Connection,
    holder: Holder,
    via: Via,
    /// What could be done with it before anybody had it.
    pending: Readiness,
    /// Whether it waits for memory of the machine.
    is_starved: bool,
}

/// Who has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// A program.
    Program,
    /// A listener, until somebody accepts it.
    Listener,
    /// Nobody any more; it delivers what was sent.
    Nobody,
}

/// What there was to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will come: the other side has finished.
    Finished,
}

impl Stream {
    pub(super) fn new(connection: Connection, holder: Holder, via: Via) -> Self {
        Self { connection, holder, via, pending: Readiness::NONE, is_starved: false }
    }

    /// Whether a program has it.
    pub(super) fn is_held(&self) -> bool {
        self.holder == Holder::Program
    }

    /// Where in its life its connection is.
    pub(super) fn state(&self) -> tcp::State {
        self.connection.state()
    }

    /// How many bytes were received and not read.
    pub(super) fn unread_bytes(&self) -> usize {
        self.connection.receivable_bytes()
    }

    /// Hands it to a program, and says what can be done with it.
    pub(super) fn accept(&mut self) -> Readiness {
        self.holder = Holder::Program;
        std::mem::take(&mut self.pending)
    }
}

impl Stack {
    /// Begins a connection, from a certain end or from any. It is made when the socket is
    /// [`WRITABLE`](Readiness::WRITABLE).
    ///
    /// # Errors
    ///
    /// If no route leads there, no port or socket is free, or the end is in use or not this machine's.
    pub fn connect(
        &mut self,
        now: Instant,
        owner: u64,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        out: &mut Outbox,
    ) -> Result<SocketId, ConnectError> {
        let address = remote.ip();
        let is_many =
            address.is_multicast() || self.egress.cards.iter().any(|card| card.is_broadcast(address));
        if remote.port() == 0 || address.is_unspecified() || is_many {
            return Err(ConnectError::NotSingle { address: remote });
        }
        let source = match local.map(|local| local.ip()).filter(|local| !local.is_unspecified()) {
            Some(local) => self.check_local(local).map(|()| local)?,
            None => self.egress.source_for(address).ok_or(ConnectError::NoRoute { address })?,
        };
        let local = match local.map_or(0, |local| local.port()) {
            0 => SocketAddr::new(source, self.free_port(Kind::Tcp, source, Some(remote))?),
            port => self.check_end(SocketAddr::new(source, port), remote)?,
        };
        let key = Key::new(Kind::Tcp, local, remote);
        let via = self.via(address);
        let initial = self.initial(now, &key, None);
        let connection = Connection::connect(now, self.tcp_config(via), Ends { local, remote }, initial);
        let stream = Stream::new(connection, Holder::Program, via);
        let socket = self.add(key, owner, Socket::Stream(Box::new(stream)))?;
        self.drive(now, socket.index, out);
        Ok(socket)
    }

    /// Whether a connection may begin at an end that was asked for.
    fn check_end(&self, local: SocketAddr, remote: SocketAddr) -> Result<SocketAddr, BindError> {
        let key = Key::new(Kind::Tcp, local, remote);
        let is_free = !self.is_taken(Kind::Tcp, local) && self.sockets.find(&key).is_none();
        if is_free { Ok(local) } else { Err(BindError::InUse { address: local }) }
    }

    /// Where a connection's sequence numbers begin: after those of an earlier one of its ends.
    pub(super) fn initial(&self, now: Instant, key: &Key, after: Option<u32>) -> u32 {
        let initial = self.egress.secret.initial(now, key);
        match after {
            Some(after) if initial.wrapping_sub(after).cast_signed() <= 0 => after.wrapping_add(1 << 16 | 1),
            _ => initial,
        }
    }

    /// Sends bytes through a connection; how many there was room for.
    ///
    /// # Errors
    ///
    /// If the connection is over, or this side has finished.
    pub fn send(
        &mut self,
        now: Instant,
        socket: SocketId,
        bytes: &[u8],
        out: &mut Outbox,
    ) -> Result<usize, SocketError> {
        let (index, room) = (self.index_of(socket)?, self.room());
        let fitting = &bytes[..bytes.len().min(room)];
        let taken = self.with(index, |stream, config| stream.connection.send(config, fitting))?;
        if room < bytes.len() && taken == Ok(room) {
            self.starve(index);
        }
        self.drive(now, index, out);
        Ok(taken?)
    }

    /// Sends bytes through a connection without copying them; how many of them there was room for.
    ///
    /// # Errors
    ///
    /// If the connection is over, or this side has finished.
    pub fn send_payload(
        &mut self,
        now: Instant,
        socket: SocketId,
        payload: Payload,
        out: &mut Outbox,
    ) -> Result<usize, SocketError> {
        let (index, room) = (self.index_of(socket)?, self.room());
        if let Some(remote) = self.peer_of(index) {
            let bytes = payload.len();
            return self.send_to(now, socket, payload, remote, out).map(|()| bytes);
        }
        let is_short = room < payload.len();
        let payload = if is_short { payload.slice(0, room) } else { payload };
        let taken = self.with(index, |stream, config| stream.connection.send_payload(config, payload))?;
        // If it took less, it was the connection that had no room, and it tells when it has.
        if is_short && taken == Ok(room) {
            self.starve(index);
        }
        self.drive(now, index, out);
        Ok(taken?)
    }

    /// Receives bytes from a connection.
    ///
    /// # Errors
    ///
    /// If the connection broke, once all that arrived before was received.
    pub fn receive(
        &mut self,
        now: Instant,
        socket: SocketId,
        buffer: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Received, SocketError> {
        let index = self.index_of(socket)?;
        let received = self.with(index, |stream, _| stream.connection.receive(buffer))??;
        match received {
            None => Ok(Received::Nothing),
            Some(0) if !buffer.is_empty() => Ok(Received::Finished),
            Some(bytes) => {
                self.drive(now, index, out);
                Ok(Received::Bytes(bytes))
            }
        }
    }

    /// Receives up to `max` bytes from a connection without copying them: `None` if nothing is there yet, an empty
    /// payload if the other side has finished.
    ///
    /// # Errors
    ///
    /// If the connection broke, once all that arrived before was received.
    pub fn receive_payload(
        &mut self,
        now: Instant,
        socket: SocketId,
        max: usize,
        out: &mut Outbox,
    ) -> Result<Option<Payload>, SocketError> {
        let index = self.index_of(socket)?;
        let received = self.with(index, |stream, _| stream.connection.receive_payload(max))??;
        if received.as_ref().is_some_and(|payload| !payload.is_empty()) {
            self.drive(now, index, out);
        }
        Ok(received)
    }

    /// Says that nothing more will be sent; what the other side sends can still be received.
    pub fn finish(&mut self, now: Instant, socket: SocketId, out: &mut Outbox) {
        let Ok(index) = self.index_of(socket) else { return };
        if self.with(index, |stream, _| stream.connection.finish()).is_ok() {
            self.drive(now, index, out);
        }
    }

    /// Breaks a connection off, or closes a socket of another kind.
    pub fn abort(&mut self, now: Instant, socket: SocketId, out: &mut Outbox) {
        match self.index_of(socket) {
            Ok(index) if matches!(self.sockets.slot(index).socket, Socket::Stream(_)) => {
                self.abort_stream(now, index, out);
            }
            _ => self.close(now, socket, out),
        }
    }

    /// Whether small segments wait while another one is on its way (Nagle's algorithm).
    ///
    /// # Errors
    ///
    /// If it is no connection.
    pub fn set_nagle(&mut self, socket: SocketId, is_on: bool) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        self.with(index, |stream, _| stream.connection.set_nagle(is_on))
    }

    /// Whether acknowledgements wait for a second segment, or for something to travel with.
    ///
    /// # Errors
    ///
    /// If it is no connection.
    pub fn set_delayed_acknowledgements(&mut self, socket: SocketId, is_on: bool) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        self.with(index, |stream, _| stream.connection.set_delayed_acknowledgements(is_on))
    }

    /// Whether somebody who says nothing is asked whether he is still there (`SO_KEEPALIVE`): as patiently as the
    /// configuration says, or as is usual if it says nothing.
    ///
    /// # Errors
    ///
    /// If it is no connection.
    pub fn set_keepalive(&mut self, now: Instant, socket: SocketId, is_on: bool) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        self.with(index, |stream, config| stream.connection.set_keepalive(now, config, is_on))?;
        let Socket::Stream(stream) = &self.sockets.slot(index).socket else { return Ok(()) };
        let deadline = stream.connection.deadline();
        self.sockets.arm(index, deadline);
        Ok(())
    }

    /// The other side of a connection or of a connected UDP socket.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn remote(&self, socket: SocketId) -> Result<SocketAddr, SocketError> {
        let key = &self.sockets.slot(self.index_of(socket)?).key;
        if key.is_open() { Err(SocketError::NotConnected) } else { Ok(key.remote()) }
    }

    /// Why a connection broke, if it did.
    ///
    /// # Errors
    ///
    /// If it is no connection.
    pub fn error(&mut self, socket: SocketId) -> Result<Option<SocketError>, SocketError> {
        let index = self.index_of(socket)?;
        self.with(index, |stream, _| stream.connection.error().map(SocketError::from))
    }

    /// Does something with a connection.
    #[inline]
    fn with<R>(
        &mut self,
        index: u32,
        act: impl FnOnce(&mut Stream, &tcp::Config) -> R,
    ) -> Result<R, SocketError> {
        let socket = self.sockets.id(index);
        match &mut self.sockets.slot_mut(index).socket {
            Socket::Stream(stream) => Ok(act(stream, self.egress.tcp_config(stream.via))),
            _ => Err(SocketError::WrongKind { socket }),
        }
    }

    pub(super) fn close_stream(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        let closed = self.with(index, |stream, _| {
            stream.holder = Holder::Nobody;
            stream.connection.close();
        });
        if closed.is_ok() {
            self.drive(now, index, out);
        }
    }

    pub(super) fn abort_stream(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        let key = self.sockets.slot(index).key;
        if let Ok(Some(reset)) = self.with(index, |stream, _| stream.connection.abort()) {
            self.send_segment(now, &key, reset, out);
        }
        self.sockets.remove(index);
        self.feed_starved(out);
    }

    /// Takes a segment: for a connection, for what is left of one, or for a listener.
    #[inline]
    pub(super) fn take_segment(
        &mut self,
        now: Instant,
        source: IpAddr,
        target: IpAddr,
        segment: Segment,
        out: &mut Outbox,
    ) {
        let local = SocketAddr::new(target, segment.target);
        let key = Key::new(Kind::Tcp, local, SocketAddr::new(source, segment.source));
        let Some(index) = self.sockets.find(&key) else {
            return self.take_first(now, key, &segment, None, out);
        };
        let room = self.room();
        match &mut self.sockets.slot_mut(index).socket {
            Socket::Stream(_) if segment.payload.len() > room => {
                self.egress.counters.count(DropReason::Memory);
            }
            Socket::Stream(stream) => {
                stream.connection.handle(now, self.egress.tcp_config(stream.via), segment);
                self.drive(now, index, out);
            }
            Socket::HalfOpen(_) => self.take_half_open(now, index, segment, out),
            Socket::Ended(_) => self.take_late(now, index, &segment, out),
            _ => self.egress.counters.count(DropReason::NoConnection),
        }
    }

    /// Does what a connection wants after something happened to it.
    #[inline]
    pub(super) fn drive(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        let Self { egress, sockets } = self;
        let slot = sockets.slot_mut(index);
        let key = slot.key;
        let Socket::Stream(stream) = &mut slot.socket else { return };
        while let Some(segment) = stream.connection.poll(now, egress.tcp_config(stream.via)) {
            egress.send_segment(now, &key, segment, out);
        }
        let readiness = stream.connection.take_readiness();
        let (deadline, bytes) = (stream.connection.deadline(), stream.connection.buffered_bytes());
        let holder = stream.holder;
        stream.pending |= readiness;
        if holder == Holder::Program && !readiness.is_none() {
            stream.pending = Readiness::NONE;
            out.tell(sockets.id(index), readiness);
        }
        sockets.charge(index, bytes);
        sockets.arm(index, deadline);
        if holder == Holder::Nobody {
            self.retire(index);
        }
        if self.egress.has_starved() {
            self.feed_starved(out);
        }
    }

    /// Forgets a connection that nobody has, if it is over; or all of it but what late segments need.
    fn retire(&mut self, index: u32) {
        let Socket::Stream(stream) = &self.sockets.slot(index).socket else { return };
        if stream.connection.is_over() {
            self.sockets.remove(index);
        } else if let Some(time_wait) = stream.connection.time_wait() {
            self.remember(index, time_wait);
        }
    }

    /// Tells connections that wait for memory of the machine that there is some again.
    #[cold]
    pub(super) fn feed_starved(&mut self, out: &mut Outbox) {
        if self.room() < self.egress.config.buffered_bytes_max / 8 {
            return;
        }
        let Some(rare) = &mut self.egress.rare else { return };
        for socket in std::mem::take(&mut rare.starved) {
            let Some(index) = self.sockets.index_of(socket) else { continue };
            let Socket::Stream(stream) = &mut self.sockets.slot_mut(index).socket else { continue };
            stream.is_starved = false;
            if stream.is_held() {
                out.tell(socket, Readiness::WRITABLE);
            }
        }
    }

    /// Notes that a connection was not given all the room that it wanted, as the machine has too little.
    #[cold]
    fn starve(&mut self, index: u32) {
        let socket = self.sockets.id(index);
        let Socket::Stream(stream) = &mut self.sockets.slot_mut(index).socket else { return };
        if std::mem::replace(&mut stream.is_starved, true) {
            return;
        }
        let (sockets, starved) = (&self.sockets, &mut self.egress.rare().starved);
        if starved.len() > 64 + 2 * sockets.live() as usize {
            starved.retain(|socket| sockets.index_of(*socket).is_some());
        }
        starved.push(socket);
    }

    /// Sends a segment between the ends of a key.
    #[inline]
    pub(super) fn send_segment(&mut self, now: Instant, key: &Key, segment: Segment, out: &mut Outbox) {
        self.egress.send_segment(now, key, segment, out);
    }

    /// Answers a segment that belongs to no connection, if so many were not answered lately.
    pub(super) fn refuse_segment(&mut self, now: Instant, key: &Key, segment: &Segment, out: &mut Outbox) {
        let Some(reset) = refusal(segment) else { return };
        let limit = self.egress.config.resets_per_second_max;
        if self.egress.rare().resets.allow(now, limit) {
            self.send_segment(now, key, reset, out);
        } else {
            self.egress.counters.count(DropReason::RateLimit);
        }
    }

    /// Tells a connection what was told about one of its segments; whether there is such a connection.
    pub(super) fn tell_stream(
        &mut self,
        now: Instant,
        (local, remote): (SocketAddr, SocketAddr),
        told: Told,
        sequence: u32,
        out: &mut Outbox,
    ) -> bool {
        let Some(index) = self.sockets.find(&Key::new(Kind::Tcp, local, remote)) else { return false };
        let told = self.with(index, |stream, config| match told {
            Told::Unreachable(reason) => stream.connection.unreachable(reason, sequence),
            Told::TimeExceeded => stream.connection.unreachable(Unreachable::Host, sequence),
            Told::TooBig(mtu) => stream.connection.too_big(now, config, mtu, sequence),
        });
        if told.is_ok() {
            self.drive(now, index, out);
        }
        true
    }

    /// Does what is due for a socket.
    pub(super) fn expire_stream(&mut self, now: Instant, index: u32, out: &mut Outbox) {
        match &mut self.sockets.slot_mut(index).socket {
            Socket::Stream(stream) => {
                stream.connection.expire(now, self.egress.tcp_config(stream.via));
                self.drive(now, index, out);
            }
            Socket::HalfOpen(_) => self.expire_half_open(now, index, out),
            _ => {}
        }
    }
}

impl Egress {
    /// Sends a segment between the ends of a key.
    #[inline]
    fn send_segment(&mut self, now: Instant, key: &Key, segment: Segment, out: &mut Outbox) {
        let packet = Packet {
            source: key.local().ip(),
            target: key.remote().ip(),
            hops: self.config.hops,
            service: 0,
            identification: 0,
            may_fragment: false,
            transport: Transport::Tcp(segment),
        };
        let _ = self.send(now, packet, out);
    }

    #[inline]
    fn has_starved(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.starved.is_empty())
    }
}

impl From<tcp::Error> for SocketError {
    fn from(error: tcp::Error) -> Self {
        match error {
            tcp::Error::Refused => Self::Refused,
            tcp::Error::Reset => Self::Reset,
            tcp::Error::TimedOut => Self::TimedOut,
            tcp::Error::Unreachable(reason) => Self::Unreachable { reason },
            tcp::Error::Aborted => Self::Finished,
        }
    }
}

impl From<SendError> for SocketError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Finished => Self::Finished,
            SendError::Failed(error) => error.into(),
        }
    }
}

impl From<ReceiveError> for SocketError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Closed => Self::Finished,
            ReceiveError::Failed(error) => error.into(),
        }
    }
}
