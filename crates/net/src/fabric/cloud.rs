//! The cloud: an internet's core in one station, to which networks are connected.
//!
//! Between any two networks is one hop, the cloud, and the sum of what their two links are like: that is all that most
//! programs can tell of an internet, and it costs one station however many networks there are. Where the way matters,
//! clouds are connected to each other like any other network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Fabric, FabricError, LinkId, Place, RouterLink, StationId};
use crate::link::LinkProfile;
use crate::router::{self, Route};

/// How a network is connected to a cloud.
///
/// ```
/// use ironloom_core::Seed;
/// use ironloom_net::fabric::{CloudLink, Config, Place};
/// use ironloom_net::link::LinkProfile;
/// use ironloom_net::{Fabric, router};
///
/// let mut fabric = Fabric::new(Config::default(), Seed::new(1));
/// let internet = fabric.add_cloud("internet", Place::Apart)?;
/// let home = fabric.add_router("home", Place::Apart, router::Config::default())?;
/// let far = LinkProfile { latency: "20 ms".parse().unwrap(), ..LinkProfile::default() };
/// let link = CloudLink {
///     address: Some("100.64.0.1/31".parse().unwrap()),
///     forth: far,
///     back: far,
///     ..CloudLink::new(internet, home, "100.64.0.0/31".parse().unwrap())
/// };
/// let link = fabric.connect_cloud(&link)?;
/// fabric.set_cut(link, true)?;
/// # Ok::<(), ironloom_net::fabric::FabricError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CloudLink {
    /// The cloud.
    pub cloud: StationId,
    /// What is connected to it: a switch, a router, or another cloud.
    pub to: StationId,
    /// The cloud's address there, with the network that is reached through it.
    pub gateway: IpNet,
    /// The address of what is connected, if it is a router. It sends everything to the cloud for which it has no other
    /// route.
    pub address: Option<IpNet>,
    /// Networks behind that router which the others can reach. What hides behind its address is none of them.
    pub networks: Vec<IpNet>,
    /// What the way from the cloud is like.
    pub forth: LinkProfile,
    /// What the way to the cloud is like.
    pub back: LinkProfile,
}

impl CloudLink {
    /// A cable without faults or delay to a network of which the cloud is the gateway.
    #[must_use]
    pub fn new(cloud: StationId, to: StationId, gateway: IpNet) -> Self {
        let profile = LinkProfile::default();
        Self { cloud, to, gateway, address: None, networks: Vec::new(), forth: profile, back: profile }
    }
}

impl Fabric {
    /// Adds the core of an internet: a router that only routes. It knows no conversations, so it translates nothing,
    /// and any number of packets passes it without leaving anything behind.
    ///
    /// # Errors
    ///
    /// If there is no room, or what it is to be placed beside is not there.
    pub fn add_cloud(&mut self, name: &str, place: Place) -> Result<StationId, FabricError> {
        let config = router::Config {
            tracks: false,
            ports_max: u16::MAX,
            routes_max: 1 << 20,
            ..router::Config::default()
        };
        self.add_router(name, place, config)
    }

    /// Connects a network to a cloud; from now on the cloud leads to it what is for it. [`disconnect`](Self::disconnect)
    /// takes the link away with all that is routed over it, [`set_cut`](Self::set_cut) pulls its cable,
    /// [`set_profile`](Self::set_profile) changes what it is like.
    ///
    /// # Errors
    ///
    /// If one of the two is not there or has no free port, an address or network is somebody else's, or the link cannot
    /// be like that; then nothing changes.
    pub fn connect_cloud(&mut self, spec: &CloudLink) -> Result<LinkId, FabricError> {
        let CloudLink { cloud, to, gateway, address, forth, back, .. } = *spec;
        let link = RouterLink { router: cloud, to, addresses: vec![gateway], forth, back };
        let (link, _) = self.connect_router(&link)?;
        let routed = match address {
            Some(address) => self.connect_border(link, spec, address),
            None if spec.networks.is_empty() => Ok(()),
            None => Err(FabricError::Kind { station: to, wanted: "a router with an address here" }),
        };
        match routed {
            Ok(()) => Ok(link),
            Err(error) => {
                self.disconnect(link)?;
                Err(error)
            }
        }
    }

    /// Tells the router at the other end of a cloud's link where everything else is, and the cloud what is behind it.
    fn connect_border(&mut self, link: LinkId, spec: &CloudLink, address: IpNet) -> Result<(), FabricError> {
        let (cloud, border) = (spec.cloud, spec.to);
        let port = self.add_router_address(link, border, vec![address])?;
        let network = everything(spec.gateway.addr());
        if self.router(border)?.routes().at(network, 0).is_none() {
            let route = Route { network, via: Some(spec.gateway.addr()), port, metric: 0 };
            self.add_route(border, route)?;
        }
        let port = self.port_of(link, cloud).ok_or(FabricError::NoLink { link })?;
        for network in &spec.networks {
            if let Some(route) = self.router(cloud)?.routes().at(*network, 0) {
                let error = router::RouterError::NetworkInUse { network: *network, port: route.port };
                return Err(FabricError::Router { station: cloud, error });
            }
            let route = Route { network: *network, via: Some(address.addr()), port, metric: 0 };
            self.add_route(cloud, route)?;
        }
        Ok(())
    }

    fn add_route(&mut self, station: StationId, route: Route) -> Result<(), FabricError> {
        let added = self.router(station)?.routes_mut().insert(route);
        added.map(|_| ()).map_err(|error| FabricError::Router { station, error: error.into() })
    }
}

/// All addresses of a family.
fn everything(like: IpAddr) -> IpNet {
    let none = match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    IpNet::new(none, 0).expect("no bits are within any family")
}
