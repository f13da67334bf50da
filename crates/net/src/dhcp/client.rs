//! [`Client`]: asks for an address and keeps it.
//!
//! The states are those of RFC 2131, figure 5: it looks for servers, takes the first offer, and when half of the time
//! is over it asks for more, first that server, then anybody. What is lost is sent again, each time after twice as long.

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;
use ironloom_core::{Duration, Instant, Rng};

use super::{Message, MessageKind, Options, SERVER_PORT};
use crate::Mac;

/// What a [`Client`] says and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Its card.
    pub mac: Mac,
    /// What it calls itself; may be empty.
    pub host_name: String,
    /// How long it waits before it says something for the second time; each further time it waits twice as long, a
    /// quarter more or less.
    pub patience_min: Duration,
    /// How long it waits at most.
    pub patience_max: Duration,
    /// How often it asks for what it was offered before it looks for other offers.
    pub requests_max: u32,
}

impl ClientConfig {
    /// A client with the patience that RFC 2131, section 4.1, suggests.
    #[must_use]
    pub fn new(mac: Mac) -> Self {
        Self {
            mac,
            host_name: String::new(),
            patience_min: Duration::from_secs(4),
            patience_max: Duration::from_secs(64),
            requests_max: 4,
        }
    }
}

/// What a client was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The address, and how long the network's part of it is.
    pub address: Ipv4Net,
    /// The server that gave it.
    pub server: Ipv4Addr,
    /// The routers, the best first.
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, the best first.
    pub name_servers: Vec<Ipv4Addr>,
    /// The domain of the network; may be empty.
    pub domain: String,
    /// What the client is to call itself; empty for whatever it likes.
    pub host_name: String,
    /// How large packets may be, if the server said.
    pub mtu: Option<u16>,
    /// When it is over, unless the server gives more time.
    pub until: Instant,
}

/// What a [`Client`] gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOutput {
    /// Send this, from port 68.
    Send {
        /// From which address: unspecified while there is none.
        from: Ipv4Addr,
        /// To whom.
        to: SocketAddrV4,
        /// The message.
        message: Vec<u8>,
    },
    /// The address is the client's, or still is. What was given may have changed.
    Bound(Box<Bound>),
    /// The address is the client's no more.
    Lost,
}

#[derive(Debug, Clone)]
enum State {
    /// It has not begun, or has stopped.
    Idle,
    Selecting,
    /// It asks for an offer.
    Requesting {
        offer: Box<Message>,
        asked: u32,
    },
    /// It has an address, and asks for more time from the first instant on, of anybody from the second on.
    Bound {
        bound: Box<Bound>,
        renew: Instant,
        rebind: Instant,
    },
}

/// Asks for an address and keeps it.
///
/// ```
/// use ironloom_core::{Instant, Rng, Seed};
/// use ironloom_net::Mac;
/// use ironloom_net::dhcp::{Client, ClientConfig, ClientOutput, RangePool, Server, ServerConfig};
///
/// let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
/// let mut server = Server::new(config, RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 199].into()));
/// let mut client = Client::new(ClientConfig::new(Mac::local(7)), Rng::new(Seed::new(1)));
///
/// let mut out = Vec::new();
/// client.start(Instant::ZERO, &mut out);
/// let bound = loop {
///     match out.pop().unwrap() {
///         ClientOutput::Send { message, .. } => {
///             let (_, reply) = server.handle(Instant::ZERO, &message).unwrap();
///             client.handle(Instant::ZERO, &reply, &mut out);
///         }
///         ClientOutput::Bound(bound) => break bound,
///         ClientOutput::Lost => unreachable!("it was never there"),
///     }
/// };
/// assert_eq!(bound.address.to_string(), "10.0.0.100/24");
/// ```
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    rng: Rng,
    state: State,
    transaction: u32,
    /// When it began to try.
    began: Instant,
    /// When it says something next.
    next: Option<Instant>,
    patience: Duration,
}

impl Client {
    /// A client that has not begun.
    #[must_use]
    pub fn new(config: ClientConfig, rng: Rng) -> Self {
        let patience = config.patience_min;
        Self { config, rng, state: State::Idle, transaction: 0, began: Instant::ZERO, next: None, patience }
    }

    /// What it was given, if it has an address.
    #[must_use]
    pub fn bound(&self) -> Option<&Bound> {
        match &self.state {
            State::Bound { bound, .. } => Some(bound),
            _ => None,
        }
    }

    /// Begins to look for servers.
    pub fn start(&mut self, now: Instant, out: &mut Vec<ClientOutput>) {
        self.state = State::Selecting;
        self.began = now;
        self.transaction = self.rng.next_u64() as u32;
        self.patience = self.config.patience_min;
        self.say(now, out);
    }

    /// Gives the address back, and stops.
    pub fn stop(&mut self, out: &mut Vec<ClientOutput>) {
        self.next = None;
        if let State::Bound { bound, .. } = std::mem::replace(&mut self.state, State::Idle) {
            let mut message = Message::new(MessageKind::Release, self.rng.next_u64() as u32, self.config.mac);
            message.client = bound.address.addr();
            message.options.server = Some(bound.server);
            let to = SocketAddrV4::new(bound.server, SERVER_PORT);
            out.push(ClientOutput::Send { from: bound.address.addr(), to, message: message.emit() });
            out.push(ClientOutput::Lost);
        }
    }

    /// When [`expire`](Self::expire) is to be called next.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.next
    }

    /// Says again what was not answered, or asks for more time.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<ClientOutput>) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        match &mut self.state {
            State::Idle => self.next = None,
            State::Requesting { asked, .. } if *asked >= self.config.requests_max => self.start(now, out),
            State::Requesting { asked, .. } => {
                *asked += 1;
                self.say(now, out);
            }
            State::Bound { bound, .. } if bound.until <= now => {
                out.push(ClientOutput::Lost);
                self.start(now, out);
            }
            State::Selecting | State::Bound { .. } => self.say(now, out),
        }
    }

    /// Takes a message that came to port 68.
    pub fn handle(&mut self, now: Instant, bytes: &[u8], out: &mut Vec<ClientOutput>) {
        let Ok(message) = Message::parse(bytes) else {
            return;
        };
        if message.transaction != self.transaction || message.mac != self.config.mac {
            return;
        }
        match (message.kind, &self.state) {
            (MessageKind::Offer, State::Selecting) if is_usable(&message) => {
                self.state = State::Requesting { offer: Box::new(message), asked: 1 };
                self.patience = self.config.patience_min;
                self.say(now, out);
            }
            (MessageKind::Ack, State::Requesting { offer, .. })
                if message.options.server == offer.options.server && is_usable(&message) =>
            {
                self.bind(now, &message, out);
            }
            (MessageKind::Ack, State::Bound { bound, renew, .. })
                if now >= *renew && message.yours == bound.address.addr() && is_usable(&message) =>
            {
                self.bind(now, &message, out);
            }
            (MessageKind::Nak, State::Requesting { offer, .. })
                if message.options.server == offer.options.server =>
            {
                self.start(now, out);
            }
            (MessageKind::Nak, State::Bound { renew, .. }) if now >= *renew => {
                out.push(ClientOutput::Lost);
                self.start(now, out);
            }
            _ => {}
        }
    }

    fn bind(&mut self, now: Instant, message: &Message, out: &mut Vec<ClientOutput>) {
        let options = &message.options;
        let (Some(lease), Some(server)) = (options.lease, options.server) else {
            return;
        };
        let prefix = options.mask.and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok()).unwrap_or(32);
        let Ok(address) = Ipv4Net::new(message.yours, prefix) else {
            return;
        };
        let after = |seconds: u32| now.saturating_add(Duration::from_secs(seconds.into()));
        // Times that make no sense are taken as if they were not said.
        let rebind = options.rebind.filter(|rebind| *rebind <= lease).unwrap_or(lease / 8 * 7);
        let renew = options.renew.filter(|renew| *renew <= rebind).unwrap_or(lease / 2).min(rebind);
        let bound = Bound {
            address,
            server,
            routers: options.routers.clone(),
            name_servers: options.name_servers.clone(),
            domain: options.domain.clone(),
            host_name: options.host_name.clone(),
            mtu: options.mtu,
            until: if lease == u32::MAX { Instant::MAX } else { after(lease) },
        };
        // A lease for ever needs no more time.
        self.next = (lease != u32::MAX).then(|| after(renew));
        self.state =
            State::Bound { bound: Box::new(bound.clone()), renew: after(renew), rebind: after(rebind) };
        self.transaction = self.rng.next_u64() as u32;
        self.began = after(renew);
        out.push(ClientOutput::Bound(Box::new(bound)));
    }

    /// Says what its state has to say, and sets when it will say it again.
    fn say(&mut self, now: Instant, out: &mut Vec<ClientOutput>) {
        const EVERYBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT);
        let mut message = Message::new(MessageKind::Request, self.transaction, self.config.mac);
        let tried = now.saturating_since(self.began).as_millis() / 1_000;
        message.seconds = u16::try_from(tried).unwrap_or(u16::MAX);
        message.options.host_name.clone_from(&self.config.host_name);
        // Mask, routers, name servers, name, domain, MTU, broadcast, and the times.
        message.options.wanted = vec![1, 3, 6, 12, 15, 26, 28, 51, 58, 59];
        message.options.bytes_max = u16::try_from(Message::BYTES_MAX).ok();
        let (from, to) = match &self.state {
            State::Idle => return,
            State::Selecting => {
                message.kind = MessageKind::Discover;
                (Ipv4Addr::UNSPECIFIED, EVERYBODY)
            }
            State::Requesting { offer, .. } => {
                let Options { server, .. } = offer.options;
                (message.options.server, message.options.requested) = (server, Some(offer.yours));
                (Ipv4Addr::UNSPECIFIED, EVERYBODY)
            }
            State::Bound { bound, rebind, .. } => {
                message.client = bound.address.addr();
                let server = SocketAddrV4::new(bound.server, SERVER_PORT);
                (message.client, if now < *rebind { server } else { EVERYBODY })
            }
        };
        out.push(ClientOutput::Send { from, to, message: message.emit() });
        self.next = Some(self.next_try(now));
    }

    fn next_try(&mut self, now: Instant) -> Instant {
        if let State::Bound { bound, rebind, .. } = &self.state {
            // It asks again after half of what is left, but not too often (RFC 2131, section 4.4.5).
            let end = if now < *rebind { *rebind } else { bound.until };
            let half = Duration::from_nanos(end.saturating_since(now).as_nanos() / 2);
            let soon = now.saturating_add(half.max(Duration::from_secs(60)));
            return soon.min(end).max(now.saturating_add(Duration::from_nanos(1)));
        }
        let patience = self.patience;
        self.patience = patience.saturating_mul(2).min(self.config.patience_max);
        let quarter = patience.as_nanos() / 4;
        let chance = self.rng.below(2 * quarter + 1);
        now.saturating_add(Duration::from_nanos(patience.as_nanos().saturating_add(chance) - quarter))
    }
}

/// Whether an offer or a confirmation says all that is needed.
fn is_usable(message: &Message) -> bool {
    let address = message.yours;
    let is_address = !address.is_unspecified()
        && !address.is_broadcast()
        && !address.is_multicast()
        && !address.is_loopback();
    is_address && message.options.server.is_some() && message.options.lease.is_some_and(|lease| lease > 0)
}

#[cfg(test)]
mod tests;
