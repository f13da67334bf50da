//! [`Stack`]: a machine's network, from its cards to its sockets.
//!
//! A stack is a [`Node`]: frames go in by its cards, and what it has to say goes into the caller's [`Outbox`], sockets
//! of which somebody should hear included. Programs use it through a [`Host`]; a [`Service`] is a program that is called
//! when something happens.
//!
//! Nothing is allocated for what is not used: a stack with a listener is a slot, a card, and the box of the listener. A
//! packet finds its socket in one table for all kinds (`table.rs`), whose cost does not grow with the number of sockets.
//! What a machine sends to itself takes the same way as everything else, only that it waits in a queue instead of on a
//! link (`egress.rs`). Every queue and table has its limit in the [`Config`], and what is dropped is [counted](Counters)
//! by reason.

mod alarms;
mod config;
mod counters;
mod datagrams;
mod echo;
mod egress;
mod ended;
mod error;
mod fetch;
mod host;
mod index;
mod ingress;
mod interface;
mod key;
mod kinds;
mod limiter;
mod listeners;
mod listing;
mod ports;
mod raw;
mod secret;
mod socket;
mod streams;
mod table;
mod told;
mod via;

use std::net::SocketAddr;
use std::sync::Arc;

use ironloom_core::{Instant, Rng};

use crate::{Frame, Node, Outbox, Port};

use egress::{Egress, earlier};
use interface::Card;
use key::Key;
use kinds::Socket;
use secret::Secret;
use table::Table;

pub use config::Config;
pub use counters::{Counters, DropReason};
pub use echo::{Answer, Heard};
pub use egress::Route;
pub use error::{BindError, ConnectError, SocketError};
pub use host::{Host, Service};
pub use interface::Interface;
pub use listing::{SocketFacts, SocketState};
pub use raw::Hears;
pub use socket::{Readiness, SocketId};
pub use streams::Received;

/// A machine's network, from its cards to its sockets.
///
/// ```
/// use std::sync::Arc;
///
/// use ironloom_core::{Instant, Rng, Seed};
/// use ironloom_net::stack::{Config, Stack};
/// use ironloom_net::{Host, Interface, Mac, Outbox};
///
/// let mut stack = Stack::new(Arc::new(Config::default()), &mut Rng::new(Seed::new(1)));
/// stack.attach(&Interface::new(Mac::local(1)).with_address("10.0.0.5/24".parse().unwrap()));
///
/// let mut out = Outbox::new();
/// let mut host = Host::new(Instant::ZERO, 0, &mut stack, &mut out);
/// let socket = host.bind_udp("0.0.0.0:0".parse().unwrap()).unwrap();
/// host.send_to(socket, vec![1, 2, 3].into(), "10.0.0.255:9".parse().unwrap()).unwrap();
/// assert!(out.next_frame().is_some());
/// ```
#[derive(Debug)]
pub struct Stack {
    egress: Egress,
    sockets: Table,
}

impl Stack {
    /// A stack without cards: only the machine itself can be reached.
    ///
    /// All its chance is drawn from `rng` now: two numbers.
    #[must_use]
    pub fn new(config: Arc<Config>, rng: &mut Rng) -> Self {
        let counters = Counters::default();
        let egress = Egress { config, cards: Vec::new(), counters, secret: Secret::new(rng), rare: None };
        let sockets = Table::new(egress.secret.number(5));
        Self { egress, sockets }
    }

    /// Adds a network card; its port.
    ///
    /// # Panics
    ///
    /// If there are 65,536 cards already.
    pub fn attach(&mut self, interface: &Interface) -> Port {
        let number = u16::try_from(self.egress.cards.len()).expect("a machine has fewer cards");
        self.egress.cards.reserve_exact(1);
        self.egress.cards.push(Card::new(interface, &self.egress.config.tcp));
        Port::new(number)
    }

    /// Gives a card other addresses, another gateway or another size of packets. Who was known there is forgotten.
    ///
    /// Connections from addresses that are gone are not told: nothing reaches them any more, so they time out.
    pub fn reconfigure(&mut self, port: Port, interface: &Interface) -> bool {
        let Egress { cards, config, .. } = &mut self.egress;
        let card = cards.get_mut(port.number() as usize);
        card.map(|card| *card = Card::new(interface, &config.tcp)).is_some()
    }

    /// Tells the neighbours of a card which addresses it has now: those who knew another card for one learn this.
    pub fn announce(&mut self, port: Port, out: &mut Outbox) {
        self.egress.announce(port.number() as usize, out);
    }

    /// What a card is.
    #[must_use]
    pub fn interface(&self, port: Port) -> Option<Interface> {
        self.egress.cards.get(port.number() as usize).map(Card::interface)
    }

    /// Adds a way to a network; `false` if there are as many as there may be, or the card is not there.
    pub fn add_route(&mut self, route: Route) -> bool {
        let (limit, cards) = (self.egress.config.routes_max, self.egress.cards.len());
        let routes = &mut self.egress.rare().routes;
        if routes.len() >= limit || route.card.number() as usize >= cards {
            return false;
        }
        let longer = |other: &Route| other.network.prefix_len() >= route.network.prefix_len();
        let place = routes.partition_point(longer);
        routes.insert(place, route);
        true
    }

    /// Takes away all ways to a network.
    pub fn remove_routes(&mut self, network: ipnet::IpNet) {
        if let Some(rare) = &mut self.egress.rare {
            rare.routes.retain(|route| route.network != network);
        }
    }

    /// What was dropped, and why.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.egress.counters
    }

    /// The limits it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.egress.config
    }

    /// How many sockets there are, with half-open connections and those that wait for late packets.
    #[must_use]
    pub fn sockets(&self) -> u32 {
        self.sockets.live()
    }

    /// How many bytes all sockets keep.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.sockets.charged()
    }

    /// The local end of a socket.
    ///
    /// # Errors
    ///
    /// If there is no such socket.
    pub fn local(&self, socket: SocketId) -> Result<SocketAddr, SocketError> {
        Ok(self.sockets.slot(self.index_of(socket)?).key.local())
    }

    /// How many datagrams a UDP socket has that were not received; none if it is of another kind.
    #[must_use]
    pub fn waiting_datagrams(&self, socket: SocketId) -> usize {
        let index = self.index_of(socket).ok();
        match index.map(|index| &self.sockets.slot(index).socket) {
            Some(Socket::Datagrams(datagrams)) => datagrams.mailbox.len(),
            _ => 0,
        }
    }

    /// How many routers the packets of a UDP or echo socket may pass from now on.
    ///
    /// # Errors
    ///
    /// If it is of another kind.
    pub fn set_hops(&mut self, socket: SocketId, hops: u8) -> Result<(), SocketError> {
        let index = self.index_of(socket)?;
        match &mut self.sockets.slot_mut(index).socket {
            Socket::Datagrams(datagrams) => datagrams.hops = hops,
            Socket::Echo(echo) => echo.hops = hops,
            _ => return Err(SocketError::WrongKind { socket }),
        }
        Ok(())
    }

    /// Closes a socket of any kind; a connection still delivers what was sent.
    pub fn close(&mut self, now: Instant, socket: SocketId, out: &mut Outbox) {
        let Ok(index) = self.index_of(socket) else { return };
        match &self.sockets.slot(index).socket {
            Socket::Stream(_) => self.close_stream(now, index, out),
            Socket::Listener(_) => self.close_listener(now, index, out),
            Socket::Raw => {
                self.close_raw(socket);
                self.sockets.remove(index);
            }
            _ => {
                self.sockets.remove(index);
            }
        }
    }

    /// Closes all sockets of a process that has ended.
    pub fn release_owner(&mut self, now: Instant, owner: u64, out: &mut Outbox) {
        let own = self.sockets.iter().filter(|(_, slot)| slot.owner == owner && slot.socket.is_held());
        let own: Vec<SocketId> = own.map(|(index, _)| self.sockets.id(index)).collect();
        own.into_iter().for_each(|socket| self.close(now, socket, out));
    }

    /// Does what services asked for: calls one with everything that `out` tells of its sockets and timers.
    ///
    /// Frames stay in `out`. What a service does is told to it at a later instant, so this ends.
    pub fn serve(&mut self, now: Instant, owner: u64, service: &mut dyn Service, out: &mut Outbox) {
        loop {
            if let Some((socket, readiness)) = out.next_notice() {
                service.ready(&mut Host::new(now, owner, self, out), socket, readiness);
            } else if let Some(token) = out.next_timer() {
                service.timer(&mut Host::new(now, owner, self, out), token);
            } else {
                return;
            }
        }
    }

    /// Adds a socket whose key is free.
    fn add(&mut self, key: Key, owner: u64, socket: Socket) -> Result<SocketId, BindError> {
        let limit = self.egress.config.sockets_max;
        if self.sockets.live() >= limit {
            return Err(BindError::TooManySockets { limit });
        }
        let index = self.sockets.insert(key, owner, socket);
        Ok(self.sockets.id(index))
    }

    /// The place of a socket that a program may use.
    fn index_of(&self, socket: SocketId) -> Result<u32, SocketError> {
        let index = self.sockets.index_of(socket);
        let index = index.filter(|index| self.sockets.slot(*index).socket.is_held());
        index.ok_or(SocketError::NoSuchSocket { socket })
    }

    /// How many more bytes sockets may keep.
    fn room(&self) -> usize {
        self.egress.config.buffered_bytes_max.saturating_sub(self.sockets.charged())
    }
}

impl Node for Stack {
    fn handle(&mut self, now: Instant, port: Port, frame: Frame, out: &mut Outbox) {
        self.take_frame(now, port.number() as usize, frame, out);
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(packet) = self.egress.pop_loopback(now) {
            self.take_own(now, packet, out);
        }
        for packet in self.egress.expire(now, out) {
            self.undeliverable(now, &packet, out);
        }
        while let Some(index) = self.sockets.pop_due(now) {
            self.expire_stream(now, index, out);
        }
        self.expire_ended(now);
        self.expire_fragments(now, out);
        self.ring(now, out);
    }

    fn next_event(&self) -> Option<Instant> {
        earlier(self.sockets.next_event(), self.egress.next_event())
    }
}

#[cfg(test)]
mod tests;
