//! Connections whose network, machine or program breaks while they carry something.

use std::sync::Arc;

use ironloom_core::{Duration, Instant, MachineId};
use ironloom_net::fabric::{Barrier, Config};
use ironloom_net::link::LinkProfile;
use ironloom_net::stack::SocketError;
use ironloom_net::{Host, router, stack, tcp};

use crate::common::talk::{Listen, Plan, Report, Reports, Talk};
use crate::common::world::{World, cable, end, lossy, seconds};

/// A client at home that sends to a server in the office, and a pair of others that does the same.
struct Pairs {
    world: World,
    clients: [MachineId; 2],
    servers: [MachineId; 2],
    said: [Reports; 2],
    heard: [Reports; 2],
}

const KEEPALIVE: tcp::Keepalive =
    tcp::Keepalive { idle: Duration::from_secs(30), interval: Duration::from_secs(10), questions_max: 3 };

impl Pairs {
    fn new(plans: [Plan; 2], uplink: LinkProfile) -> Self {
        let tcp = tcp::Config { keepalive: Some(KEEPALIVE), ..tcp::Config::default() };
        let stack = Arc::new(stack::Config { tcp, ..stack::Config::default() });
        let config = Config { stack, ..Config::default() };
        let mut world = World::with(3, config, router::Config::default(), [uplink; 2]);
        let servers = [(); 2].map(|()| world.add_office(cable(100), cable(100)));
        let clients = [(); 2].map(|()| world.add_home(cable(100), cable(100)));
        let heard = servers.map(|server| {
            let (listen, heard) = Listen::new(end("0.0.0.0:80"), plans[1]);
            world.fabric.serve(server, Box::new(listen)).unwrap();
            heard
        });
        let targets = [(clients[0], "203.0.113.2:80"), (clients[1], "203.0.113.3:80")];
        let said = targets.map(|(client, target)| {
            let (talk, said) = Talk::new(end(target), plans[0]);
            world.fabric.serve(client, Box::new(talk)).unwrap();
            said
        });
        Self { world, clients, servers, said, heard }
    }

    fn said(&self, pair: usize) -> Report {
        self.said[pair].lock()[0].clone()
    }

    fn heard(&self, pair: usize) -> Report {
        self.heard[pair].lock()[0].clone()
    }

    /// How many sockets and bytes a machine keeps.
    fn kept(&mut self, machine: MachineId) -> (u32, usize) {
        self.world.stack(machine, |stack| (stack.sockets(), stack.buffered_bytes()))
    }
}

/// A second of sending at 100 Mbit/s, in the middle of which something happens.
const SENDS: Plan = Plan { bytes: 12 << 20, chunk: 64 << 10, reads: true };
const HALF: Instant = Instant::from_nanos(500_000_000);

fn narrow() -> LinkProfile {
    LinkProfile { rate: Some(200_000_000), queue_bytes_max: 1 << 20, ..cable(1_000) }
}

/// When the second pair is done if nothing happens to the first.
fn quiet() -> Instant {
    let mut pairs = Pairs::new([SENDS, Plan::default()], narrow());
    pairs.world.run_until(seconds(60));
    pairs.said(1).ended.expect("nothing disturbs it")
}

#[test]
fn a_partition_in_mid_transfer_that_heals() {
    let mut pairs = Pairs::new([SENDS, Plan::default()], narrow());
    pairs.world.run_until(HALF);
    let sides = [pairs.clients[0], pairs.servers[0]].map(|id| pairs.world.fabric.station_of(id).unwrap());
    let partition = pairs.world.fabric.part(&sides[..1], &sides[1..], Barrier::Both).unwrap();
    let before = pairs.heard(0).received;
    assert!(before > 1 << 20 && before < SENDS.bytes, "{before} bytes arrived");
    pairs.world.run_until(seconds(20));
    assert!(pairs.heard(0).received < SENDS.bytes && pairs.said(0).error.is_none());
    assert!(pairs.said(1).ended.is_some_and(|ended| ended <= quiet()), "the others are not slower for it");
    assert!(pairs.world.fabric.heal(partition));
    pairs.world.run_until(seconds(60));
    let (said, heard) = (pairs.said(0), pairs.heard(0));
    assert_eq!((heard.received, heard.wrong_at, heard.saw_end), (SENDS.bytes, None, true));
    assert!(said.error.is_none() && said.ended.is_some(), "{said:?}");
}

#[test]
fn a_partition_in_mid_transfer_that_does_not_heal() {
    let mut pairs = Pairs::new([SENDS, Plan::default()], narrow());
    pairs.world.run_until(HALF);
    let sides = [pairs.clients[0], pairs.servers[0]].map(|id| pairs.world.fabric.station_of(id).unwrap());
    pairs.world.fabric.part(&sides[..1], &sides[1..], Barrier::Both).unwrap();
    pairs.world.run_until(seconds(1_200));
    assert_eq!(pairs.said(0).error, Some(SocketError::TimedOut), "who sends hears of it");
    assert_eq!(pairs.heard(0).error, Some(SocketError::TimedOut), "who waits asks, and hears nothing");
    assert!(pairs.said(1).error.is_none() && pairs.heard(1).received == SENDS.bytes);
    let [client, server] = [pairs.clients[0], pairs.servers[0]];
    assert_eq!((pairs.kept(client), pairs.kept(server)), ((0, 0), (1, 0)), "memory and ports are back");
}

/// Bytes of a stream per second of virtual time, over a way of ten milliseconds there and back.
///
/// The median of some, since much depends on whether the very first packet is lost.
fn goodput(ppm: u32, congestion: tcp::Congestion) -> u64 {
    let mut all: Vec<u64> = (1..8).map(|seed| goodput_of(seed, ppm, congestion)).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn goodput_of(seed: u64, ppm: u32, congestion: tcp::Congestion) -> u64 {
    let tcp = tcp::Config { congestion, ..tcp::Config::default() };
    let stack = Arc::new(stack::Config { tcp, ..stack::Config::default() });
    let config = Config { stack, ..Config::default() };
    let mut world = World::with(seed, config, router::Config::default(), [lossy(4_800, ppm); 2]);
    let server = world.add_office(cable(100), cable(100));
    let client = world.add_home(cable(100), cable(100));
    let (listen, heard) = Listen::new(end("0.0.0.0:80"), Plan::default());
    world.fabric.serve(server, Box::new(listen)).unwrap();
    let plan = Plan { bytes: 4 << 20, chunk: 64 << 10, reads: true };
    let (talk, said) = Talk::new(end("203.0.113.2:80"), plan);
    world.fabric.serve(client, Box::new(talk)).unwrap();
    world.run_until(seconds(300));
    let heard = heard.lock()[0].clone();
    assert_eq!((heard.received, heard.wrong_at, heard.saw_end), (plan.bytes, None, true), "{ppm} ppm");
    let ended = said.lock()[0].ended.expect("it is over");
    plan.bytes * 1_000 / (ended.as_nanos() / 1_000_000)
}

/// Five packets of a hundred are lost, on both ways.
#[test]
fn five_percent_loss_both_ways() {
    use tcp::Congestion::{Cubic, NewReno, Unlimited};
    for (congestion, two, five) in [(Unlimited, 50, 30), (NewReno, 3, 1), (Cubic, 3, 1)] {
        let [none, at_two, at_five] = [0, 20_000, 50_000].map(|ppm| goodput(ppm, congestion));
        let mbits = [none, at_two, at_five].map(|bytes| bytes * 8 / 1_000_000);
        println!("{congestion:?}: {mbits:?} Mbit/s at losses of 0, 2 and 5 %");
        assert!(at_two * 100 >= none * two, "{congestion:?}: {mbits:?} Mbit/s");
        assert!(at_five * 100 >= none * five, "{congestion:?}: {mbits:?} Mbit/s");
    }
}

#[test]
fn a_receiver_that_never_reads() {
    let mut pairs = Pairs::new([SENDS, Plan { reads: false, ..Plan::default() }], narrow());
    pairs.world.run_until(seconds(600));
    let limits = tcp::Config::default();
    let said = pairs.said(0);
    assert!(said.error.is_none() && said.ended.is_none(), "who asks is answered: {said:?}");
    assert!(said.sent <= u64::from(limits.send_bytes_max + limits.receive_bytes_max), "{said:?}");
    let [client, server] = [pairs.clients[0], pairs.servers[0]];
    let (sends, takes) = (pairs.kept(client).1, pairs.kept(server).1);
    assert!(sends <= limits.send_bytes_max as usize + (64 << 10), "{sends} bytes wait to be sent");
    assert!(takes <= limits.receive_bytes_max as usize + (64 << 10), "{takes} bytes wait to be read");
    let events = pairs.world.fabric.tally().events;
    pairs.world.run_until(seconds(1_200));
    let more = pairs.world.fabric.tally().events - events;
    assert!(more < 1_000, "{more} events in ten minutes in which nothing moves");
    // The program that does not read ends: the other side is told, and everything is given back.
    pairs.world.fabric.host_as(server, 0, |host: &mut Host<'_>| host.close_all()).unwrap();
    pairs.world.run_until(seconds(1_300));
    assert_eq!(pairs.said(0).error, Some(SocketError::Reset));
    assert_eq!((pairs.kept(client), pairs.kept(server)), ((0, 0), (0, 0)));
}

#[test]
fn a_machine_is_removed_with_open_connections() {
    let mut pairs = Pairs::new([SENDS, Plan { bytes: 1 << 20, ..Plan::default() }], narrow());
    pairs.world.run_until(HALF);
    assert!(pairs.heard(0).received > 0 && pairs.heard(0).ended.is_none());
    pairs.world.fabric.remove_machine(pairs.servers[0]).unwrap();
    pairs.world.run_until(seconds(1_200));
    let said = pairs.said(0);
    assert!(said.error.is_some() && said.ended.is_some(), "the other side is told: {said:?}");
    assert!(pairs.said(1).error.is_none() && pairs.heard(1).received == SENDS.bytes);
    let client = pairs.clients[0];
    assert_eq!(pairs.kept(client), (0, 0), "memory and ports are back");
    let office = pairs.world.office;
    let lost = pairs.world.fabric.switch(office).unwrap().counters().flooded;
    assert!(lost > 0, "the switch looks for it everywhere");
    // And the other way round: who is removed was sending.
    let mut pairs = Pairs::new([SENDS, Plan::default()], narrow());
    pairs.world.run_until(HALF);
    pairs.world.fabric.remove_machine(pairs.clients[0]).unwrap();
    pairs.world.run_until(seconds(1_200));
    let heard = pairs.heard(0);
    assert_eq!(heard.error, Some(SocketError::TimedOut), "{heard:?}");
    let server = pairs.servers[0];
    assert_eq!(pairs.kept(server), (1, 0), "the listener is left");
    let router = pairs.world.router;
    // Conversations that nobody continues are forgotten after five days, as Linux does.
    pairs.world.run_until(seconds(6 * 86_400));
    assert_eq!(pairs.world.fabric.router(router).unwrap().flows_len(), 0);
}
