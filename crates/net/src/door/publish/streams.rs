//! [`TcpDoor`]: connections to an address of the host are connections to a machine.

use std::io;
use std::net::{SocketAddr, TcpListener};

use ironloom_core::Map;
use mio::Interest;
use mio::event::Event;

use super::{Broken, GatewaySocket, HostListener, HostStream, Over, Publish, Splices, is_about_one};
use crate::SocketId;
use crate::door::driver::{Door, Wait};
use crate::door::world::World;
use crate::fabric::Output;

/// The key of the listener; those of connections are others.
const LISTENER: u32 = 0;

/// How many connections are accepted before others have their turn.
const TURN_ACCEPTED_MAX: usize = 64;

/// An address of the host for connections, which lead to a machine.
#[derive(Debug)]
pub struct TcpDoor {
    publish: Publish,
    listener: HostListener,
    address: SocketAddr,
    can_accept: bool,
    splices: Splices<GatewaySocket>,
    by_socket: Map<SocketId, u32>,
}

impl TcpDoor {
    /// Takes the address.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn bind(publish: Publish) -> io::Result<Self> {
        let listener = TcpListener::bind(publish.address)?;
        let address = listener.local_addr()?;
        Ok(Self {
            address,
            listener: HostListener::from_tcp(listener)?,
            can_accept: true,
            splices: Splices::new(publish.usage.clone()),
            by_socket: Map::default(),
            publish,
        })
    }

    /// The address that it has.
    ///
    /// # Errors
    ///
    /// None any more: it is known since the door was bound.
    pub const fn address(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    /// Accepts who waits; whether there may be others.
    fn accept(&mut self, world: &mut World<'_>, wait: &Wait<'_>) -> bool {
        for _ in 0..TURN_ACCEPTED_MAX {
            if !self.can_accept {
                return false;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.let_in(stream, world, wait),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_accept = false,
                // One that went away before it was accepted says nothing about the next. If the host has no
                // descriptor left, it is tried again when the next one comes or something else happens here.
                Err(error) => self.can_accept = is_about_one(&error),
            }
        }
        true
    }

    /// Makes the other half of a connection, or resets it if that cannot be.
    fn let_in(&mut self, stream: HostStream, world: &mut World<'_>, wait: &Wait<'_>) {
        let Publish { gateway, target, connections_max, .. } = self.publish;
        let connect = |_: u32| {
            let socket = world.connect(gateway, target).ok()?.ok()?;
            Some(GatewaySocket { gateway, socket })
        };
        if self.splices.len() >= connections_max {
            self.splices.refuse(&stream);
        } else if let Some((number, far)) = self.splices.seat(stream, wait, connect) {
            self.by_socket.insert(far.socket, number);
        }
    }

    fn is_gone(&mut self, over: &Over<GatewaySocket>) {
        self.by_socket.remove(&over.far.socket);
        self.can_accept = true;
    }
}

impl Door for TcpDoor {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        wait.register(&mut self.listener, LISTENER, Interest::READABLE)
    }

    fn ready(&mut self, event: &Event, key: u32) {
        if key == LISTENER {
            self.can_accept = true;
        } else {
            self.splices.host_is_ready(event, key);
        }
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Ready { machine, socket, readiness, .. } if machine == self.publish.gateway => {
                let Some(number) = self.by_socket.get(&socket).copied() else { return Some(output) };
                self.splices.far_is_ready(number, readiness);
                None
            }
            other => Some(other),
        }
    }

    fn turn(&mut self, world: &mut World<'_>, wait: &Wait<'_>) -> bool {
        let is_more = self.accept(world, wait);
        if !world.has(self.publish.gateway) {
            // The machine is gone through whose sockets they led.
            for over in self.splices.break_off(world, wait, Broken::Far, |_| true) {
                self.is_gone(&over);
            }
        }
        for over in self.splices.turn(world, wait) {
            self.is_gone(&over);
        }
        is_more || self.splices.is_due()
    }
}
