//! How many packets a router passes on: 100,000 conversations, 10,000 routes, 16 rules, translated sources; and how many
//! pass several routers, of which the first translates.
//!
//! Each packet is made, enters through a door, passes the routers, is an event at the other side, and is dropped there.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::{Duration, Instant, Rng};
use ironloom_net::fabric::{Config, Fabric, Place, StationId};
use ironloom_net::frame::{Body, Datagram, Transport};
use ironloom_net::ipnet::{IpNet, Ipv4Net};
use ironloom_net::link::LinkProfile;
use ironloom_net::router::firewall::{Addresses, Chain, Rule};
use ironloom_net::router::nat::SourceRule;
use ironloom_net::router::{self, Interface, Route, Router, conntrack};
use ironloom_net::{Frame, Mac, Node, Outbox, Packet, Port};

use crate::world::SEED;

const FLOWS: u32 = 100_000;
const CLIENTS: u32 = 1_000;
const ROUTES: u32 = 10_000;
const RULES: u8 = 16;
/// How many frames are under way at once.
const BATCH: usize = 64;

const INSIDE: u64 = 1;
const OUTSIDE: u64 = 2;
const CLIENT: Mac = Mac::local(3);

pub(crate) fn benches(suite: &mut Suite) {
    for (routers, goal) in [(1, 6e6), (2, 10e6), (8, 10e6)] {
        let name = format!("net::router/routers={routers},flows=100000,routes=10000,rules=16,snat");
        if suite.selects(&name) {
            let rounds = if suite.is_quick() { 10 } else { 60 };
            let mut compare = suite.compare_values(&name, Unit::PerSecond, [Goal::PerSecond(goal)]);
            compare.found(OURS, packets_per_second(routers, rounds));
        }
    }
}

fn packets_per_second(routers: u8, rounds: u32) -> f64 {
    let mut world = World::new(routers);
    world.send_all(); // conversations begin, and are answered
    let took = timed(|| (0..rounds).for_each(|_| world.send_all()));
    let passed = world.passed.load(Ordering::Relaxed);
    assert_eq!(passed, u64::from(FLOWS) * u64::from(rounds + 1), "every packet passes");
    f64::from(FLOWS) * f64::from(rounds) / took.as_secs_f64()
}

struct World {
    fabric: Fabric,
    inside: StationId,
    frames: Vec<Frame>,
    passed: Arc<AtomicU64>,
    now: Instant,
}

impl World {
    fn new(routers: u8) -> Self {
        let mut fabric = Fabric::new(Config { digest: false, ..Config::default() }, SEED);
        let cable = LinkProfile { queue_bytes_max: u64::MAX, ..LinkProfile::default() };
        let mut place = Place::Apart;
        let mut chain = Vec::new();
        for number in 0..routers {
            let router = fabric.install_router("router", place, router(number)).expect("there is room");
            place = Place::Beside(router);
            chain.push(router);
        }
        let passed = Arc::<AtomicU64>::default();
        let beyond = Beyond { passed: Arc::clone(&passed) };
        let inside = fabric.add_door("inside", place).expect("there is room");
        chain.insert(0, inside);
        chain.push(fabric.add_node("beyond", place, Box::new(beyond)).expect("there is room"));
        for pair in chain.windows(2) {
            fabric.connect(pair[0], pair[1], cable, cable).expect("there is room");
        }
        let mut rng = Rng::new(SEED).split("packets", 0);
        let mut frames: Vec<Frame> = (0..FLOWS).map(frame).collect();
        rng.shuffle(&mut frames);
        Self { fabric, inside, frames, passed, now: Instant::ZERO }
    }

    /// Sends a packet of every conversation, some each microsecond.
    fn send_all(&mut self) {
        for batch in self.frames.chunks(BATCH) {
            self.fabric.inject(self.now, self.inside, batch.iter().cloned()).expect("the door is there");
            self.fabric.run_until(self.now);
            self.now = self.now.saturating_add(Duration::from_micros(1));
            while self.fabric.poll().is_some() {}
        }
    }
}

/// A router of a chain: towards the next by network `number`, and with all tables full if it is the first.
fn router(number: u8) -> Router {
    let conntrack = conntrack::Config { flows_max: 2 * FLOWS, ..conntrack::Config::default() };
    let conntrack = conntrack::Config { flows_per_source_max: FLOWS, ..conntrack };
    let config = router::Config { conntrack, ..router::Config::default() };
    let mut router = Router::new(config, &mut Rng::new(SEED));
    let (home, world) = (Port::new(0), Port::new(1));
    let near = if number == 0 { network("10.0.0.1/8") } else { between(number - 1, 1) };
    router.add_interface(home, Interface::new(card(number, INSIDE), near)).expect("there is room");
    let mut outside = Interface::new(card(number, OUTSIDE), between(number, 2));
    outside.addresses.extend((3..10).map(|last| between(number, last)));
    router.add_interface(world, outside).expect("there is room");
    let mut out = Outbox::new();
    router.set_neighbour(Instant::ZERO, world, between(number, 1).addr(), card(number + 1, INSIDE), &mut out);
    let via = Some(between(number, 1).addr());
    if number > 0 {
        let network = network("0.0.0.0/0");
        router.routes_mut().insert(Route { network, via, port: world, metric: 0 }).expect("there is room");
        let back = network_of(0);
        let via = Some(between(number - 1, 2).addr());
        router
            .routes_mut()
            .insert(Route { network: back, via, port: home, metric: 0 })
            .expect("there is room");
        for last in 2..10 {
            let before = between(number - 1, last).addr();
            router.set_neighbour(Instant::ZERO, home, before, card(number - 1, OUTSIDE), &mut out);
        }
        return router;
    }
    fill(&mut router, via, world);
    for number in 0..CLIENTS {
        router.set_neighbour(Instant::ZERO, home, client(number), CLIENT, &mut out);
    }
    router
}

/// Fills the tables of a router: routes, rules, and what sources hide behind.
fn fill(router: &mut Router, via: Option<IpAddr>, world: Port) {
    for number in 0..ROUTES {
        let first = Ipv4Addr::from_bits(0x4000_0000 + number * 256);
        let network = IpNet::V4(Ipv4Net::new(first, 24).expect("it is a length"));
        router.routes_mut().insert(Route { network, via, port: world, metric: 0 }).expect("there is room");
    }
    for number in 0..RULES - 1 {
        let source = Addresses::In(network(&format!("172.16.{number}.0/24")));
        router.firewall_mut().append(Chain::Forward, Rule { source, ..Rule::drop() }).expect("there is room");
    }
    router.firewall_mut().append(Chain::Forward, Rule::accept()).expect("there is room");
    let behind: Vec<IpAddr> = (2..10).map(|last| between(0, last).addr()).collect();
    let hidden = SourceRule {
        behind: router::nat::Behind::Addresses(behind),
        ..SourceRule::masquerade(network("10.0.0.0/8"), world)
    };
    router.nat_mut().add_source(hidden).expect("there is room");
}

fn network(text: &str) -> IpNet {
    text.parse().expect("it is a network")
}

/// The network behind the `number`-th router, towards the next.
fn network_of(number: u8) -> IpNet {
    network(&format!("203.0.{}.0/24", 100 + number))
}

/// An address in the network behind the `number`-th router.
fn between(number: u8, last: u8) -> IpNet {
    network(&format!("203.0.{}.{last}/24", 100 + number))
}

/// One of the cards of the `number`-th router.
fn card(number: u8, side: u64) -> Mac {
    Mac::local(u64::from(number) << 8 | side)
}

fn client(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0A01_0000 + number).into()
}

/// The packet of a conversation: a thousand machines have a hundred each.
fn frame(number: u32) -> Frame {
    let target = Ipv4Addr::from_bits(0x4000_0001 + number % ROUTES * 256);
    let datagram = Datagram {
        source: 20_000 + (number / CLIENTS) as u16,
        target: 53,
        payload: Bytes::from_static(&[7; 100]).into(),
    };
    let packet = Packet {
        source: client(number % CLIENTS),
        target: target.into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport: Transport::Udp(datagram),
    };
    Frame { source: CLIENT, target: card(0, INSIDE), body: Body::Ip(packet) }
}

/// Counts what arrives, and answers the first packet of each conversation.
struct Beyond {
    passed: Arc<AtomicU64>,
}

impl Node for Beyond {
    fn handle(&mut self, _: Instant, port: Port, frame: Frame, out: &mut Outbox) {
        if self.passed.fetch_add(1, Ordering::Relaxed) < u64::from(FLOWS) {
            out.send(port, answer(frame));
        }
    }

    fn expire(&mut self, _: Instant, _: &mut Outbox) {}

    fn next_event(&self) -> Option<Instant> {
        None
    }
}

fn answer(mut frame: Frame) -> Frame {
    std::mem::swap(&mut frame.source, &mut frame.target);
    if let Body::Ip(packet) = &mut frame.body {
        std::mem::swap(&mut packet.source, &mut packet.target);
        if let Transport::Udp(datagram) = &mut packet.transport {
            std::mem::swap(&mut datagram.source, &mut datagram.target);
        }
    }
    frame
}
