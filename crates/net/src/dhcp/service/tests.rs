use std::net::Ipv4Addr;
use std::sync::Arc;

use ironloom_core::{Duration, Rng, Seed};
use parking_lot::Mutex;

use super::{ClientService, ServerService};
use crate::dhcp::{Client, ClientConfig, RangePool, Reservation, Server, ServerConfig};
use crate::dns::lan::Lan;
use crate::{Mac, Port};

fn server() -> ServerService<RangePool> {
    let config = ServerConfig {
        lease: Duration::from_secs(1_000),
        mtu: Some(1_400),
        reservations: vec![Reservation {
            mac: Mac::local(2),
            address: Ipv4Addr::new(10, 0, 0, 50),
            host_name: String::new(),
        }],
        ..ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap())
    };
    ServerService::new(Server::new(config, RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 109].into())))
}

/// The client of the machine that is added as the n-th.
fn client(number: u64) -> ClientService {
    let config = ClientConfig::new(Mac::local(number));
    ClientService::new(Client::new(config, Rng::new(Seed::new(number))), Port::new(0))
}

fn address(service: &Arc<Mutex<ClientService>>) -> Option<String> {
    service.lock().bound().map(|bound| bound.address.to_string())
}

#[test]
fn machines_get_their_addresses() {
    let mut lan = Lan::new(1);
    let server = lan.add("10.0.0.1/24", server());
    let clients: Vec<_> = (2..=4).map(|number| lan.add_bare(client(number))).collect();
    lan.run(Duration::from_secs(1));
    let addresses: Vec<_> = clients.iter().filter_map(address).collect();
    assert_eq!(addresses, ["10.0.0.50/24", "10.0.0.100/24", "10.0.0.101/24"]);
    for (machine, address) in addresses.iter().enumerate() {
        let card = lan.host(machine + 1, |host| host.stack().interface(Port::new(0)).unwrap());
        assert_eq!(card.addresses, [address.parse().unwrap()]);
        assert_eq!((card.gateway, card.mtu), (Some([10, 0, 0, 1].into()), 1_400));
    }
    // They can be reached.
    let from = lan.host(2, |host| host.bind_udp("0.0.0.0:7".parse().unwrap()).unwrap());
    let to = lan.host(3, |host| host.bind_udp("0.0.0.0:7".parse().unwrap()).unwrap());
    lan.host(2, |host| host.send_to(from, vec![1].into(), "10.0.0.101:7".parse().unwrap()).unwrap());
    lan.run(Duration::from_millis(1));
    assert!(lan.host(3, |host| host.receive_from(to).is_ok()));
    // They keep their addresses.
    lan.run(Duration::from_secs(10_000));
    assert_eq!(clients.iter().filter_map(address).collect::<Vec<_>>(), addresses);
    assert!(server.lock().server().counters().confirmed > 3 * 15);
}

#[test]
fn an_address_is_lost_when_nobody_renews_it() {
    let mut lan = Lan::new(2);
    lan.add("10.0.0.1/24", server());
    let client = lan.add_bare(client(7));
    lan.run(Duration::from_secs(1));
    assert!(address(&client).is_some());
    lan.link(0, false);
    lan.run(Duration::from_secs(990));
    assert!(address(&client).is_some());
    lan.run(Duration::from_secs(20));
    assert_eq!(address(&client), None);
    let card = lan.host(1, |host| host.stack().interface(Port::new(0)).unwrap());
    assert_eq!((card.addresses.len(), card.gateway), (0, None));
    lan.link(0, true);
    lan.run(Duration::from_secs(100));
    assert!(address(&client).is_some());
}

#[test]
fn addresses_are_found_though_frames_are_lost() {
    for seed in 0..10 {
        let mut lan = Lan::new(seed);
        lan.loss = 200;
        lan.add("10.0.0.1/24", server());
        let clients: Vec<_> = (3..=6).map(|number| lan.add_bare(client(number))).collect();
        lan.run(Duration::from_secs(300));
        let mut addresses: Vec<_> = clients.iter().filter_map(address).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "seed {seed}");
    }
}
