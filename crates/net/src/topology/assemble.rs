//! How a description becomes a network.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use ironloom_core::{MachineId, Rng, Seed};

use super::cloud::Pool;
use super::groups::Groups;
use super::{MachineTable, PlanChoice, PlanTable, Topology, TopologyError};
use crate::fabric::{Config, Guard, LinkId, MachineSpec, Place, StationId};
use crate::link::LinkProfile;
use crate::switch::{self, Isolation, Questions};
use crate::{Fabric, Subnet};

/// A network that was built from a description, and what its parts are called.
#[derive(Debug)]
pub struct Network {
    /// The network itself.
    pub fabric: Fabric,
    /// Which addresses are taken.
    pub subnets: BTreeMap<String, Subnet>,
    /// Everything but machines.
    pub stations: BTreeMap<String, StationId>,
    /// The machines.
    pub machines: BTreeMap<String, Machine>,
    /// The links between what is not a machine, in the order of the description.
    pub links: Vec<LinkId>,
}

/// A machine of a network that was built from a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Its id: the same for the same name and seed.
    pub id: MachineId,
    /// Its address.
    pub address: Option<IpAddr>,
}

impl FromStr for Topology {
    type Err = TopologyError;

    fn from_str(text: &str) -> Result<Self, TopologyError> {
        Ok(toml::from_str(text)?)
    }
}

impl Topology {
    /// Builds the network.
    ///
    /// What is joined by links faster than [`Config::group_latency_min`] forms one group.
    ///
    /// # Errors
    ///
    /// If a name means nothing or two things, an address cannot be given, or the fabric refuses something.
    pub fn build(&self, config: Config, seed: Seed) -> Result<Network, TopologyError> {
        let groups = self.groups(&config)?;
        let network = Network {
            fabric: Fabric::new(config, seed),
            subnets: BTreeMap::new(),
            stations: BTreeMap::new(),
            machines: BTreeMap::new(),
            links: Vec::new(),
        };
        let rng = Rng::new(seed).split("machines", 0);
        let (heads, pools) = (BTreeMap::new(), BTreeMap::new());
        let mut assembly = Assembly { topology: self, network, groups, heads, pools, rng };
        assembly.pools = assembly.pools()?;
        assembly.subnets()?;
        assembly.switches()?;
        assembly.router_stations()?;
        assembly.doors()?;
        assembly.links()?;
        assembly.routers()?;
        assembly.machines()?;
        Ok(assembly.network)
    }

    /// Whether there is to be a station of this name.
    fn check_station(&self, place: &str, name: &str) -> Result<(), TopologyError> {
        let mut names: Vec<&String> = self.switches.keys().chain(self.routers.keys()).collect();
        names.extend(self.clouds.keys().chain(self.doors.keys()));
        names.sort_unstable();
        if names.iter().any(|other| *other == name) {
            return Ok(());
        }
        let names = names.into_iter();
        Err(TopologyError::unknown(place.to_owned(), "switch, router or door", name, names))
    }

    fn groups(&self, config: &Config) -> Result<Groups, TopologyError> {
        let mut groups = Groups::default();
        for (number, link) in self.links.iter().enumerate() {
            let [first, second] = &link.between;
            let (down, up) = self.profiles(link.plan.as_ref(), &format!("links[{number}]"))?;
            groups.link(first, second, down.latency.min(up.latency), config.group_latency_min);
        }
        for (name, at, interface) in self.interfaces() {
            let place = format!("routers.{name}.interfaces[{at}]");
            let (down, up) = self.profiles(interface.plan.as_ref(), &place)?;
            groups.link(name, &interface.to, down.latency.min(up.latency), config.group_latency_min);
        }
        for (name, door) in &self.doors {
            let (down, up) = self.profiles(door.plan.as_ref(), &format!("doors.{name}"))?;
            groups.link(name, &door.at, down.latency.min(up.latency), config.group_latency_min);
        }
        Ok(groups)
    }

    /// What the way down is like, and the way up.
    ///
    /// # Errors
    ///
    /// If there is no plan of that name.
    pub fn profiles(
        &self,
        choice: Option<&PlanChoice>,
        place: &str,
    ) -> Result<(LinkProfile, LinkProfile), TopologyError> {
        match choice {
            None => Ok(<_>::default()),
            Some(PlanChoice::Own(plan)) => Ok(plan.profiles()),
            Some(PlanChoice::Named(name)) => {
                let plan = self.plans.get(name);
                let unknown =
                    || TopologyError::unknown(format!("{place}.plan"), "plan", name, self.plans.keys());
                plan.map(PlanTable::profiles).ok_or_else(unknown)
            }
        }
    }
}

/// A network that is being built.
pub(super) struct Assembly<'a> {
    pub(super) topology: &'a Topology,
    pub(super) network: Network,
    groups: Groups,
    /// The first station of each group, by the name that stands for the group.
    heads: BTreeMap<String, StationId>,
    /// What clouds have to give to routers.
    pub(super) pools: BTreeMap<String, Pool>,
    rng: Rng,
}

impl Assembly<'_> {
    fn subnets(&mut self) -> Result<(), TopologyError> {
        for (name, table) in &self.topology.subnets {
            let place = |field: &str| format!("subnets.{name}.{field}");
            let refused = |field: &str| {
                let place = place(field);
                move |error| TopologyError::Subnet { place, error }
            };
            let mut subnet = match table.gateway {
                Some(gateway) => Subnet::with_gateway(table.network, gateway).map_err(refused("gateway"))?,
                None => Subnet::new(table.network),
            };
            for address in &table.reserved {
                subnet.reserve(*address).map_err(refused("reserved"))?;
            }
            self.network.subnets.insert(name.clone(), subnet);
        }
        for (name, table) in &self.topology.switches {
            let subnets = self.topology.subnets.keys();
            if let Some(subnet) =
                table.subnet.as_ref().filter(|name| !self.topology.subnets.contains_key(*name))
            {
                let place = format!("switches.{name}.subnet");
                return Err(TopologyError::unknown(place, "subnet", subnet, subnets));
            }
        }
        // What machines ask for by address is not given to those that take any.
        for (name, table) in &self.topology.machines {
            let Some(address) = table.address else { continue };
            let place = format!("machines.{name}.address");
            let Some(subnet) = self.subnet_at(&table.at) else {
                self.topology.check_station(&format!("machines.{name}.at"), &table.at)?;
                let reason = "its switch has no subnet";
                return Err(TopologyError::Address { place, address, reason });
            };
            if table.count.is_some() {
                let reason = "it is given to several machines";
                return Err(TopologyError::Address { place, address, reason });
            }
            subnet.reserve(address).map_err(|error| TopologyError::Subnet { place, error })?;
        }
        Ok(())
    }

    pub(super) fn subnet_at(&mut self, switch: &str) -> Option<&mut Subnet> {
        let subnet = self.topology.switches.get(switch)?.subnet.as_ref()?;
        self.network.subnets.get_mut(subnet)
    }

    fn switches(&mut self) -> Result<(), TopologyError> {
        for (name, table) in &self.topology.switches {
            let place = format!("switches.{name}");
            let questions = if table.flood_questions { Questions::Flooded } else { Questions::Directed };
            let config = switch::Config { questions, ..switch::Config::default() };
            let beside = self.place(name);
            let switch = self.network.fabric.add_switch(name, beside, config);
            self.enter(place, name, switch)?;
        }
        Ok(())
    }

    fn doors(&mut self) -> Result<(), TopologyError> {
        for (name, table) in &self.topology.doors {
            let place = format!("doors.{name}");
            let at = self.station(&format!("{place}.at"), &table.at)?;
            let beside = self.place(name);
            let door = self.network.fabric.add_door(name, beside);
            let door = self.enter(place.clone(), name, door)?;
            let (down, up) = self.topology.profiles(table.plan.as_ref(), &place)?;
            self.network.fabric.connect(at, door, down, up).map_err(refused(place))?;
        }
        Ok(())
    }

    fn links(&mut self) -> Result<(), TopologyError> {
        for (number, table) in self.topology.links.iter().enumerate() {
            let place = format!("links[{number}]");
            let [first, second] = &table.between;
            let first = self.station(&format!("{place}.between"), first)?;
            let second = self.station(&format!("{place}.between"), second)?;
            let (down, up) = self.topology.profiles(table.plan.as_ref(), &place)?;
            let link = self.network.fabric.connect(first, second, down, up).map_err(refused(place))?;
            self.network.links.push(link);
        }
        Ok(())
    }

    fn machines(&mut self) -> Result<(), TopologyError> {
        for (name, table) in &self.topology.machines {
            let place = format!("machines.{name}");
            let at = self.station(&format!("{place}.at"), &table.at)?;
            let profiles = self.topology.profiles(table.plan.as_ref(), &place)?;
            let Some(count) = table.count else {
                self.machine(&place, name, table, at, profiles)?;
                continue;
            };
            for number in 1..=count {
                self.machine(&place, &format!("{name}-{number}"), table, at, profiles)?;
            }
        }
        Ok(())
    }

    fn machine(
        &mut self,
        place: &str,
        name: &str,
        table: &MachineTable,
        at: StationId,
        (down, up): (LinkProfile, LinkProfile),
    ) -> Result<(), TopologyError> {
        let id = MachineId::random(&mut self.rng.split(cut(name), 0));
        let mut net = None;
        let mut gateway = None;
        if let Some(subnet) = self.subnet_at(&table.at) {
            let address = table.address.map_or_else(|| subnet.allocate(), Ok);
            let address =
                address.map_err(|error| TopologyError::Subnet { place: place.to_owned(), error })?;
            net = IpNet::new(address, subnet.network().prefix_len()).ok();
            gateway = subnet.gateway();
        }
        let spec = MachineSpec {
            address: net.and_then(v4),
            gateway: gateway.and_then(|gateway| v4(gateway.into())).map(|gateway| gateway.addr()),
            down,
            up,
            guard: if table.may_spoof { Guard::Any } else { Guard::Assigned },
            isolation: self.isolation(&table.at),
            ..MachineSpec::new(id, name, at)
        };
        let machine = Machine { id, address: net.map(|net| net.addr()) };
        if self.network.machines.insert(name.to_owned(), machine).is_some() {
            return Err(TopologyError::Duplicate { place: place.to_owned(), name: name.to_owned() });
        }
        let added = self.network.fabric.add_machine(&spec);
        added.map(|_| ()).map_err(refused(place.to_owned()))
    }

    fn isolation(&self, switch: &str) -> Isolation {
        let is_isolated = self.topology.switches.get(switch).is_some_and(|table| table.isolated);
        if is_isolated { Isolation::Isolated } else { Isolation::Open }
    }

    /// The group of a station: beside the one that stands for its group, if that is there already.
    pub(super) fn place(&self, name: &str) -> Place {
        let mate = self.heads.get(&self.groups.head(name));
        mate.map_or(Place::Apart, |station| Place::Beside(*station))
    }

    pub(super) fn station(&self, place: &str, name: &str) -> Result<StationId, TopologyError> {
        let stations = &self.network.stations;
        let unknown =
            || TopologyError::unknown(place.to_owned(), "switch, router or door", name, stations.keys());
        stations.get(name).copied().ok_or_else(unknown)
    }

    pub(super) fn enter(
        &mut self,
        place: String,
        name: &str,
        station: Result<StationId, crate::fabric::FabricError>,
    ) -> Result<StationId, TopologyError> {
        let station = station.map_err(refused(place.clone()))?;
        self.heads.entry(self.groups.head(name)).or_insert(station);
        if self.network.stations.insert(name.to_owned(), station).is_some() {
            return Err(TopologyError::Duplicate { place, name: name.to_owned() });
        }
        Ok(station)
    }
}

pub(super) fn refused(place: String) -> impl FnOnce(crate::fabric::FabricError) -> TopologyError {
    move |error| TopologyError::Fabric { place, error }
}

fn v4(network: IpNet) -> Option<Ipv4Net> {
    match network {
        IpNet::V4(network) => Some(network),
        IpNet::V6(_) => None,
    }
}

/// A name as a label of a random stream, which has at most 255 bytes.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(255)]
}
