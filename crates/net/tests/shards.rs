//! A random internet does the same on any number of shards and threads.
//!
//! Machines behind routers that translate look names up, connect to what they found, exchange bytes and send datagrams,
//! over links that lose, double, reorder and damage, while some of them go down.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use common::talk::{Listen, Plan, Reports, Talk};
use ipnet::Ipv4Net;
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};
use ironloom_net::dns::{
    Authority, AuthorityConfig, AuthorityService, Client, ClientConfig, DeskConfig, Name, RData, RecordType,
    Registry, Zone, ZoneText,
};
use ironloom_net::fabric::{Config, LinkId, MachineSpec, Place, RouterLink, StationId, Tally, Way};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::router::nat::SourceRule;
use ironloom_net::router::{self, Route};
use ironloom_net::{Fabric, Host, Readiness, Service, SocketId, ipnet, switch};
use parking_lot::Mutex;

/// What programs saw, and when.
type Log = Arc<Mutex<Vec<(Instant, String)>>>;

/// Looks a name up, connects to what it found, sends a datagram to it, and begins again after a while.
struct Busy {
    rng: Rng,
    client: Client,
    names: u64,
    talk: Option<(Talk, Reports)>,
    log: Log,
}

const AGAIN: u64 = 1;

impl Busy {
    fn look_up(&mut self, host: &mut Host<'_>) {
        // Some of these do not exist.
        let asked = format!("s{}.test.", self.rng.below(self.names + 1));
        self.client.look_up(host, &Name::from_ascii(asked).unwrap(), RecordType::A);
        self.collect(host);
    }

    fn collect(&mut self, host: &mut Host<'_>) {
        while let Some((_, found)) = self.client.next_answer() {
            self.log.lock().push((host.now(), format!("{found:?}")));
            let address =
                found.ok().and_then(|records| match records.first().map(|record| record.data.clone()) {
                    Some(RData::A(address)) => Some(IpAddr::V4(address.0)),
                    _ => None,
                });
            let Some(address) = address else {
                self.rest(host);
                continue;
            };
            let plan = Plan { bytes: self.rng.below(30_000), ..Plan::default() };
            let (mut talk, reports) = Talk::new(SocketAddr::new(address, 80), plan);
            talk.start(host);
            self.talk = Some((talk, reports));
            if let Ok(socket) = host.bind_udp(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)) {
                let _ = host.send_to(socket, vec![1; 3_000].into(), SocketAddr::new(address, 7));
                host.close(socket);
            }
        }
    }

    fn rest(&mut self, host: &mut Host<'_>) {
        let at = host.now().saturating_add(Duration::from_micros(self.rng.below(500_000)));
        host.set_timer(at, AGAIN);
    }
}

impl Service for Busy {
    fn start(&mut self, host: &mut Host<'_>) {
        self.rest(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if self.client.ready(host, socket, readiness) {
            return self.collect(host);
        }
        let Some((talk, reports)) = &mut self.talk else { return };
        talk.ready(host, socket, readiness);
        let report = reports.lock()[0].clone();
        if report.ended.is_some() {
            assert_eq!(report.wrong_at, None);
            self.log.lock().push((host.now(), format!("{report:?}")));
            self.talk = None;
            self.rest(host);
        }
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        if token == AGAIN {
            self.look_up(host);
        } else if self.client.timer(host, token) {
            self.collect(host);
        }
    }
}

fn profile(rng: &mut Rng, micros: std::ops::Range<u64>) -> LinkProfile {
    // Round latencies, so that much happens in one instant.
    LinkProfile {
        latency: Duration::from_micros(rng.range(micros) / 50 * 50),
        jitter: Duration::from_micros(rng.below(2) * rng.below(300)),
        rate: rng.chance(1, 3).then(|| rng.range(1_000_000..500_000_000)),
        queue_bytes_max: rng.range(5_000..200_000),
        loss: if rng.chance(1, 2) { Loss::Even { ppm: rng.below(40_000) as u32 } } else { Loss::None },
        duplicate_ppm: rng.below(2) as u32 * 20_000,
        reorder_ppm: rng.below(2) as u32 * 20_000,
        corrupt_ppm: rng.below(2) as u32 * 10_000,
        ..LinkProfile::default()
    }
}

/// What a random internet is made of.
struct Internet {
    fabric: Fabric,
    rng: Rng,
    cloud: StationId,
    /// The switches of the networks, and the links of their routers to the cloud.
    lans: Vec<StationId>,
    uplinks: Vec<LinkId>,
    logs: Vec<Log>,
    heard: Vec<Reports>,
    names: Vec<(String, Ipv4Addr)>,
}

impl Internet {
    fn new(seed: u64, shards: u16) -> Self {
        let config = Config { shards, ..Config::default() };
        let mut fabric = Fabric::new(config, Seed::new(seed));
        let cloud = fabric.add_cloud("cloud", Place::Apart).unwrap();
        let rng = Rng::new(Seed::new(seed)).split("internet", 0);
        let (lans, uplinks, logs, heard, names) = <_>::default();
        let mut internet = Self { fabric, rng, cloud, lans, uplinks, logs, heard, names };
        let (offices, homes) = (1 + internet.rng.below(3) as u8, 1 + internet.rng.below(5) as u8);
        for number in 0..offices {
            internet.add_office(number);
        }
        internet.add_names();
        for number in 0..homes {
            internet.add_home(offices + number);
        }
        internet
    }

    /// A network with a router, which the cloud reaches.
    fn add_network(&mut self, number: u8, network: Ipv4Net, is_hidden: bool) -> StationId {
        let fabric = &mut self.fabric;
        let name = format!("lan-{number}");
        let lan = fabric.add_switch(&name, Place::Apart, switch::Config::default()).unwrap();
        let edge = fabric.add_router("edge", Place::Beside(lan), router::Config::default()).unwrap();
        let gateway = Ipv4Net::new(first(network), network.prefix_len()).unwrap();
        fabric.connect_router(&RouterLink::new(edge, lan, gateway.into())).unwrap();
        let [here, there] = [1, 2].map(|last| Ipv4Addr::new(100, 64, number, last));
        let outside = RouterLink::new(edge, self.cloud, Ipv4Net::new(here, 30).unwrap().into());
        let (forth, back) = (profile(&mut self.rng, 50..20_000), profile(&mut self.rng, 50..20_000));
        let (uplink, port) = fabric.connect_router(&RouterLink { forth, back, ..outside }).unwrap();
        let peer = vec![Ipv4Net::new(there, 30).unwrap().into()];
        let back = fabric.add_router_address(uplink, self.cloud, peer).unwrap();
        let default = "0.0.0.0/0".parse().unwrap();
        let router = fabric.router(edge).unwrap();
        router
            .routes_mut()
            .insert(Route { network: default, via: Some(there.into()), port, metric: 1 })
            .unwrap();
        if is_hidden {
            router.nat_mut().add_source(SourceRule::masquerade(network.into(), port)).unwrap();
        } else {
            let route =
                Route { network: network.trunc().into(), via: Some(here.into()), port: back, metric: 1 };
            fabric.router(self.cloud).unwrap().routes_mut().insert(route).unwrap();
        }
        self.uplinks.push(uplink);
        self.lans.push(lan);
        lan
    }

    fn add_machine(
        &mut self,
        at: StationId,
        network: Ipv4Net,
        number: u8,
        service: Box<dyn Service>,
    ) -> Ipv4Addr {
        let id = MachineId::random(&mut self.rng);
        let [a, b, c, _] = network.addr().octets();
        let address = Ipv4Addr::new(a, b, c, number);
        let (down, up) = (profile(&mut self.rng, 0..500), profile(&mut self.rng, 0..500));
        let spec = MachineSpec {
            address: Some(Ipv4Net::new(address, 24).unwrap()),
            gateway: Some(first(network)),
            down,
            up,
            ..MachineSpec::new(id, "machine", at)
        };
        self.fabric.add_machine(&spec).unwrap();
        self.fabric.serve(id, service).unwrap();
        address
    }

    fn add_office(&mut self, number: u8) {
        let network = Ipv4Net::new(Ipv4Addr::new(20, number, 0, 0), 24).unwrap();
        let lan = self.add_network(number, network, false);
        for machine in 0..1 + self.rng.below(3) as u8 {
            let plan = Plan { bytes: self.rng.below(50_000), ..Plan::default() };
            let (listen, heard) = Listen::new("0.0.0.0:80".parse().unwrap(), plan);
            let address = self.add_machine(lan, network, 10 + machine, Box::new(listen));
            self.heard.push(heard);
            self.names.push((format!("s{}", self.names.len()), address));
        }
    }

    /// A name server in the first office.
    fn add_names(&mut self) {
        let lines = self.names.iter().map(|(name, address)| format!("{name} A {address}\n"));
        let text =
            format!("$TTL 2\n@ SOA ns host 1 2 3 4 1\n@ NS ns\nns A 20.0.0.2\n{}", lines.collect::<String>());
        let zone = Zone::parse(&Name::from_ascii("test.").unwrap(), text, &ZoneText::default()).unwrap();
        let mut authority = Authority::new(AuthorityConfig::default());
        authority.add(zone).unwrap();
        let service = AuthorityService::new(Registry::new(authority), DeskConfig::default());
        let network = Ipv4Net::new(Ipv4Addr::new(20, 0, 0, 0), 24).unwrap();
        let lan = self.lans[0];
        self.add_machine(lan, network, 2, Box::new(service));
    }

    fn add_home(&mut self, number: u8) {
        let network = Ipv4Net::new(Ipv4Addr::new(192, 168, 1, 0), 24).unwrap();
        let lan = self.add_network(number, network, true);
        for machine in 0..1 + self.rng.below(4) as u8 {
            let mut config = ClientConfig::new(vec!["20.0.0.2:53".parse().unwrap()]);
            config.remembered_max = 1;
            let log = Log::default();
            self.logs.push(Arc::clone(&log));
            let rng = self.rng.split("busy", u64::from(number) << 8 | u64::from(machine));
            let client = Client::new(config, rng.split("names", 0));
            let names = self.names.len() as u64;
            self.add_machine(
                lan,
                network,
                10 + machine,
                Box::new(Busy { rng, client, names, talk: None, log }),
            );
        }
    }
}

/// The first address of a network: its router's.
fn first(network: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.network().to_bits() + 1)
}

/// All that is to be the same.
#[derive(Debug, PartialEq)]
struct Outcome {
    digest: Option<u128>,
    tally: Tally,
    logs: Vec<Vec<(Instant, String)>>,
    heard: Vec<Vec<common::talk::Report>>,
    flows: Vec<u64>,
}

fn run(seed: u64, shards: u16, workers: usize) -> Outcome {
    let mut internet = Internet::new(seed, shards);
    let mut faults = internet.rng.split("faults", 0);
    for _ in 0..12 {
        let until = internet.fabric.now().saturating_add(Duration::from_millis(150));
        internet.fabric.run_until_on(until, workers);
        while internet.fabric.poll().is_some() {}
        let link = *faults.choose(&internet.uplinks).unwrap();
        let way = *faults.choose(&[Way::Forth, Way::Back]).unwrap();
        internet.fabric.set_down(link, way, faults.chance(1, 4)).unwrap();
    }
    let uplinks = internet.uplinks.iter();
    let flows =
        uplinks.flat_map(|link| [Way::Forth, Way::Back].map(|way| internet.fabric.counters(*link, way)));
    Outcome {
        digest: internet.fabric.digest(),
        tally: internet.fabric.tally(),
        logs: internet.logs.iter().map(|log| log.lock().clone()).collect(),
        heard: internet.heard.iter().map(|heard| heard.lock().clone()).collect(),
        flows: flows.map(|counters| counters.unwrap().bytes).collect(),
    }
}

fn check(seeds: std::ops::Range<u64>, others: &[(u16, usize)]) {
    let (mut events, mut seen, mut whole) = (0, 0, 0);
    for seed in seeds {
        let expected = run(seed, 1, 1);
        events += expected.tally.events;
        seen += expected.logs.iter().map(Vec::len).sum::<usize>();
        whole += expected.heard.iter().flatten().filter(|report| report.saw_end).count();
        for (shards, workers) in others {
            let found = run(seed, *shards, *workers);
            assert_eq!(found, expected, "seed {seed}, {shards} shards, {workers} workers");
        }
    }
    println!("{events} events, {seen} things seen by programs, {whole} whole streams");
    assert!(events > 20_000 && seen > 200 && whole > 50, "too little happened: {events}, {seen}, {whole}");
}

#[test]
fn the_number_of_shards_changes_nothing() {
    check(0..1_000, &[(2, 1), (8, 1)]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    check(1_000..1_100, &[(2, 2), (8, 2)]);
}

#[test]
fn another_seed_does_something_else() {
    assert_ne!(run(1, 1, 1).digest, run(2, 1, 1).digest);
}
