//! What a router asks about a packet: where it goes, whether it can have come from there, whether it may pass.

use std::net::IpAddr;

use super::errors::Complaint;
use super::firewall::{Chain, Decision, Protocol, State, Subject, Verdict};
use super::interface::Role;
use super::pipeline::{Gone, Passed, Step, Towards};
use super::tuple::{Ends, Kind};
use super::{Family, Reason, Router};
use crate::frame::{Transport, Unreachable};
use crate::{Outbox, Packet};

impl Router {
    /// Where a packet for an address goes next. Echoes for the router itself need no stack.
    #[inline]
    pub(super) fn towards(&self, target: IpAddr, is_echo: bool) -> Option<Towards> {
        if let Some(own) = self.own.get(&target) {
            let services = match self.place(own.port)?.role {
                Role::Link { services } => services.filter(|_| !is_echo),
                Role::Own { .. } => None,
            };
            return Some(match services.and_then(|port| Some((port, self.place(port)?.role))) {
                Some((port, Role::Own { card, .. })) => Towards::Services { port, card },
                _ => Towards::Here,
            });
        }
        let hop = self.routes.find(target)?;
        Some(Towards::Next { port: hop.port, next: hop.via.unwrap_or(target) })
    }

    /// Whether somebody on that side may send from this address.
    pub(super) fn check_source(&self, step: Step, source: IpAddr) -> Result<(), Gone> {
        let place = self.place(step.input).ok_or(Gone::Dropped(Reason::NoInterface))?;
        let is_possible = match (self.own.get(&source), place.role) {
            (Some(own), Role::Own { of, .. }) => own.port == of && !own.is_broadcast,
            (None, Role::Own { .. }) | (Some(_), Role::Link { .. }) => false,
            (None, Role::Link { .. }) if place.interface.checks_sources => {
                self.routes.find(source).is_some_and(|hop| hop.port == step.input)
            }
            (None, Role::Link { .. }) => true,
        };
        if is_possible { Ok(()) } else { Err(Gone::Dropped(Reason::Spoofed)) }
    }

    /// Whether a packet may pass another router, and fits through the next link.
    pub(super) fn check_link(
        &mut self,
        step: Step,
        towards: Towards,
        packet: &Packet,
        out: &mut Outbox,
    ) -> Result<(), Gone> {
        let Towards::Next { port, .. } = towards else { return Ok(()) };
        if packet.hops <= 1 && !step.is_own {
            return self.refuse(step, packet, Reason::HopsExceeded, out).map(|_| ());
        }
        let mtu = self.place(port).map_or(0, |place| place.interface.mtu);
        if !packet.may_fragment && !packet.fits(mtu) {
            self.complain(step.now, step.input, packet, Complaint::TooBig(mtu), out);
            return Err(Gone::Dropped(Reason::TooBig));
        }
        Ok(())
    }

    /// Asks the firewall.
    pub(super) fn filter(
        &mut self,
        step: Step,
        towards: Towards,
        subject: &Subject,
        packet: &Packet,
        out: &mut Outbox,
    ) -> Result<Decision, Gone> {
        let (chain, output) = match towards {
            Towards::Services { .. } | Towards::Here => (Chain::Input, None),
            Towards::Next { port, .. } if step.is_own => (Chain::Output, Some(port)),
            Towards::Next { port, .. } => (Chain::Forward, Some(port)),
        };
        let input = (!step.is_own).then_some(step.input);
        let decision = self.firewall.check(step.now, chain, &Subject { input, output, ..*subject });
        if decision.verdict == Verdict::Accept {
            return Ok(decision);
        }
        self.firewall.count(decision, step.traffic);
        if decision.verdict == Verdict::Reject {
            return self.refuse(step, packet, Reason::Rejected, out).map(|_| decision);
        }
        Err(Gone::Dropped(Reason::Filtered))
    }

    /// Drops a packet and tells its sender.
    pub(super) fn refuse(&mut self, step: Step, packet: &Packet, reason: Reason, out: &mut Outbox) -> Passed {
        let complaint = match reason {
            Reason::HopsExceeded => Complaint::HopsExceeded,
            Reason::Rejected => Complaint::Unreachable(Unreachable::Prohibited),
            _ => Complaint::Unreachable(Unreachable::Network),
        };
        self.complain(step.now, step.input, packet, complaint, out);
        Err(Gone::Dropped(reason))
    }
}

/// What the firewall has to know of a packet of a conversation.
pub(super) fn subject<A: Family>(ends: &Ends<A>, kind: Kind, state: State) -> Subject {
    Subject {
        source: ends.source.ip(),
        target: ends.target.ip(),
        protocol: kind.protocol(),
        ports: kind.has_ports().then_some((ends.source_port, ends.target_port)),
        state,
        input: None,
        output: None,
    }
}

/// What the firewall has to know of a packet by itself.
pub(super) fn untracked(packet: &Packet, state: State) -> Subject {
    let ports = match &packet.transport {
        Transport::Tcp(segment) => Some((segment.source, segment.target)),
        Transport::Udp(datagram) => Some((datagram.source, datagram.target)),
        _ => None,
    };
    Subject {
        source: packet.source,
        target: packet.target,
        protocol: Protocol(packet.transport.protocol()),
        ports,
        state,
        input: None,
        output: None,
    }
}
