//! [`RouterTable`]: a router as people describe it, and how it is built.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use ironloom_core::Duration;
use serde::{Deserialize, Deserializer, de};

use super::assemble::{Assembly, refused};
use super::units;
use super::{Block, PlanChoice, Topology, TopologyError};
use crate::Port;
use crate::fabric::RouterLink;
use crate::router::firewall::{Addresses, Chain, Protocol, Rule, State, States, Verdict};
use crate::router::nat::{SourceRule, TargetRule};
use crate::router::{self, Rate, Route};

/// A router.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct RouterTable {
    /// What it is connected to.
    pub interfaces: Vec<InterfaceTable>,
    /// Ways to networks that are not its own.
    pub routes: Vec<RouteTable>,
    /// What is led on to machines behind it.
    pub forwards: Vec<ForwardTable>,
    /// What may pass it: the first that matches decides, and what none matches passes.
    pub rules: Vec<RuleTable>,
}

/// What a router is on one of its links.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct InterfaceTable {
    /// What is at the other end.
    pub to: String,
    /// Its address there; the gateway of the switch's subnet, or one that the cloud has to give, if nothing is said.
    #[borsh(serialize_with = "units::write_networks", deserialize_with = "units::read_networks")]
    pub address: Option<IpNet>,
    /// The address of the router or cloud at the other end.
    #[borsh(serialize_with = "units::write_networks", deserialize_with = "units::read_networks")]
    pub peer: Option<IpNet>,
    /// What the link is like: `down` is the way from the router, but if it leads to a cloud it is the way from there.
    pub plan: Option<PlanChoice>,
    /// Whether all that leaves here hides behind its address.
    #[serde(default)]
    pub masquerade: bool,
}

/// A way to a network.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The network, or one address.
    pub network: Block,
    /// The next router on the way.
    pub via: IpAddr,
    /// The lowest is taken.
    #[serde(default)]
    pub metric: u32,
}

/// What is led on to a machine behind a router.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct ForwardTable {
    /// What goes to this address; to the address of the first interface that masquerades if nothing is said.
    pub address: Option<IpAddr>,
    /// Of this protocol.
    pub protocol: Option<ProtocolName>,
    /// To this port.
    pub port: u16,
    /// The machine's address.
    pub to: IpAddr,
    /// The machine's port; the same if nothing is said.
    pub to_port: Option<u16>,
}

/// A rule of a firewall.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// What becomes of what matches.
    pub verdict: VerdictName,
    /// Where it comes from: a network or an address.
    pub from: Option<Block>,
    /// Where it goes: a network or an address.
    pub to: Option<Block>,
    /// Its protocol.
    pub protocol: Option<ProtocolName>,
    /// The ports that it goes to: "80" or "8000-8080".
    pub ports: Option<Ports>,
    /// How it relates to what passed before.
    pub state: Option<Vec<StateName>>,
    /// How many packets a second match.
    pub rate: Option<u32>,
    /// Whether it is about packets for the router itself.
    #[serde(default)]
    pub local: bool,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(rename_all = "lowercase")]
pub enum VerdictName {
    /// It passes.
    Accept,
    /// It vanishes.
    Drop,
    /// It does not pass, and its sender is told so.
    Reject,
}

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(rename_all = "lowercase")]
pub enum ProtocolName {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
    /// Messages about the network.
    Icmp,
}

/// How a packet relates to what passed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// It begins something.
    New,
    /// It belongs to something.
    Established,
    /// It is an error about something.
    Related,
    /// It belongs to nothing.
    Invalid,
}

/// A range of ports: "80" or "8000-8080", or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(pub RangeInclusive<u16>);

impl BorshSerialize for Ports {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        (*self.0.start(), *self.0.end()).serialize(writer)
    }
}

impl BorshDeserialize for Ports {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (first, last) = <(u16, u16)>::deserialize_reader(reader)?;
        Ok(Self(first..=last))
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            One(u16),
            Some(String),
        }
        let text = match Text::deserialize(deserializer)? {
            Text::One(port) => return Ok(Self(port..=port)),
            Text::Some(text) => text,
        };
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let range = first.trim().parse().ok().zip(last.trim().parse().ok());
        let range = range.filter(|(first, last): &(u16, u16)| first <= last);
        let wanted =
            || de::Error::custom(format!("`{text}` is no range of ports: write `80` or `8000-8080`"));
        range.map(|(first, last)| Self(first..=last)).ok_or_else(wanted)
    }
}

impl Topology {
    /// All interfaces of routers and clouds, with the name of who has them and their number there.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = (&String, usize, &InterfaceTable)> {
        let routers = self.routers.iter().map(|(name, table)| (name, &table.interfaces));
        let clouds = self.clouds.iter().map(|(name, table)| (name, &table.interfaces));
        routers.chain(clouds).flat_map(|(name, interfaces)| {
            interfaces.iter().enumerate().map(move |(at, interface)| (name, at, interface))
        })
    }
}

impl Assembly<'_> {
    /// Adds routers and clouds, without links.
    pub(super) fn router_stations(&mut self) -> Result<(), TopologyError> {
        for name in self.topology.routers.keys() {
            let place = self.place(name);
            let router = self.network.fabric.add_router(name, place, router::Config::default());
            self.enter(format!("routers.{name}"), name, router)?;
        }
        for name in self.topology.clouds.keys() {
            let place = self.place(name);
            let cloud = self.network.fabric.add_cloud(name, place);
            self.enter(format!("clouds.{name}"), name, cloud)?;
        }
        Ok(())
    }

    /// Connects routers and clouds, and tells them what to do.
    pub(super) fn routers(&mut self) -> Result<(), TopologyError> {
        let topology = self.topology;
        for (name, table) in &topology.clouds {
            self.interfaces(&format!("clouds.{name}"), name, &table.interfaces)?;
        }
        for (name, table) in &topology.routers {
            let place = format!("routers.{name}");
            let interfaces = self.interfaces(&place, name, &table.interfaces)?;
            self.masquerade(&place, name, table, &interfaces)?;
            self.forwards(&place, name, table, &interfaces)?;
            self.rules(&place, name, table)?;
            self.announce(&place, table, &interfaces)?;
        }
        // Routes last: a next router may be found only once all links are there.
        for (name, table) in &topology.clouds {
            self.routes(&format!("clouds.{name}"), name, &table.routes)?;
        }
        for (name, table) in &topology.routers {
            self.routes(&format!("routers.{name}"), name, &table.routes)?;
        }
        Ok(())
    }

    fn interfaces(
        &mut self,
        place: &str,
        name: &str,
        tables: &[InterfaceTable],
    ) -> Result<Vec<(Port, IpNet)>, TopologyError> {
        let connect = |(at, table)| self.interface(&format!("{place}.interfaces[{at}]"), name, table);
        tables.iter().enumerate().map(connect).collect()
    }

    fn interface(
        &mut self,
        place: &str,
        name: &str,
        table: &InterfaceTable,
    ) -> Result<(Port, IpNet), TopologyError> {
        let is_cloud = |name: &str| self.topology.clouds.contains_key(name);
        if is_cloud(&table.to) && !is_cloud(name) {
            return self.uplink(place, name, table);
        }
        let router = self.station(place, name)?;
        let to = self.station(&format!("{place}.to"), &table.to)?;
        let address = self.own_address(place, table)?;
        let (forth, back) = self.topology.profiles(table.plan.as_ref(), place)?;
        let link = RouterLink { router, to, addresses: vec![address], forth, back };
        let connected = self.network.fabric.connect_router(&link);
        let (link, port) = connected.map_err(refused(place.to_owned()))?;
        if let Some(peer) = table.peer {
            let added = self.network.fabric.add_router_address(link, to, vec![peer]);
            added.map_err(refused(format!("{place}.peer")))?;
        }
        Ok((port, address))
    }

    /// The address that is given, or that of the gateway.
    fn own_address(&mut self, place: &str, table: &InterfaceTable) -> Result<IpNet, TopologyError> {
        let missing = || TopologyError::Missing {
            place: place.to_owned(),
            what: "an address, or a switch with a subnet",
        };
        let Some(subnet) = self.subnet_at(&table.to) else {
            return table.address.ok_or_else(missing);
        };
        let prefix = subnet.network().prefix_len();
        match table.address {
            Some(address) => {
                if subnet.gateway() != Some(address.addr()) {
                    let refused = |error| TopologyError::Subnet { place: place.to_owned(), error };
                    subnet.reserve(address.addr()).map_err(refused)?;
                }
                Ok(address)
            }
            None => subnet.gateway().and_then(|gateway| IpNet::new(gateway, prefix).ok()).ok_or_else(missing),
        }
    }

    fn masquerade(
        &mut self,
        place: &str,
        name: &str,
        table: &RouterTable,
        interfaces: &[(Port, IpNet)],
    ) -> Result<(), TopologyError> {
        for (interface, (port, address)) in table.interfaces.iter().zip(interfaces) {
            if interface.masquerade {
                let all = IpNet::new(unspecified(address.addr()), 0).expect("no bits are within any family");
                let rule = SourceRule::masquerade(all, *port);
                let router = self.router(place, name)?;
                router.nat_mut().add_source(rule).map_err(|error| says(place, "masquerade", &error))?;
            }
        }
        Ok(())
    }

    fn routes(&mut self, place: &str, name: &str, routes: &[RouteTable]) -> Result<(), TopologyError> {
        for (at, route) in routes.iter().enumerate() {
            let RouteTable { network: Block(network), via, metric } = *route;
            let router = self.router(place, name)?;
            let hop = router.routes().find(via).filter(|hop| hop.via.is_none());
            let Some(hop) = hop else {
                let what = "a next router that is on one of its own networks";
                return Err(TopologyError::Missing { place: format!("{place}.routes[{at}].via"), what });
            };
            let route = Route { network, via: Some(via), port: hop.port, metric };
            let inserted = router.routes_mut().insert(route);
            inserted.map_err(|error| says(place, &format!("routes[{at}]"), &error))?;
        }
        Ok(())
    }

    fn forwards(
        &mut self,
        place: &str,
        name: &str,
        table: &RouterTable,
        interfaces: &[(Port, IpNet)],
    ) -> Result<(), TopologyError> {
        let mut both = table.interfaces.iter().zip(interfaces);
        let outside = both.find(|(interface, _)| interface.masquerade).map(|(_, (_, own))| own.addr());
        for (at, forward) in table.forwards.iter().enumerate() {
            let Some(address) = forward.address.or(outside) else {
                let what = "an address, or an interface that masquerades";
                return Err(TopologyError::Missing {
                    place: format!("{place}.forwards[{at}].address"),
                    what,
                });
            };
            let rule = TargetRule {
                target: address.into(),
                protocol: forward.protocol.map(ProtocolName::protocol),
                ports: forward.port..=forward.port,
                input: None,
                to: forward.to,
                to_port: forward.to_port,
            };
            let added = self.router(place, name)?.nat_mut().add_target(rule);
            added.map_err(|error| says(place, &format!("forwards[{at}]"), &error))?;
        }
        Ok(())
    }

    fn rules(&mut self, place: &str, name: &str, table: &RouterTable) -> Result<(), TopologyError> {
        for (at, rule) in table.rules.iter().enumerate() {
            let added = self.router(place, name)?.firewall_mut().append(rule.chain(), rule.rule());
            added.map_err(|error| says(place, &format!("rules[{at}]"), &error))?;
        }
        Ok(())
    }

    pub(super) fn router(&mut self, place: &str, name: &str) -> Result<&mut router::Router, TopologyError> {
        let station = self.station(place, name)?;
        self.network.fabric.router(station).map_err(refused(place.to_owned()))
    }
}

pub(super) fn says(place: &str, field: &str, error: &dyn std::error::Error) -> TopologyError {
    TopologyError::Router { place: format!("{place}.{field}"), message: error.to_string() }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

impl FromStr for RuleTable {
    type Err = TopologyError;

    /// A rule in the words of a description: `verdict = "drop", protocol = "icmp"`.
    fn from_str(words: &str) -> Result<Self, TopologyError> {
        super::in_words(words)
    }
}

impl RuleTable {
    /// Where in the firewall it stands.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        if self.local { Chain::Input } else { Chain::Forward }
    }

    /// What the firewall is told.
    #[must_use]
    pub fn rule(&self) -> Rule {
        let addresses = |block: Option<Block>| block.map_or(Addresses::Any, |block| Addresses::In(block.0));
        let states = self.state.as_ref().map_or(States::ALL, |names| {
            States::of(&names.iter().map(|name| name.state()).collect::<Vec<State>>())
        });
        Rule {
            source: addresses(self.from),
            target: addresses(self.to),
            protocol: self.protocol.map(ProtocolName::protocol),
            target_ports: self.ports.as_ref().map_or(0..=u16::MAX, |ports| ports.0.clone()),
            states,
            rate: self.rate.map(|packets| Rate {
                packets,
                per: Duration::from_secs(1),
                burst: packets.max(1),
            }),
            verdict: self.verdict.verdict(),
            ..Rule::accept()
        }
    }
}

impl VerdictName {
    const fn verdict(self) -> Verdict {
        match self {
            Self::Accept => Verdict::Accept,
            Self::Drop => Verdict::Drop,
            Self::Reject => Verdict::Reject,
        }
    }
}

impl ProtocolName {
    const fn protocol(self) -> Protocol {
        match self {
            Self::Tcp => Protocol::TCP,
            Self::Udp => Protocol::UDP,
            Self::Icmp => Protocol::ICMP,
        }
    }
}

impl StateName {
    const fn state(self) -> State {
        match self {
            Self::New => State::New,
            Self::Established => State::Established,
            Self::Related => State::Related,
            Self::Invalid => State::Invalid,
        }
    }
}
