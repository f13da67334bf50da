//! How frames and packets come in: to whom they are, and whether that can be.

use std::net::{IpAddr, Ipv4Addr};

use ironloom_core::Instant;

use crate::frame::{Body, Icmp, Quote, Reassembly, ReassemblyConfig, Transport, Unreachable};
use crate::{Frame, Outbox, Packet};

use super::Stack;
use super::counters::DropReason;
use super::datagrams::Delivered;
use super::echo::{Answer, Heard};
use super::told::Told;

/// The protocol of messages about the network.
const ICMP: u8 = 1;

/// Whom a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// This machine.
    Us,
    /// Everybody on its network.
    All,
}

impl Stack {
    /// Takes a frame that arrived at a card.
    pub(super) fn take_frame(&mut self, now: Instant, card: usize, frame: Frame, out: &mut Outbox) {
        let Some(own) = self.egress.cards.get(card) else {
            return self.egress.counters.count(DropReason::NoCard);
        };
        let is_ours = frame.target == own.mac || frame.target.is_multicast();
        if self.egress.is_tapped() {
            self.egress.overhear_frame(card, &frame, out);
        }
        if !is_ours {
            return self.egress.counters.count(DropReason::OtherCard);
        }
        match frame.body {
            Body::Ip(packet) => match self.whom(card, &packet) {
                Ok(target) => self.take_packet(now, target, packet, out),
                Err(reason) => self.egress.counters.count(reason),
            },
            Body::Arp(arp) => self.egress.hear(now, card, &arp, out),
            Body::Other { .. } => self.egress.counters.count(DropReason::UnknownProtocol),
            Body::Broken(_) => self.egress.counters.count(DropReason::Broken),
        }
    }

    /// Takes a packet from the machine to itself.
    pub(super) fn take_own(&mut self, now: Instant, packet: Packet, out: &mut Outbox) {
        self.take_packet(now, Target::Us, packet, out);
    }

    /// Whom a packet is for that came in by a card.
    #[inline]
    fn whom(&self, card: usize, packet: &Packet) -> Result<Target, DropReason> {
        let (source, target) = (packet.source, packet.target);
        let own = &self.egress.cards[card];
        let whom = if own.has(target) {
            Target::Us
        } else if own.is_broadcast(target) {
            Target::All
        } else if target.is_loopback() {
            return Err(DropReason::Martian);
        } else if self.egress.is_own(target) {
            Target::Us
        } else {
            return Err(DropReason::OtherMachine);
        };
        // Only who asks everybody for an address has none.
        let is_nobody =
            source.is_unspecified() && (whom == Target::Us || !matches!(packet.transport, Transport::Udp(_)));
        if is_nobody || source.is_multicast() || own.is_broadcast(source) || self.egress.is_own(source) {
            return Err(DropReason::Martian);
        }
        Ok(whom)
    }

    fn take_packet(&mut self, now: Instant, whom: Target, packet: Packet, out: &mut Outbox) {
        if matches!(packet.transport, Transport::Fragment(_)) {
            let Some(whole) = self.reassemble(now, packet) else { return };
            return self.take_whole(now, whom, whole, out);
        }
        self.take_whole(now, whom, packet, out);
    }

    #[inline]
    fn take_whole(&mut self, now: Instant, whom: Target, packet: Packet, out: &mut Outbox) {
        let overheard = self.egress.is_tapped() && self.egress.overhear_packet(&packet, out);
        let (source, target) = (packet.source, packet.target);
        match packet.transport {
            Transport::Tcp(segment) if whom == Target::Us => {
                self.take_segment(now, source, target, segment, out);
            }
            Transport::Tcp(_) | Transport::Fragment(_) => self.egress.counters.count(DropReason::Martian),
            Transport::Udp(ref datagram) => {
                if self.take_datagram(source, target, datagram, out) == Delivered::NoSocket {
                    self.egress.counters.count(DropReason::NoSocket);
                    if whom == Target::Us && !overheard {
                        self.refuse(now, Unreachable::Port, &packet, out);
                    }
                }
            }
            Transport::Icmp(icmp) => self.take_icmp(now, whom, (source, target, packet.hops), icmp, out),
            Transport::Other { .. } => {
                if !overheard {
                    self.egress.counters.count(DropReason::UnknownProtocol);
                    if whom == Target::Us {
                        self.refuse(now, Unreachable::Protocol, &packet, out);
                    }
                }
            }
        }
    }

    fn take_icmp(
        &mut self,
        now: Instant,
        whom: Target,
        (source, target, hops): (IpAddr, IpAddr, u8),
        icmp: Icmp,
        out: &mut Outbox,
    ) {
        match icmp {
            Icmp::EchoRequest(question) if whom == Target::Us => {
                self.answer_echo(now, (source, target), question, out);
            }
            Icmp::EchoReply(echo) => {
                let what = Answer::Here { payload: echo.payload, hops };
                self.hear_echo(echo.identifier, Heard { from: source, sequence: echo.sequence, what }, out);
            }
            Icmp::Unreachable { reason, about } => {
                self.take_told(now, source, Told::Unreachable(reason), &about, out);
            }
            Icmp::TooBig { mtu, about } => self.take_told(now, source, Told::TooBig(mtu), &about, out),
            Icmp::TimeExceeded { about, .. } => self.take_told(now, source, Told::TimeExceeded, &about, out),
            Icmp::EchoRequest(_) | Icmp::Other { .. } => {
                self.egress.counters.count(DropReason::UnknownProtocol);
            }
        }
    }

    /// Puts a fragment to the others of its packet; the packet, once nothing is missing.
    fn reassemble(&mut self, now: Instant, fragment: Packet) -> Option<Packet> {
        let config = || Reassembly::new(ReassemblyConfig::default());
        let reassembly = self.egress.rare().reassembly.get_or_insert_with(|| Box::new(config()));
        let taken = reassembly.take(now, fragment);
        if reassembly.is_empty() {
            self.egress.rare().reassembly = None;
        }
        match taken {
            Ok(packet) => packet,
            Err(_) => {
                self.egress.counters.count(DropReason::Fragment);
                None
            }
        }
    }

    /// Gives up packets whose fragments did not come together.
    pub(super) fn expire_fragments(&mut self, now: Instant, out: &mut Outbox) {
        let next = |stack: &mut Self| stack.egress.rare.as_mut()?.reassembly.as_mut()?.expire(now);
        while let Some(expired) = next(self) {
            self.egress.counters.count(DropReason::Fragment);
            // Nobody is told of errors about errors, and a part does not show whether it is of one.
            if let Some(first) = expired.first.filter(|first| first.transport.protocol() != ICMP) {
                let about = Box::new(Quote::of(&first));
                self.tell(now, &first, Icmp::TimeExceeded { in_transit: false, about }, out);
            }
        }
    }

    /// Tells the sender of a packet that it was not delivered.
    fn refuse(&mut self, now: Instant, reason: Unreachable, packet: &Packet, out: &mut Outbox) {
        let about = Box::new(Quote::of(packet));
        self.tell(now, packet, Icmp::Unreachable { reason, about }, out);
    }

    /// Answers a packet with an error, if so many were not sent lately.
    fn tell(&mut self, now: Instant, packet: &Packet, error: Icmp, out: &mut Outbox) {
        if packet.source.is_unspecified() || packet.source == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return;
        }
        let limit = self.egress.config.icmp_errors_per_second_max;
        if !self.egress.rare().errors.allow(now, limit) {
            return self.egress.counters.count(DropReason::RateLimit);
        }
        let (from, hops) = (packet.target, self.egress.config.hops);
        let answer = self.packet(from, packet.source, hops, Transport::Icmp(error));
        let _ = self.egress.send(now, answer, out);
    }
}
