//! [`UdpDoor`]: datagrams to an address of the host are datagrams to a machine.
//!
//! Every remote side gets a socket of the gateway of its own, so that answers find back. It is forgotten when nothing
//! was heard of it for a while, or when others need its place and it is the one that was silent longest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use ironloom_core::{Instant, Map};
use mio::Interest;
use mio::event::Event;
use mio::net::UdpSocket;

use super::Publish;
use crate::door::driver::{Door, Wait};
use crate::door::world::World;
use crate::fabric::Output;
use crate::stack::SocketError;
use crate::{Payload, SocketId};

/// The key of the socket.
const SOCKET: u32 = 0;

/// How many datagrams are read before others have their turn.
const TURN_DATAGRAMS_MAX: usize = 256;

/// The largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// An address of the host for datagrams, which lead to a machine.
#[derive(Debug)]
pub struct UdpDoor {
    publish: Publish,
    socket: UdpSocket,
    is_readable: bool,
    sides: BTreeMap<SocketAddr, Side>,
    by_socket: Map<SocketId, SocketAddr>,
    /// The remote sides by when something was heard of them.
    by_age: BTreeSet<(Instant, SocketAddr)>,
    /// The sockets that have something to be received.
    due: Vec<SocketId>,
    buffer: Vec<u8>,
}

/// A remote side.
#[derive(Debug, Clone, Copy)]
struct Side {
    socket: SocketId,
    heard: Instant,
}

impl UdpDoor {
    /// Takes the address.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn bind(publish: Publish) -> io::Result<Self> {
        let socket = UdpSocket::bind(publish.address)?;
        Ok(Self {
            publish,
            socket,
            is_readable: true,
            sides: BTreeMap::new(),
            by_socket: Map::default(),
            by_age: BTreeSet::new(),
            due: Vec::new(),
            buffer: vec![0; DATAGRAM_BYTES_MAX],
        })
    }

    /// The address that it has.
    ///
    /// # Errors
    ///
    /// If the host does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn carry_in(&mut self, world: &mut World<'_>, from: SocketAddr, payload: &Payload) {
        let Publish { gateway, target, .. } = self.publish;
        self.publish.usage.bytes_in.add(payload.len() as u64);
        let is_sent = self
            .socket_of(world, from)
            .and_then(|socket| world.send_to(gateway, socket, payload, target).ok()?.ok());
        if is_sent.is_none() {
            self.publish.usage.dropped.add(1);
        }
    }

    /// The socket of a remote side, which is made if there is none.
    fn socket_of(&mut self, world: &mut World<'_>, from: SocketAddr) -> Option<SocketId> {
        let now = world.now();
        if let Some(side) = self.sides.get_mut(&from) {
            let before = std::mem::replace(&mut side.heard, now);
            self.by_age.remove(&(before, from));
            self.by_age.insert((now, from));
            return Some(side.socket);
        }
        if self.sides.len() >= self.publish.connections_max {
            let (_, oldest) = self.by_age.first().copied()?;
            self.forget(world, oldest);
        }
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let Some(socket) = world.bind(self.publish.gateway, any).ok().and_then(Result::ok) else {
            self.publish.usage.refused.add(1);
            return None;
        };
        self.sides.insert(from, Side { socket, heard: now });
        self.by_socket.insert(socket, from);
        self.by_age.insert((now, from));
        self.publish.usage.connections.add(1);
        self.publish.usage.connections_now.add(1);
        Some(socket)
    }

    fn forget(&mut self, world: &mut World<'_>, from: SocketAddr) {
        if let Some(side) = self.sides.remove(&from) {
            self.by_age.remove(&(side.heard, from));
            self.by_socket.remove(&side.socket);
            world.close(self.publish.gateway, side.socket);
            self.publish.usage.connections_now.add(-1);
        }
    }

    /// Sends outside what a socket of the gateway received.
    fn carry_out(&self, world: &mut World<'_>, socket: SocketId) {
        let Publish { gateway, target, usage, .. } = &self.publish;
        let Some(to) = self.by_socket.get(&socket).copied() else { return };
        loop {
            match world.receive_from(*gateway, socket) {
                Ok(Ok(Some((payload, from)))) if from == *target => {
                    match self.socket.send_to(&payload.to_bytes(), to) {
                        Ok(_) => usage.bytes_out.add(payload.len() as u64),
                        Err(_) => usage.dropped.add(1),
                    }
                }
                Ok(Ok(Some(_))) => usage.dropped.add(1),
                // What ICMP said of an earlier datagram is told once, and datagrams may wait behind it.
                Ok(Err(SocketError::Unreachable { .. } | SocketError::Refused)) => (),
                Ok(Ok(None) | Err(_)) | Err(_) => return,
            }
        }
    }

    /// Reads what came from outside; whether there may be more.
    fn read(&mut self, world: &mut World<'_>) -> bool {
        for _ in 0..TURN_DATAGRAMS_MAX {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((len, from)) => {
                    let payload = Bytes::copy_from_slice(&self.buffer[..len]).into();
                    self.carry_in(world, from, &payload);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    return false;
                }
                // What the host heard of a datagram that was sent says nothing about the next one that comes.
                Err(_) => (),
            }
        }
        true
    }
}

impl Door for UdpDoor {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        wait.register(&mut self.socket, SOCKET, Interest::READABLE)
    }

    fn ready(&mut self, _: &Event, _: u32) {
        self.is_readable = true;
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Ready { machine, socket, .. }
                if machine == self.publish.gateway && self.by_socket.contains_key(&socket) =>
            {
                self.due.push(socket);
                None
            }
            other => Some(other),
        }
    }

    fn turn(&mut self, world: &mut World<'_>, _: &Wait<'_>) -> bool {
        let is_more = self.is_readable && self.read(world);
        for socket in std::mem::take(&mut self.due) {
            self.carry_out(world, socket);
        }
        let now = world.now();
        while let Some((heard, from)) = self.by_age.first().copied() {
            if now < heard.saturating_add(self.publish.idle_after) {
                break;
            }
            self.forget(world, from);
        }
        is_more
    }

    fn next_event(&self) -> Option<Instant> {
        let (heard, _) = self.by_age.first()?;
        Some(heard.saturating_add(self.publish.idle_after))
    }
}
