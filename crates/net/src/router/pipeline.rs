//! The way of a packet through a router; its order is told in [the module above](super).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironloom_core::Instant;

use super::checks::{subject, untracked};
use super::conntrack::{Followed, Found, Way};
use super::firewall::{Decision, State, Subject};
use super::tuple::{self, Tuple};
use super::{Family, Reason, Router, Traffic};
use crate::frame::{Body, Icmp, Transport};
use crate::{Frame, Mac, Outbox, Packet, Port};

/// What became of a frame: the port through which it leaves, changed as it must be.
pub(super) type Passed = Result<Port, Gone>;

/// Why a frame does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was dropped.
    Dropped(Reason),
    /// It was taken: answered, or kept until more is known.
    Consumed,
}

/// What is known of a frame on its whole way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) now: Instant,
    pub(super) input: Port,
    /// Whether the router's own stack sent it.
    pub(super) is_own: bool,
    pub(super) traffic: Traffic,
}

/// Where a packet goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    /// To another machine.
    Next { port: Port, next: IpAddr },
    /// To the router's own stack.
    Services { port: Port, card: Mac },
    /// No further: it is for the router.
    Here,
}

impl Router {
    /// Takes a frame in, and sends it on its way.
    #[inline]
    pub(super) fn take(&mut self, now: Instant, input: Port, frame: &mut Frame, out: &mut Outbox) -> Passed {
        let Some(place) = self.place_mut(input).filter(|place| place.is_up) else {
            return Err(Gone::Dropped(Reason::NoInterface));
        };
        let packet = match &frame.body {
            Body::Ip(packet) => packet,
            Body::Arp(arp) => {
                let arp = *arp;
                self.hear(now, input, arp, out);
                return Err(Gone::Consumed);
            }
            Body::Other { .. } => return Err(Gone::Dropped(Reason::NotUnderstood)),
            Body::Broken(_) => return Err(Gone::Dropped(Reason::Broken)),
        };
        let traffic = Traffic::of(packet);
        place.counters.received += traffic;
        let step = Step { now, input, is_own: place.is_own(), traffic };
        let is_for_many = frame.target.is_multicast();
        if frame.target != place.interface.mac && !is_for_many {
            return Err(Gone::Dropped(Reason::OtherCard));
        }
        if !is_single(packet.source) || !is_single(packet.target) || is_for_many {
            return self.take_unusual(step, frame);
        }
        if let Transport::Fragment(_) = packet.transport {
            return self.gather(step, frame, out);
        }
        self.dispatch(step, frame, out)
    }

    fn dispatch(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        let packet = packet_of(frame)?;
        match (packet.source, packet.target) {
            (IpAddr::V4(_), IpAddr::V4(_)) => self.lead::<Ipv4Addr>(step, frame, out),
            (IpAddr::V6(_), IpAddr::V6(_)) => self.lead::<Ipv6Addr>(step, frame, out),
            _ => Err(Gone::Dropped(Reason::Martian)),
        }
    }

    /// What is for many, or from or to an address that is nobody's.
    #[cold]
    fn take_unusual(&mut self, step: Step, frame: &mut Frame) -> Passed {
        let packet = packet_of(frame)?;
        let has_source = is_single(packet.source) || packet.source.is_unspecified();
        if has_source && is_for_many(packet.target) {
            self.pass_broadcast(step, frame)
        } else {
            Err(Gone::Dropped(Reason::Martian))
        }
    }

    /// Puts the fragments of a packet together, where more must be known of it than its first fragment says.
    #[cold]
    fn gather(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        let packet = packet_of(frame)?;
        if self.config.tracks || self.own.contains_key(&packet.target) {
            let taken = self.reassembly.take(step.now, packet.clone());
            let deadline = self.reassembly.next_event();
            self.wake_at(deadline);
            match taken {
                Ok(Some(whole)) => *packet_of(frame)? = whole,
                Ok(None) => return Err(Gone::Consumed),
                Err(_) => return Err(Gone::Dropped(Reason::Fragments)),
            }
        }
        self.dispatch(step, frame, out)
    }

    /// Finds the conversation of a packet, or begins one.
    #[inline]
    fn lead<A: Family>(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        let packet = packet_of(frame)?;
        if !self.config.tracks {
            return self.pass_untracked(step, State::New, frame, out);
        }
        let Some(tuple) = Tuple::<A>::of(packet) else {
            return self.lead_unusual::<A>(step, frame, out);
        };
        let flows = A::flows(&mut self.flows);
        if let Some(found) = flows.find(step.now, &tuple) {
            match flows.follow(step.now, &self.config.conntrack, found, packet) {
                Followed::As(state) => return self.follow::<A>(step, found, state, frame, out),
                Followed::Invalid => return Err(Gone::Dropped(Reason::Invalid)),
                Followed::Anew => {}
            }
        }
        self.begin::<A>(step, tuple, frame, out)
    }

    fn lead_unusual<A: Family>(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        match &packet_of(frame)?.transport {
            Transport::Icmp(icmp) if icmp.about().is_some() => self.pass_error::<A>(step, frame, out),
            _ => self.pass_invalid(step, frame, out),
        }
    }

    /// Passes on a packet of a conversation: nothing is asked that was answered before.
    #[inline]
    pub(super) fn follow<A: Family>(
        &mut self,
        step: Step,
        found: Found,
        state: State,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let Found { index, direction } = found;
        let flow = A::flows(&mut self.flows).flow_mut(index);
        let way = flow.ways[direction as usize];
        if way.generation != self.generation {
            return self.find_way::<A>(step, found, state, frame, out);
        }
        let place = self.places[usize::from(way.port.number())].as_mut();
        let place = place.expect("ways lead through ports that there are");
        let packet = packet_of(frame)?;
        let passes_router = !step.is_own && !place.is_own();
        if passes_router && packet.hops <= 1 || !packet.may_fragment && !packet.fits(place.interface.mtu) {
            return self.find_way::<A>(step, found, state, frame, out);
        }
        packet.hops -= u8::from(passes_router);
        tuple::rewrite(packet, flow.leaving(direction));
        flow.count(direction, step.traffic);
        self.firewall.count_at(flow.slots[direction as usize], step.traffic);
        place.counters.sent += step.traffic;
        frame.source = place.interface.mac;
        frame.target = way.mac;
        Ok(way.port)
    }

    /// Finds the way of a conversation, and keeps it for the packets that follow.
    #[cold]
    fn find_way<A: Family>(
        &mut self,
        step: Step,
        found: Found,
        state: State,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let flow = A::flows(&mut self.flows).flow(found.index);
        let real = flow.real(found.direction);
        let kind = flow.tuple(found.direction).kind;
        let packet = packet_of(frame)?;
        let Some(towards) = self.towards(real.target.ip(), false) else {
            return self.refuse(step, packet, Reason::NoRoute, out);
        };
        if towards == Towards::Here {
            return Err(Gone::Dropped(Reason::NotWanted));
        }
        self.check_link(step, towards, packet, out)?;
        let decision = self.filter(step, towards, &subject(&real, kind, state), packet, out)?;
        self.go::<A>(step, found, towards, decision, frame, out)
    }

    /// Sends a packet of a conversation towards where it goes, and keeps the way if nothing about it will change.
    pub(super) fn go<A: Family>(
        &mut self,
        step: Step,
        found: Found,
        towards: Towards,
        decision: Decision,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let at = found.direction as usize;
        let packet = packet_of(frame)?;
        let flow = A::flows(&mut self.flows).flow_mut(found.index);
        flow.slots[at] = decision.slot;
        flow.count(found.direction, step.traffic);
        self.firewall.count(decision, step.traffic);
        tuple::rewrite(packet, flow.leaving(found.direction));
        let (port, mac) = self.step_out(step, towards, frame, out)?;
        if decision.is_constant {
            let way = Way { generation: self.generation, port, mac };
            A::flows(&mut self.flows).flow_mut(found.index).ways[at] = way;
        }
        Ok(port)
    }

    /// Passes on a packet that belongs to no conversation, or of which none are tracked.
    pub(super) fn pass_untracked(
        &mut self,
        step: Step,
        state: State,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let packet = packet_of(frame)?;
        if self.is_broadcast(packet.target) {
            return self.pass_directed(step, frame);
        }
        self.check_source(step, packet.source)?;
        let is_echo = matches!(packet.transport, Transport::Icmp(Icmp::EchoRequest(_)));
        let Some(towards) = self.towards(packet.target, is_echo) else {
            return self.refuse(step, packet, Reason::NoRoute, out);
        };
        let subject = untracked(packet, state);
        self.pass(step, towards, &subject, frame, out)
    }

    /// Passes on a packet that claims to belong to a conversation, if the configuration lets it.
    #[cold]
    pub(super) fn pass_invalid(&mut self, step: Step, frame: &mut Frame, out: &mut Outbox) -> Passed {
        if self.config.passes_invalid {
            self.pass_untracked(step, State::Invalid, frame, out)
        } else {
            Err(Gone::Dropped(Reason::Invalid))
        }
    }

    /// Passes on a packet as it is, if it may.
    pub(super) fn pass(
        &mut self,
        step: Step,
        towards: Towards,
        subject: &Subject,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let packet = packet_of(frame)?;
        self.check_link(step, towards, packet, out)?;
        let decision = self.filter(step, towards, subject, packet, out)?;
        self.firewall.count(decision, step.traffic);
        if towards == Towards::Here {
            return self.answer(step, frame, out);
        }
        Ok(self.step_out(step, towards, frame, out)?.0)
    }

    /// Takes the last step: one hop less, and the cards.
    fn step_out(
        &mut self,
        step: Step,
        towards: Towards,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Result<(Port, Mac), Gone> {
        let packet = packet_of(frame)?;
        let (port, mac) = match towards {
            Towards::Services { port, card } => (port, card),
            Towards::Next { port, next } => {
                packet.hops -= u8::from(!step.is_own);
                let resolved = self.resolve(step.now, port, next, packet, out);
                (port, resolved?)
            }
            Towards::Here => return Err(Gone::Dropped(Reason::NotWanted)),
        };
        let place = self.place_mut(port).ok_or(Gone::Dropped(Reason::NoRoute))?;
        place.counters.sent += step.traffic;
        frame.source = place.interface.mac;
        frame.target = mac;
        Ok((port, mac))
    }
}

/// The packet in a frame that is known to carry one.
#[inline]
pub(super) fn packet_of(frame: &mut Frame) -> Result<&mut Packet, Gone> {
    match &mut frame.body {
        Body::Ip(packet) => Ok(packet),
        _ => Err(Gone::Dropped(Reason::NotUnderstood)),
    }
}

/// Whether an address may belong to a single machine, and is not one that never leaves it.
#[inline]
pub(super) fn is_single(address: IpAddr) -> bool {
    match address {
        // From 224.0.0.0 on there are groups, what is reserved, and everybody.
        IpAddr::V4(address) => !matches!(address.octets()[0], 0 | 127 | 224..=255),
        IpAddr::V6(address) => !(address.is_multicast() || address.is_unspecified() || address.is_loopback()),
    }
}

fn is_for_many(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}
