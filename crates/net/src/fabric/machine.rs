//! [`Machine`]: a machine's card, and what runs behind it once somebody uses it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use ironloom_core::{Duration, Instant, MachineId};

use super::layout::NONE;
use super::{LinkId, StationId};
use crate::frame::Body;
use crate::{Frame, Interface, Mac, Node, Outbox, Port, Service, Stack};

/// A machine, as the fabric knows it: all that a machine is that never used its network.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) id: MachineId,
    /// What runs behind the card; nothing before somebody uses it.
    pub(super) life: Option<Box<Life>>,
    pub(super) station: StationId,
    pub(super) link: LinkId,
    /// The lane that leads away from it, once it sent something.
    pub(super) lane: u32,
    /// Its address; unspecified if it has none.
    pub(super) address: Ipv4Addr,
    pub(super) gateway: Ipv4Addr,
    pub(super) mac: Mac,
    /// How often something else had this place before.
    pub(super) generation: u16,
    pub(super) prefix_len: u8,
    pub(super) guard: Guard,
}

const _: () = assert!(size_of::<Machine>() <= 64, "there are half a million machines");

/// Whether a port lets frames pass from addresses that were not assigned to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guard {
    /// Frames from another card or address are dropped.
    #[default]
    Assigned,
    /// Any frame passes.
    Any,
}

/// What runs behind a card.
pub(super) struct Life {
    pub(super) run: Run,
    pub(super) alarm: Alarm,
}

/// What it is that runs.
pub(super) enum Run {
    /// A stack of ours, and the program that is called when something happens.
    Stack(Stack, Option<Box<dyn Service>>),
    /// Something else that sends and receives frames.
    Node(Box<dyn Node + Send>),
    /// A stack that is lent; nothing happens before it is given back.
    Lent,
    /// Nothing here: the machine runs outside of the fabric, and what arrives leaves it.
    Outside,
}

/// The process that a machine's service is, as the sockets of its stack know it.
pub(super) const SERVICE: u64 = 0;

impl Life {
    pub(super) fn new(run: Run) -> Self {
        Self { run, alarm: Alarm::NEVER }
    }

    #[inline]
    pub(super) fn handle(&mut self, now: Instant, port: Port, frame: Frame, out: &mut Outbox) {
        match &mut self.run {
            Run::Stack(stack, service) => {
                stack.handle(now, port, frame, out);
                serve(now, stack, service, out);
            }
            Run::Node(node) => node.handle(now, port, frame, out),
            Run::Lent | Run::Outside => {}
        }
    }

    pub(super) fn expire(&mut self, now: Instant, out: &mut Outbox) {
        match &mut self.run {
            Run::Stack(stack, service) => {
                stack.expire(now, out);
                serve(now, stack, service, out);
            }
            Run::Node(node) => node.expire(now, out),
            Run::Lent | Run::Outside => {}
        }
    }

    #[inline]
    pub(super) fn next_event(&self) -> Option<Instant> {
        match &self.run {
            Run::Stack(stack, _) => stack.next_event(),
            Run::Node(node) => node.next_event(),
            Run::Lent | Run::Outside => None,
        }
    }
}

#[inline]
fn serve(now: Instant, stack: &mut Stack, service: &mut Option<Box<dyn Service>>, out: &mut Outbox) {
    if let Some(service) = service {
        stack.serve(now, SERVICE, &mut **service, out);
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life").field("alarm", &self.alarm).finish_non_exhaustive()
    }
}

/// When a node will be woken up.
///
/// Wake-ups are not taken back. One that comes early does nothing, and the first one that was displaced by an earlier
/// one is remembered, so that deadlines that move back and forth do not fill the agenda.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alarm {
    next: Instant,
    later: Instant,
    /// When it rang last. It does not ring twice in one instant, or who always has something to do would hold the clock.
    rang: Option<Instant>,
}

impl Alarm {
    pub(super) const NEVER: Self = Self { next: Instant::MAX, later: Instant::MAX, rang: None };

    /// Asks to be woken up at `at`; when that has to be planned for, if it has to.
    #[inline]
    pub(super) fn set(&mut self, at: Instant) -> Option<Instant> {
        if self.next <= at {
            return None;
        }
        let earliest = self.rang.map_or(Instant::ZERO, |rang| rang.saturating_add(Duration::from_nanos(1)));
        let at = at.max(earliest);
        if self.later <= at {
            (self.next, self.later) = (self.later, Instant::MAX);
            return None;
        }
        if self.next < self.later {
            self.later = self.next;
        }
        self.next = at;
        Some(at)
    }

    /// Whether it was set to `now`; then it is no more.
    #[inline]
    pub(super) fn ring(&mut self, now: Instant) -> bool {
        if self.later == now {
            self.later = Instant::MAX;
        }
        if self.next != now {
            return false;
        }
        (self.next, self.rang) = (Instant::MAX, Some(now));
        true
    }
}

impl Machine {
    /// A place in which there is no machine.
    pub(super) fn vacant(generation: u16) -> Self {
        Self {
            id: MachineId::from_uuid(<_>::default()),
            life: None,
            station: StationId::new(NONE),
            link: LinkId::new(NONE),
            lane: NONE,
            address: Ipv4Addr::UNSPECIFIED,
            gateway: Ipv4Addr::UNSPECIFIED,
            mac: Mac::UNSPECIFIED,
            generation,
            prefix_len: 0,
            guard: Guard::Assigned,
        }
    }

    /// What runs behind its card, if anything does.
    #[inline]
    pub(super) fn run(&self) -> Option<&Run> {
        Some(&self.life.as_ref()?.run)
    }

    /// Its card, as its stack is to know it.
    pub(super) fn interface(&self, mtu: u16) -> Interface {
        let mut interface = Interface { mtu, ..Interface::new(self.mac) };
        if let Ok(address) = Ipv4Net::new(self.address, self.prefix_len)
            && !self.address.is_unspecified()
        {
            interface = interface.with_address(address.into());
        }
        if !self.gateway.is_unspecified() {
            interface = interface.with_gateway(self.gateway.into());
        }
        interface
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        (!self.address.is_unspecified()).then(|| self.address.into())
    }

    /// Whether it may send a frame with these senders.
    #[inline]
    pub(super) fn may_send(&self, frame: &Frame) -> bool {
        self.guard == Guard::Any || (frame.source == self.mac && self.owns_sender(&frame.body))
    }

    /// A machine without an address may ask for one: from nowhere, to everybody.
    #[inline]
    fn owns_sender(&self, body: &Body) -> bool {
        match body {
            Body::Ip(packet) => match packet.source {
                IpAddr::V4(source) => source == self.address || source.is_unspecified(),
                IpAddr::V6(_) => false,
            },
            Body::Arp(arp) => {
                arp.source_mac == self.mac && (arp.source == self.address || arp.source.is_unspecified())
            }
            Body::Other { .. } | Body::Broken(_) => false,
        }
    }
}
