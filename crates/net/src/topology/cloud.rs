//! [`CloudTable`]: a cloud as people describe it, and how routers are connected to it.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

use super::assemble::{Assembly, refused};
use super::routers::says;
use super::units;
use super::{InterfaceTable, RouteTable, RouterTable, TopologyError};
use crate::Port;
use crate::fabric::CloudLink;
use crate::router::Route;

/// The core of an internet, to which networks are connected: it only routes, between all of them.
///
/// Routers that are connected to it send to it what they have no other route for. Unless they masquerade, it leads to
/// them what is for the networks behind them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct CloudTable {
    /// Where the addresses come from of routers that are connected to it without one.
    #[borsh(serialize_with = "units::write_networks", deserialize_with = "units::read_networks")]
    pub network: Option<IpNet>,
    /// Networks of which it is the gateway itself.
    pub interfaces: Vec<InterfaceTable>,
    /// Ways to networks that nobody tells it of.
    pub routes: Vec<RouteTable>,
}

/// Addresses of links between a cloud and routers: two for each (RFC 3021).
#[derive(Debug)]
pub(super) struct Pool {
    network: Ipv4Net,
    pairs: u32,
}

impl Pool {
    const PREFIX_LEN: u8 = 31;

    /// The addresses of the cloud and of the router at the next link.
    fn take(&mut self) -> Option<(IpNet, IpNet)> {
        let room = 1u64 << (32 - self.network.prefix_len()) >> 1;
        (u64::from(self.pairs) < room).then_some(())?;
        let first = self.network.network().to_bits() + self.pairs * 2;
        self.pairs += 1;
        let at = |bits| Ipv4Net::new(Ipv4Addr::from_bits(bits), Self::PREFIX_LEN).ok().map(IpNet::V4);
        at(first).zip(at(first + 1))
    }
}

impl Assembly<'_> {
    /// What clouds have to give.
    pub(super) fn pools(&self) -> Result<BTreeMap<String, Pool>, TopologyError> {
        let networks = self.topology.clouds.iter().filter_map(|(name, table)| Some((name, table.network?)));
        let pools = networks.map(|(name, network)| match network {
            IpNet::V4(network) if network.prefix_len() < 32 => {
                Ok((name.clone(), Pool { network: network.trunc(), pairs: 0 }))
            }
            _ => Err(TopologyError::Missing {
                place: format!("clouds.{name}.network"),
                what: "an IPv4 network with room for two addresses",
            }),
        });
        pools.collect()
    }

    /// Connects a router to a cloud.
    pub(super) fn uplink(
        &mut self,
        place: &str,
        router: &str,
        table: &InterfaceTable,
    ) -> Result<(Port, IpNet), TopologyError> {
        let (gateway, address) = self.uplink_addresses(place, table)?;
        let cloud = self.station(place, &table.to)?;
        let to = self.station(place, router)?;
        let (forth, back) = self.topology.profiles(table.plan.as_ref(), place)?;
        let link =
            CloudLink { cloud, to, gateway, address: Some(address), networks: Vec::new(), forth, back };
        let link = self.network.fabric.connect_cloud(&link).map_err(refused(place.to_owned()))?;
        let port = self.network.fabric.port_of(link, to).expect("it was just connected");
        Ok((port, address))
    }

    fn uplink_addresses(
        &mut self,
        place: &str,
        table: &InterfaceTable,
    ) -> Result<(IpNet, IpNet), TopologyError> {
        let missing = |what| TopologyError::Missing { place: place.to_owned(), what };
        match (table.peer, table.address) {
            (Some(peer), Some(address)) => Ok((peer, address)),
            (None, None) => {
                let pool = self.pools.get_mut(&table.to);
                let pool = pool.ok_or_else(|| missing("an address and a peer, or a cloud with a network"))?;
                pool.take().ok_or_else(|| missing("a cloud with a larger network: all of it is taken"))
            }
            (Some(_), None) => Err(missing("an address, as it has a peer")),
            (None, Some(_)) => Err(missing("a peer, the address of the cloud, as it has an address")),
        }
    }

    /// Tells clouds which networks are behind a router.
    pub(super) fn announce(
        &mut self,
        place: &str,
        table: &RouterTable,
        interfaces: &[(Port, IpNet)],
    ) -> Result<(), TopologyError> {
        let both = || table.interfaces.iter().zip(interfaces);
        for (interface, (_, address)) in both() {
            if interface.masquerade || !self.topology.clouds.contains_key(&interface.to) {
                continue;
            }
            let cloud = self.router(place, &interface.to)?;
            for (other, (_, network)) in both() {
                let Some(hop) = cloud.routes().find(address.addr()).filter(|hop| hop.via.is_none()) else {
                    break;
                };
                if other.to == interface.to || cloud.routes().at(*network, 0).is_some() {
                    continue;
                }
                let route = Route { network: *network, via: Some(address.addr()), port: hop.port, metric: 0 };
                let inserted = cloud.routes_mut().insert(route);
                inserted.map_err(|error| says(place, "interfaces", &error))?;
            }
        }
        Ok(())
    }
}
