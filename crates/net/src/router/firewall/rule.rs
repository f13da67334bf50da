//! [`Rule`]: what a packet must be for a verdict, and [`Subject`]: what it is.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::Port;
use crate::router::Rate;

/// What a packet must be, and what becomes of it then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it comes from.
    pub source: Addresses,
    /// Where it goes.
    pub target: Addresses,
    /// Its protocol; `None` for any.
    pub protocol: Option<Protocol>,
    /// The port it comes from. Unless this is all ports, only what has ports matches.
    pub source_ports: RangeInclusive<u16>,
    /// The port it goes to. Unless this is all ports, only what has ports matches.
    pub target_ports: RangeInclusive<u16>,
    /// How it relates to what passed before.
    pub states: States,
    /// The port through which it came; `None` for any.
    pub input: Option<Port>,
    /// The port through which it is to leave; `None` for any.
    pub output: Option<Port>,
    /// How many may match in a time; packets beyond it are left to the rules that follow.
    pub rate: Option<Rate>,
    /// What becomes of it.
    pub verdict: Verdict,
}

impl Rule {
    /// A rule that matches every packet and lets it pass.
    #[must_use]
    pub const fn accept() -> Self {
        Self {
            source: Addresses::Any,
            target: Addresses::Any,
            protocol: None,
            source_ports: 0..=u16::MAX,
            target_ports: 0..=u16::MAX,
            states: States::ALL,
            input: None,
            output: None,
            rate: None,
            verdict: Verdict::Accept,
        }
    }

    /// A rule that matches every packet and drops it.
    #[must_use]
    pub fn drop() -> Self {
        Self { verdict: Verdict::Drop, ..Self::accept() }
    }

    /// A rule that matches every packet and refuses it.
    #[must_use]
    pub fn reject() -> Self {
        Self { verdict: Verdict::Reject, ..Self::accept() }
    }
}

/// Which addresses match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// All of them.
    Any,
    /// Those of a network.
    In(IpNet),
    /// Those of a named set.
    Set(String),
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It vanishes.
    Drop,
    /// It does not pass, and its sender is told so.
    Reject,
}

/// A protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Messages about the network itself, of either family.
    pub const ICMP: Self = Self(1);
    /// Connections.
    pub const TCP: Self = Self(6);
    /// Datagrams.
    pub const UDP: Self = Self(17);
}

/// How a packet relates to what passed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// It begins something, or nobody has answered yet.
    New = 1,
    /// It belongs to something that was answered.
    Established = 2,
    /// It is an error about something that is known.
    Related = 4,
    /// It belongs to nothing, though it claims to.
    Invalid = 8,
}

/// Several [`State`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct States(u8);

impl States {
    /// Every state.
    pub const ALL: Self = Self(15);

    /// These states.
    #[must_use]
    pub const fn of(states: &[State]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < states.len() {
            bits |= states[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether a state is among these.
    #[must_use]
    pub const fn contains(self, state: State) -> bool {
        self.0 & state as u8 != 0
    }
}

/// What a firewall has to know of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Who sends it, whatever address they hide behind.
    pub source: IpAddr,
    /// Who receives it, whatever address it was sent to.
    pub target: IpAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// The ports it comes from and goes to, if it has any.
    pub ports: Option<(u16, u16)>,
    /// How it relates to what passed before.
    pub state: State,
    /// The port through which it came, unless the owner sends it.
    pub input: Option<Port>,
    /// The port through which it is to leave, unless it is for the owner.
    pub output: Option<Port>,
}

/// A rule made ready to be asked: no strings, no families to compare where a mask will do.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    source: Place,
    target: Place,
    source_ports: (u16, u16),
    target_ports: (u16, u16),
    input: Option<Port>,
    output: Option<Port>,
    protocol: Option<Protocol>,
    states: States,
    needs_ports: bool,
}

#[derive(Debug, Clone)]
enum Place {
    Any,
    V4 { network: u32, mask: u32 },
    V6 { network: u128, mask: u128 },
    Set(u16),
}

impl Matcher {
    pub(super) fn new<E>(rule: &Rule, set: impl Fn(&str) -> Result<u16, E>) -> Result<Self, E> {
        let place = |addresses: &Addresses| {
            Ok(match addresses {
                Addresses::Any => Place::Any,
                Addresses::In(IpNet::V4(net)) => {
                    Place::V4 { network: net.network().to_bits(), mask: net.netmask().to_bits() }
                }
                Addresses::In(IpNet::V6(net)) => {
                    Place::V6 { network: net.network().to_bits(), mask: net.netmask().to_bits() }
                }
                Addresses::Set(name) => Place::Set(set(name)?),
            })
        };
        let all = 0..=u16::MAX;
        Ok(Self {
            source: place(&rule.source)?,
            target: place(&rule.target)?,
            source_ports: (*rule.source_ports.start(), *rule.source_ports.end()),
            target_ports: (*rule.target_ports.start(), *rule.target_ports.end()),
            input: rule.input,
            output: rule.output,
            protocol: rule.protocol,
            states: rule.states,
            needs_ports: rule.source_ports != all || rule.target_ports != all,
        })
    }

    /// The sets that the rule names.
    pub(super) fn sets(&self) -> impl Iterator<Item = u16> + use<> {
        let set = |place: &Place| if let Place::Set(set) = place { Some(*set) } else { None };
        [set(&self.source), set(&self.target)].into_iter().flatten()
    }

    /// Whether a packet is what the rule asks for; cheap questions come first.
    #[inline]
    pub(super) fn matches(&self, subject: &Subject, is_in: impl Fn(u16, IpAddr) -> bool) -> bool {
        let within = |port: u16, (first, last): (u16, u16)| first <= port && port <= last;
        self.states.contains(subject.state)
            && self.protocol.is_none_or(|protocol| protocol == subject.protocol)
            && (!self.needs_ports
                || subject.ports.is_some_and(|(source, target)| {
                    within(source, self.source_ports) && within(target, self.target_ports)
                }))
            && self.input.is_none_or(|port| subject.input == Some(port))
            && self.output.is_none_or(|port| subject.output == Some(port))
            && self.source.contains(subject.source, &is_in)
            && self.target.contains(subject.target, &is_in)
    }
}

impl Place {
    #[inline]
    fn contains(&self, address: IpAddr, is_in: impl Fn(u16, IpAddr) -> bool) -> bool {
        match (self, address) {
            (Self::Any, _) => true,
            (Self::V4 { network, mask }, IpAddr::V4(address)) => address.to_bits() & mask == *network,
            (Self::V6 { network, mask }, IpAddr::V6(address)) => address.to_bits() & mask == *network,
            (Self::Set(set), _) => is_in(*set, address),
            _ => false,
        }
    }
}
