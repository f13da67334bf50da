//! What a cloud does, with few networks and with many.

use ipnet::Ipv4Net;

use super::*;
use crate::router;
use crate::stack::Answer;

/// A cloud with networks of one machine each: the n-th is 10.x.y.0/24, at a distance of its own.
struct Internet {
    fabric: Fabric,
    cloud: StationId,
    sites: Vec<(MachineId, Ipv4Addr, LinkId)>,
}

impl Internet {
    fn new(shards: u16, sites: u32) -> Self {
        let mut fabric = Fabric::new(Config { shards, ..Config::default() }, Seed::new(1));
        let cloud = fabric.add_cloud("internet", Place::Apart).unwrap();
        let mut internet = Self { fabric, cloud, sites: Vec::new() };
        (0..sites).for_each(|_| internet.add());
        internet
    }

    /// How long the way from the cloud to a site is, in milliseconds.
    fn distance(site: usize) -> u64 {
        1 + site as u64 % 20
    }

    fn add(&mut self) {
        let number = self.sites.len();
        let base = 10 << 24 | (number as u32) << 8;
        let network = |host| Ipv4Net::new(Ipv4Addr::from_bits(base + host), 24).unwrap();
        let switch = self.fabric.add_switch("lan", Place::Apart, switch::Config::default()).unwrap();
        let far = micros(Self::distance(number) * 1_000);
        let link =
            CloudLink { forth: far, back: far, ..CloudLink::new(self.cloud, switch, network(1).into()) };
        let link = self.fabric.connect_cloud(&link).unwrap();
        let id = MachineId::random(&mut Rng::new(Seed::new(number as u64)));
        let spec = MachineSpec {
            address: Some(network(2)),
            gateway: Some(network(1).addr()),
            ..MachineSpec::new(id, "host", switch)
        };
        self.fabric.add_machine(&spec).unwrap();
        self.sites.push((id, network(2).addr(), link));
    }

    /// How long the answer of another site takes, in milliseconds.
    fn ping(&mut self, from: usize, to: usize) -> Option<u64> {
        let (machine, target) = (self.sites[from].0, self.sites[to].1);
        let begin = self.fabric.now();
        let socket = self.fabric.host(machine, |host| host.open_echo().unwrap()).unwrap();
        let sent = |host: &mut Host<'_>| host.ping(socket, target.into(), 1, Payload::EMPTY);
        self.fabric.host(machine, sent).unwrap().unwrap();
        for _ in 0..200 {
            let next = self.fabric.now().saturating_add(Duration::from_millis(1));
            self.fabric.run_until(next);
            let heard = self.fabric.host(machine, |host| host.receive_echo(socket).unwrap()).unwrap();
            if heard.is_some_and(|heard| matches!(heard.what, Answer::Here { .. })) {
                return Some(next.saturating_since(begin).as_millis());
            }
        }
        None
    }

    /// The same over a way that is known.
    fn round_trip(&mut self, from: usize, to: usize) -> Option<u64> {
        self.ping(from, to);
        self.ping(from, to)
    }
}

#[test]
fn a_cloud_leads_from_every_network_to_every_other() {
    let mut internet = Internet::new(1, 5);
    for (from, to) in [(0, 1), (4, 0), (2, 3)] {
        let expected = 2 * (Internet::distance(from) + Internet::distance(to));
        assert_eq!(internet.round_trip(from, to), Some(expected), "{from} to {to}");
    }
}

#[test]
fn a_cloud_is_changed_while_it_runs() {
    let mut internet = Internet::new(1, 2);
    assert_eq!(internet.round_trip(0, 1), Some(6));
    let link = internet.sites[1].2;
    internet.fabric.set_cut(link, true).unwrap();
    assert_eq!(internet.ping(0, 1), None, "its cable is pulled");
    internet.fabric.set_cut(link, false).unwrap();
    assert_eq!(internet.round_trip(0, 1), Some(6));
    internet.fabric.set_profile(link, Way::Forth, micros(9_000)).unwrap();
    assert_eq!(internet.round_trip(0, 1), Some(13));
    // A network that comes is reached at once, and what is taken away makes room for it.
    internet.add();
    assert_eq!(internet.round_trip(0, 2), Some(8));
    internet.fabric.disconnect(link).unwrap();
    assert_eq!(internet.ping(0, 1), None);
    let routes = |internet: &mut Internet| internet.fabric.router(internet.cloud).unwrap().routes().len();
    assert_eq!(routes(&mut internet), 2);
    internet.add();
    assert_eq!(internet.round_trip(3, 2), Some(14));
    assert_eq!(routes(&mut internet), 3);
}

#[test]
fn routers_at_a_cloud_learn_the_way_and_tell_what_is_behind_them() {
    let mut internet = Internet::new(1, 1);
    let Internet { fabric, cloud, .. } = &mut internet;
    let border = fabric.add_router("border", Place::Apart, router::Config::default()).unwrap();
    let lan = fabric.add_switch("firm", Place::Beside(border), switch::Config::default()).unwrap();
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    fabric.connect_router(&RouterLink::new(border, lan, net("203.0.113.1/24"))).unwrap();
    let spec = CloudLink {
        address: Some(net("100.64.0.1/31")),
        networks: vec![net("203.0.113.0/24")],
        forth: micros(3_000),
        back: micros(3_000),
        ..CloudLink::new(*cloud, border, net("100.64.0.0/31"))
    };
    let link = fabric.connect_cloud(&spec).unwrap();
    let id = MachineId::random(&mut Rng::new(Seed::new(99)));
    let machine = MachineSpec {
        address: Some("203.0.113.2/24".parse().unwrap()),
        gateway: Some("203.0.113.1".parse().unwrap()),
        ..MachineSpec::new(id, "firm", lan)
    };
    fabric.add_machine(&machine).unwrap();
    internet.sites.push((id, "203.0.113.2".parse().unwrap(), link));
    assert_eq!(internet.round_trip(0, 1), Some(8));
    assert_eq!(internet.round_trip(1, 0), Some(8));

    // What is refused leaves nothing behind.
    let Internet { fabric, cloud, .. } = &mut internet;
    let other = fabric.add_router("other", Place::Apart, router::Config::default()).unwrap();
    let again =
        CloudLink { to: other, gateway: net("100.64.0.2/31"), address: Some(net("100.64.0.3/31")), ..spec };
    let before = fabric.router(*cloud).unwrap().routes().list();
    let refused = fabric.connect_cloud(&again).unwrap_err().to_string();
    assert!(refused.contains("203.0.113.0/24"), "{refused}");
    let nobody = CloudLink { address: None, ..again };
    assert!(fabric.connect_cloud(&nobody).unwrap_err().to_string().contains("a router"));
    assert_eq!(fabric.router(*cloud).unwrap().routes().list(), before);
    assert!(fabric.router(other).unwrap().routes().is_empty());
    // Taking the link away takes away what was routed over it, on both sides.
    fabric.disconnect(link).unwrap();
    assert_eq!(fabric.router(*cloud).unwrap().routes().len(), 1);
    assert_eq!(fabric.router(border).unwrap().routes().len(), 1);
}

/// Each of two thousand networks asks another, all at once: what it costs is frames, and the result does not depend on
/// the number of shards.
#[test]
fn a_cloud_of_two_thousand_networks_is_cheap() {
    const SITES: usize = 2_000;
    let run = |shards| {
        let mut internet = Internet::new(shards, SITES as u32);
        let fabric = &mut internet.fabric;
        let mut sockets = Vec::new();
        for (number, (machine, ..)) in internet.sites.iter().enumerate() {
            let target = internet.sites[(number * 7 + 1) % SITES].1;
            let socket = fabric.host(*machine, |host| {
                let socket = host.open_echo().unwrap();
                host.ping(socket, target.into(), 1, Payload::EMPTY).unwrap();
                socket
            });
            sockets.push(socket.unwrap());
        }
        fabric.run_until(millis(500));
        let mut answers = 0;
        for ((machine, ..), socket) in internet.sites.iter().zip(sockets) {
            let heard = fabric.host(*machine, |host| host.receive_echo(socket).unwrap()).unwrap();
            answers += u64::from(heard.is_some_and(|heard| matches!(heard.what, Answer::Here { .. })));
        }
        (answers, fabric.tally().events, fabric.digest().unwrap())
    };
    let (answers, events, digest) = run(1);
    assert_eq!(answers, SITES as u64);
    // The question and the answer are four frames each, and five pairs of stations ask for each other's cards.
    assert!(events < 40 * SITES as u64, "{events}");
    assert_eq!(run(3), (answers, events, digest));
}
