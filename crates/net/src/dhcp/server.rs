//! [`Server`]: hands out addresses for a time.
//!
//! A client is known by its identifier, or by its card if it gives none. It gets the address that is reserved for it,
//! or the one that it had, or the one that it asks for, or any. A lease that is over is kept until somebody needs the
//! address, so that who comes back finds what it left. Nothing wakes up when a lease is over: it is found to be when it
//! is next looked at.
//!
//! Invariant: every lease has another address and every address in the tables was taken from the pool, but for those
//! that are reserved, which are never given to anybody else.

mod leases;

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;
use ironloom_core::{Duration, Instant};

use super::{CLIENT_PORT, Message, MessageKind, Options, Pool, SERVER_PORT};
use crate::Mac;
use leases::{ClientKey, Leases};

pub use leases::{Lease, LeaseState};

/// What a [`Server`] tells its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The server's own address.
    pub address: Ipv4Addr,
    /// The network on which the addresses are.
    pub network: Ipv4Net,
    /// The routers, the best first.
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, the best first.
    pub name_servers: Vec<Ipv4Addr>,
    /// The domain of the network; empty if it has none.
    pub domain: String,
    /// How large packets may be, if the clients are to be told.
    pub mtu: Option<u16>,
    /// Addresses of certain machines.
    pub reservations: Vec<Reservation>,
    /// For how long an address is a client's.
    pub lease: Duration,
    /// For how long an offer is kept for who got it.
    pub offer: Duration,
    /// For how long an address is not given to anybody after a client has found somebody else there.
    pub declined: Duration,
    /// How many clients may be remembered.
    pub leases_max: usize,
}

impl ServerConfig {
    /// A server on a network that is its clients' router and name server, too.
    #[must_use]
    pub fn new(address: Ipv4Addr, network: Ipv4Net) -> Self {
        Self {
            address,
            network,
            routers: vec![address],
            name_servers: vec![address],
            domain: String::new(),
            mtu: None,
            reservations: Vec::new(),
            lease: Duration::from_secs(3_600),
            offer: Duration::from_secs(10),
            declined: Duration::from_secs(600),
            leases_max: 65_536,
        }
    }
}

/// An address that is for one machine only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The machine's card.
    pub mac: Mac,
    /// Its address.
    pub address: Ipv4Addr,
    /// What it is to call itself; empty for whatever it likes.
    pub host_name: String,
}

/// What a server was told, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerCounters {
    /// Addresses that were offered.
    pub offered: u64,
    /// Addresses that were confirmed, for the first time or again.
    pub confirmed: u64,
    /// Requests that were denied.
    pub denied: u64,
    /// Clients that only wanted to know the rest.
    pub informed: u64,
    /// Addresses that were given back.
    pub released: u64,
    /// Addresses at which a client found somebody else.
    pub declined: u64,
    /// Clients that got nothing, because no address is free or too many clients are remembered.
    pub exhausted: u64,
    /// Messages that were not for this server, or to which nothing is said.
    pub ignored: u64,
    /// Bytes that were no message of a client.
    pub malformed: u64,
}

/// Hands out addresses for a time.
///
/// ```
/// use ironloom_core::Instant;
/// use ironloom_net::Mac;
/// use ironloom_net::dhcp::{Message, MessageKind, RangePool, Server, ServerConfig};
///
/// let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
/// let mut server = Server::new(config, RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 199].into()));
/// let discover = Message::new(MessageKind::Discover, 1, Mac::local(7)).emit();
/// let (to, offer) = server.handle(Instant::ZERO, &discover).unwrap();
/// assert_eq!(to.to_string(), "255.255.255.255:68");
/// assert_eq!(Message::parse(&offer).unwrap().yours, std::net::Ipv4Addr::new(10, 0, 0, 100));
/// ```
#[derive(Debug)]
pub struct Server<P> {
    config: ServerConfig,
    pool: P,
    leases: Leases,
    counters: ServerCounters,
}

impl<P: Pool> Server<P> {
    /// A server that has not handed out anything. What is reserved, and its own address, it takes from the pool.
    #[must_use]
    pub fn new(config: ServerConfig, mut pool: P) -> Self {
        pool.take(config.address);
        for reservation in &config.reservations {
            pool.take(reservation.address);
        }
        Self { leases: Leases::new(config.leases_max), config, pool, counters: ServerCounters::default() }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> ServerCounters {
        self.counters
    }

    /// Who has which address, or had it and may come back.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.leases.iter()
    }

    /// Takes a message; what to send to whom.
    pub fn handle(&mut self, now: Instant, bytes: &[u8]) -> Option<(SocketAddrV4, Vec<u8>)> {
        let Ok(message) = Message::parse(bytes) else {
            self.counters.malformed += 1;
            return None;
        };
        let reply = match message.kind {
            MessageKind::Discover => Some(self.discover(now, &message)?),
            MessageKind::Request => self.request(now, &message),
            MessageKind::Inform => Some(self.inform(&message)),
            MessageKind::Release => {
                self.release(now, &message);
                return None;
            }
            MessageKind::Decline => {
                self.decline(now, &message);
                return None;
            }
            MessageKind::Offer | MessageKind::Ack | MessageKind::Nak => {
                self.counters.malformed += 1;
                return None;
            }
        };
        let Some(reply) = reply else {
            self.counters.ignored += 1;
            return None;
        };
        Some((destination(&message, &reply), reply.emit()))
    }

    fn discover(&mut self, now: Instant, message: &Message) -> Option<Message> {
        let client = ClientKey::of(message);
        let Some(address) = self.address_for(now, &client, message) else {
            self.counters.exhausted += 1;
            return None;
        };
        let until = now.saturating_add(self.config.offer);
        let is_bound = self.leases.find(&client).is_some_and(|lease| lease.is_bound(now));
        // Who asks again while it has an address keeps it, whatever comes of the offer.
        if !is_bound {
            self.leases.set(&client, message, address, LeaseState::Offered, until);
        }
        self.counters.offered += 1;
        Some(self.reply(MessageKind::Offer, message, address))
    }

    /// The address that a client is to get; it is taken from the pool already, or the client has it.
    fn address_for(&mut self, now: Instant, client: &ClientKey, message: &Message) -> Option<Ipv4Addr> {
        if let Some(reserved) = self.reservation(message.mac) {
            return self.claim_reserved(client, reserved.address);
        }
        if let Some(lease) = self.leases.find(client) {
            return Some(lease.address);
        }
        if self.leases.is_full() {
            let given_up = self.leases.take_oldest(now)?;
            self.pool.free(given_up);
        }
        let requested = message.options.requested.filter(|address| self.config.network.contains(address));
        if let Some(address) = requested.filter(|address| self.pool.take(*address)) {
            return Some(address);
        }
        // What nobody ever had comes before what somebody may come back for.
        self.pool.allocate().or_else(|| self.leases.take_oldest(now))
    }

    /// The address that is reserved for a client. What it had before is given back; if it has two identifiers, the one
    /// that it uses now counts.
    fn claim_reserved(&mut self, client: &ClientKey, address: Ipv4Addr) -> Option<Ipv4Addr> {
        if let Some(before) =
            self.leases.find(client).map(|lease| lease.address).filter(|before| *before != address)
        {
            self.leases.remove(client);
            self.give_back(before);
        }
        self.leases.remove_by_address(address, client);
        (self.leases.find(client).is_some() || !self.leases.is_full()).then_some(address)
    }

    fn give_back(&mut self, address: Ipv4Addr) {
        let is_kept = address == self.config.address
            || self.config.reservations.iter().any(|reservation| reservation.address == address);
        if !is_kept {
            self.pool.free(address);
        }
    }

    fn request(&mut self, now: Instant, message: &Message) -> Option<Message> {
        let client = ClientKey::of(message);
        let held = self.leases.find(&client).map(|lease| lease.address);
        let options = &message.options;
        let wanted = match (options.server, options.requested) {
            (Some(server), _) if server != self.config.address => {
                // It takes the offer of another server.
                self.withdraw_offer(&client);
                return None;
            }
            // It takes the offer of this one.
            (Some(_), requested) => {
                let wanted = requested.unwrap_or(message.client);
                return Some(if held == Some(wanted) {
                    self.confirm(now, &client, message, wanted)
                } else {
                    self.deny(message)
                });
            }
            // It was switched on again, or wants to keep what it has.
            (None, Some(requested)) => requested,
            (None, None) if !message.client.is_unspecified() => message.client,
            (None, None) => return None,
        };
        let is_elsewhere = !self.config.network.contains(&wanted);
        let reserved = self.reservation(message.mac).map(|reservation| reservation.address);
        if held == Some(wanted) && reserved.is_none_or(|reserved| reserved == wanted) {
            return Some(self.confirm(now, &client, message, wanted));
        }
        // Of a client that is not known nothing is said, unless it is certain to be wrong (RFC 2131, section 4.3.2).
        let is_wrong =
            is_elsewhere || held.is_some() || reserved.is_some() || self.leases.has_address(wanted);
        is_wrong.then(|| self.deny(message))
    }

    fn confirm(&mut self, now: Instant, client: &ClientKey, message: &Message, address: Ipv4Addr) -> Message {
        let until = now.saturating_add(self.config.lease);
        self.leases.set(client, message, address, LeaseState::Bound, until);
        self.counters.confirmed += 1;
        self.reply(MessageKind::Ack, message, address)
    }

    fn deny(&mut self, message: &Message) -> Message {
        self.counters.denied += 1;
        let mut reply = Message::new(MessageKind::Nak, message.transaction, message.mac);
        reply.relay = message.relay;
        // Behind a relay, the client hears it only if it is sent to everybody.
        reply.is_broadcast = message.is_broadcast || !message.relay.is_unspecified();
        reply.options.server = Some(self.config.address);
        reply.options.client_id.clone_from(&message.options.client_id);
        "the address is not yours".clone_into(&mut reply.options.reason);
        reply
    }

    fn withdraw_offer(&mut self, client: &ClientKey) {
        let offered = self.leases.find(client).filter(|lease| lease.state == LeaseState::Offered);
        if let Some(address) = offered.map(|lease| lease.address) {
            self.leases.remove(client);
            self.give_back(address);
        }
    }

    fn inform(&mut self, message: &Message) -> Message {
        self.counters.informed += 1;
        let mut reply = self.reply(MessageKind::Ack, message, Ipv4Addr::UNSPECIFIED);
        (reply.options.lease, reply.options.renew, reply.options.rebind) = (None, None, None);
        reply
    }

    fn release(&mut self, now: Instant, message: &Message) {
        let is_for_us = message.options.server.is_none_or(|server| server == self.config.address);
        if is_for_us && self.leases.end(&ClientKey::of(message), message.client, now) {
            self.counters.released += 1;
        } else {
            self.counters.ignored += 1;
        }
    }

    fn decline(&mut self, now: Instant, message: &Message) {
        let client = ClientKey::of(message);
        let is_for_us = message.options.server == Some(self.config.address);
        let held = self.leases.find(&client).map(|lease| lease.address);
        match held.filter(|held| is_for_us && message.options.requested == Some(*held)) {
            Some(address) => {
                let until = now.saturating_add(self.config.declined);
                self.leases.decline(&client, address, until);
                self.counters.declined += 1;
            }
            None => self.counters.ignored += 1,
        }
    }

    fn reservation(&self, mac: Mac) -> Option<&Reservation> {
        self.config.reservations.iter().find(|reservation| reservation.mac == mac)
    }

    fn reply(&self, kind: MessageKind, message: &Message, address: Ipv4Addr) -> Message {
        let config = &self.config;
        let seconds = u32::try_from(config.lease.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX);
        let reserved = self.reservation(message.mac).map(|reservation| reservation.host_name.clone());
        Message {
            is_broadcast: message.is_broadcast,
            client: if kind == MessageKind::Ack { message.client } else { Ipv4Addr::UNSPECIFIED },
            yours: address,
            relay: message.relay,
            options: Options {
                server: Some(config.address),
                lease: Some(seconds),
                renew: Some(seconds / 2),
                rebind: Some(seconds / 8 * 7 + seconds % 8 * 7 / 8),
                mask: Some(config.network.netmask()),
                broadcast: Some(config.network.broadcast()),
                routers: config.routers.clone(),
                name_servers: config.name_servers.clone(),
                domain: config.domain.clone(),
                mtu: config.mtu,
                host_name: reserved.unwrap_or_default(),
                // Who asks with an identifier gets it back (RFC 6842).
                client_id: message.options.client_id.clone(),
                ..Options::default()
            },
            ..Message::new(kind, message.transaction, message.mac)
        }
    }
}

/// Where a reply goes (RFC 2131, section 4.1). To a client that has no address yet it goes as to everybody: without an
/// address there is no other way that a UDP socket could take.
fn destination(message: &Message, reply: &Message) -> SocketAddrV4 {
    if !message.relay.is_unspecified() {
        SocketAddrV4::new(message.relay, SERVER_PORT)
    } else if !message.client.is_unspecified() && reply.kind != MessageKind::Nak {
        SocketAddrV4::new(message.client, CLIENT_PORT)
    } else {
        SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT)
    }
}

#[cfg(test)]
mod tests;
