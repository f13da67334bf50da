//! How a router finds the cards of its neighbours, and answers when it is looked for.

use std::net::IpAddr;

use ironloom_core::Instant;

use super::interface::Role;
use super::pipeline::Gone;
use super::{Reason, Router, Traffic};
use crate::frame::{Arp, ArpOperation, Body, Transport};
use crate::neighbours::{Event, Held, Lookup};
use crate::{Frame, Mac, Outbox, Packet, Port};

impl Router {
    /// Hears a question or an answer about who has an address.
    pub(super) fn hear(&mut self, now: Instant, port: Port, arp: Arp, out: &mut Outbox) {
        let own = self.own.get(&IpAddr::V4(arp.target)).copied();
        let Some(place) = self.place_mut(port) else { return };
        let mac = place.interface.mac;
        // Its own stack may ask for anybody, and is told to send everything here.
        let is_asked = match place.role {
            Role::Own { .. } => own.is_none(),
            Role::Link { .. } => own.is_some_and(|own| own.port == port && !own.is_broadcast),
        };
        let is_question = arp.operation == ArpOperation::Request;
        if !place.is_own() && arp.source_mac != mac {
            self.learn(now, port, arp.source.into(), arp.source_mac, is_question && is_asked, out);
        }
        if is_question && is_asked {
            let answer = Arp {
                operation: ArpOperation::Reply,
                source_mac: mac,
                source: arp.target,
                target_mac: arp.source_mac,
                target: arp.source,
            };
            out.send(port, Frame { source: mac, target: arp.source_mac, body: Body::Arp(answer) });
        }
    }

    /// Notes who has an address, and sends what waited to know.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        port: Port,
        address: IpAddr,
        mac: Mac,
        is_believed: bool,
        out: &mut Outbox,
    ) {
        if self.own.contains_key(&address) {
            return;
        }
        let config = &self.config.neighbours;
        let Some(place) = self.places.get_mut(usize::from(port.number())).and_then(Option::as_mut) else {
            return;
        };
        let known = place.neighbours.lookup(now, config, address);
        let has_moved = matches!(known, Lookup::Known(old) | Lookup::Aging(old) if old != mac);
        let waiting = place.neighbours.learn(now, config, address, mac, is_believed);
        if has_moved {
            self.change();
        }
        for packet in waiting {
            self.send(port, mac, packet, out);
        }
    }

    /// The card of the next machine on the way; the packet is kept while it is asked for.
    pub(super) fn resolve(
        &mut self,
        now: Instant,
        port: Port,
        next: IpAddr,
        packet: &mut Packet,
        out: &mut Outbox,
    ) -> Result<Mac, Gone> {
        let config = &self.config.neighbours;
        let place = self.places.get_mut(usize::from(port.number())).and_then(Option::as_mut);
        let place = place.filter(|place| place.is_up).ok_or(Gone::Dropped(Reason::NoRoute))?;
        if let Role::Own { card, .. } = place.role {
            return Ok(card);
        }
        match place.neighbours.lookup(now, config, next) {
            Lookup::Known(mac) => return Ok(mac),
            Lookup::Aging(mac) => {
                self.ask(port, next, mac, out);
                return Ok(mac);
            }
            Lookup::Waiting if next.is_ipv6() => return Err(Gone::Dropped(Reason::NoNeighbour)),
            Lookup::Waiting => {}
        }
        match place.neighbours.hold(now, config, next, std::mem::replace(packet, NOTHING)) {
            Held::Ask => self.ask_first(port, next, &[], out),
            Held::AskInstead(displaced) => self.ask_first(port, next, &displaced, out),
            Held::Waiting => Err(Gone::Consumed),
            Held::Full(refused) => {
                *packet = refused;
                Err(Gone::Dropped(Reason::NeighboursFull))
            }
        }
    }

    /// Asks for an address for the first time, for which others made room.
    fn ask_first(
        &mut self,
        port: Port,
        next: IpAddr,
        displaced: &[Packet],
        out: &mut Outbox,
    ) -> Result<Mac, Gone> {
        displaced.iter().for_each(|_| self.drop(port, Reason::NeighboursFull));
        let deadline = self.place(port).and_then(|place| place.neighbours.next_event());
        self.wake_at(deadline);
        self.ask(port, next, Mac::BROADCAST, out);
        Err(Gone::Consumed)
    }

    /// Does what is due about neighbours.
    pub(super) fn expire_neighbours(&mut self, now: Instant, out: &mut Outbox) {
        for number in 0..self.places.len() {
            let port = Port::new(number as u16);
            while let Some(event) = self.next_neighbour_event(now, number) {
                self.heed(now, port, event, out);
            }
        }
    }

    /// When neighbours at one of the ports have to be asked again.
    pub(super) fn next_question(&self) -> Option<Instant> {
        self.places.iter().flatten().filter_map(|place| place.neighbours.next_event()).min()
    }

    fn next_neighbour_event(&mut self, now: Instant, number: usize) -> Option<Event> {
        self.places[number].as_mut()?.neighbours.poll(now, &self.config.neighbours)
    }

    fn heed(&mut self, now: Instant, port: Port, event: Event, out: &mut Outbox) {
        match event {
            Event::Ask(address) => self.ask(port, address, Mac::BROADCAST, out),
            Event::Unreachable(_, packets) => {
                // Conversations that still lead there have to notice.
                self.change();
                for packet in packets {
                    self.drop(port, Reason::NoNeighbour);
                    self.tell_unreachable(now, port, &packet, out);
                }
            }
        }
    }

    fn ask(&self, port: Port, address: IpAddr, target: Mac, out: &mut Outbox) {
        let (Some(place), IpAddr::V4(address)) = (self.place(port), address) else { return };
        let Some(source) = place.address_towards(address) else { return };
        let mac = place.interface.mac;
        let question = Arp {
            operation: ArpOperation::Request,
            source_mac: mac,
            source,
            target_mac: Mac::UNSPECIFIED,
            target: address,
        };
        out.send(port, Frame { source: mac, target, body: Body::Arp(question) });
    }

    /// Sends a packet to a card.
    pub(super) fn send(&mut self, port: Port, mac: Mac, packet: Packet, out: &mut Outbox) {
        let Some(place) = self.place_mut(port) else { return };
        place.counters.sent += Traffic::of(&packet);
        out.send(port, Frame { source: place.interface.mac, target: mac, body: Body::Ip(packet) });
    }
}

/// What is left in a frame whose packet was taken out.
const NOTHING: Packet = Packet {
    source: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    target: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    hops: 0,
    service: 0,
    identification: 0,
    may_fragment: false,
    transport: Transport::Other { protocol: 0, bytes: bytes::Bytes::new() },
};
