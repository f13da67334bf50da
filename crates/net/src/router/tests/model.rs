//! Translation and tracking against the simplest thing that could do the same.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::world::*;
use crate::frame::{Body, Icmp, Transport};
use crate::neighbours;
use crate::router::nat::SourceRule;
use crate::router::{Config, Reason, Router, conntrack};
use crate::{Frame, Mac, Node, Outbox, Packet};

const OUTSIDE: &str = "203.0.113.1";
const FIRST_PORT: u16 = 6_000;
const LAST_PORT: u16 = 6_004;
const FLOWS_MAX: usize = 12;
const SOURCE_FLOWS_MAX: usize = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Udp,
    Echo,
}

type End = (&'static str, u16);

/// A conversation, and how it is translated.
#[derive(Debug, Clone)]
struct Known {
    kind: Kind,
    inside: End,
    remote: End,
    /// Behind which port the inside hides.
    port: u16,
    is_replied: bool,
    /// How many packets were before its last.
    used: u64,
    deadline: Instant,
}

/// A list of conversations that is searched from front to back.
#[derive(Default)]
struct Model {
    flows: Vec<Known>,
    packets: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// It hides behind this port.
    Hidden(u16),
    /// It hides behind any port but these.
    HiddenAnew(BTreeSet<u16>),
    Returned(End),
    Dropped(Reason),
}

impl Model {
    fn forget(&mut self, now: Instant) {
        self.flows.retain(|flow| flow.deadline > now);
    }

    fn use_again(&mut self, now: Instant, at: usize) {
        self.packets += 1;
        let flow = &mut self.flows[at];
        let seconds = if flow.kind == Kind::Udp && flow.is_replied { 120 } else { 30 };
        flow.used = self.packets;
        flow.deadline = now.saturating_add(Duration::from_secs(seconds));
    }

    fn leave(&mut self, now: Instant, kind: Kind, inside: End, remote: End) -> Expected {
        self.forget(now);
        let mut flows = self.flows.iter();
        if let Some(at) =
            flows.position(|flow| (flow.kind, flow.inside, flow.remote) == (kind, inside, remote))
        {
            self.use_again(now, at);
            return Expected::Hidden(self.flows[at].port);
        }
        if self.flows.iter().filter(|flow| flow.inside.0 == inside.0).count() >= SOURCE_FLOWS_MAX {
            return Expected::Dropped(Reason::SourceFull);
        }
        let same = self.flows.iter().filter(|flow| (flow.kind, flow.remote) == (kind, remote));
        let taken: BTreeSet<u16> = same.map(|flow| flow.port).collect();
        if taken.len() == usize::from(LAST_PORT - FIRST_PORT) + 1 {
            return Expected::Dropped(Reason::PortsExhausted);
        }
        if self.flows.len() == FLOWS_MAX {
            let idle = self.flows.iter().enumerate();
            let idle = idle.filter(|(_, flow)| flow.kind == Kind::Echo || !flow.is_replied);
            let Some((oldest, _)) = idle.min_by_key(|(_, flow)| flow.used) else {
                return Expected::Dropped(Reason::FlowsFull);
            };
            self.flows.remove(oldest);
        }
        Expected::HiddenAnew(taken)
    }

    fn enter(&mut self, now: Instant, kind: Kind, inside: End, remote: End, port: u16) {
        let flow = Known { kind, inside, remote, port, is_replied: false, used: 0, deadline: now };
        self.flows.push(flow);
        self.use_again(now, self.flows.len() - 1);
    }

    fn arrive(&mut self, now: Instant, kind: Kind, remote: End, port: u16) -> Expected {
        self.forget(now);
        let found =
            self.flows.iter().position(|flow| (flow.kind, flow.remote, flow.port) == (kind, remote, port));
        let Some(at) = found else {
            let reason = if kind == Kind::Udp { Reason::NotWanted } else { Reason::Invalid };
            return Expected::Dropped(reason);
        };
        self.flows[at].is_replied = true;
        self.use_again(now, at);
        Expected::Returned(self.flows[at].inside)
    }

    /// What the router should say that it knows.
    fn records(&self) -> BTreeSet<(u8, SocketAddr, SocketAddr, SocketAddr, bool, Instant)> {
        let end = |(address, port): End| SocketAddr::new(ip(address), port);
        let record = |flow: &Known| {
            let protocol = if flow.kind == Kind::Udp { 17 } else { 1 };
            let hidden = end((OUTSIDE, flow.port));
            (protocol, end(flow.inside), end(flow.remote), hidden, flow.is_replied, flow.deadline)
        };
        self.flows.iter().map(record).collect()
    }
}

fn router() -> Router {
    let day = Duration::from_secs(1_000_000);
    let config = Config {
        conntrack: conntrack::Config {
            flows_max: FLOWS_MAX as u32,
            flows_per_source_max: SOURCE_FLOWS_MAX as u32,
            ..conntrack::Config::default()
        },
        neighbours: neighbours::Config { fresh_for: day, usable_for: day, ..neighbours::Config::default() },
        ..Config::default()
    };
    let mut world = World::default();
    world.router(config, &["192.168.0.1/24", "203.0.113.1/24"]);
    let mut router = world.routers.remove(0);
    let inside = SourceRule::masquerade(net("192.168.0.0/24"), port(1));
    let rule = SourceRule { ports: FIRST_PORT..=LAST_PORT, ..inside };
    router.nat_mut().add_source(rule).unwrap();
    let mut out = Outbox::new();
    for (number, address) in [(0, "192.168.0.2"), (0, "192.168.0.3"), (1, "203.0.113.8"), (1, "203.0.113.9")]
    {
        router.set_neighbour(Instant::ZERO, port(number), ip(address), Mac::local(8), &mut out);
    }
    router
}

/// What came out, or why nothing did.
fn pass(router: &mut Router, now: Instant, number: u16, packet: Packet) -> Result<Packet, Reason> {
    let before = router.drops();
    let mut out = Outbox::new();
    let frame = Frame { source: Mac::local(8), target: card(0, number), body: Body::Ip(packet) };
    router.handle(now, port(number), frame, &mut out);
    let after = router.drops();
    let dropped = Reason::ALL.into_iter().find(|reason| after.of(*reason) > before.of(*reason));
    match (out.next_frame(), dropped) {
        (_, Some(reason)) => Err(reason),
        (Some((through, Frame { body: Body::Ip(packet), .. })), None) => {
            assert_eq!(through, port(1 - number));
            Ok(packet)
        }
        other => panic!("{other:?} is neither a packet nor a drop"),
    }
}

fn question(kind: Kind, inside: End, remote: End) -> Packet {
    match kind {
        Kind::Udp => udp(inside, remote, b"12345678"),
        Kind::Echo => ping(inside.0, remote.0, inside.1),
    }
}

fn reply(kind: Kind, remote: End, port: u16) -> Packet {
    match kind {
        Kind::Udp => udp(remote, (OUTSIDE, port), b"12345678"),
        Kind::Echo => answer(&ping(OUTSIDE, remote.0, port)),
    }
}

/// One packet through both; the router must do what the list does.
fn step(router: &mut Router, model: &mut Model, rng: &mut Rng, now: Instant) {
    let kind = if rng.below(3) == 0 { Kind::Echo } else { Kind::Udp };
    let remote_port = if kind == Kind::Udp { 50 + rng.below(2) as u16 } else { 0 };
    let remote = (["203.0.113.8", "203.0.113.9"][rng.below(2) as usize], remote_port);
    if rng.below(3) > 0 {
        let inside = (["192.168.0.2", "192.168.0.3"][rng.below(2) as usize], 5 + rng.below(4) as u16);
        let expected = model.leave(now, kind, inside, remote);
        let passed = pass(router, now, 0, question(kind, inside, remote));
        let hidden = passed.map(|packet| {
            assert_eq!((packet.source, packet.target), (ip(OUTSIDE), ip(remote.0)));
            ports(&packet).0
        });
        match expected {
            Expected::Hidden(port) => assert_eq!(hidden, Ok(port)),
            Expected::HiddenAnew(taken) => {
                let port = hidden.expect("a port is left");
                assert!((FIRST_PORT..=LAST_PORT).contains(&port) && !taken.contains(&port));
                model.enter(now, kind, inside, remote, port);
            }
            Expected::Dropped(reason) => assert_eq!(hidden, Err(reason)),
            Expected::Returned(_) => unreachable!("it goes out"),
        }
    } else {
        let port = FIRST_PORT + rng.below(7) as u16;
        let expected = model.arrive(now, kind, remote, port);
        let passed = pass(router, now, 1, reply(kind, remote, port));
        match expected {
            Expected::Returned(inside) => {
                let packet = passed.expect("it answers somebody");
                assert_eq!((packet.source, packet.target), (ip(remote.0), ip(inside.0)));
                assert_eq!(ports(&packet).1, inside.1);
                let is_echo = matches!(packet.transport, Transport::Icmp(Icmp::EchoReply(_)));
                assert_eq!(is_echo, kind == Kind::Echo);
            }
            Expected::Dropped(reason) => assert_eq!(passed, Err(reason)),
            other => unreachable!("{other:?} does not come in"),
        }
    }
}

#[test]
fn translation_and_tracking_do_what_a_list_does() {
    for number in 0..10_000 {
        let seed = Seed::new(number);
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let (mut router, mut model, mut now) = (router(), Model::default(), Instant::ZERO);
        let pace = [1, 1_000, 5_000, 40_000][rng.below(4) as usize];
        // A few for long, and many for as long as it takes to fill the table.
        for _ in 0..if number < 200 { 300 } else { 30 } {
            now = now.saturating_add(Duration::from_millis(rng.below(pace)));
            if rng.below(2) == 0 {
                router.expire(now, &mut Outbox::new());
            }
            step(&mut router, &mut model, &mut rng, now);
            router.expire(now, &mut Outbox::new());
            model.forget(now);
            let records = router.flows().into_iter().map(|flow| {
                let (protocol, (source, target)) = (flow.protocol, flow.original);
                assert_eq!(flow.reply.0, target);
                (protocol, source, target, flow.reply.1, flow.is_replied, flow.deadline)
            });
            assert_eq!(records.collect::<BTreeSet<_>>(), model.records());
            assert_eq!(router.flows_len(), model.flows.len());
            let soonest = model.flows.iter().map(|flow| flow.deadline).min();
            assert!(soonest.is_none_or(|soonest| router.next_event().is_some_and(|due| due <= soonest)));
        }
    }
}
