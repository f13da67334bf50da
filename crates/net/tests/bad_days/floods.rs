//! More than anybody asked for: of connections, of conversations, of ports.

use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};
use ironloom_net::Mac;
use ironloom_net::router::{self, Reason, conntrack};
use ironloom_net::stack::DropReason;

use crate::common::flood::{Flood, datagram, framed, syn};
use crate::common::talk::{Plan, Talk};
use crate::common::world::{World, end, seconds};
use crate::neighbours::{END, compared};

const VICTIM: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 3);
const ATTACKER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);

fn cards(world: &mut World, attacker: MachineId) -> (Mac, Mac) {
    (Mac::of_machine(attacker, 0), world.gateway())
}

fn limits(flows_max: u32, flows_per_source_max: u32) -> router::Config {
    let conntrack = conntrack::Config { flows_max, flows_per_source_max, ..conntrack::Config::default() };
    router::Config { conntrack, ..router::Config::default() }
}

/// 200,000 requests for connections within two seconds, from addresses that nobody has.
#[test]
fn syn_flood() {
    let (mut day, quiet) = compared(&limits(20_000, 10_000), |world, attacker, _| {
        let cards = cards(world, attacker);
        let mut rng = Rng::new(Seed::new(1));
        world
            .fabric
            .install(
                attacker,
                Flood::new(Instant::ZERO, 200_000, 100_000, move |number| {
                    let source = Ipv4Addr::from_bits(0xC0A8_0100 + 6 + rng.below(200) as u32);
                    framed(cards, (source, VICTIM), syn(number as u16, 80))
                }),
            )
            .unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let world = &mut day.world;
    let (dropped, sockets, bytes) = world.stack(day.victim, |stack| {
        (stack.counters().dropped(DropReason::HalfOpen), stack.sockets(), stack.buffered_bytes())
    });
    assert!(dropped > 10_000, "{dropped} requests were dropped");
    assert!(sockets <= 1 + 128 && bytes == 0, "{sockets} sockets, {bytes} bytes");
    let router = world.fabric.router(world.router).unwrap();
    assert!(router.flows_len() <= 20_000);
    assert!(router.flows_evicted() + router.drops().of(Reason::SourceFull) > 10_000, "{:?}", router.drops());
    // Once it is over, everything is as before.
    world.run_until(END.saturating_add(Duration::from_secs(300)));
    assert_eq!(world.stack(day.victim, |stack| stack.sockets()), 1, "the listener is left");
    let client = world.add_home(<_>::default(), <_>::default());
    let (talk, said) = Talk::new(end("203.0.113.3:80"), Plan { bytes: 1_000, ..Plan::default() });
    world.fabric.serve(client, Box::new(talk)).unwrap();
    world.run_until(END.saturating_add(Duration::from_secs(310)));
    assert_eq!(said.lock()[0].received, 300_000);
}

/// One machine asks for a connection to each of 65,536 addresses, most of which nobody has.
#[test]
fn port_scan_of_a_network() {
    let (mut day, quiet) = compared(&limits(10_000, 2_000), |world, attacker, _| {
        let cards = cards(world, attacker);
        let flood = Flood::new(Instant::ZERO, 1 << 16, 50_000, move |number| {
            let target = Ipv4Addr::from_bits(0xCB00_0000 | number as u32);
            framed(cards, (ATTACKER, target), syn(40_000, 22))
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    let ended = day.report.ended.unwrap();
    assert!(ended <= quiet.saturating_add(Duration::from_millis(50)), "{ended} instead of {quiet}");
    let router = day.world.fabric.router(day.world.router).unwrap();
    assert!(router.flows_len() <= 2_002, "{} conversations", router.flows_len());
    let drops = router.drops();
    assert!(drops.of(Reason::SourceFull) > 40_000, "{drops:?}");
    let told =
        drops.of(Reason::SourceFull) + drops.of(Reason::NoNeighbour) + drops.of(Reason::NeighboursFull);
    // Until the router has spoken the switch does not know where it is, and sends few of such frames to everybody.
    let storm = day.world.fabric.switch(day.world.home).unwrap().counters().storm;
    assert!(told + storm > 65_000, "{drops:?}, {storm}");
}

/// A machine begins a conversation with every packet, and real ones do not make room for them.
#[test]
fn conntrack_exhaustion() {
    let (mut day, quiet) = compared(&limits(1_000, 1_000), |world, attacker, _| {
        let cards = cards(world, attacker);
        let flood = Flood::new(Instant::ZERO, 60_000, 50_000, move |number| {
            let target = Ipv4Addr::from_bits(0xCB00_7100 + 3 + (number / 60_000) as u32);
            framed(cards, (ATTACKER, target), datagram((number % 60_000) as u16 + 1_024, 9))
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others notice nothing");
    let router = day.world.fabric.router(day.world.router).unwrap();
    assert!(router.flows_len() <= 1_000);
    let refused = router.drops().of(Reason::SourceFull) + router.flows_evicted();
    assert!(refused > 50_000, "{refused}: {:?}", router.drops());
    // What nobody answered is forgotten.
    day.world.run_until(seconds(600));
    let router = day.world.fabric.router(day.world.router).unwrap();
    assert!(router.flows_len() <= 2, "{:?}", router.flows());
}

/// A machine uses up all ports towards one server.
#[test]
fn nat_port_exhaustion() {
    let (mut day, quiet) = compared(&router::Config::default(), |world, attacker, _| {
        let port = ironloom_net::Port::new(1);
        let nat = world.fabric.router(world.router).unwrap().nat_mut();
        let inside = "192.168.1.0/24".parse().unwrap();
        let rules: Vec<_> = nat.sources().map(|(id, _)| id).collect();
        rules.into_iter().for_each(|id| assert!(nat.remove(id)));
        let rule = router::nat::SourceRule {
            ports: 6_000..=6_063,
            ..router::nat::SourceRule::masquerade(inside, port)
        };
        nat.add_source(rule).unwrap();
        let cards = cards(world, attacker);
        let flood = Flood::new(Instant::ZERO, 10_000, 10_000, move |number| {
            framed(cards, (ATTACKER, VICTIM), datagram(number as u16 + 1_024, 9))
        });
        world.fabric.install(attacker, flood).unwrap();
    });
    assert_eq!(day.report.ended, Some(quiet), "the others talk to another server");
    let router = day.world.fabric.router(day.world.router).unwrap();
    assert_eq!(router.drops().of(Reason::PortsExhausted), 10_000 - 64, "{:?}", router.drops());
}
