//! A machine's sockets, as its processes use them.

use std::net::{IpAddr, SocketAddr};

use ironloom_net::stack::{BindError, ConnectError, SocketError};
use ironloom_net::{Host, Readiness, SocketId};

use crate::Errno;
use crate::luau::Stop;
use crate::os::Pid;

use super::{Machine, Object};

/// How many of those who sent messages a process remembers, to answer them from where they were heard.
const PEERS_MAX: usize = 64;

/// A socket, as lists show it.
#[derive(Debug)]
pub(crate) struct SocketRow {
    pub(crate) protocol: &'static str,
    pub(crate) state: &'static str,
    pub(crate) local: SocketAddr,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) pid: Option<u32>,
}

impl Machine {
    /// The sockets of the process that runs.
    ///
    /// # Errors
    ///
    /// If the machine has no network, and [`Stop::Wait`] until it is lent for the first time.
    pub(crate) fn host(&mut self) -> Result<Host<'_>, Stop> {
        if !self.has_network {
            return Err(Errno::NoNetwork.into());
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

    /// What processes have open of the network.
    pub(crate) fn socket_rows(&mut self) -> Result<Vec<SocketRow>, Stop> {
        let mut open: Vec<(Option<u32>, SocketId, bool, bool)> = Vec::new();
        for process in self.table.iter() {
            for description in process.descriptors.iter().flatten() {
                let Some(description) = self.open.get(*description) else { continue };
                let pid = Some(process.pid.0);
                match description.object {
                    Object::Stream(socket) => open.push((pid, socket, true, false)),
                    Object::Listener(socket) => open.push((pid, socket, true, true)),
                    Object::Datagrams(socket) => open.push((pid, socket, false, false)),
                    _ => {}
                }
            }
            open.extend(
                process.messages.iter().map(|(_, socket)| (Some(process.pid.0), *socket, false, false)),
            );
        }
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let mut host = self.host()?;
        let mut rows = Vec::new();
        for (pid, socket, is_tcp, is_listener) in open {
            let Ok(local) = host.local(socket) else { continue };
            let remote = host.stack().remote(socket).ok();
            let state = match (is_tcp, is_listener) {
                (_, true) => "LISTEN",
                (true, _) => "ESTAB",
                (false, _) => "UNCONN",
            };
            rows.push(SocketRow { protocol: if is_tcp { "tcp" } else { "udp" }, state, local, remote, pid });
        }
        Ok(rows)
    }

    fn lent_host(&mut self, pid: Pid) -> Option<Host<'_>> {
        Some(self.network.as_mut()?.host(u64::from(pid.0)))
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
