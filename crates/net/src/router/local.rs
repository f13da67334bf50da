//! What a router does with packets that are for itself, or for everybody on a network.

use std::net::IpAddr;

use super::checks::untracked;
use super::errors::Complaint;
use super::firewall::{Chain, State, Verdict};
use super::interface::Role;
use super::pipeline::{Gone, Passed, Step, packet_of};
use super::{Reason, Router};
use crate::frame::{Flags, Frame, Icmp, Options, Payload, Segment, Transport, Unreachable};
use crate::{Mac, Outbox};

impl Router {
    /// Answers a packet for which no stack is there: echoes are returned, all else is refused.
    pub(super) fn answer(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        let packet = packet_of(frame)?;
        let (source, target) = (packet.target, packet.source);
        let answer = match &mut packet.transport {
            Transport::Icmp(Icmp::EchoRequest(echo)) => Icmp::EchoReply(echo.clone()),
            Transport::Icmp(_) => return Err(Gone::Dropped(Reason::NotWanted)),
            Transport::Tcp(segment) => {
                if let Some(reset) = reset(segment)
                    && self.place_mut(step.input).is_some_and(|place| place.errors.take(step.now))
                {
                    let reset = self.own_packet(source, target, Transport::Tcp(reset));
                    self.send_own(step.now, reset, out);
                }
                return Err(Gone::Dropped(Reason::NotWanted));
            }
            transport => {
                let reason = match transport {
                    Transport::Udp(_) => Unreachable::Port,
                    _ => Unreachable::Protocol,
                };
                self.complain(step.now, step.input, packet, Complaint::Unreachable(reason), out);
                return Err(Gone::Dropped(Reason::NotWanted));
            }
        };
        let answer = self.own_packet(source, target, Transport::Icmp(answer));
        self.send_own(step.now, answer, out);
        Err(Gone::Consumed)
    }

    /// Passes a packet for everybody between a network and the router's own stack; it is never routed.
    pub(super) fn pass_broadcast(&mut self, step: Step, frame: &mut Frame) -> Passed {
        let packet = packet_of(frame)?;
        let place = self.place(step.input).ok_or(Gone::Dropped(Reason::NoInterface))?;
        let (chain, port, mac) = match place.role {
            Role::Link { services: None } => return Err(Gone::Dropped(Reason::NotWanted)),
            Role::Link { services: Some(port) } => {
                let Some(Role::Own { card, .. }) = self.place(port).map(|place| place.role) else {
                    return Err(Gone::Dropped(Reason::NotWanted));
                };
                (Chain::Input, port, card)
            }
            Role::Own { of, .. } => (Chain::Output, of, Mac::BROADCAST),
        };
        let mut subject = untracked(packet, State::New);
        match chain {
            Chain::Input => subject.input = Some(step.input),
            _ => subject.output = Some(port),
        }
        let decision = self.firewall.check(step.now, chain, &subject);
        self.firewall.count(decision, step.traffic);
        if decision.verdict != Verdict::Accept {
            return Err(Gone::Dropped(Reason::Filtered));
        }
        let place = self.place_mut(port).ok_or(Gone::Dropped(Reason::NoInterface))?;
        place.counters.sent += step.traffic;
        frame.source = place.interface.mac;
        frame.target = mac;
        Ok(port)
    }

    /// Whether an address stands for everybody on one of the router's networks.
    pub(super) fn is_broadcast(&self, address: IpAddr) -> bool {
        self.own.get(&address).is_some_and(|own| own.is_broadcast)
    }

    /// A packet for everybody on a network passes only if it comes from there.
    pub(super) fn pass_directed(&mut self, step: Step, frame: &mut Frame) -> Passed {
        let target = packet_of(frame)?.target;
        let home = match self.place(step.input).map(|place| place.role) {
            Some(Role::Own { of, .. }) => of,
            _ => step.input,
        };
        if self.own.get(&target).is_some_and(|own| own.port == home) {
            self.pass_broadcast(step, frame)
        } else {
            Err(Gone::Dropped(Reason::Martian))
        }
    }
}

/// What tells a sender that there is no such connection (RFC 9293, section 3.5.2).
fn reset(segment: &Segment) -> Option<Segment> {
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let (sequence, acknowledgement, flags) = if segment.flags.contains(Flags::ACK) {
        (segment.acknowledgement, 0, Flags::RST)
    } else {
        let taken =
            u32::from(segment.flags.contains(Flags::SYN)) + u32::from(segment.flags.contains(Flags::FIN));
        let end = segment.sequence.wrapping_add(segment.payload.len() as u32).wrapping_add(taken);
        (0, end, Flags::RST | Flags::ACK)
    };
    Some(Segment {
        source: segment.target,
        target: segment.source,
        sequence,
        acknowledgement,
        flags,
        window: 0,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    })
}
