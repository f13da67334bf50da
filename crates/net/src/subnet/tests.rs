//! What a subnet gives out, beside a set of addresses that is searched from the front.

use std::collections::BTreeSet;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn small_networks_spare_what_they_can() {
    let all = |text: &str| {
        let mut subnet = Subnet::without_gateway(net(text));
        let addresses: Vec<String> =
            std::iter::from_fn(|| subnet.allocate().ok()).map(|address| address.to_string()).collect();
        assert_eq!(subnet.capacity(), addresses.len() as u64);
        addresses.join(" ")
    };
    assert_eq!(all("10.0.0.5/32"), "10.0.0.5");
    assert_eq!(all("10.0.0.4/31"), "10.0.0.4 10.0.0.5");
    assert_eq!(all("10.0.0.4/30"), "10.0.0.5 10.0.0.6");
    assert_eq!(all("fd00::/126"), "fd00::1 fd00::2 fd00::3");
    assert_eq!(all("255.255.255.252/30"), "255.255.255.253 255.255.255.254");
}

#[test]
fn exhaustion_is_told() {
    let mut subnet = Subnet::new(net("10.0.0.0/30"));
    assert_eq!(subnet.allocate(), Ok(ip("10.0.0.2")));
    let error = subnet.allocate().unwrap_err();
    assert_eq!(error, SubnetError::Exhausted { network: net("10.0.0.0/30"), taken: 2 });
    assert!(error.to_string().contains("10.0.0.0/30"));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut subnet = Subnet::new(net("10.0.0.0/24"));
    let network = net("10.0.0.0/24");
    let refused = |text| SubnetError::Unusable { address: ip(text), network };
    assert_eq!(subnet.reserve(ip("10.0.0.0")), Err(refused("10.0.0.0")));
    assert_eq!(subnet.reserve(ip("10.0.0.255")), Err(refused("10.0.0.255")));
    let outside = SubnetError::Outside { address: ip("10.0.1.1"), network };
    assert_eq!(subnet.reserve(ip("10.0.1.1")), Err(outside));
    let gateway = ip("10.0.0.1");
    assert_eq!(subnet.reserve(gateway), Err(SubnetError::Taken { address: gateway }));
    assert_eq!(subnet.free(gateway), Err(SubnetError::Gateway { address: gateway, network }));
    assert_eq!(subnet.free(ip("10.0.0.7")), Err(SubnetError::Free { address: ip("10.0.0.7") }));
    assert!(Subnet::with_gateway(network, ip("10.0.0.255")).is_err());
    assert!(Subnet::with_gateway(network, ip("10.0.0.254")).is_ok());
}

#[test]
fn a_network_of_all_addresses_works_at_its_end() {
    let mut subnet = Subnet::without_gateway(net("0.0.0.0/0"));
    assert_eq!(subnet.capacity(), (1 << 32) - 2);
    assert_eq!(subnet.allocate(), Ok(ip("0.0.0.1")));
    assert!(subnet.taken.first_free(u32::MAX - 1).is_some());
}

#[test]
fn a_large_network_is_filled_in_order() {
    let mut subnet = Subnet::new(net("10.0.0.0/14"));
    let mut before = ip("10.0.0.1");
    for _ in 1..subnet.capacity() {
        let address = subnet.allocate().unwrap();
        assert!(address > before);
        before = address;
    }
    assert_eq!(before, ip("10.3.255.254"));
    assert!(subnet.allocate().is_err());
    subnet.free(ip("10.2.3.4")).unwrap();
    assert_eq!(subnet.allocate(), Ok(ip("10.2.3.4")));
}

#[derive(Debug, Clone)]
enum Step {
    Allocate,
    Reserve(u32),
    Free(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Allocate),
        1 => (0..5_000u32).prop_map(Step::Reserve),
        3 => (0..5_000u32).prop_map(Step::Free),
    ]
}

proptest! {
    #[test]
    fn allocates_as_a_search_from_the_front_does(
        prefix in 20u8..=32,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let network = IpNet::new(ip("172.16.0.0"), prefix).unwrap();
        let mut subnet = Subnet::new(network);
        let IpNet::V4(v4) = network else { unreachable!() };
        let hosts: Vec<IpAddr> = v4.hosts().map(IpAddr::from).collect();
        let mut taken: BTreeSet<IpAddr> = subnet.gateway().into_iter().collect();
        let at = |number: u32| IpAddr::from(Ipv4Addr::from_bits(v4.addr().to_bits() + number));
        for step in steps {
            match step {
                Step::Allocate => {
                    let expected = hosts.iter().find(|host| !taken.contains(host)).copied();
                    prop_assert_eq!(subnet.allocate().ok(), expected);
                    taken.extend(expected);
                }
                Step::Reserve(number) => {
                    let address = at(number);
                    let is_possible = hosts.contains(&address) && !taken.contains(&address);
                    prop_assert_eq!(subnet.reserve(address).is_ok(), is_possible);
                    if is_possible {
                        taken.insert(address);
                    }
                }
                Step::Free(number) => {
                    let address = at(number);
                    let is_possible = taken.contains(&address) && subnet.gateway() != Some(address);
                    prop_assert_eq!(subnet.free(address).is_ok(), is_possible);
                    if is_possible {
                        taken.remove(&address);
                    }
                }
            }
            prop_assert_eq!(subnet.taken(), taken.len() as u64);
        }
    }
}
