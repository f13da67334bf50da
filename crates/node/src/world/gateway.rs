//! Gateways: the machines of the network through whose sockets connections come in from outside.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::MachineId;
use ironloom_net::fabric::MachineSpec;
use ironloom_net::ipnet::Ipv4Net;

use super::core::Core;
use crate::doors::ListenError;

/// What gateways are called where stations are listed.
const NAME: &str = "gateway";

/// A way from outside to a port of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) gateway: MachineId,
    pub(crate) machine: MachineId,
    pub(crate) target: SocketAddr,
}

impl Core {
    /// The way to a port of a machine: through the gateway at its switch, which stays there once it was needed.
    pub(crate) fn route_to(&mut self, name: &str, port: u16) -> Result<Route, ListenError> {
        let machine = || name.to_owned();
        let entry = self.machine(name).map_err(|_| ListenError::NoMachine { machine: machine() })?.clone();
        let (Some(at), Some(address)) = (entry.at, entry.address) else {
            return Err(ListenError::NoNetwork { machine: machine() });
        };
        let gateway = match self.gateways.get(&at) {
            Some(gateway) => *gateway,
            None => self.add_gateway(name, &at)?,
        };
        Ok(Route { gateway, machine: entry.id, target: (address, port).into() })
    }

    fn add_gateway(&mut self, name: &str, at: &str) -> Result<MachineId, ListenError> {
        let no_network = || ListenError::NoNetwork { machine: name.to_owned() };
        let refused = |reason: String| ListenError::NoGateway { machine: name.to_owned(), reason };
        let station = self.station(at).map_err(|_| no_network())?;
        let subnet = self.subnet_of(at).cloned().ok_or_else(no_network)?;
        let subnet = self.subnets.get_mut(&subnet).ok_or_else(no_network)?;
        let taken = subnet.allocate().map_err(|error| refused(error.to_string()))?;
        let id = MachineId::random(&mut self.rng.split("gateway", self.gateways.len() as u64));
        let mut spec = MachineSpec::new(id, NAME, station);
        if let (IpAddr::V4(address), length) = (taken, subnet.network().prefix_len()) {
            spec.address = Ipv4Net::new(address, length).ok();
        }
        if let Some(IpAddr::V4(router)) = subnet.gateway() {
            spec.gateway = Some(router);
        }
        if let Err(error) = self.machines.fabric_mut().add_machine(&spec) {
            let _ = subnet.free(taken); // It was just taken.
            return Err(refused(error.to_string()));
        }
        self.gateways.insert(at.to_owned(), id);
        Ok(id)
    }
}
