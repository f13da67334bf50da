//! How fast a fabric is: events, building, and the simulation of ten thousand hosts.
//!
//! `cargo run --release -p ironloom-net --example fabric_speed -- [events|build|hosts] [seconds] [hosts] [shards] [workers]`

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant as Wall;

use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};
use ironloom_net::fabric::{Config, MachineSpec, Place, StationId, Way};
use ironloom_net::frame::{Body, Datagram, Transport};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::{
    Fabric, Frame, Host, Mac, Node, Outbox, Packet, Payload, Port, Readiness, Service, SocketId, switch,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |index: usize, usual: u64| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(usual);
    match arguments.first().map(String::as_str) {
        Some("build") => build(number(1, 500_000) as u32),
        Some("hosts") => {
            hosts(number(1, 10), number(2, 10_000) as u32, number(3, 1) as u16, number(4, 1) as usize);
        }
        _ => {
            for digest in [true, false] {
                for pairs in [1, 100, 5_000, 50_000] {
                    events(pairs, digest);
                }
            }
        }
    }
}

/// Sends back what it receives.
struct Ball;

impl Node for Ball {
    fn handle(&mut self, _: Instant, port: Port, mut frame: Frame, out: &mut Outbox) {
        std::mem::swap(&mut frame.source, &mut frame.target);
        out.send(port, frame);
    }

    fn expire(&mut self, _: Instant, _: &mut Outbox) {}

    fn next_event(&self) -> Option<Instant> {
        None
    }
}

fn events(pairs: u64, digest: bool) {
    let mut fabric = Fabric::new(Config { digest, ..Config::default() }, Seed::new(1));
    let root = fabric.add_node("root", Place::Apart, Box::new(Ball)).unwrap();
    let mut rng = Rng::new(Seed::new(2));
    for _ in 0..pairs {
        let left = fabric.add_node("left", Place::Beside(root), Box::new(Ball)).unwrap();
        let door = fabric.add_node("door", Place::Beside(root), Box::new(Start)).unwrap();
        let latency = Duration::from_nanos(rng.range(1_000_000..2_000_000));
        let profile = LinkProfile { latency, ..LinkProfile::default() };
        fabric.connect(left, door, profile, profile).unwrap();
    }
    fabric.run_until(Instant::from_nanos(10_000_000));
    let before = fabric.tally().events;
    let wall = Wall::now();
    let length = 10_000_000_000 / pairs.clamp(1, 10_000) * 50;
    fabric.run_until(Instant::from_nanos(10_000_000 + length.min(3_000_000_000_000)));
    let events = fabric.tally().events - before;
    let nanos = wall.elapsed().as_nanos() as f64 / events as f64;
    println!("events: {pairs} under way, digest {digest}: {events} at {nanos:.1} ns");
}

/// Sends back what it receives, and something once.
struct Start;

impl Node for Start {
    fn handle(&mut self, now: Instant, port: Port, frame: Frame, out: &mut Outbox) {
        Ball.handle(now, port, frame, out);
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox) {
        if now > Instant::from_nanos(1) {
            return;
        }
        let body = Body::Ip(Packet {
            source: [10, 0, 0, 1].into(),
            target: [10, 0, 0, 2].into(),
            hops: 9,
            service: 0,
            identification: 0,
            may_fragment: true,
            transport: Transport::Udp(Datagram {
                source: 1,
                target: 2,
                payload: Payload::from(vec![0; 100]),
            }),
        });
        out.send(Port::new(0), Frame { source: Mac::local(1), target: Mac::local(2), body });
    }

    fn next_event(&self) -> Option<Instant> {
        Some(Instant::from_nanos(1))
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

fn build(machines: u32) {
    let before = resident_bytes();
    let wall = Wall::now();
    let mut fabric = Fabric::new(Config::default(), Seed::new(1));
    let mut rng = Rng::new(Seed::new(2));
    fabric.reserve(machines as usize);
    let mut switch = None;
    for number in 0..machines {
        if number % 1_000 == 0 {
            switch = Some(fabric.add_switch("lan", Place::Apart, switch::Config::default()).unwrap());
        }
        let name = format!("vm-{number}");
        let address = Ipv4Addr::from_bits(0x0A00_0000 + number / 1_000 * 1_024 + number % 1_000 + 2);
        let spec = MachineSpec {
            address: Some(ipnet(address, 22)),
            gateway: Some(Ipv4Addr::from_bits(address.to_bits() & !1_023 | 1)),
            ..MachineSpec::new(MachineId::random(&mut rng), &name, switch.unwrap())
        };
        fabric.add_machine(&spec).unwrap();
    }
    let elapsed = wall.elapsed();
    let each = (resident_bytes() - before) as f64 / f64::from(machines);
    println!("build: {machines} machines in {elapsed:?}, {each:.0} bytes each");
    let wall = Wall::now();
    fabric.run_until(Instant::from_nanos(1_000_000_000_000));
    println!("idle: a thousand seconds in {:?}", wall.elapsed());
}

fn ipnet(address: Ipv4Addr, prefix: u8) -> ironloom_net::ipnet::Ipv4Net {
    ironloom_net::ipnet::Ipv4Net::new(address, prefix).unwrap()
}

/// Answers 200 bytes with 8 KiB, and closes.
struct Server;

const REQUEST_BYTES: usize = 200;
const ANSWER_BYTES: usize = 8_192;

impl Service for Server {
    fn start(&mut self, host: &mut Host<'_>) {
        host.listen("0.0.0.0:80".parse().unwrap(), 256).unwrap();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        while let Ok(Some((connection, _))) = host.accept(socket) {
            self.answer(host, connection);
        }
        if readiness.contains(Readiness::OVER) {
            host.close(socket);
        } else if readiness.contains(Readiness::READABLE) {
            self.answer(host, socket);
        }
    }
}

static ANSWER: [u8; ANSWER_BYTES] = [b'a'; ANSWER_BYTES];
static REQUEST: [u8; REQUEST_BYTES] = [b'q'; REQUEST_BYTES];

impl Server {
    fn answer(&mut self, host: &mut Host<'_>, socket: SocketId) {
        match host.receive_payload(socket, 65_536) {
            Ok(Some(payload)) if payload.is_empty() => host.close(socket),
            Ok(Some(_)) => {
                let _ = host.send_payload(socket, bytes::Bytes::from_static(&ANSWER).into());
                host.close(socket);
            }
            Ok(None) => {}
            Err(_) => host.close(socket),
        }
    }
}

/// Asks one server after the other, and thinks in between.
struct Client {
    rng: Rng,
    servers: u32,
    received: usize,
    done: u64,
    failed: u64,
    current: Option<SocketId>,
    is_sent: bool,
}

impl Client {
    fn think(&mut self, host: &mut Host<'_>) {
        self.current = None;
        let pause = Duration::from_millis(self.rng.range(200..1_800));
        host.set_timer(host.now().saturating_add(pause), 0);
    }
}

impl Service for Client {
    fn start(&mut self, host: &mut Host<'_>) {
        self.think(host);
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        if token != 0 {
            return;
        }
        let server = self.rng.below(u64::from(self.servers)) as u32;
        (self.received, self.is_sent) = (0, false);
        match host.connect(SocketAddr::new(server_address(server).into(), 80)) {
            Ok(socket) => self.current = Some(socket),
            Err(_) => {
                self.failed += 1;
                self.think(host);
            }
        }
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if self.current != Some(socket) {
            return;
        }
        if !self.is_sent && readiness.contains(Readiness::WRITABLE) {
            self.is_sent = host.send_payload(socket, bytes::Bytes::from_static(&REQUEST).into()).is_ok();
        }
        loop {
            match host.receive_payload(socket, 65_536) {
                Ok(Some(payload)) if payload.is_empty() => break,
                Ok(Some(payload)) => self.received += payload.len(),
                Ok(None) if readiness.contains(Readiness::OVER) => break,
                Ok(None) => return,
                Err(_) => break,
            }
        }
        host.close(socket);
        if self.received == ANSWER_BYTES {
            self.done += 1;
        } else {
            self.failed += 1;
        }
        COUNTS[0].fetch_add(u64::from(self.received == ANSWER_BYTES), std::sync::atomic::Ordering::Relaxed);
        COUNTS[1].fetch_add(u64::from(self.received != ANSWER_BYTES), std::sync::atomic::Ordering::Relaxed);
        self.think(host);
    }
}

static COUNTS: [std::sync::atomic::AtomicU64; 2] = [const { std::sync::atomic::AtomicU64::new(0) }; 2];

fn server_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0A00_0001 + number)
}

fn hosts(seconds: u64, hosts: u32, shards: u16, workers: usize) {
    let mut rng = Rng::new(Seed::new(7));
    let wall = Wall::now();
    let mut fabric = Fabric::new(Config { shards, ..Config::default() }, Seed::new(7));
    // One network for all, of as many switches as there are shards, or a few.
    let servers = hosts / 10;
    let core = fabric.add_switch("core", Place::Apart, switch::Config::default()).unwrap();
    let cable = LinkProfile { latency: Duration::from_micros(500), ..LinkProfile::default() };
    let switches: Vec<StationId> = (0..hosts.div_ceil(1_000).max(u32::from(shards)))
        .map(|_| {
            let switch = fabric.add_switch("edge", Place::Apart, switch::Config::default()).unwrap();
            fabric.connect(core, switch, cable, cable).unwrap();
            switch
        })
        .collect();
    let mut ids = Vec::new();
    for number in 0..hosts {
        let id = MachineId::random(&mut rng);
        let profile = LinkProfile {
            latency: Duration::from_micros(rng.range(500..25_000)),
            jitter: Duration::from_micros(1_000),
            loss: Loss::Even { ppm: 10_000 },
            ..LinkProfile::default()
        };
        let at = switches[number as usize % switches.len()];
        let spec = MachineSpec {
            address: Some(ipnet(server_address(number), 8)),
            down: profile,
            up: profile,
            ..MachineSpec::new(id, "host", at)
        };
        fabric.add_machine(&spec).unwrap();
        ids.push(id);
    }
    for (number, id) in ids.iter().enumerate() {
        let service: Box<dyn Service> = if (number as u32) < servers {
            Box::new(Server)
        } else {
            let rng = rng.split("client", number as u64);
            Box::new(Client { rng, servers, received: 0, done: 0, failed: 0, current: None, is_sent: false })
        };
        fabric.serve(*id, service).unwrap();
    }
    println!("hosts: {hosts} built in {:?}, {} MB", wall.elapsed(), resident_bytes() >> 20);
    let mut links = Vec::new();
    for id in &ids {
        if rng.chance(1, 5) {
            links.push(fabric.link_of(*id).unwrap());
        }
    }
    let wall = Wall::now();
    let second = |count: u64| Instant::from_nanos(count * 1_000_000_000);
    for now in 1..=seconds {
        fabric.run_until_on(second(now), workers);
        if now == 3 || now == 5 {
            for link in &links {
                for way in [Way::Forth, Way::Back] {
                    fabric.set_down(*link, way, now == 3).unwrap();
                }
            }
        }
        while fabric.poll().is_some() {}
    }
    let elapsed = wall.elapsed();
    let events = fabric.tally().events;
    let counts = COUNTS.each_ref().map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
    println!(
        "hosts: {seconds} s in {elapsed:?} ({:.1}x real time), {events} events at {:.0} ns, {counts:?} done and failed, {} MB, digest {:032x}",
        seconds as f64 / elapsed.as_secs_f64(),
        elapsed.as_nanos() as f64 / events as f64,
        resident_bytes() >> 20,
        fabric.digest().unwrap(),
    );
}
