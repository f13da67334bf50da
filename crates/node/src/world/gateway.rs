//! Gateways: the machines of the network through whose sockets connections come in from outside.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ironloom_core::MachineId;
use ironloom_net::fabric::MachineSpec;
use ironloom_net::ipnet::Ipv4Net;

use super::core::Core;
use crate::doors::ListenError;
use crate::replay::Entry as Written;

/// What gateways are called where stations are listed.
const NAME: &str = "gateway";

/// A machine of the network through whose sockets connections come in from outside.
#[derive(Debug)]
pub(super) struct Gateway {
    id: MachineId,
    /// Whom it led somebody to last at each address. The next at an address has another card.
    met: BTreeMap<IpAddr, MachineId>,
}

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
        self.write_down(|| Written::Route { machine: name.to_owned(), port });
        let machine = || name.to_owned();
        let entry = self.machine(name).map_err(|_| ListenError::NoMachine { machine: machine() })?.clone();
        let (Some(at), Some(address)) = (entry.at, entry.address) else {
            return Err(ListenError::NoNetwork { machine: machine() });
        };
        if !self.gateways.contains_key(&at) {
            self.add_gateway(name, &at)?;
        }
        let gateway = self.gateways.get_mut(&at).expect("it is there by now");
        let id = gateway.id;
        if gateway.met.insert(address, entry.id).is_some_and(|known| known != entry.id) {
            // The gateway remembers the card of whoever had the address before. If the machine has no card, nobody gets there.
            let _ = self.machines.fabric_mut().host(entry.id, |host| {
                host.announce();
            });
        }
        Ok(Route { gateway: id, machine: entry.id, target: (address, port).into() })
    }

    fn add_gateway(&mut self, name: &str, at: &str) -> Result<(), ListenError> {
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
        self.gateways.insert(at.to_owned(), Gateway { id, met: BTreeMap::new() });
        Ok(())
    }
}
