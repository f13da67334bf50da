//! What is asked about the first packet of a conversation, before the conversation is entered.

use ironloom_core::Instant;

use super::checks::subject;
use super::conntrack::{Conntrack, Direction, Found, Refused};
use super::firewall::State;
use super::interface::Place;
use super::nat::{Behind, SourceRule};
use super::pipeline::{Gone, Passed, Step, Towards, packet_of};
use super::tuple::{Kind, Tuple};
use super::{Family, Reason, Router};
use crate::{Frame, Outbox, Packet, Port};

impl Router {
    /// Begins a conversation, if its first packet may pass.
    #[cold]
    pub(super) fn begin<A: Family>(
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
        if !A::flows(&mut self.flows).may_begin(step.now, &self.config.conntrack, tuple.ends.source) {
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
}
