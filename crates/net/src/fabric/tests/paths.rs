//! Ways through several routers in a row: what arrives is what would arrive without them.

use ipnet::{IpNet, Ipv4Net};

use super::*;
use crate::SocketId;
use crate::router::nat::SourceRule;
use crate::router::{self, Route};

/// Two machines, and between them three routers, of which the first translates.
struct Chain {
    fabric: Fabric,
    routers: Vec<StationId>,
    links: Vec<LinkId>,
    near: MachineId,
    sockets: [SocketId; 2],
    /// What either heard, and when.
    heard: Vec<(Instant, MachineId, Vec<u8>)>,
    far: MachineId,
    peer: Option<SocketAddr>,
}

fn network(text: &str) -> IpNet {
    text.parse().unwrap()
}

impl Chain {
    /// Where a digest is kept, every router looks at every packet.
    fn new(digest: bool) -> Self {
        let mut fabric = Fabric::new(Config { digest, ..Config::default() }, Seed::new(1));
        let first = fabric.add_router("first", Place::Apart, router::Config::default()).unwrap();
        let mut routers = vec![first];
        for name in ["second", "third"] {
            routers.push(fabric.add_router(name, Place::Beside(first), router::Config::default()).unwrap());
        }
        let between = [["192.0.2.1/30", "192.0.2.2/30"], ["192.0.2.5/30", "192.0.2.6/30"]];
        let mut links = Vec::new();
        for (pair, addresses) in routers.windows(2).zip(between) {
            let [near, far] = addresses.map(network);
            let profile = micros(100);
            let spec =
                RouterLink { forth: profile, back: profile, ..RouterLink::new(pair[0], pair[1], near) };
            let (link, _) = fabric.connect_router(&spec).unwrap();
            fabric.add_router_address(link, pair[1], vec![far]).unwrap();
            links.push(link);
        }
        let near = Self::machine(&mut fabric, routers[0], "10.0.0.2/24");
        let far = Self::machine(&mut fabric, routers[2], "10.9.0.2/24");
        let ways = [("10.9.0.0/16", "192.0.2.2"), ("10.9.0.0/16", "192.0.2.6"), ("0.0.0.0/0", "192.0.2.5")];
        for (router, (to, via)) in routers.iter().zip(ways) {
            let port = fabric.port_of(links[usize::from(*router != routers[0])], *router).unwrap();
            let route = Route { network: network(to), via: Some(via.parse().unwrap()), port, metric: 0 };
            fabric.router(*router).unwrap().routes_mut().insert(route).unwrap();
        }
        let outside = fabric.port_of(links[0], first).unwrap();
        let rule = SourceRule::masquerade(network("10.0.0.0/24"), outside);
        fabric.router(first).unwrap().nat_mut().add_source(rule).unwrap();
        let sockets = [(near, 5_000), (far, 7)].map(|(machine, port)| {
            let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
            fabric.host(machine, |host| host.bind_udp(any).unwrap()).unwrap()
        });
        Self { fabric, routers, links, near, sockets, heard: Vec::new(), far, peer: None }
    }

    fn machine(fabric: &mut Fabric, router: StationId, address: &str) -> MachineId {
        let address: Ipv4Net = address.parse().unwrap();
        let gateway = Ipv4Addr::from_bits(address.network().to_bits() + 1);
        let id = MachineId::random(&mut Rng::new(Seed::new(address.addr().to_bits().into())));
        let (address, gateway) = (Some(address), Some(gateway));
        fabric
            .add_machine(&MachineSpec { address, gateway, ..MachineSpec::new(id, "host", router) })
            .unwrap();
        let link = fabric.link_of(id).unwrap();
        let own = IpNet::new(gateway.unwrap().into(), 24).unwrap();
        fabric.add_router_address(link, router, vec![own]).unwrap();
        id
    }

    /// Each says something to the other, and time goes by.
    fn talk(&mut self, number: u32, pause: Duration) {
        let text = |who: &str| Payload::from(format!("{who} {number}").into_bytes());
        let far: SocketAddr = "10.9.0.2:7".parse().unwrap();
        let socket = self.sockets[0];
        let _ = self.fabric.host(self.near, |host| host.send_to(socket, text("near"), far)).unwrap();
        if let Some(peer) = self.peer {
            let socket = self.sockets[1];
            let _ = self.fabric.host(self.far, |host| host.send_to(socket, text("far"), peer)).unwrap();
        }
        let until = self.fabric.now().saturating_add(pause);
        while self.fabric.now() < until {
            let next = self
                .fabric
                .now()
                .saturating_add(Duration::from_micros(50).max(Duration::from_nanos(pause.as_nanos() / 40)));
            self.fabric.run_until(next.min(until));
            self.listen();
        }
    }

    fn listen(&mut self) {
        for (machine, socket) in [self.near, self.far].into_iter().zip(self.sockets) {
            while let Ok(Some((payload, from))) =
                self.fabric.host(machine, |host| host.receive_from(socket)).unwrap()
            {
                if machine == self.far {
                    self.peer = Some(from);
                }
                self.heard.push((self.fabric.now(), machine, payload.to_bytes().to_vec()));
            }
        }
    }

    fn paths(&self) -> bool {
        self.fabric
            .shards
            .iter()
            .flat_map(|shard| &shard.equipment)
            .any(|equipment| equipment.paths.is_some())
    }

    /// How many packets each router counted, on its ports and in its conversation.
    fn counted(&mut self) -> Vec<(Vec<u64>, Vec<[u64; 2]>)> {
        let routers = self.routers.clone();
        let counted = routers.into_iter().map(|station| {
            let router = self.fabric.router(station).unwrap();
            let ports = (0..2).filter_map(|port| router.counters(Port::new(port)));
            let ports = ports.flat_map(|port| [port.received.packets, port.sent.packets]).collect();
            let flows = router.flows().into_iter().map(|flow| flow.traffic.map(|way| way.packets));
            (ports, flows.collect())
        });
        counted.collect()
    }
}

#[test]
fn what_takes_a_path_arrives_as_it_would_otherwise() {
    let [mut with, mut without] = [false, true].map(Chain::new);
    for chain in [&mut with, &mut without] {
        (0..500).for_each(|number| chain.talk(number, Duration::from_millis(10)));
    }
    assert!(with.paths() && !without.paths());
    assert_eq!(with.heard.len(), 999, "{:?}", with.peer);
    assert!(with.heard == without.heard, "each at its time");
    assert_eq!(with.counted(), without.counted());
}

#[test]
fn a_conversation_that_takes_a_path_is_not_forgotten() {
    let mut chain = Chain::new(false);
    // Longer than any conversation without a packet is remembered, and never longer than a path lasts.
    (0..600).for_each(|number| chain.talk(number, Duration::from_millis(900)));
    assert!(chain.paths());
    assert_eq!(chain.heard.len(), 1_199);
    let ports: Vec<_> = chain.counted().into_iter().flat_map(|(_, flows)| flows).collect();
    assert_eq!(ports, [[600, 599]; 3], "it is one conversation throughout");
}

#[test]
fn a_path_ends_with_what_it_rests_on() {
    let mut chain = Chain::new(false);
    let talk = |chain: &mut Chain| {
        let before = chain.heard.len();
        (0..20).for_each(|number| chain.talk(number, Duration::from_millis(10)));
        chain.heard.len() - before
    };
    assert_eq!(talk(&mut chain), 39);
    chain.fabric.set_cut(chain.links[1], true).unwrap();
    assert_eq!(talk(&mut chain), 0, "a cable is pulled");
    chain.fabric.set_cut(chain.links[1], false).unwrap();
    assert_eq!(talk(&mut chain), 40);
    let second = chain.routers[1];
    chain.fabric.router(second).unwrap().routes_mut().remove(network("10.9.0.0/16"), 0);
    assert_eq!(talk(&mut chain), 20, "only answers find their way");
    chain.fabric.disconnect(chain.links[0]).unwrap();
    assert_eq!(talk(&mut chain), 0);
}
