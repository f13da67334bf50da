//! [`Nat`]: which conversations hide behind other addresses.
//!
//! Rules are asked for the first packet of a conversation only; what they say is kept with the flow. A source is hidden
//! behind an address and a port that no other flow of that target uses. Which port is tried first follows from the
//! source alone, so one socket mostly keeps one port towards everybody (RFC 4787, "endpoint-independent mapping"),
//! and the same run chooses the same ports; if it is taken, the ports that follow are tried.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use ironloom_core::{HashState, Instant, local_id};
use thiserror::Error;

use crate::Port;

use super::Address;
use super::conntrack::Conntrack;
use super::firewall::Protocol;
use super::tuple::{Ends, Kind, Tuple};

local_id! {
    /// A rule of translation. The name of a rule that was removed is not used again.
    pub struct NatId(u32) = "nat";
}

/// How much may be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many rules there may be.
    pub rules_max: usize,
    /// How many addresses a rule may hide sources behind.
    pub addresses_max: usize,
    /// How many ports of an address are tried before it counts as exhausted.
    pub probes_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules_max: 4_096, addresses_max: 256, probes_max: 1_024 }
    }
}

/// Hides sources behind other addresses (SNAT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRule {
    /// Whose conversations.
    pub source: IpNet,
    /// Those that go there; `None` for anywhere.
    pub target: Option<IpNet>,
    /// Those that leave through this port; `None` for any.
    pub output: Option<Port>,
    /// What they hide behind.
    pub behind: Behind,
    /// Which ports, or identifiers of echoes, may be used.
    pub ports: RangeInclusive<u16>,
}

/// What a source hides behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// Nothing: it keeps its address.
    Nothing,
    /// The router's first address on the port through which the packet leaves (masquerading).
    Router,
    /// One of these addresses; a source keeps to one while it has ports left.
    Addresses(Vec<IpAddr>),
}

impl SourceRule {
    /// The ports that nobody has by right.
    pub const PORTS: RangeInclusive<u16> = 1_024..=u16::MAX;

    /// Hides a network behind the router's address on a port.
    #[must_use]
    pub const fn masquerade(source: IpNet, output: Port) -> Self {
        Self { source, target: None, output: Some(output), behind: Behind::Router, ports: Self::PORTS }
    }
}

/// Leads what goes to one address to another (DNAT, port forwarding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRule {
    /// What goes there.
    pub target: IpNet,
    /// Of this protocol; `None` for any.
    pub protocol: Option<Protocol>,
    /// To these ports. Unless this is all ports, only what has ports matches.
    pub ports: RangeInclusive<u16>,
    /// What comes through this port; `None` for any.
    ///
    /// If it is given, machines behind the router cannot use the address by which it is known outside.
    pub input: Option<Port>,
    /// Where it is led.
    pub to: IpAddr,
    /// The port that the first of [`ports`](Self::ports) is led to; `None` if it keeps its port.
    pub to_port: Option<u16>,
}

/// A rule of translation was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NatError {
    /// There are as many rules as there may be.
    #[error("there are too many rules of translation: rules_max is {rules_max}")]
    Full {
        /// How many there may be.
        rules_max: usize,
    },
    /// The router does not track conversations.
    #[error("a router that does not track conversations cannot translate: set `tracks`")]
    NotTracking,
    /// A rule translates between the families.
    #[error("{network} cannot be translated to {address}: both must be IPv4, or both IPv6")]
    Mixed {
        /// What is to be translated.
        network: IpNet,
        /// To what.
        address: IpAddr,
    },
    /// A rule hides sources behind no address, or behind too many.
    #[error(
        "sources cannot hide behind {addresses} addresses: give at least one and at most {addresses_max}"
    )]
    Addresses {
        /// How many addresses it gives.
        addresses: usize,
        /// How many it may give.
        addresses_max: usize,
    },
    /// A rule has no ports, or leads some beyond the last.
    #[error("ports {first} to {last} cannot be translated: the range is empty or leads beyond port 65535")]
    Ports {
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
    },
}

/// The rules by which a router translates.
#[derive(Debug, Clone)]
pub struct Nat {
    config: Config,
    is_tracking: bool,
    sources: Vec<(NatId, SourceRule)>,
    targets: Vec<(NatId, TargetRule)>,
    next: u32,
    hasher: HashState,
}

impl Nat {
    pub(super) fn new(config: Config, is_tracking: bool, seed: u64) -> Self {
        let hasher = HashState::seeded(seed);
        Self { config, is_tracking, sources: Vec::new(), targets: Vec::new(), next: 0, hasher }
    }

    /// Hides the sources of conversations that begin from now on. The first rule that matches counts.
    ///
    /// # Errors
    ///
    /// If there are too many rules, or this one is nonsense.
    pub fn add_source(&mut self, rule: SourceRule) -> Result<NatId, NatError> {
        let (first, last) = (*rule.ports.start(), *rule.ports.end());
        if first > last {
            return Err(NatError::Ports { first, last });
        }
        if let Behind::Addresses(addresses) = &rule.behind {
            let addresses_max = self.config.addresses_max;
            if addresses.is_empty() || addresses.len() > addresses_max {
                return Err(NatError::Addresses { addresses: addresses.len(), addresses_max });
            }
            for address in addresses {
                check_family(rule.source, *address)?;
            }
        }
        let id = self.id()?;
        self.sources.push((id, rule));
        Ok(id)
    }

    /// Leads conversations that begin from now on elsewhere. The first rule that matches counts.
    ///
    /// # Errors
    ///
    /// If there are too many rules, or this one is nonsense.
    pub fn add_target(&mut self, rule: TargetRule) -> Result<NatId, NatError> {
        check_family(rule.target, rule.to)?;
        let (first, last) = (*rule.ports.start(), *rule.ports.end());
        let is_possible = last
            .checked_sub(first)
            .is_some_and(|span| rule.to_port.is_none_or(|to_port| to_port.checked_add(span).is_some()));
        if !is_possible {
            return Err(NatError::Ports { first, last });
        }
        let id = self.id()?;
        self.targets.push((id, rule));
        Ok(id)
    }

    /// Removes a rule; conversations that it translates go on. Whether there was one.
    pub fn remove(&mut self, id: NatId) -> bool {
        let before = self.len();
        self.sources.retain(|(other, _)| *other != id);
        self.targets.retain(|(other, _)| *other != id);
        self.len() < before
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len() + self.targets.len()
    }

    /// Whether nothing is translated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules that hide sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = (NatId, &SourceRule)> {
        self.sources.iter().map(|(id, rule)| (*id, rule))
    }

    /// The rules that lead targets elsewhere, in order.
    pub fn targets(&self) -> impl Iterator<Item = (NatId, &TargetRule)> {
        self.targets.iter().map(|(id, rule)| (*id, rule))
    }

    fn id(&mut self) -> Result<NatId, NatError> {
        if !self.is_tracking {
            return Err(NatError::NotTracking);
        }
        if self.len() >= self.config.rules_max {
            return Err(NatError::Full { rules_max: self.config.rules_max });
        }
        self.next += 1;
        Ok(NatId::new(self.next - 1))
    }

    /// Where a conversation is led that arrives with these ends; `None` if nowhere else.
    pub(super) fn redirect<A: Address>(&self, input: Port, tuple: &Tuple<A>) -> Option<Ends<A>> {
        let Tuple { ends, kind } = *tuple;
        let (target, protocol) = (ends.target.ip(), kind.protocol());
        let (_, rule) = self.targets.iter().find(|(_, rule)| {
            rule.target.contains(&target)
                && rule.protocol.is_none_or(|wanted| wanted == protocol)
                && rule.input.is_none_or(|wanted| wanted == input)
                && has_port(kind, &rule.ports, ends.target_port)
        })?;
        let to_port = rule.to_port.filter(|_| kind.has_ports());
        let target_port =
            to_port.map_or(ends.target_port, |first| first + (ends.target_port - rule.ports.start()));
        Some(Ends { target: A::of(rule.to)?, target_port, ..ends })
    }

    /// The rule for a conversation that leaves with these ends.
    pub(super) fn hiding<A: Address>(&self, output: Port, ends: &Ends<A>) -> Option<&SourceRule> {
        let (source, target) = (ends.source.ip(), ends.target.ip());
        let (_, rule) = self.sources.iter().find(|(_, rule)| {
            rule.output.is_none_or(|wanted| wanted == output)
                && rule.source.contains(&source)
                && rule.target.is_none_or(|network| network.contains(&target))
        })?;
        (rule.behind != Behind::Nothing).then_some(rule)
    }

    /// With what ends answers arrive if the source hides behind one of these addresses; `None` if no port is left.
    pub(super) fn hide<A: Address>(
        &self,
        now: Instant,
        conntrack: &mut Conntrack<A>,
        leaving: &Tuple<A>,
        addresses: &[A],
        ports: &RangeInclusive<u16>,
    ) -> Option<Tuple<A>> {
        let count = addresses.len();
        let first = (self.hasher.hash_one(leaving.ends.source) % count.max(1) as u64) as usize;
        let mut addresses = (0..count).map(|at| addresses[(first + at) % count]);
        addresses.find_map(|address| self.hide_behind(now, conntrack, leaving, address, ports))
    }

    fn hide_behind<A: Address>(
        &self,
        now: Instant,
        conntrack: &mut Conntrack<A>,
        leaving: &Tuple<A>,
        address: A,
        ports: &RangeInclusive<u16>,
    ) -> Option<Tuple<A>> {
        let Tuple { mut ends, kind } = *leaving;
        let socket = (kind, ends.source, ends.source_port, address);
        ends.source = address;
        let has_identifier = kind.has_ports() || kind == Kind::ECHO_REQUEST;
        let count = if has_identifier { u32::from(ports.end() - ports.start()) + 1 } else { 1 };
        let first = (self.hasher.hash_one(socket) % u64::from(count)) as u32;
        (0..count.min(self.config.probes_max)).find_map(|probe| {
            if has_identifier {
                ends.source_port = ports.start() + ((first + probe) % count) as u16;
            }
            let reply = Tuple { ends, kind }.reversed();
            conntrack.find(now, &reply).is_none().then_some(reply)
        })
    }
}

fn check_family(network: IpNet, address: IpAddr) -> Result<(), NatError> {
    let is_same = network.addr().is_ipv4() == address.is_ipv4();
    if is_same { Ok(()) } else { Err(NatError::Mixed { network, address }) }
}

fn has_port(kind: Kind, ports: &RangeInclusive<u16>, port: u16) -> bool {
    *ports == (0..=u16::MAX) || kind.has_ports() && ports.contains(&port)
}

#[cfg(test)]
mod tests;
