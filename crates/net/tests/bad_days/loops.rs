//! Ways that lead back to where they began.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ironloom_core::{Instant, Rng, Seed};
use ironloom_net::dns::{
    Authority, AuthorityConfig, AuthorityService, Client, ClientConfig, DeskConfig, LookupError, Name,
    RecordType, Registry, Resolver, ResolverConfig, ResolverService, Upstream, View, Zone, ZoneText,
};
use ironloom_net::fabric::{Config, Guard, Place, RouterLink};
use ironloom_net::router::{self, Reason, Route};
use ironloom_net::{Host, Mac, Port, Readiness, Service, SocketId, switch};
use parking_lot::Mutex;

use crate::common::flood::{Flood, datagram, framed};
use crate::common::world::{World, cable, seconds};
use crate::neighbours::compared;

/// Two routers each take the other one for the way to a network.
#[test]
fn routing_loop() {
    const PACKETS: u64 = 2_000;
    let second = Cell::new(None);
    let (mut day, quiet) = compared(&router::Config::default(), |world, _, _| {
        let other = world.fabric.add_router("other", Place::Beside(world.office), <_>::default()).unwrap();
        second.set(Some(other));
        let office = RouterLink::new(other, world.office, "203.0.113.250/16".parse().unwrap());
        let (_, port) = world.fabric.connect_router(&office).unwrap();
        let network = "10.9.0.0/16".parse().unwrap();
        for (router, via, port) in
            [(other, [203, 0, 113, 1], port), (world.router, [203, 0, 113, 250], Port::new(1))]
        {
            let route = Route { network, via: Some(via.into()), port, metric: 1 };
            world.fabric.router(router).unwrap().routes_mut().insert(route).unwrap();
        }
        let lost = world.add(world.office, Guard::Assigned, [cable(100); 2]);
        let gateway = world.fabric.router(world.router).unwrap().interface(Port::new(1)).unwrap().mac;
        let cards = (Mac::of_machine(lost, 0), gateway);
        let source = Ipv4Addr::new(203, 0, 113, world.last_number());
        let flood = Flood::new(Instant::ZERO, PACKETS, 10_000, move |_| {
            framed(cards, (source, Ipv4Addr::new(10, 9, 0, 1)), datagram(1, 2))
        });
        world.fabric.install(lost, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let routers = [day.world.router, second.get().unwrap()];
    let drops = routers.map(|router| day.world.fabric.router(router).unwrap().drops());
    let exceeded = drops.map(|drops| drops.of(Reason::HopsExceeded));
    assert_eq!(exceeded[0] + exceeded[1], PACKETS, "{drops:?}");
    // Each packet passes 64 routers with a switch after each, and then it is over.
    let events = day.world.fabric.tally().events;
    assert!(events < 140 * PACKETS, "{events} events");
}

/// Three switches in a ring, in which a frame to everybody would run for ever.
#[test]
fn switching_loop() {
    const FRAMES: u64 = 1_000;
    let (mut day, quiet) = compared(&router::Config::default(), |world, attacker, _| {
        let [second, third] = ["second", "third"].map(|name| {
            world.fabric.add_switch(name, Place::Beside(world.home), switch::Config::default()).unwrap()
        });
        for (from, to) in [(world.home, second), (second, third), (third, world.home)] {
            world.fabric.connect(from, to, cable(10), cable(10)).unwrap();
        }
        let mac = Mac::of_machine(attacker, 0);
        let flood = Flood::new(Instant::ZERO, FRAMES, 1_000, move |_| {
            let ends = (Ipv4Addr::new(192, 168, 1, 5), Ipv4Addr::BROADCAST);
            framed((mac, Mac::BROADCAST), ends, datagram(9, 9))
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let events = day.world.fabric.tally().events;
    assert!(events < 20 * FRAMES, "{events} events");
    let ways = day.world.fabric.switch(day.world.home).unwrap();
    assert_eq!(ways.counters().storm, 0, "nothing ran in circles");
}

/// Looks one name up, and keeps what came of it.
struct Asks {
    client: Client,
    name: &'static str,
    found: Arc<Mutex<Vec<Result<usize, LookupError>>>>,
}

impl Asks {
    fn collect(&mut self) {
        while let Some((_, found)) = self.client.next_answer() {
            self.found.lock().push(found.map(|records| records.len()));
        }
    }
}

impl Service for Asks {
    fn start(&mut self, host: &mut Host<'_>) {
        self.client.look_up(host, &Name::from_ascii(self.name).unwrap(), RecordType::A);
        self.collect();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        self.client.ready(host, socket, readiness);
        self.collect();
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        self.client.timer(host, token);
        self.collect();
    }
}

fn zone(origin: &str, text: &str) -> Zone {
    let text = format!("$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 203.0.113.2\n{text}");
    Zone::parse(&Name::from_ascii(origin).unwrap(), text, &ZoneText::default()).unwrap()
}

/// What becomes of a question for a name, and how many packets it took in all.
fn ask(name: &'static str, zones: Vec<Zone>) -> (Result<usize, LookupError>, u64) {
    let mut world = World::new(5, Config::default());
    let machines = [(); 2].map(|()| world.add_office(cable(100), cable(100)));
    let client = world.add_home(cable(100), cable(100));
    let mut authority = Authority::new(AuthorityConfig::default());
    zones.into_iter().for_each(|zone| authority.add(zone).unwrap());
    let servers = AuthorityService::new(Registry::new(authority), DeskConfig::default());
    world.fabric.serve(machines[0], Box::new(servers)).unwrap();
    let roots = vec![(Name::from_ascii("ns.").unwrap(), [203, 0, 113, 2].into())];
    let view = View { upstream: Upstream::Recurse { roots }, ..View::default() };
    let resolver = Resolver::new(ResolverConfig::default(), vec![view], Rng::new(Seed::new(1)));
    world.fabric.serve(machines[1], Box::new(ResolverService::new(resolver, DeskConfig::default()))).unwrap();
    let config = ClientConfig::new(vec!["203.0.113.3:53".parse().unwrap()]);
    let found = Arc::default();
    let asks = Asks { client: Client::new(config, Rng::new(Seed::new(2))), name, found: Arc::clone(&found) };
    world.fabric.serve(client, Box::new(asks)).unwrap();
    world.run_until(seconds(120));
    let found = found.lock().pop().expect("there is an answer");
    (found, world.fabric.tally().events)
}

/// Names that stand for each other, and domains whose servers are in each other.
#[test]
fn dns_loops() {
    let (found, events) = ask("www.test.", vec![zone(".", ""), zone("test.", "www A 1.2.3.4")]);
    assert_eq!(found, Ok(1), "the resolver works");
    assert!(events < 200, "{events} events");
    let (found, events) =
        ask("a.test.", vec![zone(".", ""), zone("test.", "a CNAME b\nb CNAME c\nc CNAME a")]);
    assert!(found.is_err() || found == Ok(3), "{found:?}");
    assert!(events < 1_000, "{events} events");
    let root = zone(".", "one NS ns.two\ntwo NS ns.one");
    let (found, events) = ask("www.one.", vec![root]);
    assert!(matches!(found, Err(LookupError::Failed { .. })), "{found:?}");
    assert!(events < 1_000, "{events} events");
}
