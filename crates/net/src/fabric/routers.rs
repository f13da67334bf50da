//! Routers in a fabric: how they are connected.

use ipnet::IpNet;

use super::equipment::Kind;
use super::layout::{MACHINE, Station};
use super::shard::{Shard, machine_index};
use super::{Fabric, FabricError, LinkId, Place, StationId, Way};
use crate::link::LinkProfile;
use crate::router::{self, Interface, Router};
use crate::{Mac, Port};

/// How a router is connected to something.
#[derive(Debug, Clone)]
pub struct RouterLink {
    /// The router.
    pub router: StationId,
    /// What it is connected to.
    pub to: StationId,
    /// Its addresses there, with the networks that are reached through them.
    pub addresses: Vec<IpNet>,
    /// What the way from the router is like.
    pub forth: LinkProfile,
    /// What the way to the router is like.
    pub back: LinkProfile,
}

impl RouterLink {
    /// A cable without faults.
    #[must_use]
    pub fn new(router: StationId, to: StationId, address: IpNet) -> Self {
        let profile = LinkProfile::default();
        Self { router, to, addresses: vec![address], forth: profile, back: profile }
    }
}

impl Fabric {
    /// Adds a router, without links.
    ///
    /// # Errors
    ///
    /// If there is no room, or what it is to be placed beside is not there.
    pub fn add_router(
        &mut self,
        name: &str,
        place: Place,
        config: router::Config,
    ) -> Result<StationId, FabricError> {
        let mut rng = self.rng.split("router", self.layout.stations.len() as u64);
        self.install_router(name, place, Router::new(config, &mut rng))
    }

    /// Adds a router that was set up before: its interfaces are numbered as the links that it will be connected by.
    ///
    /// # Errors
    ///
    /// As [`add_router`](Self::add_router).
    pub fn install_router(
        &mut self,
        name: &str,
        place: Place,
        router: Router,
    ) -> Result<StationId, FabricError> {
        self.add_equipment(name, place, Kind::Router(Box::new(router)))
    }

    /// Connects a router to something, with addresses of its own there: its networks are routed over this link.
    ///
    /// Its card has an address that follows from those of its network, so it is the same in every run.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and if the router refuses the addresses.
    pub fn connect_router(&mut self, spec: &RouterLink) -> Result<(LinkId, Port), FabricError> {
        self.router(spec.router)?;
        let link = self.connect(spec.router, spec.to, spec.forth, spec.back)?;
        match self.add_router_address(link, spec.router, spec.addresses.clone()) {
            Ok(port) => Ok((link, port)),
            Err(error) => {
                self.disconnect(link)?;
                Err(error)
            }
        }
    }

    /// Gives a router addresses at a link that it was connected by without any.
    ///
    /// # Errors
    ///
    /// If the link does not end at such a router, or the router refuses the addresses.
    pub fn add_router_address(
        &mut self,
        link: LinkId,
        station: StationId,
        addresses: Vec<IpNet>,
    ) -> Result<Port, FabricError> {
        self.router(station)?;
        let record = *self.layout.link(link).ok_or(FabricError::NoLink { link })?;
        let way = record.ends.iter().position(|end| end.station == station);
        let way = way.ok_or(FabricError::NoLink { link })?;
        let (here, there) = (record.ends[way], record.ends[1 - way]);
        let interface = Interface {
            mac: card_of(station, here.port),
            addresses: addresses.clone(),
            mtu: self.layout.lines.line(record.lines[way]).profile.mtu,
            checks_sources: false,
        };
        let router = self.router(station)?;
        let added = router.add_interface(here.port, interface);
        added.map_err(|error| FabricError::Router { station, error })?;
        if let Some(switch) = self.switch_mut(there.station) {
            for address in addresses {
                if let IpNet::V4(address) = address {
                    switch.assign(address.addr(), there.port);
                }
            }
        }
        Ok(here.port)
    }

    /// A router, to be looked at or changed.
    ///
    /// # Errors
    ///
    /// If the station is not a router.
    pub fn router(&mut self, station: StationId) -> Result<&mut Router, FabricError> {
        self.station(station)?;
        self.shards.iter_mut().for_each(Shard::tell_routers);
        self.router_mut(station).ok_or(FabricError::Kind { station, wanted: "a router" })
    }

    fn router_mut(&mut self, station: StationId) -> Option<&mut Router> {
        let Station { seat, shard, .. } = *self.layout.station(station)?;
        let equipment = self.shards[usize::from(shard)].equipment.get_mut(seat as usize)?;
        match &mut equipment.kind {
            Kind::Router(router) => Some(router),
            _ => None,
        }
    }

    /// The port of a station at which a link ends.
    #[must_use]
    pub fn port_of(&self, link: LinkId, station: StationId) -> Option<Port> {
        let ends = self.layout.link(link)?.ends;
        ends.iter().find(|end| end.station == station).map(|end| end.port)
    }

    /// The link that ends at a port of a station.
    #[must_use]
    pub fn link_at(&self, station: StationId, port: Port) -> Option<LinkId> {
        let Station { seat, shard, .. } = *self.layout.station(station)?;
        let shard = &self.shards[usize::from(shard)];
        if seat & MACHINE != 0 {
            return (port.number() == 0).then(|| shard.machines[machine_index(seat)].link);
        }
        let exit = shard.equipment[seat as usize].ports.get(usize::from(port.number()))?;
        (!exit.is_vacant()).then_some(exit.link)
    }

    /// Lets routers know that a cable was pulled, or plugged in again. That only one way is down nobody notices.
    pub(super) fn tell_routers(&mut self, link: LinkId) {
        let Some(record) = self.layout.link(link).copied() else { return };
        let is_up = record.is_down != [true; 2];
        for end in record.ends {
            if let Some(router) = self.router_mut(end.station)
                && router.interface(end.port).is_some()
            {
                router.set_up(end.port, is_up);
            }
        }
    }

    /// Pulls the cable of a link, or plugs it in again.
    ///
    /// # Errors
    ///
    /// If the link is not there.
    pub fn set_cut(&mut self, link: LinkId, is_cut: bool) -> Result<(), FabricError> {
        self.set_down(link, Way::Forth, is_cut)?;
        self.set_down(link, Way::Back, is_cut)
    }
}

/// The address of a router's card.
fn card_of(router: StationId, port: Port) -> Mac {
    const ROUTERS: u64 = 0x2A << 40;
    Mac::local(ROUTERS | u64::from(router.number()) << 16 | u64::from(port.number()))
}
