//! What runs on machines: a server on port 67, and a client that configures the machine's card.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use ironloom_core::Instant;

use super::{Bound, CLIENT_PORT, Client, ClientOutput, Pool, SERVER_PORT, Server};
use crate::{Host, Port, Readiness, Service, SocketId};

/// How many datagrams are taken before anything else is done.
const DATAGRAMS_MAX: usize = 4_096;

/// The token of the client's timer.
const CLIENT: u64 = 0;

/// Hands out addresses on a machine's port 67.
#[derive(Debug)]
pub struct ServerService<P> {
    server: Server<P>,
    socket: Option<SocketId>,
}

impl<P: Pool> ServerService<P> {
    /// A service around a server.
    #[must_use]
    pub fn new(server: Server<P>) -> Self {
        Self { server, socket: None }
    }

    /// The server, to be looked at.
    #[must_use]
    pub fn server(&self) -> &Server<P> {
        &self.server
    }
}

impl<P: Pool> Service for ServerService<P> {
    fn start(&mut self, host: &mut Host<'_>) {
        self.socket = bind(host, SERVER_PORT);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        for _ in 0..DATAGRAMS_MAX {
            let message = match host.receive_from(socket) {
                Ok(Some((payload, _))) => payload.to_bytes(),
                Ok(None) => return,
                // What ICMP said of an earlier reply.
                Err(_) => continue,
            };
            if let Some((to, reply)) = self.server.handle(host.now(), &message) {
                // A reply that is lost is asked for again.
                let _ = host.send_to(socket, reply.into(), to.into());
            }
        }
    }
}

/// Asks for an address and gives it to one of the machine's cards.
#[derive(Debug)]
pub struct ClientService {
    client: Client,
    card: Port,
    socket: Option<SocketId>,
    armed: Option<Instant>,
    out: Vec<ClientOutput>,
    /// The address that it gave to the card.
    given: Option<IpNet>,
}

impl ClientService {
    /// A service that asks on behalf of a card.
    #[must_use]
    pub fn new(client: Client, card: Port) -> Self {
        Self { client, card, socket: None, armed: None, out: Vec::new(), given: None }
    }

    /// What the card was given: where its name servers are, for example.
    #[must_use]
    pub fn bound(&self) -> Option<&Bound> {
        self.client.bound()
    }

    fn carry_out(&mut self, host: &mut Host<'_>) {
        for output in std::mem::take(&mut self.out) {
            match output {
                ClientOutput::Send { to, message, .. } => {
                    if let Some(socket) = self.socket {
                        // What is lost is said again.
                        let _ = host.send_to(socket, message.into(), to.into());
                    }
                }
                ClientOutput::Bound(bound) => self.configure(host, Some(&bound)),
                ClientOutput::Lost => self.configure(host, None),
            }
        }
        if let Some(next) = self.client.next_event()
            && self.armed.is_none_or(|armed| next < armed)
            && host.set_timer(next, CLIENT)
        {
            self.armed = Some(next);
        }
    }

    /// Gives the card an address, in place of the one that it was given before.
    fn configure(&mut self, host: &mut Host<'_>, bound: Option<&Bound>) {
        let Some(mut interface) = host.stack().interface(self.card) else {
            return;
        };
        let before = interface.clone();
        let given = bound.map(|bound| IpNet::V4(bound.address));
        interface.addresses.retain(|address| Some(*address) != self.given);
        interface.addresses.extend(given.filter(|given| !interface.addresses.contains(given)));
        if let Some(bound) = bound {
            interface.gateway = bound.routers.first().copied().map(IpAddr::V4);
            interface.mtu = bound.mtu.unwrap_or(interface.mtu);
        } else {
            interface.gateway = None;
        }
        self.given = given;
        // A card that is configured anew forgets its neighbours.
        if interface != before {
            host.stack().reconfigure(self.card, &interface);
        }
    }
}

impl Service for ClientService {
    fn start(&mut self, host: &mut Host<'_>) {
        self.socket = bind(host, CLIENT_PORT);
        self.client.start(host.now(), &mut self.out);
        self.carry_out(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        for _ in 0..DATAGRAMS_MAX {
            match host.receive_from(socket) {
                Ok(Some((payload, _))) => {
                    self.client.handle(host.now(), &payload.to_bytes(), &mut self.out);
                    self.carry_out(host);
                }
                Ok(None) => return,
                Err(_) => {}
            }
        }
    }

    fn timer(&mut self, host: &mut Host<'_>, _: u64) {
        self.armed = None;
        self.client.expire(host.now(), &mut self.out);
        self.carry_out(host);
    }
}

fn bind(host: &mut Host<'_>, port: u16) -> Option<SocketId> {
    host.bind_udp(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).ok()
}

#[cfg(test)]
mod tests;
