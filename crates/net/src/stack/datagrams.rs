//! UDP.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::frame::{Datagram, Transport};
use crate::{Outbox, Payload, Readiness, SocketId};

use super::Stack;
use super::counters::DropReason;
use super::error::{BindError, ConnectError, SocketError};
use super::key::{Key, Kind};
use super::kinds::{Datagrams, Mailbox, Socket};

/// The most that a datagram carries.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Somebody has it, or had no room for it.
    Yes,
    /// Nobody listens on its port.
    NoSocket,
}

impl Stack {
    /// Opens a UDP socket. Port 0 stands for any free one, an unspecified address for all of them.
    ///
    /// # Errors
    ///
    /// If the port is in use, the address is not this machine's, or there are too many sockets.
    pub fn bind_udp(&mut self, owner: u64, local: SocketAddr) -> Result<SocketId, BindError> {
        self.check_local(local.ip())?;
        let local = match local.port() {
            0 => SocketAddr::new(local.ip(), self.free_port(Kind::Udp, local.ip(), None)?),
            _ if self.is_taken(Kind::Udp, local) => return Err(BindError::InUse { address: local }),
            _ => local,
        };
        let socket = Datagrams { mailbox: Mailbox::new(), error: None, hops: self.egress.config.hops };
        self.add(Key::open(Kind::Udp, local), owner, Socket::Datagrams(Box::new(socket)))
    }

    /// Gives a UDP socket a fixed other side: it hears from nobody else, and is told when ICMP says that its datagrams
    /// do not arrive.
    ///
    /// # Errors
    ///
    /// If no route leads there, or another socket has the same ends.
    pub fn connect_udp(&mut self, socket: SocketId, remote: SocketAddr) -> Result<(), ConnectError> {
        let nobody = || ConnectError::NotSingle { address: remote };
        let index = self.sockets.index_of(socket).ok_or_else(nobody)?;
        let slot = self.sockets.slot(index);
        if slot.key.kind() != Kind::Udp || remote.port() == 0 || remote.ip().is_unspecified() {
            return Err(nobody());
        }
        let bound = slot.key.local();
        let source = self.egress.source_for(remote.ip());
        let source = source.ok_or(ConnectError::NoRoute { address: remote.ip() })?;
        let address = if bound.ip().is_unspecified() { source } else { bound.ip() };
        let key = Key::new(Kind::Udp, SocketAddr::new(address, bound.port()), remote);
        match self.sockets.find(&key) {
            Some(other) if other != index => Err(BindError::InUse { address: bound }.into()),
            _ => {
                self.sockets.rename(index, key);
                Ok(())
            }
        }
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// If it is no UDP socket, the payload is too long or no route leads there; or what ICMP said of an earlier one.
    pub fn send_to(
        &mut self,
        now: Instant,
        socket: SocketId,
        payload: Payload,
        to: SocketAddr,
        out: &mut Outbox,
    ) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        let slot = self.sockets.slot_mut(index);
        let Socket::Datagrams(datagrams) = &mut slot.socket else {
            return Err(SocketError::WrongKind { socket });
        };
        if let Some(error) = datagrams.error.take() {
            return Err(error);
        }
        if payload.len() > DATAGRAM_BYTES_MAX {
            return Err(SocketError::TooLong { bytes: payload.len(), limit: DATAGRAM_BYTES_MAX });
        }
        let (local, hops) = (slot.key.local(), datagrams.hops);
        let source = self.source_of(local.ip(), to.ip())?;
        let datagram = Datagram { source: local.port(), target: to.port(), payload };
        let packet = self.packet(source, to.ip(), hops, Transport::Udp(datagram));
        self.egress.send(now, packet, out).map_err(|_| SocketError::NoRoute { address: to.ip() })
    }

    /// The next datagram, and who sent it.
    ///
    /// # Errors
    ///
    /// If it is no UDP socket; or what ICMP said of a datagram that was sent.
    pub fn receive_from(&mut self, socket: SocketId) -> Result<Option<(Payload, SocketAddr)>, SocketError> {
        let index = self.index_of(socket)?;
        let Socket::Datagrams(datagrams) = &mut self.sockets.slot_mut(index).socket else {
            return Err(SocketError::WrongKind { socket });
        };
        if let Some(error) = datagrams.error.take() {
            return Err(error);
        }
        let received = datagrams.mailbox.pop();
        let bytes = datagrams.mailbox.bytes();
        self.sockets.charge(index, bytes);
        Ok(received)
    }

    /// The other side of a connected UDP socket.
    pub(super) fn peer_of(&self, index: u32) -> Option<SocketAddr> {
        let key = &self.sockets.slot(index).key;
        (key.kind() == Kind::Udp && !key.is_open()).then(|| key.remote())
    }

    /// From which address a socket that is bound to `local` sends. To everybody a card may speak without an address.
    fn source_of(&self, local: IpAddr, to: IpAddr) -> Result<IpAddr, SocketError> {
        let is_to_all = to == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
        match self.egress.source_for(to) {
            _ if !local.is_unspecified() => Ok(local),
            Some(source) => Ok(source),
            None if is_to_all && !self.egress.cards.is_empty() => Ok(local),
            None => Err(SocketError::NoRoute { address: to }),
        }
    }

    /// Hands a datagram to its socket: the connected one, or who hears from everybody on its port.
    pub(super) fn take_datagram(
        &mut self,
        source: IpAddr,
        target: IpAddr,
        datagram: &Datagram,
        out: &mut Outbox,
    ) -> Delivered {
        let (from, to) = (SocketAddr::new(source, datagram.source), SocketAddr::new(target, datagram.target));
        let found = self.sockets.find(&Key::new(Kind::Udp, to, from));
        let found = found.or_else(|| self.sockets.find(&Key::open(Kind::Udp, to)));
        let found = found.or_else(|| self.sockets.find(&Key::anywhere(Kind::Udp, to.port())));
        let Some(index) = found else { return Delivered::NoSocket };
        let (room, config) = (self.room(), &self.egress.config);
        let Socket::Datagrams(socket) = &mut self.sockets.slot_mut(index).socket else {
            return Delivered::NoSocket;
        };
        let bytes = datagram.payload.len();
        if !socket.mailbox.has_room(bytes, config.queue_bytes_max, config.queue_datagrams_max) {
            self.egress.counters.count(DropReason::QueueFull);
        } else if room < bytes {
            self.egress.counters.count(DropReason::Memory);
        } else {
            socket.mailbox.push((datagram.payload.clone(), from), bytes);
            let bytes = socket.mailbox.bytes();
            self.sockets.charge(index, bytes);
            out.tell(self.sockets.id(index), Readiness::READABLE);
        }
        Delivered::Yes
    }
}
