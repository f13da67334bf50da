//! What a stack has, for those who look: sockets, ways, neighbours.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::tcp::State;
use crate::{Mac, Port, SocketId};

use super::egress::Route;
use super::key::Kind;
use super::kinds::Socket;
use super::table::Slot;
use super::{Stack, streams::Stream};

/// What a socket is about, with the names of TCP for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketState {
    /// It waits for connections.
    Listen,
    /// It has asked for a connection.
    SynSent,
    /// It was asked for a connection.
    SynReceived,
    /// Both sides may send.
    Established,
    /// This side has finished.
    FinWait1,
    /// This side has finished, and the other knows.
    FinWait2,
    /// The other side has finished.
    CloseWait,
    /// Both have finished at once.
    Closing,
    /// Both have finished, the other side first.
    LastAck,
    /// Both have finished, and late packets may come.
    TimeWait,
    /// It broke, and nobody has closed it.
    Closed,
    /// It is a UDP socket.
    Datagrams,
}

/// What is known of a socket of TCP or UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFacts {
    /// Its name.
    pub id: SocketId,
    /// The process that opened it.
    pub owner: u64,
    /// Its end here.
    pub local: SocketAddr,
    /// Its other end, if it has one.
    pub remote: Option<SocketAddr>,
    /// What it is about.
    pub state: SocketState,
    /// How many bytes were received and not read.
    pub unread_bytes: usize,
}

impl Stack {
    /// All sockets of TCP and UDP, with connections that nobody has any more.
    pub fn list_sockets(&self) -> impl Iterator<Item = SocketFacts> {
        self.sockets.iter().filter_map(|(index, slot)| {
            let kind = slot.key.kind();
            matches!(kind, Kind::Tcp | Kind::Udp).then(|| facts(self.sockets.id(index), slot))
        })
    }

    /// All ways that packets may take, the most special first: to the networks of the cards, those that were
    /// [added](Self::add_route), and those by gateways to everywhere else.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let mut routes = Vec::new();
        for (card, number) in self.egress.cards.iter().zip(0..) {
            let port = Port::new(number);
            for network in card.interface().addresses {
                routes.push(Route { network: network.trunc(), gateway: None, card: port });
            }
        }
        routes.extend(self.egress.rare.iter().flat_map(|rare| rare.routes.iter().cloned()));
        for (card, number) in self.egress.cards.iter().zip(0..) {
            if let Some(gateway) = card.gateway {
                let network = everywhere(gateway);
                routes.push(Route { network, gateway: Some(gateway), card: Port::new(number) });
            }
        }
        routes.sort_by_key(|route| std::cmp::Reverse(route.network.prefix_len()));
        routes
    }

    /// Who is known on the networks of the cards, by card and address.
    #[must_use]
    pub fn neighbours(&self) -> Vec<(Port, IpAddr, Mac)> {
        let mut known = Vec::new();
        for (card, number) in self.egress.cards.iter().zip(0..) {
            let neighbours = card.neighbours.iter().flat_map(|neighbours| neighbours.iter());
            known.extend(neighbours.map(|(address, mac)| (Port::new(number), address, mac)));
        }
        known.sort();
        known
    }
}

fn everywhere(gateway: IpAddr) -> IpNet {
    match gateway {
        IpAddr::V4(_) => Ipv4Net::default().into(),
        IpAddr::V6(_) => Ipv6Net::default().into(),
    }
}

fn facts(id: SocketId, slot: &Slot) -> SocketFacts {
    let (state, unread_bytes) = match &slot.socket {
        Socket::Listener(_) => (SocketState::Listen, 0),
        Socket::HalfOpen(_) => (SocketState::SynReceived, 0),
        Socket::Stream(stream) => (named(stream), stream.unread_bytes()),
        Socket::Ended(_) => (SocketState::TimeWait, 0),
        Socket::Datagrams(datagrams) => (SocketState::Datagrams, datagrams.mailbox.bytes()),
        Socket::Free(_) | Socket::Echo(_) | Socket::Raw => (SocketState::Closed, 0),
    };
    let remote = (!slot.key.is_open()).then(|| slot.key.remote());
    SocketFacts { id, owner: slot.owner, local: slot.key.local(), remote, state, unread_bytes }
}

fn named(stream: &Stream) -> SocketState {
    match stream.state() {
        State::SynSent => SocketState::SynSent,
        State::SynReceived => SocketState::SynReceived,
        State::Established => SocketState::Established,
        State::FinWait1 => SocketState::FinWait1,
        State::FinWait2 => SocketState::FinWait2,
        State::CloseWait => SocketState::CloseWait,
        State::Closing => SocketState::Closing,
        State::LastAck => SocketState::LastAck,
        State::TimeWait => SocketState::TimeWait,
        State::Closed => SocketState::Closed,
    }
}
