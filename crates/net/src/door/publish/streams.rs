//! [`TcpDoor`]: connections to an address of the host are connections to a machine.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use ironloom_core::Map;
use mio::Interest;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};

use super::Publish;
use super::splice::{self, Buffer, Outcome, Splice};
use crate::SocketId;
use crate::door::driver::{Door, Wait};
use crate::door::world::World;
use crate::fabric::Output;

/// The key of the listener; that of a connection is its place and one.
const LISTENER: u32 = 0;

/// How many connections are accepted before others have their turn.
const TURN_ACCEPTED_MAX: usize = 64;

/// An address of the host for connections, which lead to a machine.
#[derive(Debug)]
pub struct TcpDoor {
    publish: Publish,
    listener: TcpListener,
    can_accept: bool,
    places: Vec<Place>,
    free: Vec<u32>,
    by_socket: Map<SocketId, u32>,
    /// The places for which there is something to do.
    due: VecDeque<u32>,
    buffer: Buffer,
}

#[derive(Debug, Default)]
struct Place {
    splice: Option<Splice>,
    is_due: bool,
}

impl TcpDoor {
    /// Takes the address.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn bind(publish: Publish) -> io::Result<Self> {
        let listener = TcpListener::bind(publish.address)?;
        Ok(Self {
            publish,
            listener,
            can_accept: true,
            places: Vec::new(),
            free: Vec::new(),
            by_socket: Map::default(),
            due: VecDeque::new(),
            buffer: Buffer::default(),
        })
    }

    /// The address that it has.
    ///
    /// # Errors
    ///
    /// If the host does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn mark(&mut self, number: u32) -> Option<&mut Splice> {
        let place = self.places.get_mut(number as usize)?;
        let splice = place.splice.as_mut()?;
        if !std::mem::replace(&mut place.is_due, true) {
            self.due.push_back(number);
        }
        Some(splice)
    }

    /// Accepts who waits; whether there may be others.
    fn accept(&mut self, world: &mut World<'_>, wait: &Wait<'_>) -> bool {
        for _ in 0..TURN_ACCEPTED_MAX {
            if !self.can_accept {
                return false;
            }
            match self.listener.accept() {
                Ok((mut stream, _)) => match self.let_in(&mut stream, world, wait) {
                    Some((number, socket)) => self.seat(number, socket, stream),
                    None => {
                        self.publish.usage.refused.add(1);
                        splice::reset(&stream);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_accept = false,
                // One that went away before it was accepted says nothing about the next. If the host has no
                // descriptor left, it is tried again when the next one comes or something else happens here.
                Err(error) => self.can_accept = is_about_one(&error),
            }
        }
        true
    }

    /// Makes the other half of a connection, and says which place is for both; `None` if that cannot be.
    fn let_in(
        &self,
        stream: &mut TcpStream,
        world: &mut World<'_>,
        wait: &Wait<'_>,
    ) -> Option<(u32, SocketId)> {
        let Publish { gateway, target, connections_max, .. } = self.publish;
        if self.places.len() - self.free.len() >= connections_max {
            return None;
        }
        let number = self.free.last().copied().unwrap_or(self.places.len() as u32);
        wait.register(stream, number + 1, Interest::READABLE | Interest::WRITABLE).ok()?;
        // Whoever waits for each answer should not wait for more of it to come.
        let _ = stream.set_nodelay(true);
        let socket = world.connect(gateway, target).ok()?.ok()?;
        Some((number, socket))
    }

    fn seat(&mut self, number: u32, socket: SocketId, stream: TcpStream) {
        let Publish { gateway, usage, .. } = &self.publish;
        usage.connections.add(1);
        usage.connections_now.add(1);
        let splice = Some(Splice::new(stream, *gateway, socket, usage.clone()));
        let place = Place { splice, is_due: false };
        if self.free.pop().is_none() {
            self.places.push(place);
        } else {
            self.places[number as usize] = place;
        }
        self.by_socket.insert(socket, number);
        self.mark(number);
    }

    fn let_go(&mut self, number: u32, wait: &Wait<'_>) {
        let place = &mut self.places[number as usize];
        if let Some(mut splice) = place.splice.take() {
            self.by_socket.remove(&splice.socket);
            // It is closed next, which says the same to the host.
            let _ = wait.deregister(&mut splice.stream);
            self.free.push(number);
            self.publish.usage.connections_now.add(-1);
        }
    }

    /// Ends all connections, as the machine is gone through whose sockets they led.
    fn let_all_go(&mut self, wait: &Wait<'_>) {
        for number in 0..self.places.len() as u32 {
            if let Some(splice) = &self.places[number as usize].splice {
                splice::reset(&splice.stream);
                self.let_go(number, wait);
            }
        }
    }
}

impl Door for TcpDoor {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        wait.register(&mut self.listener, LISTENER, Interest::READABLE)
    }

    fn ready(&mut self, event: &Event, key: u32) {
        if key == LISTENER {
            self.can_accept = true;
        } else if let Some(splice) = self.mark(key - 1) {
            splice.note_host(event);
        }
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Ready { machine, socket, readiness, .. } if machine == self.publish.gateway => {
                let Some(number) = self.by_socket.get(&socket).copied() else { return Some(output) };
                if let Some(splice) = self.mark(number) {
                    splice.note_fabric(readiness);
                }
                None
            }
            other => Some(other),
        }
    }

    fn turn(&mut self, world: &mut World<'_>, wait: &Wait<'_>) -> bool {
        let is_more = self.accept(world, wait);
        if !world.has(self.publish.gateway) {
            self.let_all_go(wait);
        }
        for _ in 0..self.due.len() {
            let Some(number) = self.due.pop_front() else { break };
            let place = &mut self.places[number as usize];
            place.is_due = false;
            let Some(splice) = &mut place.splice else { continue };
            match splice.turn(world, &mut self.buffer) {
                Outcome::Waiting => (),
                Outcome::More => drop(self.mark(number)),
                Outcome::Over => {
                    self.let_go(number, wait);
                    self.can_accept = true;
                }
            }
        }
        is_more || !self.due.is_empty()
    }
}

/// Whether an error of accepting is about the one connection that was to be accepted.
fn is_about_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
