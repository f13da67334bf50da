use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, Record, RecordType};
use ironloom_core::{Duration, Rng, Seed};
use parking_lot::Mutex;

use super::{AuthorityService, Client, ClientConfig, DeskConfig, LookupError, ResolverService};
use crate::dns::framing::{Framing, framed};
use crate::dns::lan::Lan;
use crate::dns::{
    Authority, AuthorityConfig, Registry, Resolver, ResolverConfig, Upstream, View, Zone, ZoneText,
};
use crate::{Host, Readiness, Service, SocketId};

const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn registry(zones: &[(&str, &str)]) -> Registry {
    let mut authority = Authority::new(AuthorityConfig::default());
    for (origin, text) in zones {
        let text = format!("$TTL 300\n@ SOA ns host 1 2 3 4 60\n{text}");
        authority.add(Zone::parse(&name(origin), text, &ZoneText::default()).unwrap()).unwrap();
    }
    Registry::new(authority)
}

fn lan_zone() -> Registry {
    let large: String = (0..60).map(|n| format!("large TXT \"{n:0>60}\"\n")).collect();
    registry(&[("lan.", &format!("@ NS ns\nns A 10.0.0.1\nwww CNAME web\nweb A 10.0.0.80\n{large}"))])
}

/// A program that looks names up.
struct Asks {
    client: Client,
    found: Vec<Result<Vec<Record>, LookupError>>,
}

impl Asks {
    fn new(server: &str, seed: u64) -> Self {
        let config = ClientConfig::new(vec![SocketAddr::new(server.parse().unwrap(), 53)]);
        Self { client: Client::new(config, Rng::new(Seed::new(seed))), found: Vec::new() }
    }

    fn collect(&mut self) {
        while let Some((_, found)) = self.client.next_answer() {
            self.found.push(found);
        }
    }
}

impl Service for Asks {
    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        assert!(self.client.ready(host, socket, readiness) || readiness == Readiness::OVER);
        self.collect();
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        assert!(self.client.timer(host, token));
        self.collect();
    }
}

/// Looks a name up from a machine and waits for the answer.
fn ask(
    lan: &mut Lan,
    machine: usize,
    asks: &Arc<Mutex<Asks>>,
    asked: &str,
    kind: RecordType,
) -> Result<Vec<String>, LookupError> {
    lan.host(machine, |host| {
        let mut asks = asks.lock();
        asks.client.look_up(host, &name(asked), kind);
        asks.collect();
    });
    for _ in 0..30 {
        if !asks.lock().found.is_empty() {
            break;
        }
        lan.run(SECOND);
    }
    let found = asks.lock().found.pop().expect("there is an answer within its time");
    found.map(|records| records.iter().map(|record| record.data.to_string()).collect())
}

#[test]
fn a_machine_looks_names_up() {
    let registry = lan_zone();
    let mut lan = Lan::new(1);
    let server = lan.add("10.0.0.1/24", AuthorityService::new(registry.clone(), DeskConfig::default()));
    let asks = lan.add("10.0.0.2/24", Asks::new("10.0.0.1", 1));
    assert_eq!(ask(&mut lan, 1, &asks, "www.lan.", RecordType::A).unwrap(), ["web.lan.", "10.0.0.80"]);
    assert_eq!(ask(&mut lan, 1, &asks, "web.lan.", RecordType::MX).unwrap(), [""; 0]);
    let nobody = ask(&mut lan, 1, &asks, "db.lan.", RecordType::A);
    assert_eq!(nobody, Err(LookupError::NoName { name: name("db.lan.") }));
    assert!(matches!(ask(&mut lan, 1, &asks, "db.wan.", RecordType::A), Err(LookupError::Failed { .. })));
    assert_eq!(server.lock().counters().1.connections, 0);
    // What does not fit into a datagram comes over TCP.
    assert_eq!(ask(&mut lan, 1, &asks, "large.lan.", RecordType::TXT).unwrap().len(), 60);
    assert_eq!(server.lock().counters().1.connections, 1);
    // What is known is known at once.
    let frames = lan.frames;
    assert_eq!(ask(&mut lan, 1, &asks, "www.lan.", RecordType::A).unwrap().len(), 2);
    assert_eq!(lan.frames, frames);
    // A machine that comes while everything runs is known as soon as nobody remembers that it was not there.
    registry.register(&name("db.lan."), &["10.0.0.81".parse().unwrap()], 60).unwrap();
    lan.run(Duration::from_secs(60));
    assert_eq!(ask(&mut lan, 1, &asks, "db.lan.", RecordType::A).unwrap(), ["10.0.0.81"]);
    lan.run(Duration::from_secs(30));
    lan.host(1, |host| assert_eq!(host.stack().sockets(), 0));
    lan.host(0, |host| assert_eq!(host.stack().sockets(), 2));
}

/// A root, a domain and its subdomain on machines of their own, a resolver, and those who ask it.
fn internet(lan: &mut Lan) -> Arc<Mutex<ResolverService>> {
    let service = |zones: &[(&str, &str)]| AuthorityService::new(registry(zones), DeskConfig::default());
    lan.add("10.0.0.1/24", service(&[(".", "org NS a.org.\na.org A 10.0.0.2")]));
    lan.add("10.0.0.2/24", service(&[("org.", "example NS ns.example\nns.example A 10.0.0.3")]));
    let large: String = (0..60).map(|n| format!("large TXT \"{n:0>60}\"\n")).collect();
    lan.add("10.0.0.3/24", service(&[("example.org.", &format!("* A 10.0.0.80\n{large}"))]));
    let upstream = Upstream::Recurse { roots: vec![(name("a.root."), IpAddr::from([10, 0, 0, 1]))] };
    let view = View { upstream, ..View::default() };
    let resolver = Resolver::new(ResolverConfig::default(), vec![view], Rng::new(Seed::new(9)));
    lan.add("10.0.0.4/24", ResolverService::new(resolver, DeskConfig::default()))
}

#[test]
fn a_resolver_asks_for_others() {
    let mut lan = Lan::new(2);
    let resolver = internet(&mut lan);
    let (left, right) =
        (lan.add("10.0.0.5/24", Asks::new("10.0.0.4", 1)), lan.add("10.0.0.6/24", Asks::new("10.0.0.4", 2)));
    assert_eq!(ask(&mut lan, 4, &left, "www.example.org.", RecordType::A).unwrap(), ["10.0.0.80"]);
    assert_eq!(resolver.lock().resolver().counters().asked, 3);
    assert_eq!(ask(&mut lan, 5, &right, "www.example.org.", RecordType::A).unwrap(), ["10.0.0.80"]);
    assert_eq!(ask(&mut lan, 5, &right, "large.example.org.", RecordType::TXT).unwrap().len(), 60);
    // Once over UDP, and over TCP again.
    assert_eq!(resolver.lock().resolver().counters().asked, 5);
    // Whoever closes a connection first keeps its ports for a minute, in case something of it comes late.
    lan.host(3, |host| assert_eq!(host.stack().sockets(), 3));
    lan.run(Duration::from_secs(60));
    lan.host(3, |host| assert_eq!(host.stack().sockets(), 2));
}

#[test]
fn names_are_found_though_frames_are_lost() {
    for seed in 0..10 {
        let mut lan = Lan::new(seed);
        internet(&mut lan);
        let asks = lan.add("10.0.0.5/24", Asks::new("10.0.0.4", seed));
        lan.loss = 100;
        for number in 0..5 {
            let found = ask(&mut lan, 4, &asks, &format!("x{number}.example.org."), RecordType::A);
            assert_eq!(found.unwrap(), ["10.0.0.80"], "seed {seed}");
        }
        let found = ask(&mut lan, 4, &asks, "large.example.org.", RecordType::TXT);
        assert_eq!(found.unwrap().len(), 60, "seed {seed}");
    }
}

#[test]
fn where_there_is_no_server_the_failure_is_told() {
    let mut lan = Lan::new(3);
    let quiet = lan.add("10.0.0.1/24", Asks::new("10.0.0.9", 1));
    // A machine without a server says so; where there is no machine, it takes as long as it may.
    let asks = lan.add("10.0.0.2/24", Asks::new("10.0.0.1", 2));
    let begin = lan.now;
    assert!(matches!(ask(&mut lan, 1, &asks, "www.lan.", RecordType::A), Err(LookupError::Failed { .. })));
    assert!(lan.now.saturating_since(begin) <= SECOND);
    assert!(matches!(ask(&mut lan, 0, &quiet, "www.lan.", RecordType::A), Err(LookupError::Failed { .. })));
    lan.run(Duration::from_secs(30));
    lan.host(0, |host| assert_eq!(host.stack().sockets(), 0));
}

#[test]
fn the_same_seed_sends_the_same_frames() {
    let run = || {
        let mut lan = Lan::new(4);
        internet(&mut lan);
        lan.loss = 200;
        let asks = lan.add("10.0.0.5/24", Asks::new("10.0.0.4", 4));
        let found = ask(&mut lan, 4, &asks, "www.example.org.", RecordType::A);
        (found, lan.frames, lan.now)
    };
    assert_eq!(run(), run());
}

/// A program that sends bytes over TCP and keeps what comes back.
struct Speaks {
    bytes: Vec<u8>,
    sent: usize,
    is_finishing: bool,
    heard: Framing,
    messages: Vec<Message>,
    is_over: bool,
    /// Whether it listens to what comes back.
    is_deaf: bool,
}

impl Speaks {
    fn new(bytes: Vec<u8>, is_finishing: bool) -> Self {
        let heard = Framing::new(65_535);
        Self { bytes, sent: 0, is_finishing, heard, messages: Vec::new(), is_over: false, is_deaf: false }
    }
}

impl Service for Speaks {
    fn start(&mut self, host: &mut Host<'_>) {
        host.connect("10.0.0.1:53".parse().unwrap()).unwrap();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        self.is_over |= readiness.contains(Readiness::OVER);
        if let Ok(sent) = host.send(socket, &self.bytes[self.sent..]) {
            self.sent += sent;
            if self.sent == self.bytes.len() && self.is_finishing {
                host.finish(socket);
            }
        }
        while !self.is_deaf
            && let Ok(Some(payload)) = host.receive_payload(socket, 1_000)
        {
            if payload.is_empty() {
                self.is_over = true;
                host.close(socket);
                return;
            }
            self.heard.push(&payload.to_bytes());
            while let Some(message) = self.heard.next_message().unwrap() {
                self.messages.push(Message::from_vec(&message).unwrap());
            }
        }
    }
}

fn questions(count: u16, asked: &str, kind: RecordType) -> Vec<u8> {
    let one = |id| {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(name(asked), kind));
        framed(&message.to_vec().unwrap()).unwrap()
    };
    (0..count).flat_map(one).collect()
}

#[test]
fn a_connection_carries_many_questions() {
    let mut lan = Lan::new(5);
    let server = lan.add("10.0.0.1/24", AuthorityService::new(lan_zone(), DeskConfig::default()));
    let speaks = lan.add("10.0.0.2/24", Speaks::new(questions(200, "large.lan.", RecordType::TXT), true));
    lan.run(SECOND);
    let speaks = speaks.lock();
    let ids: Vec<u16> = speaks.messages.iter().map(|message| message.metadata.id).collect();
    assert_eq!(ids, (0..200).collect::<Vec<u16>>());
    assert!(speaks.is_over && speaks.messages.iter().all(|message| message.answers.len() == 60));
    assert_eq!(server.lock().counters().0.answered, 200);
}

/// Who asks and does not listen has to wait; it costs no more than its limits, and nobody else notices.
#[test]
fn who_does_not_listen_is_not_answered_without_end() {
    let mut lan = Lan::new(6);
    let server = lan.add("10.0.0.1/24", AuthorityService::new(lan_zone(), DeskConfig::default()));
    let mut deaf = Speaks::new(questions(20_000, "large.lan.", RecordType::TXT), false);
    deaf.is_deaf = true;
    lan.add("10.0.0.2/24", deaf);
    lan.run(Duration::from_secs(5));
    let answered = server.lock().counters().0.answered;
    assert!(answered < 2_000, "{answered}");
    let asks = lan.add("10.0.0.3/24", Asks::new("10.0.0.1", 1));
    assert_eq!(ask(&mut lan, 2, &asks, "web.lan.", RecordType::A).unwrap(), ["10.0.0.80"]);
    lan.run(Duration::from_secs(30));
    assert_eq!(server.lock().counters().1.connections_idle, 1);
    lan.run(Duration::from_secs(600));
    lan.host(0, |host| assert_eq!((host.stack().sockets(), host.stack().buffered_bytes()), (2, 0)));
}

#[test]
fn connections_are_bounded_in_number_and_time() {
    let mut lan = Lan::new(7);
    let config = DeskConfig { connections_max: 3, ..DeskConfig::default() };
    let server = lan.add("10.0.0.1/24", AuthorityService::new(lan_zone(), config));
    let all: Vec<_> = (2..8)
        .map(|number| lan.add(&format!("10.0.0.{number}/24"), Speaks::new(Vec::new(), false)))
        .collect();
    lan.run(SECOND);
    assert_eq!(server.lock().counters().1.connections_refused, 3);
    assert_eq!(all.iter().filter(|speaks| speaks.lock().is_over).count(), 3);
    lan.run(Duration::from_secs(20));
    assert_eq!(server.lock().counters().1.connections_idle, 3);
    assert!(all.iter().all(|speaks| speaks.lock().is_over));
}

#[test]
fn who_says_nonsense_is_broken_off() {
    let mut lan = Lan::new(8);
    let server = lan.add("10.0.0.1/24", AuthorityService::new(lan_zone(), DeskConfig::default()));
    // A message that is too long; one that is an answer; and one that is too short.
    let mut answer = questions(1, "web.lan.", RecordType::A);
    answer[4] |= 0x80;
    let all: Vec<_> = [vec![255, 255, 1], answer, vec![0, 1, 7]]
        .into_iter()
        .zip(2..)
        .map(|(bytes, number)| lan.add(&format!("10.0.0.{number}/24"), Speaks::new(bytes, false)))
        .collect();
    lan.run(SECOND);
    assert!(all.iter().all(|speaks| speaks.lock().is_over && speaks.lock().messages.is_empty()));
    assert_eq!(server.lock().counters().1.connections_broken, 3);
}
