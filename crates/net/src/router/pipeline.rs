//! The way of a packet through a router; its order is told in [the module above](super).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironloom_core::Instant;

use super::conntrack::{Conntrack, Direction, Followed, Found, Refused, Way};
use super::errors::Complaint;
use super::firewall::{Chain, Decision, Protocol, State, Subject, Verdict};
use super::interface::{Place, Role};
use super::nat::{Behind, SourceRule};
use super::tuple::{self, Ends, Kind, Tuple};
use super::{Family, Reason, Router, Traffic};
use crate::frame::{Body, Icmp, Transport, Unreachable};
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
    fn follow<A: Family>(
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

    /// Begins a conversation, if its first packet may pass.
    #[cold]
    fn begin<A: Family>(
        &mut self,
        step: Step,
        tuple: Tuple<A>,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Passed {
        let packet = packet_of(frame)?;
        if !Conntrack::<A>::may_open(&self.config.conntrack, packet) {
            return self.pass_invalid(step, frame, out);
        }
        if self.is_broadcast(packet.target) {
            return self.pass_directed(step, frame);
        }
        self.check_source(step, packet.source)?;
        // DNAT, then the route.
        let redirected = self.nat.redirect(step.input, &tuple);
        let leaving = Tuple { ends: redirected.unwrap_or(tuple.ends), ..tuple };
        let is_echo = tuple.kind == Kind::ECHO_REQUEST && redirected.is_none();
        let Some(towards) = self.towards(leaving.ends.target.ip(), is_echo) else {
            return self.refuse(step, packet, Reason::NoRoute, out);
        };
        self.check_link(step, towards, packet, out)?;
        let subject = subject(&leaving.ends, tuple.kind, State::New);
        let decision = self.filter(step, towards, &subject, packet, out)?;
        let port = match towards {
            Towards::Next { port, .. } | Towards::Services { port, .. } => port,
            Towards::Here if redirected.is_some() => return Err(Gone::Dropped(Reason::NotWanted)),
            Towards::Here => {
                self.firewall.count(decision, step.traffic);
                return self.answer(step, frame, out);
            }
        };
        // SNAT, and both directions are entered.
        let is_hairpin = redirected.is_some() && port == step.input;
        let index = self.enter(step, tuple, leaving, port, is_hairpin, packet).map_err(Gone::Dropped)?;
        self.go::<A>(step, Found { index, direction: Direction::Original }, towards, decision, frame, out)
    }

    /// Enters a conversation that leaves through a port, hidden behind another address if a rule says so.
    fn enter<A: Family>(
        &mut self,
        step: Step,
        tuple: Tuple<A>,
        leaving: Tuple<A>,
        port: Port,
        is_hairpin: bool,
        packet: &Packet,
    ) -> Result<u32, Reason> {
        if !A::flows(&mut self.flows).may_begin(&self.config.conntrack, tuple.ends.source) {
            return Err(Reason::SourceFull);
        }
        let mut reply = leaving.reversed();
        let may_hide = !step.is_own && !self.place(port).is_some_and(Place::is_own);
        if may_hide && let Some(hidden) = self.hide(step.now, leaving, port, is_hairpin)? {
            reply = hidden;
        }
        let (flows, config) = (A::flows(&mut self.flows), &self.config.conntrack);
        let mut opened = flows.open(step.now, config, tuple, reply, packet);
        if opened == Err(Refused::Taken) && flows.find(step.now, &tuple).is_none() {
            // Somebody else's answers come with these ends: keep the address, but speak from another port.
            let ports = SourceRule::PORTS;
            let hidden = self.nat.hide(step.now, flows, &leaving, &[reply.ends.target], &ports);
            if let Some(reply) = hidden {
                opened = flows.open(step.now, config, tuple, reply, packet);
            }
        }
        opened.map_err(|refused| match refused {
            Refused::Full => Reason::FlowsFull,
            Refused::SourceFull => Reason::SourceFull,
            Refused::Taken => Reason::Clash,
        })
    }

    fn hide<A: Family>(
        &mut self,
        now: Instant,
        leaving: Tuple<A>,
        port: Port,
        is_hairpin: bool,
    ) -> Result<Option<Tuple<A>>, Reason> {
        let rule = self.nat.hiding(port, &leaving.ends);
        let (behind, ports) = match rule {
            Some(rule) => (&rule.behind, rule.ports.clone()),
            // The answer must come back here, though the asker is next door to who answers.
            None if is_hairpin => (&Behind::Router, SourceRule::PORTS),
            None => return Ok(None),
        };
        let flows = A::flows(&mut self.flows);
        let hidden = match behind {
            Behind::Addresses(addresses) => {
                let addresses: Vec<A> = addresses.iter().filter_map(|address| A::of(*address)).collect();
                self.nat.hide(now, flows, &leaving, &addresses, &ports)
            }
            Behind::Router | Behind::Nothing => {
                let place = self.places[usize::from(port.number())].as_ref();
                let address = place.and_then(|place| place.address(!A::IS_V6)).and_then(A::of);
                let address = address.ok_or(Reason::NoAddress)?;
                self.nat.hide(now, flows, &leaving, &[address], &ports)
            }
        };
        hidden.map(Some).ok_or(Reason::PortsExhausted)
    }

    /// Sends a packet of a conversation towards where it goes, and keeps the way if nothing about it will change.
    fn go<A: Family>(
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
    fn check_link(
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
    fn filter(
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
    fn refuse(&mut self, step: Step, packet: &Packet, reason: Reason, out: &mut Outbox) -> Passed {
        let complaint = match reason {
            Reason::HopsExceeded => Complaint::HopsExceeded,
            Reason::Rejected => Complaint::Unreachable(Unreachable::Prohibited),
            _ => Complaint::Unreachable(Unreachable::Network),
        };
        self.complain(step.now, step.input, packet, complaint, out);
        Err(Gone::Dropped(reason))
    }

    /// Whether an address stands for everybody on one of the router's networks.
    fn is_broadcast(&self, address: IpAddr) -> bool {
        self.own.get(&address).is_some_and(|own| own.is_broadcast)
    }

    /// A packet for everybody on a network passes only if it comes from there.
    fn pass_directed(&mut self, step: Step, frame: &mut Frame) -> Passed {
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

fn subject<A: Family>(ends: &Ends<A>, kind: Kind, state: State) -> Subject {
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
