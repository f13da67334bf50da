//! The small networks of the benches.

use std::net::{IpAddr, Ipv4Addr};

use ironloom_core::{MachineId, Rng, Seed};
use ironloom_net::fabric::{Config, Fabric, MachineSpec, Place, StationId};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::switch;

pub(crate) const SEED: Seed = Seed::new(7);

/// The n-th machine of a bench.
pub(crate) fn machine(number: u32) -> MachineId {
    MachineId::random(&mut Rng::new(SEED).split("machine", number.into()))
}

/// The n-th address of a network, from 1.
pub(crate) fn address(network: Ipv4Net, number: u32) -> IpAddr {
    Ipv4Addr::from_bits(network.network().to_bits() + number).into()
}

/// A fabric of one shard with one switch.
pub(crate) fn one_switch(config: Config) -> (Fabric, StationId) {
    let mut fabric = Fabric::new(config, SEED);
    let switch = fabric.add_switch("switch", Place::Apart, switch::Config::default()).expect("there is room");
    (fabric, switch)
}

/// Adds a machine with the n-th address of a network; the first is the gateway's, if there is one.
pub(crate) fn add_machine(
    fabric: &mut Fabric,
    at: StationId,
    network: Ipv4Net,
    number: u32,
    profile: LinkProfile,
) -> MachineId {
    let id = machine(network.network().to_bits() + number);
    let IpAddr::V4(own) = address(network, number) else { unreachable!("the network is one of IPv4") };
    let first = Ipv4Addr::from_bits(network.network().to_bits() + 1);
    let own = Ipv4Net::new(own, network.prefix_len()).expect("the length is that of the network");
    let spec = MachineSpec {
        address: Some(own),
        gateway: Some(first),
        down: profile,
        up: profile,
        ..MachineSpec::new(id, "machine", at)
    };
    fabric.add_machine(&spec).expect("there is room");
    id
}
