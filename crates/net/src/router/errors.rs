//! What a router says about packets that it cannot pass on, and how it passes on what others say.
//!
//! Nothing is said about an error, a fragment but the first, or a packet that was for many or came from nobody in
//! particular (RFC 1122, section 3.2.2), and not more often than a rate allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironloom_core::Instant;

use super::checks::untracked;
use super::firewall::State;
use super::pipeline::{Gone, Passed, Step, Towards, is_single, packet_of};
use super::tuple::{self, Tuple};
use super::{Family, Reason, Router};
use crate::frame::{Frame, Icmp, Quote, Transport, Unreachable};
use crate::{Outbox, Packet, Port};

/// What is to be said about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    /// It could not be delivered.
    Unreachable(Unreachable),
    /// It is larger than this, which the next link carries.
    TooBig(u16),
    /// It passed too many routers.
    HopsExceeded,
}

impl Complaint {
    fn about(self, packet: &Packet) -> Icmp {
        let about = Box::new(Quote::of(packet));
        match self {
            Self::Unreachable(reason) => Icmp::Unreachable { reason, about },
            Self::TooBig(mtu) => Icmp::TooBig { mtu, about },
            Self::HopsExceeded => Icmp::TimeExceeded { in_transit: true, about },
        }
    }
}

impl Router {
    /// Tells the sender of a packet that came through a port what is wrong with it, if anything may be said.
    pub(super) fn complain(
        &mut self,
        now: Instant,
        input: Port,
        packet: &Packet,
        complaint: Complaint,
        out: &mut Outbox,
    ) {
        if let Some(error) = self.error(now, input, packet, complaint) {
            self.send_own(now, error, out);
        }
    }

    /// Tells the sender of a packet that nobody answers for its target.
    ///
    /// The packet is as it would have left; what hides its sender is undone in the error.
    pub(super) fn tell_unreachable(&mut self, now: Instant, output: Port, packet: &Packet, out: &mut Outbox) {
        let complaint = Complaint::Unreachable(Unreachable::Host);
        let Some(mut error) = self.error(now, output, packet, complaint) else { return };
        let source = error.source;
        if packet.source.is_ipv4() {
            self.translate_error::<Ipv4Addr>(now, &mut error);
        } else {
            self.translate_error::<Ipv6Addr>(now, &mut error);
        }
        // It bears the address of the side that it is told to (RFC 1812, section 4.3.2.4).
        if error.source == source
            && let Some(Towards::Next { port, .. }) = self.towards(error.target, false)
            && let Some(nearer) = self.address_at(port, source.is_ipv4())
        {
            error.source = nearer;
        }
        self.send_own(now, error, out);
    }

    fn error(&mut self, now: Instant, port: Port, packet: &Packet, complaint: Complaint) -> Option<Packet> {
        if !may_be_complained_about(packet) {
            return None;
        }
        let source = self.address_at(port, packet.source.is_ipv4())?;
        if !self.place_mut(port)?.errors.take(now) {
            return None;
        }
        Some(self.own_packet(source, packet.source, Transport::Icmp(complaint.about(packet))))
    }

    /// Passes on what another says about a packet of a conversation.
    pub(super) fn pass_error<A: Family>(
        &mut self,
        step: Step,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let packet = packet_of(frame)?;
        self.check_source(step, packet.source)?;
        if !self.translate_error::<A>(step.now, packet) {
            return self.pass_invalid(step, frame, out);
        }
        let towards = self.towards(packet.target, false).ok_or(Gone::Dropped(Reason::NoRoute))?;
        let subject = untracked(packet, State::Related);
        self.pass(step, towards, &subject, frame, out)
    }

    /// Undoes in an error, and in what it quotes, how the quoted packet was translated; false if that belongs to no
    /// conversation.
    fn translate_error<A: Family>(&mut self, now: Instant, error: &mut Packet) -> bool {
        let Transport::Icmp(icmp) = &mut error.transport else { return false };
        let Some(quote) = icmp.about_mut() else { return false };
        let Some(quoted) = Tuple::<A>::quoted(quote) else { return false };
        // The quoted packet left with these ends; what answers it arrives with their reverse, as the error did.
        let flows = A::flows(&mut self.flows);
        let Some(found) = flows.find(now, &quoted.reversed()) else { return false };
        let flow = flows.flow(found.index);
        let arrived = flow.tuple(found.direction.reversed());
        tuple::rewrite_quote(quote, arrived);
        error.target = arrived.ends.source.ip();
        let (hidden, shown) =
            (flow.ends[found.direction as usize].source, flow.leaving(found.direction).source);
        if hidden != shown {
            // Whoever speaks for somebody who hides, hides too.
            error.source = shown.ip();
        }
        true
    }

    /// Sends a packet of the router's own.
    pub(super) fn send_own(&mut self, now: Instant, mut packet: Packet, out: &mut Outbox) {
        match self.towards(packet.target, false) {
            Some(Towards::Next { port, next }) => {
                if let Ok(mac) = self.resolve(now, port, next, &mut packet, out) {
                    self.send(port, mac, packet, out);
                }
            }
            Some(Towards::Services { port, card }) => self.send(port, card, packet, out),
            Some(Towards::Here) | None => {}
        }
    }

    pub(super) fn own_packet(&self, source: IpAddr, target: IpAddr, transport: Transport) -> Packet {
        Packet {
            source,
            target,
            hops: self.config.hops,
            service: 0,
            identification: 0,
            may_fragment: true,
            transport,
        }
    }
}

fn may_be_complained_about(packet: &Packet) -> bool {
    let is_telling = match &packet.transport {
        Transport::Icmp(Icmp::EchoRequest(_) | Icmp::EchoReply(_)) => false,
        // Redirects and whatever else may be an error.
        Transport::Icmp(_) => true,
        Transport::Fragment(fragment) => fragment.offset != 0,
        _ => false,
    };
    !is_telling && is_single(packet.source) && is_single(packet.target)
}
