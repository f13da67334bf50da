//! How a fabric is built, and changed while it runs.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use ironloom_core::MachineId;

use super::equipment::{Equipment, Exit, Kind};
use super::layout::{End, Link, MACHINE, NONE, Station};
use super::machine::{Guard, Machine};
use super::shard::{Shard, machine_index};
use super::{Fabric, FabricError, LinkId, StationId};
use crate::link::LinkProfile;
use crate::switch::{self, Isolation, Switch};
use crate::{Mac, Node, Port};

/// A machine that is to be connected.
#[derive(Debug, Clone)]
pub struct MachineSpec<'a> {
    /// Which machine.
    pub id: MachineId,
    /// What it is called.
    pub name: &'a str,
    /// What it is connected to.
    pub at: StationId,
    /// Its address and the length of its network's prefix, if it has one.
    pub address: Option<Ipv4Net>,
    /// The router of its network.
    pub gateway: Option<Ipv4Addr>,
    /// What the way to it is like.
    pub down: LinkProfile,
    /// What the way from it is like.
    pub up: LinkProfile,
    /// Whether it may send from addresses that are not its own.
    pub guard: Guard,
    /// Whether it may talk to other machines at its switch.
    pub isolation: Isolation,
}

impl<'a> MachineSpec<'a> {
    /// A machine at the end of a cable without faults, without an address.
    #[must_use]
    pub fn new(id: MachineId, name: &'a str, at: StationId) -> Self {
        let profile = LinkProfile::default();
        Self {
            id,
            name,
            at,
            address: None,
            gateway: None,
            down: profile,
            up: profile,
            guard: Guard::Assigned,
            isolation: Isolation::Open,
        }
    }
}

/// What a station is placed beside, as links within no time need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Place {
    /// A group of its own.
    #[default]
    Apart,
    /// The group of another station.
    Beside(StationId),
}

impl Fabric {
    /// Adds a switch.
    ///
    /// # Errors
    ///
    /// If there is no room, or what it is to be placed beside is not there.
    pub fn add_switch(
        &mut self,
        name: &str,
        place: Place,
        config: switch::Config,
    ) -> Result<StationId, FabricError> {
        let key = self.rng.split("switch", self.layout.stations.len() as u64).next_u64();
        self.add_equipment(name, place, Kind::Switch(Box::new(Switch::new(config, key))))
    }

    /// Adds a door: what is [put in](super::Input::Frame) there enters the network, and what arrives there leaves it.
    ///
    /// # Errors
    ///
    /// If there is no room, or what it is to be placed beside is not there.
    pub fn add_door(&mut self, name: &str, place: Place) -> Result<StationId, FabricError> {
        self.add_equipment(name, place, Kind::Door)
    }

    /// Adds a node of any other kind.
    ///
    /// # Errors
    ///
    /// If there is no room, or what it is to be placed beside is not there.
    pub fn add_node(
        &mut self,
        name: &str,
        place: Place,
        node: Box<dyn Node + Send>,
    ) -> Result<StationId, FabricError> {
        self.add_equipment(name, place, Kind::Node(node))
    }

    pub(super) fn add_equipment(
        &mut self,
        name: &str,
        place: Place,
        kind: Kind,
    ) -> Result<StationId, FabricError> {
        self.check_room()?;
        let group = match place {
            Place::Apart => {
                self.groups += 1;
                self.groups - 1
            }
            Place::Beside(other) => self.station(other)?.group,
        };
        let shard_number = (group % u32::from(self.config.shards)) as u16;
        let shard = &mut self.shards[usize::from(shard_number)];
        let seat = shard.free_equipment.pop().unwrap_or(shard.equipment.len() as u32);
        let name = self.layout.names.add(name);
        let station = self.layout.add_station(Station { seat, group, name, shard: shard_number });
        if seat as usize == shard.equipment.len() {
            shard.equipment.push(Equipment::new(station, kind));
        } else {
            shard.equipment[seat as usize].move_in(station, kind);
        }
        Ok(station)
    }

    /// Connects two stations, neither of them a machine, by a link with a profile for each way.
    ///
    /// # Errors
    ///
    /// If one of them is not there or has no free port, or the link cannot be like that.
    pub fn connect(
        &mut self,
        first: StationId,
        second: StationId,
        forth: LinkProfile,
        back: LinkProfile,
    ) -> Result<LinkId, FabricError> {
        for profile in [&forth, &back] {
            self.check_profile(first, second, profile)?;
        }
        self.check_links()?;
        if first == second {
            return Err(FabricError::Kind { station: second, wanted: "another station" });
        }
        let here = self.plug(first)?;
        let there = match self.plug(second) {
            Ok(there) => there,
            Err(error) => {
                self.unplug(here);
                return Err(error);
            }
        };
        let ends = [here, there];
        let lines = [self.layout.lines.hold(forth), self.layout.lines.hold(back)];
        let link = self.layout.add_link(Link { ends, lines, is_down: [false; 2], taps: [0; 2] });
        for end in ends {
            self.fasten(end, link);
        }
        if self.station(first)?.shard != self.station(second)?.shard {
            self.between.insert(link);
            self.lookahead = None;
        }
        self.enter_trunk(link);
        Ok(link)
    }

    /// Makes room for so many more machines at once, which takes less memory than to grow with each.
    pub fn reserve(&mut self, machines: usize) {
        self.layout.stations.reserve_exact(machines);
        self.layout.links.reserve_exact(machines);
        self.machines.reserve(machines);
        let each = machines.div_ceil(self.shards.len());
        self.shards.iter_mut().for_each(|shard| shard.machines.reserve_exact(each));
    }

    /// Connects a machine.
    ///
    /// # Errors
    ///
    /// If it is there already, what it is connected to is not there or has no free port, or its link cannot be like that.
    pub fn add_machine(&mut self, spec: &MachineSpec<'_>) -> Result<StationId, FabricError> {
        self.check_room()?;
        self.check_links()?;
        spec.down.check()?;
        spec.up.check()?;
        if self.machines.contains_key(&spec.id) {
            return Err(FabricError::MachineExists { machine: spec.id });
        }
        let place = *self.station(spec.at)?;
        let here = self.plug(spec.at)?;
        let shard = &mut self.shards[usize::from(place.shard)];
        let index = shard.free_machines.pop().unwrap_or(shard.machines.len() as u32);
        let seat = MACHINE | index;
        let name = self.layout.names.add(spec.name);
        let station = self.layout.add_station(Station { seat, name, ..place });
        let generation = shard.machines.get(index as usize).map_or(0, |machine| machine.generation);
        let there = End { station, port: Port::new(0), generation };
        let lines = [self.layout.lines.hold(spec.down), self.layout.lines.hold(spec.up)];
        let link =
            self.layout.add_link(Link { ends: [here, there], lines, is_down: [false; 2], taps: [0; 2] });
        let machine = Machine {
            id: spec.id,
            station,
            link,
            address: spec.address.map_or(Ipv4Addr::UNSPECIFIED, |address| address.addr()),
            gateway: spec.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED),
            mac: Mac::of_machine(spec.id, 0),
            prefix_len: spec.address.map_or(0, |address| address.prefix_len()),
            guard: spec.guard,
            ..Machine::vacant(generation)
        };
        if index as usize == shard.machines.len() {
            shard.machines.push(machine);
        } else {
            shard.machines[index as usize] = machine;
        }
        self.machines.insert(spec.id, station);
        self.fasten(here, link);
        if let Some(switch) = self.switch_mut(spec.at) {
            switch.isolate(here.port, spec.isolation);
            if let Some(address) = spec.address {
                switch.assign(address.addr(), here.port);
                switch.settle(here.port, spec.guard == Guard::Assigned);
            }
        }
        Ok(station)
    }

    /// Takes a machine away, with all that runs behind its card. What is on its way to or from it is lost.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub fn remove_machine(&mut self, machine: MachineId) -> Result<(), FabricError> {
        let id = self.machines.remove(&machine).ok_or(FabricError::NoMachine { machine })?;
        let station = *self.station(id)?;
        let index = machine_index(station.seat);
        let record = &self.shards[usize::from(station.shard)].machines[index];
        let (link, address) = (record.link, record.address);
        let at = self.layout.link(link).map(|link| link.ends[0].station);
        if let Some(switch) = at.and_then(|at| self.switch_mut(at)) {
            switch.unassign(address);
        }
        self.disconnect(link)?;
        let shard = &mut self.shards[usize::from(station.shard)];
        let generation = shard.machines[index].generation;
        shard.machines[index] = Machine::vacant(generation);
        shard.free_machines.push(index as u32);
        self.layout.remove_station(id);
        self.sweep_names();
        Ok(())
    }

    /// Takes a station away that is not a machine, with all its links.
    ///
    /// # Errors
    ///
    /// If it is not there, is a machine, or machines are connected to it.
    pub fn remove_station(&mut self, id: StationId) -> Result<(), FabricError> {
        let Station { seat, shard, .. } = *self.station(id)?;
        let wanted = "equipment without machines";
        if seat & MACHINE != 0 {
            return Err(FabricError::Kind { station: id, wanted });
        }
        let equipment = &self.shards[usize::from(shard)].equipment[seat as usize];
        let links = equipment.ports.iter().filter(|exit| !exit.is_vacant()).map(|exit| exit.link);
        let links: Vec<LinkId> = links.collect();
        let others = links.iter().filter_map(|link| self.layout.link(*link)).map(|link| link.ends[1].station);
        let mut seats = others.filter_map(|other| self.layout.station(other)).map(|other| other.seat);
        if seats.any(|seat| seat & MACHINE != 0) {
            return Err(FabricError::Kind { station: id, wanted });
        }
        links.into_iter().try_for_each(|link| self.disconnect(link))?;
        let shard = &mut self.shards[usize::from(shard)];
        // Its ports stay, with how often they were used, so that nothing that is under way finds another there.
        shard.equipment[seat as usize].kind = Kind::Vacant;
        shard.free_equipment.push(seat);
        self.layout.remove_station(id);
        self.sweep_names();
        Ok(())
    }

    /// Takes a link away. What is on its way is lost, and counted as gone.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub fn disconnect(&mut self, link: LinkId) -> Result<(), FabricError> {
        let removed = self.layout.remove_link(link).ok_or(FabricError::NoLink { link })?;
        removed.ends.into_iter().for_each(|end| self.unplug(end));
        if self.between.remove(&link) {
            self.lookahead = None;
        }
        self.leave_trunk(link);
        Ok(())
    }

    /// The link of a machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn link_of(&self, machine: MachineId) -> Result<LinkId, FabricError> {
        let (shard, index) = self.machine_place(machine)?;
        Ok(self.shards[shard].machines[index].link)
    }

    /// A switch, to be looked at or changed.
    ///
    /// # Errors
    ///
    /// If the station is not a switch.
    pub fn switch(&mut self, station: StationId) -> Result<&mut Switch, FabricError> {
        self.station(station)?;
        self.switch_mut(station).ok_or(FabricError::Kind { station, wanted: "a switch" })
    }

    pub(super) fn switch_mut(&mut self, station: StationId) -> Option<&mut Switch> {
        let Station { seat, shard, .. } = *self.layout.station(station)?;
        let equipment = self.shards[usize::from(shard)].equipment.get_mut(seat as usize)?;
        match &mut equipment.kind {
            Kind::Switch(switch) => Some(switch),
            _ => None,
        }
    }

    pub(super) fn machine_place(&self, machine: MachineId) -> Result<(usize, usize), FabricError> {
        let station = self.station_of(machine).ok_or(FabricError::NoMachine { machine })?;
        let station = self.station(station)?;
        Ok((usize::from(station.shard), machine_index(station.seat)))
    }

    pub(super) fn station(&self, station: StationId) -> Result<&Station, FabricError> {
        self.layout.station(station).ok_or(FabricError::NoStation { station })
    }

    fn sweep_names(&mut self) {
        if self.layout.names.is_sparse() {
            let stations = self.layout.stations.iter_mut().flatten();
            self.layout.names.sweep(stations.map(|station| &mut station.name));
        }
    }

    fn check_room(&self) -> Result<(), FabricError> {
        let used = self.layout.stations.len() - self.layout.free_stations.len();
        let max = self.config.stations_max;
        if used < max { Ok(()) } else { Err(FabricError::Stations { max }) }
    }

    fn check_links(&self) -> Result<(), FabricError> {
        let used = self.layout.links.len() - self.layout.free_links.len();
        let max = super::agenda::LINKS_MAX;
        if used < max { Ok(()) } else { Err(FabricError::Links { max }) }
    }

    pub(super) fn check_profile(
        &self,
        first: StationId,
        second: StationId,
        profile: &LinkProfile,
    ) -> Result<(), FabricError> {
        profile.check()?;
        let (latency, min) = (profile.latency, self.config.group_latency_min);
        let is_within = self.station(first)?.group == self.station(second)?.group;
        if is_within || latency >= min { Ok(()) } else { Err(FabricError::Latency { latency, min }) }
    }

    /// A free port of a station that is not a machine.
    fn plug(&mut self, station: StationId) -> Result<End, FabricError> {
        let Station { seat, shard, .. } = *self.station(station)?;
        if seat & MACHINE != 0 {
            return Err(FabricError::Kind { station, wanted: "something with free ports" });
        }
        let equipment = &mut self.shards[usize::from(shard)].equipment[seat as usize];
        let max = if matches!(equipment.kind, Kind::Door) { 1 } else { self.config.ports_max };
        let port = equipment.free_port(max).ok_or(FabricError::Ports { station, max })?;
        let generation = equipment.ports[usize::from(port.number())].generation;
        Ok(End { station, port, generation })
    }

    /// Notes at a port which link ends there.
    fn fasten(&mut self, end: End, link: LinkId) {
        let Station { seat, shard, .. } = *self.layout.station(end.station).expect("it was plugged in");
        let equipment = &mut self.shards[usize::from(shard)].equipment[seat as usize];
        equipment.ports[usize::from(end.port.number())] =
            Exit { lane: NONE, link, generation: end.generation };
        if let Kind::Switch(switch) = &mut equipment.kind {
            switch.attach(end.port);
        }
    }

    fn unplug(&mut self, end: End) {
        let Some(Station { seat, shard, .. }) = self.layout.station(end.station).copied() else { return };
        let shard = &mut self.shards[usize::from(shard)];
        let lane = if seat & MACHINE != 0 {
            let machine = &mut shard.machines[machine_index(seat)];
            machine.generation = machine.generation.wrapping_add(1);
            machine.link = LinkId::new(NONE);
            std::mem::replace(&mut machine.lane, NONE)
        } else {
            let equipment = &mut shard.equipment[seat as usize];
            match &mut equipment.kind {
                Kind::Switch(switch) => switch.detach(end.port),
                Kind::Router(router) => {
                    router.remove_interface(end.port);
                }
                _ => {}
            }
            equipment.unplug(end.port).lane
        };
        if lane != NONE {
            shard.traffic.free_lanes.push(lane);
            // Of all shards, so that what routers know, and when, does not depend on how many there are.
            self.shards.iter_mut().for_each(Shard::forget_paths);
        }
    }

    /// The shard and place of the lane that leads away from an end, if it was ever used.
    pub(super) fn lane(&self, end: End) -> Option<(usize, u32)> {
        let Station { seat, shard, .. } = *self.layout.station(end.station)?;
        let shard = usize::from(shard);
        let lane = if seat & MACHINE != 0 {
            self.shards[shard].machines[machine_index(seat)].lane
        } else {
            self.shards[shard].equipment[seat as usize].ports[usize::from(end.port.number())].lane
        };
        (lane != NONE).then_some((shard, lane))
    }
}
