//! Passing frames on before they arrive: those of which nothing is to be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironloom_core::Instant;

use super::conntrack::Followed;
use super::pipeline::{Step, is_single};
use super::tuple::Tuple;
use super::{Family, Router, Traffic};
use crate::frame::{Body, Flags, Icmp, Transport};
use crate::{Frame, Outbox, Packet, Port};

impl Router {
    /// Does to a frame of a conversation what was done to those before it, if it leaves by a port through which
    /// `may_pass` lets it; if anything about it is new, it does nothing.
    #[inline]
    pub(crate) fn pass_known(
        &mut self,
        now: Instant,
        input: Port,
        frame: &mut Frame,
        may_pass: impl FnOnce(Port) -> bool,
    ) -> Option<Port> {
        if now >= self.refresh || !self.config.tracks {
            return None;
        }
        match &frame.body {
            Body::Ip(Packet { source: IpAddr::V4(_), target: IpAddr::V4(_), .. }) => {
                self.pass_flow::<Ipv4Addr>(now, input, frame, may_pass)
            }
            Body::Ip(Packet { source: IpAddr::V6(_), target: IpAddr::V6(_), .. }) => {
                self.pass_flow::<Ipv6Addr>(now, input, frame, may_pass)
            }
            _ => None,
        }
    }

    /// Has fetched where the conversation of a frame is, or, once that is there, the conversation.
    #[inline]
    pub(crate) fn fetch(&self, frame: &Frame, is_flow: bool) {
        if let Body::Ip(packet) = &frame.body
            && let Some(tuple) = Tuple::<Ipv4Addr>::of(packet)
        {
            self.flows.v4.fetch(&tuple, is_flow);
        }
    }

    /// As [`lead`](Self::lead) where it comes to [`follow`](Self::follow), and nothing about the conversation changes.
    #[inline]
    fn pass_flow<A: Family>(
        &mut self,
        now: Instant,
        input: Port,
        frame: &mut Frame,
        may_pass: impl FnOnce(Port) -> bool,
    ) -> Option<Port> {
        let Body::Ip(packet) = &frame.body else { return None };
        let place = self.place(input)?;
        let is_usual = place.is_up
            && frame.target == place.interface.mac
            && is_single(packet.source)
            && is_single(packet.target)
            && changes_nothing(packet);
        let is_own = place.is_own();
        let flows = A::flows(&mut self.flows);
        let found =
            is_usual.then(|| Tuple::<A>::of(packet)).flatten().and_then(|tuple| flows.look_up(&tuple))?;
        let flow = flows.flow(found.index);
        let way = flow.ways[found.direction as usize];
        if flow.deadline <= now || way.generation != self.generation || !may_pass(way.port) {
            return None;
        }
        let to = self.place(way.port)?;
        let fits = packet.may_fragment || packet.fits(to.interface.mtu);
        if !fits || packet.hops <= 1 && !is_own && !to.is_own() {
            return None;
        }
        let flows = A::flows(&mut self.flows);
        let Followed::As(state) = flows.follow(now, &self.config.conntrack, found, packet) else {
            return None;
        };
        let traffic = Traffic::of(packet);
        self.place_mut(input)?.counters.received += traffic;
        let step = Step { now, input, is_own, traffic };
        // Nothing is put here: the way is known and the packet fits.
        self.follow::<A>(step, found, state, frame, &mut Outbox::new()).ok()
    }
}

/// Whether a packet neither begins nor ends anything.
#[inline]
fn changes_nothing(packet: &Packet) -> bool {
    match &packet.transport {
        Transport::Tcp(segment) => segment.flags.without(Flags::PSH | Flags::ECE | Flags::CWR) == Flags::ACK,
        Transport::Udp(_) | Transport::Icmp(Icmp::EchoRequest(_) | Icmp::EchoReply(_)) => true,
        _ => false,
    }
}
