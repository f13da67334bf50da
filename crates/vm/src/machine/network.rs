//! A machine's sockets, as its processes use them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ironloom_net::stack::{BindError, ConnectError, SocketError, SocketFacts};
use ironloom_net::{Host, Readiness, SocketId};

use crate::Errno;
use crate::luau::Stop;
use crate::os::Pid;

use super::{Machine, Object};

/// How many of those who sent messages a process remembers, to answer them from where they were heard.
const PEERS_MAX: usize = 64;

/// What the card of a machine is called, which has one at most.
const CARD: &str = "eth0";

/// A way that packets may take, as lists show it.
#[derive(Debug)]
pub(crate) struct RouteRow {
    pub(crate) network: ipnet::IpNet,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) interface: &'static str,
    /// As whom the machine speaks that way.
    pub(crate) source: Option<IpAddr>,
}

/// Somebody on a network of the machine, as lists show it.
#[derive(Debug)]
pub(crate) struct NeighbourRow {
    pub(crate) address: IpAddr,
    pub(crate) mac: ironloom_net::Mac,
    pub(crate) interface: &'static str,
}

impl Machine {
    /// The sockets of the process that runs.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] until it is lent for the first time.
    pub(crate) fn host(&mut self) -> Result<Host<'_>, Stop> {
        if !self.has_network {
            let (now, owner) = (self.now, u64::from(self.current.pid.0));
            return Ok(self.loopback().host(now, owner));
        }
        if self.network.is_none() {
            self.uses_network = true;
            let waiter = self.park();
            self.for_network.add(waiter);
            return Err(Stop::Wait);
        }
        let owner = u64::from(self.current.pid.0);
        let network = self.network.as_mut().expect("it was looked at just now");
        Ok(network.host(owner))
    }

    /// If the network was lent, those who waited for it go on.
    pub(crate) fn network_settled(&mut self) {
        if self.network.is_none() {
            return;
        }
        let waiters = self.for_network.take();
        self.wake_all(waiters);
        for socket in std::mem::take(&mut self.closing) {
            self.close_socket(socket);
        }
    }

    /// Something became possible with a socket.
    pub(crate) fn socket_ready(&mut self, socket: SocketId, readiness: Readiness) {
        let Some(waiters) = self.sockets.get_mut(&socket) else { return };
        let is_over = readiness.contains(Readiness::OVER);
        let mut woken = Vec::new();
        if is_over || readiness.contains(Readiness::READABLE) {
            woken.extend(waiters.readers.take());
        }
        if is_over || readiness.contains(Readiness::WRITABLE) {
            woken.extend(waiters.writers.take());
        }
        self.wake_all(woken);
    }

    pub(crate) fn receive_stream(&mut self, socket: SocketId, max: usize) -> Result<Vec<u8>, Errno> {
        let mut host = self.lent_host(Pid::INIT).ok_or(Errno::Again)?;
        match host.receive_payload(socket, max) {
            Ok(Some(payload)) => Ok(payload.to_bytes().to_vec()),
            Ok(None) => Err(Errno::Again),
            Err(error) => Err(socket_errno(error)),
        }
    }

    pub(crate) fn send_stream(&mut self, socket: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
        let mut host = self.lent_host(Pid::INIT).ok_or(Errno::Again)?;
        match host.send(socket, bytes) {
            Ok(0) if !bytes.is_empty() => Err(Errno::Again),
            Ok(sent) => Ok(sent),
            Err(error) => Err(socket_errno(error)),
        }
    }

    /// Whether sockets are to be closed as soon as the network is there.
    pub(crate) fn wants_to_close(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Closes a socket, as soon as the network is there.
    pub(crate) fn close_socket(&mut self, socket: SocketId) {
        match self.lent_host(Pid::INIT) {
            Some(mut host) => host.close(socket),
            None => self.closing.push(socket),
        }
        if let Some(mut waiters) = self.sockets.remove(&socket) {
            let mut woken = waiters.readers.take();
            woken.extend(waiters.writers.take());
            self.wake_all(woken);
        }
    }

    /// Whether it has a network card.
    pub(crate) const fn has_card(&self) -> bool {
        self.has_network
    }

    /// The machine's address, if it has one.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The end of a socket on this side.
    pub(crate) fn local_of(&mut self, description: u32) -> Result<SocketAddr, Stop> {
        let socket = self.socket_of(description)?;
        Ok(self.host()?.local(socket).map_err(socket_errno)?)
    }

    /// The end of a socket on the other side.
    pub(crate) fn remote_of(&mut self, description: u32) -> Result<SocketAddr, Stop> {
        let socket = self.socket_of(description)?;
        Ok(self.host()?.stack().remote(socket).map_err(socket_errno)?)
    }

    fn socket_of(&self, description: u32) -> Result<SocketId, Errno> {
        match self.open.get(description).map(|open| &open.object) {
            Some(Object::Stream(socket) | Object::Listener(socket) | Object::Datagrams(socket)) => {
                Ok(*socket)
            }
            _ => Err(Errno::NotConnected),
        }
    }

    /// Remembers where somebody was heard, so that an answer comes from there.
    pub(crate) fn remember_peer(&mut self, peer: SocketAddr, socket: SocketId) {
        let peers = &mut self.process_mut().peers;
        peers.retain(|(known, _)| *known != peer);
        if peers.len() >= PEERS_MAX {
            peers.remove(0);
        }
        peers.push((peer, socket));
    }

    /// Where somebody was heard last.
    pub(crate) fn peer_socket(&self, peer: SocketAddr) -> Option<SocketId> {
        let process = self.process();
        let (_, socket) = process.peers.iter().rev().find(|(known, _)| *known == peer)?;
        process.messages.iter().any(|(_, own)| own == socket).then_some(*socket)
    }

    /// Who has which socket.
    fn holders(&self) -> BTreeMap<SocketId, Pid> {
        let mut holders = BTreeMap::new();
        for process in self.table.iter() {
            for description in process.descriptors.iter().flatten() {
                let Some(description) = self.open.get(*description) else { continue };
                if let Object::Stream(socket) | Object::Listener(socket) | Object::Datagrams(socket) =
                    description.object
                {
                    holders.entry(socket).or_insert(process.pid);
                }
            }
            for (_, socket) in &process.messages {
                holders.insert(*socket, process.pid);
            }
        }
        holders
    }

    /// Whether the machine has a network that it has used, or could.
    fn has_stack(&self) -> bool {
        self.has_network || self.loopback.is_some()
    }

    /// The sockets of the machine, each with who has it, and whether there are any.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] until the network is lent.
    pub(crate) fn list_sockets(&mut self) -> Result<(bool, Vec<(SocketFacts, Option<Pid>)>), Stop> {
        if !self.has_stack() {
            return Ok((false, Vec::new()));
        }
        let holders = self.holders();
        let mut host = self.host()?;
        let listed: Vec<SocketFacts> = host.stack().list_sockets().collect();
        let with_holder = |facts: SocketFacts| {
            let holder = holders.get(&facts.id).copied();
            (facts, holder)
        };
        Ok((true, listed.into_iter().map(with_holder).collect()))
    }

    /// The ways that the machine's packets may take.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] until the network is lent.
    pub(crate) fn routes(&mut self) -> Result<Vec<RouteRow>, Stop> {
        if !self.has_network {
            return Ok(Vec::new());
        }
        let mut host = self.host()?;
        let stack = host.stack();
        let rows = stack.routes().into_iter().map(|route| {
            let addresses = stack.interface(route.card).map(|card| card.addresses).unwrap_or_default();
            let target = route.gateway.unwrap_or(route.network.addr());
            let near = addresses.iter().find(|own| own.contains(&target));
            RouteRow {
                network: route.network,
                gateway: route.gateway,
                interface: CARD,
                source: near.map(ipnet::IpNet::addr),
            }
        });
        Ok(rows.collect())
    }

    /// Who is known on the machine's networks.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] until the network is lent.
    pub(crate) fn neighbours(&mut self) -> Result<Vec<NeighbourRow>, Stop> {
        if !self.has_network {
            return Ok(Vec::new());
        }
        let known = self.host()?.stack().neighbours();
        let rows = known.into_iter().map(|(_, address, mac)| NeighbourRow { address, mac, interface: CARD });
        Ok(rows.collect())
    }

    pub(super) fn lent_host(&mut self, pid: Pid) -> Option<Host<'_>> {
        let (now, owner) = (self.now, u64::from(pid.0));
        match &mut self.network {
            Some(network) => Some(network.host(owner)),
            None => Some(self.loopback.as_mut()?.host(now, owner)),
        }
    }
}

/// What a script is told of an error of a socket.
pub(crate) const fn socket_errno(error: SocketError) -> Errno {
    match error {
        SocketError::Refused => Errno::Refused,
        SocketError::Reset => Errno::Reset,
        SocketError::TimedOut => Errno::TimedOut,
        SocketError::Unreachable { .. } => Errno::HostUnreachable,
        SocketError::Finished => Errno::BrokenPipe,
        SocketError::NotConnected => Errno::NotConnected,
        SocketError::TooLong { .. } => Errno::MessageSize,
        SocketError::NoRoute { .. } => Errno::NetworkUnreachable,
        SocketError::Malformed | SocketError::WrongKind { .. } => Errno::Invalid,
        SocketError::Busy => Errno::Again,
        _ => Errno::BadHandle,
    }
}

/// What a script is told when it gets no port.
pub(crate) const fn bind_errno(error: &BindError) -> Errno {
    match error {
        BindError::InUse { .. } => Errno::AddressInUse,
        BindError::NoMemory { .. } | BindError::TooManySockets { .. } => Errno::MachineFiles,
        _ => Errno::AddressNotAvailable,
    }
}

/// What a script is told when a connection cannot begin.
pub(crate) const fn connect_errno(error: &ConnectError) -> Errno {
    match error {
        ConnectError::Bind(error) => bind_errno(error),
        ConnectError::NotSingle { .. } => Errno::Invalid,
        _ => Errno::NetworkUnreachable,
    }
}
