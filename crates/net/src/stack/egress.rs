//! [`Egress`]: how packets leave a machine: by which card, to whose, or back to the machine itself.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use ironloom_core::{Duration, Instant};

use crate::frame::{Arp, ArpOperation, Body, Reassembly};
use crate::neighbours::{Event, Held, Lookup};
use crate::{Frame, Mac, Outbox, Packet, Port, SocketId, tcp};

use super::alarms::Alarms;
use super::config::Config;
use super::counters::{Counters, DropReason};
use super::interface::Card;
use super::limiter::Limiter;
use super::raw::Tap;
use super::secret::Secret;

/// A way to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// To which network it leads.
    pub network: IpNet,
    /// Who forwards; `None` if its machines are neighbours.
    pub gateway: Option<IpAddr>,
    /// By which card.
    pub card: Port,
}

/// What a machine's packets leave by.
#[derive(Debug)]
pub(super) struct Egress {
    pub(super) config: Arc<Config>,
    pub(super) cards: Vec<Card>,
    pub(super) counters: Counters,
    pub(super) secret: Secret,
    pub(super) rare: Option<Box<Rare>>,
}

/// What few machines need, or only at times.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Routes besides those to the cards' own networks, the longest first.
    pub(super) routes: Vec<Route>,
    /// What the machine sends to itself, and when it arrives.
    loopback: VecDeque<(Instant, Packet)>,
    /// What the next packet is told apart by from others that are cut into fragments.
    identification: u16,
    /// Where the next search for a port begins.
    pub(super) port_counter: u32,
    pub(super) errors: Limiter,
    pub(super) resets: Limiter,
    /// The timers of services.
    pub(super) alarms: Alarms,
    /// Fragments of packets that are not whole yet.
    pub(super) reassembly: Option<Box<Reassembly>>,
    /// Raw sockets.
    pub(super) taps: Vec<Tap>,
    /// How many raw sockets were opened.
    pub(super) raw_counter: u32,
    /// Connections that have ended, and until when they are remembered, in order.
    pub(super) ended: VecDeque<(Instant, SocketId)>,
    /// How many connections are half open.
    pub(super) half_open: u32,
    /// Connections that wait for memory of the machine.
    pub(super) starved: Vec<SocketId>,
    /// What connections of the machine to itself may use.
    pub(super) loopback_tcp: Option<Box<tcp::Config>>,
}

/// By which card a packet leaves, and who is next to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Path {
    card: usize,
    next: IpAddr,
}

/// Where an address is, by the cards' own networks alone.
enum Whither {
    /// It is this machine's.
    Here,
    /// It is a neighbour's.
    Near(Path),
    /// That does not tell.
    Far,
}

/// Packets that nobody took.
pub(super) type Undelivered = Vec<Packet>;

impl Rare {
    /// A number that differs from call to call.
    pub(super) fn next_port(&mut self) -> u32 {
        self.port_counter = self.port_counter.wrapping_add(1);
        self.port_counter
    }

    fn next_event(&self) -> Option<Instant> {
        let loopback = self.loopback.front().map(|(at, _)| *at);
        let ended = self.ended.front().map(|(at, _)| *at);
        let fragments = self.reassembly.as_ref().and_then(|reassembly| reassembly.next_event());
        earlier(earlier(loopback, ended), earlier(fragments, self.alarms.next_event()))
    }
}

impl Egress {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether an address is one of this machine's, as seen from within.
    #[inline]
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        self.cards.iter().any(|card| card.has(address)) || address.is_loopback()
    }

    /// From which address this machine speaks to another.
    pub(super) fn source_for(&self, target: IpAddr) -> Option<IpAddr> {
        if self.is_own(target) {
            return Some(match target {
                IpAddr::V4(address) if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
                own => own,
            });
        }
        let path = self.path(target)?;
        let card = &self.cards[path.card];
        card.source_near(path.next)
    }

    /// The card by which packets to an address leave.
    pub(super) fn card_towards(&self, target: IpAddr) -> Option<usize> {
        self.path(target).map(|path| path.card)
    }

    /// The way to an address: by the longest of the networks that hold it.
    fn path(&self, target: IpAddr) -> Option<Path> {
        let mut best: Option<(u8, Path)> = None;
        for (card, own) in self.cards.iter().enumerate() {
            for network in own.addresses.iter().filter(|network| network.is_near(target)) {
                if best.is_none_or(|(length, _)| length < network.length()) {
                    best = Some((network.length(), Path { card, next: target }));
                }
            }
        }
        if let Some(rare) = &self.rare {
            let route = rare.routes.iter().find(|route| route.network.contains(&target));
            if let Some(route) = route
                && best.is_none_or(|(length, _)| length < route.network.prefix_len())
            {
                let (card, next) = (route.card.number() as usize, route.gateway.unwrap_or(target));
                return Some(Path { card, next });
            }
        }
        best.map(|(_, path)| path).or_else(|| self.default_path(target))
    }

    /// The way to an address that no network holds: by a gateway, or for everybody at once by the first card.
    fn default_path(&self, target: IpAddr) -> Option<Path> {
        let gateways = self.cards.iter().enumerate();
        let mut gateways = gateways.filter_map(|(card, own)| Some(Path { card, next: own.gateway? }));
        let found = gateways.find(|path| path.next.is_ipv4() == target.is_ipv4());
        let to_all = target.is_multicast() || target == IpAddr::V4(Ipv4Addr::BROADCAST);
        if to_all {
            return (!self.cards.is_empty()).then_some(Path { card: 0, next: target });
        }
        found
    }

    /// A number for a packet that may be cut into fragments.
    pub(super) fn identification(&mut self) -> u16 {
        let start = self.secret.number(3) as u16;
        let rare = self.rare();
        rare.identification = rare.identification.wrapping_add(1);
        start.wrapping_add(rare.identification)
    }

    /// Sends a packet: to a neighbour, to a gateway, to everybody, or to the machine itself.
    ///
    /// # Errors
    ///
    /// Gives back the packet if no route leads to its target.
    #[inline]
    pub(super) fn send(&mut self, now: Instant, packet: Packet, out: &mut Outbox) -> Result<(), Box<Packet>> {
        let path = match self.near(packet.target) {
            Whither::Near(path) => path,
            Whither::Here => {
                self.loop_back(now, packet);
                return Ok(());
            }
            Whither::Far => return self.send_far(now, packet, out),
        };
        self.send_to_neighbour(now, path, packet, out);
        Ok(())
    }

    /// Whether an address is this machine's or a neighbour's, by the cards' own networks alone.
    #[inline]
    fn near(&self, target: IpAddr) -> Whither {
        let mut best = (0, None);
        for (card, own) in self.cards.iter().enumerate() {
            for network in &own.addresses {
                if network.address == target {
                    return Whither::Here;
                }
                if network.is_near(target) && network.length() >= best.0 && !network.is_last(target) {
                    best = (network.length(), Some(Path { card, next: target }));
                }
            }
        }
        let has_routes = self.rare.as_ref().is_some_and(|rare| !rare.routes.is_empty());
        best.1.filter(|_| !has_routes).map_or(Whither::Far, Whither::Near)
    }

    /// Sends a packet that is not simply for a neighbour.
    fn send_far(&mut self, now: Instant, packet: Packet, out: &mut Outbox) -> Result<(), Box<Packet>> {
        if self.is_own(packet.target) {
            self.loop_back(now, packet);
            return Ok(());
        }
        let Some(path) = self.path_of(&packet) else {
            self.counters.count(DropReason::NoRoute);
            return Err(Box::new(packet));
        };
        let card = &self.cards[path.card];
        if let Some(mac) = mac_of_many(card, path.next) {
            let frame = Frame { source: card.mac, target: mac, body: Body::Ip(packet) };
            self.transmit(path.card, frame, out);
        } else {
            self.send_to_neighbour(now, path, packet, out);
        }
        Ok(())
    }

    /// Sends a packet to the neighbour who is next to have it, or keeps it until that one is known.
    #[inline]
    fn send_to_neighbour(&mut self, now: Instant, path: Path, packet: Packet, out: &mut Outbox) {
        let card = &mut self.cards[path.card];
        let neighbours = card.neighbours.get_or_insert_default();
        let config = &self.config.neighbours;
        match neighbours.lookup(now, config, path.next) {
            Lookup::Known(mac) => {
                let frame = Frame { source: card.mac, target: mac, body: Body::Ip(packet) };
                self.transmit(path.card, frame, out);
            }
            Lookup::Aging(mac) => {
                let frame = Frame { source: card.mac, target: mac, body: Body::Ip(packet) };
                self.transmit(path.card, frame, out);
                self.ask(path.card, path.next, mac, out);
            }
            Lookup::Waiting => match neighbours.hold(now, config, path.next, packet) {
                Held::Ask => self.ask(path.card, path.next, Mac::BROADCAST, out),
                Held::AskInstead(displaced) => {
                    self.counters.add(DropReason::NeighbourQueue, displaced.len() as u64);
                    self.ask(path.card, path.next, Mac::BROADCAST, out);
                }
                Held::Waiting => {}
                Held::Full(_) => self.counters.count(DropReason::NeighbourQueue),
            },
        }
    }

    /// The way of a packet. One to everybody leaves by the card whose address it has.
    fn path_of(&self, packet: &Packet) -> Option<Path> {
        let path = self.path(packet.target)?;
        if packet.target == IpAddr::V4(Ipv4Addr::BROADCAST) || packet.target.is_multicast() {
            let card = self.cards.iter().position(|card| card.has(packet.source));
            return Some(Path { card: card.unwrap_or(path.card), next: packet.target });
        }
        Some(path)
    }

    fn loop_back(&mut self, now: Instant, packet: Packet) {
        let delay = self.config.loopback_delay.max(Duration::from_nanos(1));
        let limit = self.config.loopback_packets_max;
        let rare = self.rare();
        if rare.loopback.len() >= limit {
            self.counters.count(DropReason::Loopback);
        } else {
            rare.loopback.push_back((now.saturating_add(delay), packet));
        }
    }

    /// The next packet from the machine to itself that has arrived.
    pub(super) fn pop_loopback(&mut self, now: Instant) -> Option<Packet> {
        let loopback = &mut self.rare.as_mut()?.loopback;
        loopback.front().filter(|(at, _)| *at <= now)?;
        loopback.pop_front().map(|(_, packet)| packet)
    }

    /// Lets a frame leave by a card.
    #[inline]
    pub(super) fn transmit(&mut self, card: usize, frame: Frame, out: &mut Outbox) {
        if self.is_tapped() {
            self.overhear_frame(card, &frame, out);
        }
        out.send(port(card), frame);
    }

    /// Asks who has an address: everybody, or the card that had it.
    fn ask(&mut self, card: usize, address: IpAddr, whom: Mac, out: &mut Outbox) {
        let own = &self.cards[card];
        let (IpAddr::V4(target), Some(IpAddr::V4(source))) = (address, own.source_near(address)) else {
            self.counters.count(DropReason::NoAddress);
            return;
        };
        let question = Arp {
            operation: ArpOperation::Request,
            source_mac: own.mac,
            source,
            target_mac: Mac::UNSPECIFIED,
            target,
        };
        let frame = Frame { source: own.mac, target: whom, body: Body::Arp(question) };
        self.transmit(card, frame, out);
    }

    /// Tells everybody on the networks of a card which addresses it has.
    pub(super) fn announce(&mut self, card: usize, out: &mut Outbox) {
        let Some(own) = self.cards.get(card) else { return };
        let (mac, addresses) = (own.mac, own.addresses.clone());
        for address in addresses {
            let IpAddr::V4(source) = address.address else { continue };
            let news = Arp {
                operation: ArpOperation::Request,
                source_mac: mac,
                source,
                target_mac: Mac::UNSPECIFIED,
                target: source,
            };
            let frame = Frame { source: mac, target: Mac::BROADCAST, body: Body::Arp(news) };
            self.transmit(card, frame, out);
        }
    }

    /// Hears a question or an answer about who has an address.
    pub(super) fn hear(&mut self, now: Instant, card: usize, arp: &Arp, out: &mut Outbox) {
        let own = &mut self.cards[card];
        let for_us = own.has(arp.target.into());
        if own.has(arp.source.into()) {
            // Somebody else claims an address of ours, or it is our own announcement.
            return;
        }
        let is_near = own.addresses.iter().any(|network| network.is_near(arp.source.into()));
        let asked_us = for_us && arp.operation == ArpOperation::Request;
        if asked_us || own.neighbours.is_some() {
            let neighbours = own.neighbours.get_or_insert_default();
            let config = &self.config.neighbours;
            let waited =
                neighbours.learn(now, config, arp.source.into(), arp.source_mac, asked_us && is_near);
            let source = own.mac;
            for packet in waited {
                let frame = Frame { source, target: arp.source_mac, body: Body::Ip(packet) };
                self.transmit(card, frame, out);
            }
        }
        if asked_us {
            let answer = Arp {
                operation: ArpOperation::Reply,
                source_mac: self.cards[card].mac,
                source: arp.target,
                target_mac: arp.source_mac,
                target: arp.source,
            };
            let frame = Frame { source: answer.source_mac, target: arp.source_mac, body: Body::Arp(answer) };
            self.transmit(card, frame, out);
        }
    }

    /// Asks again, and gives up on who never answered: the packets that waited for them.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Outbox) -> Undelivered {
        let mut undelivered = Undelivered::new();
        for card in 0..self.cards.len() {
            while let Some(event) = self.poll_neighbours(now, card) {
                match event {
                    Event::Ask(address) => self.ask(card, address, Mac::BROADCAST, out),
                    Event::Unreachable(_, packets) => {
                        self.counters.add(DropReason::NoNeighbour, packets.len() as u64);
                        undelivered.extend(packets);
                    }
                }
            }
        }
        undelivered
    }

    fn poll_neighbours(&mut self, now: Instant, card: usize) -> Option<Event> {
        self.cards[card].neighbours.as_mut()?.poll(now, &self.config.neighbours)
    }

    /// When something is to be asked again or arrives here.
    #[inline]
    pub(super) fn next_event(&self) -> Option<Instant> {
        let cards = self.cards.iter().filter_map(|card| card.neighbours.as_ref()?.next_event()).min();
        earlier(cards, self.rare.as_ref().and_then(|rare| rare.next_event()))
    }
}

/// The earlier of two deadlines.
#[inline]
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A card's port.
#[inline]
pub(super) fn port(card: usize) -> Port {
    Port::new(card as u16)
}

/// The card of everybody, or of everybody who wants to hear, if the address stands for them.
#[inline]
fn mac_of_many(card: &Card, address: IpAddr) -> Option<Mac> {
    if address.is_multicast() {
        return Some(match address {
            IpAddr::V4(address) => multicast_v4(address),
            IpAddr::V6(address) => multicast_v6(address),
        });
    }
    card.is_broadcast(address).then_some(Mac::BROADCAST)
}

fn multicast_v4(address: Ipv4Addr) -> Mac {
    let [_, b, c, d] = address.octets();
    Mac::new([0x01, 0x00, 0x5E, b & 0x7F, c, d])
}

fn multicast_v6(address: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = address.octets();
    Mac::new([0x33, 0x33, a, b, c, d])
}
