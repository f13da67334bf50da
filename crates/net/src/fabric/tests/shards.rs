//! The same network, carried by any number of shards and threads, does the same.

use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};

use crate::fabric::{Config, Fabric, MachineSpec, Output, Place, Point, StationId, Tally, Way};
use crate::frame::{Body, Datagram, Transport};
use crate::link::{LinkProfile, Loss};
use crate::{Frame, Mac, Node, Outbox, Packet, Payload, Port, switch};

/// Sends to others now and then, and answers what it hears with something for yet another.
struct Gossip {
    rng: Rng,
    own: usize,
    peers: Vec<MachineId>,
    next: Instant,
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0A00_0001 + number as u32)
}

impl Gossip {
    fn say(&mut self, lives: usize, out: &mut Outbox) {
        let to = self.rng.below(self.peers.len() as u64) as usize;
        let target = if self.rng.chance(1, 20) { Mac::BROADCAST } else { Mac::of_machine(self.peers[to], 0) };
        let payload = Payload::from(vec![lives as u8; lives + 1]);
        let body = Body::Ip(Packet {
            source: address(self.own).into(),
            target: address(to).into(),
            hops: 9,
            service: 0,
            identification: 0,
            may_fragment: true,
            transport: Transport::Udp(Datagram { source: 1, target: 2, payload }),
        });
        out.send(Port::new(0), Frame { source: Mac::of_machine(self.peers[self.own], 0), target, body });
    }
}

impl Node for Gossip {
    fn handle(&mut self, _: Instant, _: Port, frame: Frame, out: &mut Outbox) {
        let Body::Ip(Packet { transport: Transport::Udp(datagram), .. }) = frame.body else { return };
        if let Some(lives) = datagram.payload.len().checked_sub(2) {
            self.say(lives, out);
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox) {
        if now >= self.next {
            self.next = now.saturating_add(Duration::from_micros(self.rng.range(100..3_000)));
            self.say(3, out);
        }
    }

    fn next_event(&self) -> Option<Instant> {
        Some(self.next)
    }
}

fn profile(rng: &mut Rng, latency_micros: std::ops::Range<u64>) -> LinkProfile {
    // Round latencies, so that many frames arrive in one instant.
    let latency = Duration::from_micros(rng.range(latency_micros) / 10 * 10);
    LinkProfile {
        latency,
        jitter: Duration::from_micros(rng.below(3) * 20),
        rate: rng.chance(1, 3).then(|| rng.range(1_000_000..1_000_000_000)),
        loss: if rng.chance(1, 2) { Loss::Even { ppm: 50_000 } } else { Loss::None },
        duplicate_ppm: rng.below(2) as u32 * 30_000,
        reorder_ppm: rng.below(2) as u32 * 30_000,
        corrupt_ppm: rng.below(2) as u32 * 10_000,
        ..LinkProfile::default()
    }
}

/// A random network of switches, with loops, and machines that gossip.
fn network(seed: u64, shards: u16) -> Fabric {
    let rng = &mut Rng::new(Seed::new(seed));
    let config = Config { shards, group_latency_min: Duration::from_micros(50), ..Config::default() };
    let mut fabric = Fabric::new(config, Seed::new(seed));
    let mut switches: Vec<StationId> = Vec::new();
    for number in 0..rng.range(1..9) {
        let near = rng.choose(&switches).copied().filter(|_| rng.chance(1, 4));
        let place = near.map_or(Place::Apart, Place::Beside);
        let config = switch::Config { storm_rate: 500, storm_burst: 50, ..switch::Config::default() };
        let switch = fabric.add_switch(&format!("switch-{number}"), place, config).unwrap();
        let others = rng.below(3).max(1).min(number);
        for _ in 0..others {
            let other = *rng.choose(&switches).unwrap();
            let (forth, back) = (profile(rng, 50..2_000), profile(rng, 50..2_000));
            let link = fabric.connect(other, switch, forth, back).unwrap();
            if rng.chance(1, 4) {
                fabric.tap(link, Way::Forth, Point::Arrived).unwrap();
                fabric.tap(link, Way::Back, Point::Sent).unwrap();
            }
        }
        switches.push(switch);
    }
    let peers: Vec<MachineId> = (0..rng.range(2..24)).map(|_| MachineId::random(rng)).collect();
    for (number, id) in peers.iter().enumerate() {
        let at = *rng.choose(&switches).unwrap();
        let net = ipnet::Ipv4Net::new(address(number), 8).unwrap();
        let (down, up) = (profile(rng, 0..200), profile(rng, 0..200));
        let spec = MachineSpec { address: Some(net), down, up, ..MachineSpec::new(*id, "gossip", at) };
        fabric.add_machine(&spec).unwrap();
        if rng.chance(5, 6) {
            let next = Instant::from_nanos(rng.below(1_000_000));
            let gossip =
                Gossip { rng: rng.split("gossip", number as u64), own: number, peers: peers.clone(), next };
            fabric.install(*id, Box::new(gossip)).unwrap();
        }
    }
    fabric
}

fn run(seed: u64, shards: u16, workers: usize, step: Duration) -> (Option<u128>, Tally, Vec<Output>) {
    let mut fabric = network(seed, shards);
    let mut outputs = Vec::new();
    let end = Instant::ZERO.saturating_add(Duration::from_millis(40));
    while fabric.now() < end {
        let until = fabric.now().saturating_add(step).min(end);
        fabric.run_until_on(until, workers);
        outputs.extend(std::iter::from_fn(|| fabric.poll()));
    }
    (fabric.digest(), fabric.tally(), outputs)
}

#[test]
fn the_number_of_shards_changes_nothing() {
    let (whole, half) = (Duration::from_millis(40), Duration::from_micros(700));
    let mut events = 0;
    for seed in 0..120 {
        let expected = run(seed, 1, 1, whole);
        events += expected.1.events;
        for (shards, workers, step) in [(2, 1, whole), (8, 1, half), (2, 2, whole), (8, 3, whole)] {
            let found = run(seed, shards, workers, step);
            let how = format!("seed {seed}, {shards} shards, {workers} workers");
            assert_eq!((expected.0, expected.1), (found.0, found.1), "{how}");
            assert_eq!(expected.2, found.2, "{how}");
        }
    }
    assert!(events > 100_000, "too little happened: {events} events");
}

#[test]
fn the_seed_changes_what_happens() {
    let step = Duration::from_millis(40);
    assert_ne!(run(1, 1, 1, step).0, run(2, 1, 1, step).0);
}
