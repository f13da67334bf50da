//! [`Host`]: a machine's network as programs see it, and [`Service`]: a program.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ironloom_core::Instant;

use crate::{Outbox, Payload, Port, Readiness, SocketId};

use super::Stack;
use super::echo::Heard;
use super::error::{BindError, ConnectError, SocketError};
use super::raw::Hears;
use super::streams::Received;

/// What runs on a machine and uses its network.
///
/// ```
/// use ironloom_net::{Host, Readiness, Service, SocketId};
///
/// /// Sends back what it receives.
/// struct Echo;
///
/// impl Service for Echo {
///     fn start(&mut self, host: &mut Host<'_>) {
///         host.bind_udp("0.0.0.0:7".parse().unwrap()).unwrap();
///     }
///
///     fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
///         while let Ok(Some((payload, from))) = host.receive_from(socket) {
///             let _ = host.send_to(socket, payload, from);
///         }
///     }
/// }
/// ```
pub trait Service: Send {
    /// The machine's network is there.
    fn start(&mut self, host: &mut Host<'_>) {
        let _ = host;
    }

    /// Something can be done with a socket that could not be done before.
    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness);

    /// A timer is due that was set with this token.
    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        let _ = (host, token);
    }
}

/// A machine's network at one instant, as a process of it sees it.
#[derive(Debug)]
pub struct Host<'a> {
    now: Instant,
    owner: u64,
    stack: &'a mut Stack,
    out: &'a mut Outbox,
}

impl<'a> Host<'a> {
    /// The network as process `owner` sees it. What that sends is put into `out`.
    pub fn new(now: Instant, owner: u64, stack: &'a mut Stack, out: &'a mut Outbox) -> Self {
        Self { now, owner, stack, out }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The stack, for what is not here.
    pub fn stack(&mut self) -> &mut Stack {
        self.stack
    }

    /// Sets a timer, which rings at the next nanosecond at the earliest; whether there was room for it.
    pub fn set_timer(&mut self, at: Instant, token: u64) -> bool {
        self.stack.set_timer(self.now, at, token)
    }

    /// Waits for connections; port 0 stands for any free one.
    ///
    /// # Errors
    ///
    /// If the port is in use, the address is not this machine's, or there are too many sockets.
    pub fn listen(&mut self, local: SocketAddr, backlog: u32) -> Result<SocketId, BindError> {
        self.stack.listen(self.owner, local, backlog)
    }

    /// The next connection that somebody made to a listener, and who that was.
    ///
    /// # Errors
    ///
    /// If it is no listener.
    pub fn accept(&mut self, listener: SocketId) -> Result<Option<(SocketId, SocketAddr)>, SocketError> {
        self.stack.accept(self.owner, listener, self.out)
    }

    /// Begins a connection. It is made when the socket is [`WRITABLE`](Readiness::WRITABLE).
    ///
    /// # Errors
    ///
    /// If no route leads there, or no port or socket is free.
    pub fn connect(&mut self, remote: SocketAddr) -> Result<SocketId, ConnectError> {
        self.stack.connect(self.now, self.owner, None, remote, self.out)
    }

    /// Begins a connection from a certain end; port 0 stands for any free one.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and if the end is in use or not this machine's.
    pub fn connect_from(&mut self, local: SocketAddr, remote: SocketAddr) -> Result<SocketId, ConnectError> {
        self.stack.connect(self.now, self.owner, Some(local), remote, self.out)
    }

    /// Sends bytes through a connection; how many there was room for.
    ///
    /// # Errors
    ///
    /// If the connection is over, or this side has finished.
    pub fn send(&mut self, socket: SocketId, bytes: &[u8]) -> Result<usize, SocketError> {
        self.stack.send(self.now, socket, bytes, self.out)
    }

    /// Sends bytes through a connection without copying them; how many of them there was room for.
    ///
    /// # Errors
    ///
    /// If the connection is over, or this side has finished.
    pub fn send_payload(&mut self, socket: SocketId, payload: Payload) -> Result<usize, SocketError> {
        self.stack.send_payload(self.now, socket, payload, self.out)
    }

    /// Receives bytes from a connection.
    ///
    /// # Errors
    ///
    /// If the connection broke, once all that arrived before was received.
    pub fn receive(&mut self, socket: SocketId, buffer: &mut [u8]) -> Result<Received, SocketError> {
        self.stack.receive(self.now, socket, buffer, self.out)
    }

    /// Receives up to `max` bytes from a connection without copying them: `None` if nothing is there yet, an empty
    /// payload if the other side has finished.
    ///
    /// # Errors
    ///
    /// If the connection broke, once all that arrived before was received.
    pub fn receive_payload(&mut self, socket: SocketId, max: usize) -> Result<Option<Payload>, SocketError> {
        self.stack.receive_payload(self.now, socket, max, self.out)
    }

    /// Says that nothing more will be sent; what the other side sends can still be received.
    pub fn finish(&mut self, socket: SocketId) {
        self.stack.finish(self.now, socket, self.out);
    }

    /// Closes a socket: the name is nobody's any more, and what was sent is still delivered.
    pub fn close(&mut self, socket: SocketId) {
        self.stack.close(self.now, socket, self.out);
    }

    /// Breaks a connection off: what was not delivered is lost, and the other side is told.
    pub fn abort(&mut self, socket: SocketId) {
        self.stack.abort(self.now, socket, self.out);
    }

    /// Tells everybody on the network which card has its address, so that who knew another for it follows.
    pub fn announce(&mut self) {
        self.stack.announce(Port::new(0), self.out);
    }

    /// Closes all sockets of the process, as when it has ended: its ports are free, and who talks to it is told.
    pub fn close_all(&mut self) {
        self.stack.release_owner(self.now, self.owner, self.out);
    }

    /// Opens a UDP socket. Port 0 stands for any free one, an unspecified address for all of them.
    ///
    /// # Errors
    ///
    /// If the port is in use, the address is not this machine's, or there are too many sockets.
    pub fn bind_udp(&mut self, local: SocketAddr) -> Result<SocketId, BindError> {
        self.stack.bind_udp(self.owner, local)
    }

    /// Gives a UDP socket a fixed other side: it hears from nobody else.
    ///
    /// # Errors
    ///
    /// If no route leads there, or another socket has the same ends.
    pub fn connect_udp(&mut self, socket: SocketId, remote: SocketAddr) -> Result<(), ConnectError> {
        self.stack.connect_udp(socket, remote)
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// If it is no UDP socket, the payload is too long or no route leads there; or what ICMP said of an earlier one.
    pub fn send_to(&mut self, socket: SocketId, payload: Payload, to: SocketAddr) -> Result<(), SocketError> {
        self.stack.send_to(self.now, socket, payload, to, self.out)
    }

    /// The next datagram, and who sent it.
    ///
    /// # Errors
    ///
    /// If it is no UDP socket; or what ICMP said of a datagram that was sent.
    pub fn receive_from(&mut self, socket: SocketId) -> Result<Option<(Payload, SocketAddr)>, SocketError> {
        self.stack.receive_from(socket)
    }

    /// Opens a socket that asks others whether they are there.
    ///
    /// # Errors
    ///
    /// If there are too many sockets.
    pub fn open_echo(&mut self) -> Result<SocketId, BindError> {
        self.stack.open_echo(self.owner)
    }

    /// Asks another machine whether it is there.
    ///
    /// # Errors
    ///
    /// If it is no echo socket, the payload is too long, or no route leads there.
    pub fn ping(
        &mut self,
        socket: SocketId,
        to: IpAddr,
        sequence: u16,
        payload: Payload,
    ) -> Result<(), SocketError> {
        self.stack.send_echo(self.now, socket, to, sequence, payload, self.out)
    }

    /// What came back after a [`ping`](Self::ping).
    ///
    /// # Errors
    ///
    /// If it is no echo socket.
    pub fn receive_echo(&mut self, socket: SocketId) -> Result<Option<Heard>, SocketError> {
        self.stack.receive_echo(socket)
    }

    /// Opens a raw socket. Whether the process may is for the caller to decide.
    ///
    /// # Errors
    ///
    /// If there are too many sockets.
    pub fn open_raw(&mut self, hears: Hears) -> Result<SocketId, BindError> {
        self.stack.open_raw(self.owner, hears)
    }

    /// Sends the bytes of a frame or of a packet.
    ///
    /// # Errors
    ///
    /// If it is no raw socket, the bytes are no frame or packet, or no route leads to its target.
    pub fn send_raw(&mut self, socket: SocketId, bytes: Bytes) -> Result<(), SocketError> {
        self.stack.send_raw(self.now, socket, bytes, self.out)
    }

    /// The next packet or frame that a raw socket heard.
    ///
    /// # Errors
    ///
    /// If it is no raw socket.
    pub fn receive_raw(&mut self, socket: SocketId) -> Result<Option<Bytes>, SocketError> {
        self.stack.receive_raw(socket)
    }

    /// How many routers the packets of a UDP or echo socket may pass from now on.
    ///
    /// # Errors
    ///
    /// If it is of another kind.
    pub fn set_hops(&mut self, socket: SocketId, hops: u8) -> Result<(), SocketError> {
        self.stack.set_hops(socket, hops)
    }

    /// The local end of a socket.
    ///
    /// # Errors
    ///
    /// If there is no such socket.
    pub fn local(&self, socket: SocketId) -> Result<SocketAddr, SocketError> {
        self.stack.local(socket)
    }
}
