//! [`Interface`]: what a router is on one of its ports, and [`Place`]: what it knows and counts there.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::rate::Bucket;
use super::{Drops, Rate, Reason, Traffic};
use crate::neighbours::Neighbours;
use crate::{Mac, Port};

/// What a router is on one of its ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its card.
    pub mac: Mac,
    /// Its addresses, each with the network that is on the other side of the port. The first is the one that it uses.
    pub addresses: Vec<IpNet>,
    /// The largest packet that the link carries.
    pub mtu: u16,
    /// Whether conversations may only begin from where a route leads back to (reverse path filtering).
    pub checks_sources: bool,
}

impl Interface {
    /// An interface with one address on an ordinary Ethernet.
    #[must_use]
    pub fn new(mac: Mac, address: IpNet) -> Self {
        Self { mac, addresses: vec![address], mtu: 1_500, checks_sources: false }
    }
}

/// What went through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortCounters {
    /// The packets that arrived.
    pub received: Traffic,
    /// The packets that left.
    pub sent: Traffic,
    /// The frames that arrived and went no further; and packets for which no neighbour was found, where they would
    /// have left.
    pub drops: Drops,
}

/// What a router knows and counts on one of its ports.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) interface: Interface,
    pub(super) role: Role,
    pub(super) neighbours: Neighbours,
    /// How many errors may still be told about what came through it.
    pub(super) errors: Bucket,
    pub(super) counters: PortCounters,
    pub(super) is_up: bool,
}

/// What is on the other side of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A link; the port may be served by the router's own stack behind another port.
    Link {
        /// Where that stack is.
        services: Option<Port>,
    },
    /// The router's own stack.
    Own {
        /// The port whose addresses it has.
        of: Port,
        /// Its card.
        card: Mac,
    },
}

impl Place {
    pub(super) fn new(interface: Interface, role: Role, errors: Rate) -> Self {
        Self {
            interface,
            role,
            neighbours: Neighbours::new(),
            errors: Bucket::new(errors),
            counters: PortCounters::default(),
            is_up: true,
        }
    }

    #[inline]
    pub(super) fn is_own(&self) -> bool {
        matches!(self.role, Role::Own { .. })
    }

    /// The first address of a family.
    pub(super) fn address(&self, is_v4: bool) -> Option<IpAddr> {
        self.interface.addresses.iter().map(IpNet::addr).find(|address| address.is_ipv4() == is_v4)
    }

    /// The address from which a neighbour is asked: one of the same network, if there is one.
    pub(super) fn address_towards(&self, neighbour: Ipv4Addr) -> Option<Ipv4Addr> {
        let v4 = || {
            self.interface.addresses.iter().filter_map(|network| match network {
                IpNet::V4(network) => Some(network),
                IpNet::V6(_) => None,
            })
        };
        let same = v4().find(|network| network.contains(&neighbour));
        same.or_else(|| v4().next()).map(ipnet::Ipv4Net::addr)
    }

    pub(super) fn drop(&mut self, reason: Reason) {
        self.counters.drops.count(reason);
    }
}
