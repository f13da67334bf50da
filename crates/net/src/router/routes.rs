//! [`Routes`]: which way leads to an address.
//!
//! The longest prefix wins, then the smallest metric. Each prefix length that is in use has a hash map, and a lookup
//! probes them from the longest to the shortest: real tables use few lengths, and a probe costs a few nanoseconds.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::Port;

mod prefixes;

use prefixes::Prefixes;

/// A way to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub network: IpNet,
    /// The next router on the way; `None` if the network is on the other side of the port.
    pub via: Option<IpAddr>,
    /// The port through which it leads.
    pub port: Port,
    /// How long it is: of several ways to one network the smallest metric wins.
    pub metric: u32,
}

/// The next step on the way to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The next router on the way; `None` if the address itself is next.
    pub via: Option<IpAddr>,
    /// The port through which it leads.
    pub port: Port,
    /// The metric of the route.
    pub metric: u32,
}

/// The routes of one router, for both families.
///
/// ```
/// use ironloom_net::Port;
/// use ironloom_net::router::{Route, Routes};
///
/// let mut routes = Routes::new(10);
/// let route = |network: &str, port| Route {
///     network: network.parse().unwrap(),
///     via: None,
///     port: Port::new(port),
///     metric: 0,
/// };
/// routes.insert(route("10.0.0.0/8", 1)).unwrap();
/// routes.insert(route("10.1.0.0/16", 2)).unwrap();
///
/// let port = |address: &str| routes.find(address.parse().unwrap()).map(|hop| hop.port.number());
/// assert_eq!(port("10.1.2.3"), Some(2));
/// assert_eq!(port("10.2.2.3"), Some(1));
/// assert_eq!(port("11.0.0.1"), None);
/// ```
#[derive(Debug, Clone)]
pub struct Routes {
    v4: Prefixes<u32>,
    v6: Prefixes<u128>,
    /// Ports that cannot be used at present.
    down: Vec<Port>,
    routes_max: usize,
}

/// A route was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// There are as many as there may be.
    #[error("the routing table is full: routes_max is {routes_max}")]
    Full {
        /// How many routes there may be.
        routes_max: usize,
    },
    /// The next router's address is of another family than the network.
    #[error("a route to {network} cannot lead via {via}: both must be IPv4, or both IPv6")]
    Mixed {
        /// Where it should lead.
        network: IpNet,
        /// The next router on the way.
        via: IpAddr,
    },
}

impl Routes {
    /// An empty table for at most `routes_max` routes.
    #[must_use]
    pub fn new(routes_max: usize) -> Self {
        Self { v4: Prefixes::default(), v6: Prefixes::default(), down: Vec::new(), routes_max }
    }

    /// Adds a route, and gives back the one to the same network with the same metric that it replaces.
    ///
    /// # Errors
    ///
    /// If there are as many routes as there may be, or the families of its addresses differ.
    pub fn insert(&mut self, route: Route) -> Result<Option<Route>, RouteError> {
        let Route { network, via, port, metric } = route;
        if let Some(via) = via
            && via.is_ipv4() != network.addr().is_ipv4()
        {
            return Err(RouteError::Mixed { network, via });
        }
        let is_new = self.at(network, metric).is_none();
        if is_new && self.len() >= self.routes_max {
            return Err(RouteError::Full { routes_max: self.routes_max });
        }
        let hop = Hop { via, port, metric };
        let replaced = match network {
            IpNet::V4(net) => self.v4.insert(net.addr().to_bits(), net.prefix_len(), hop, &self.down),
            IpNet::V6(net) => self.v6.insert(net.addr().to_bits(), net.prefix_len(), hop, &self.down),
        };
        Ok(replaced.map(|hop| route_of(network, hop)))
    }

    /// Removes the route to a network with a metric.
    pub fn remove(&mut self, network: IpNet, metric: u32) -> Option<Route> {
        let removed = match network {
            IpNet::V4(net) => self.v4.remove(net.addr().to_bits(), net.prefix_len(), metric, &self.down),
            IpNet::V6(net) => self.v6.remove(net.addr().to_bits(), net.prefix_len(), metric, &self.down),
        };
        removed.map(|hop| route_of(network, hop))
    }

    /// The route to a network with a metric.
    #[must_use]
    pub fn at(&self, network: IpNet, metric: u32) -> Option<Route> {
        let found = match network {
            IpNet::V4(net) => self.v4.at(net.addr().to_bits(), net.prefix_len(), metric),
            IpNet::V6(net) => self.v6.at(net.addr().to_bits(), net.prefix_len(), metric),
        };
        found.map(|hop| route_of(network, hop))
    }

    /// The next step on the way to an address; `None` if no route leads there.
    #[inline]
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<Hop> {
        match address {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }
    }

    /// Says whether a port can be used; routes through one that cannot count as if they were not there.
    pub fn set_up(&mut self, port: Port, is_up: bool) {
        let was_up = !self.down.contains(&port);
        if was_up == is_up {
            return;
        }
        if is_up {
            self.down.retain(|down| *down != port);
        } else {
            self.down.push(port);
        }
        self.v4.choose_again(&self.down);
        self.v6.choose_again(&self.down);
    }

    /// Removes every route through a port; how many that were.
    pub fn remove_port(&mut self, port: Port) -> usize {
        let through: Vec<Route> = self.list().into_iter().filter(|route| route.port == port).collect();
        for route in &through {
            self.remove(route.network, route.metric);
        }
        through.len()
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All routes, by network and then by metric.
    #[must_use]
    pub fn list(&self) -> Vec<Route> {
        let v4 = self.v4.iter().map(|(bits, length, hop)| (IpAddr::from(bits.to_be_bytes()), length, hop));
        let v6 = self.v6.iter().map(|(bits, length, hop)| (IpAddr::from(bits.to_be_bytes()), length, hop));
        let all = v4.chain(v6);
        let mut routes: Vec<Route> =
            all.map(|(address, length, hop)| route_of(IpNet::new_assert(address, length), hop)).collect();
        routes.sort_by_key(|route| (route.network, route.metric));
        routes
    }
}

fn route_of(network: IpNet, hop: Hop) -> Route {
    Route { network: network.trunc(), via: hop.via, port: hop.port, metric: hop.metric }
}

#[cfg(test)]
mod tests;
