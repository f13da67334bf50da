//! A small internet of authorities for the tests of the resolver.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use ironloom_core::{Duration, Instant, Rng, Seed};

use crate::dns::{
    AskId, Asker, Authority, AuthorityConfig, AuthorityCounters, Resolver, ResolverConfig, ResolverOutput,
    Transport, Upstream, View, Zone, ZoneText,
};

/// What answers at an address.
pub(super) type Server = Box<dyn FnMut(&Message, Transport) -> Vec<Message>>;

/// Servers, a resolver, and what travels between them in no time.
pub(super) struct World {
    pub(super) resolver: Resolver,
    pub(super) now: Instant,
    servers: BTreeMap<IpAddr, Server>,
    silent: BTreeSet<IpAddr>,
    puzzled: BTreeSet<IpAddr>,
    asked: Vec<String>,
    /// All questions to servers, as they were sent.
    pub(super) messages: Vec<Vec<u8>>,
    /// Questions on their way.
    pub(super) pending: VecDeque<(AskId, SocketAddr, Transport, Vec<u8>)>,
    answers: Vec<(Asker, Message)>,
}

pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// A zone with a plain beginning.
pub(super) fn zone(origin: &str, text: &str) -> Zone {
    let text = format!("$TTL 300\n@ SOA ns host 1 2 3 4 60\n{text}");
    Zone::parse(&name(origin), text, &ZoneText::default()).unwrap()
}

pub(super) fn question(asked: &str, kind: RecordType) -> Message {
    let mut message = Message::new(99, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(asked), kind));
    message
}

pub(super) fn shown(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.record_type(), record.data)).collect()
}

pub(super) fn addresses(reply: &Message) -> Vec<String> {
    reply
        .answers
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .map(|address| address.to_string())
        .collect()
}

/// A server that answers from zones.
pub(super) fn serving(zones: Vec<Zone>) -> Server {
    let mut authority = Authority::new(AuthorityConfig::default());
    zones.into_iter().for_each(|zone| authority.add(zone).unwrap());
    Box::new(move |message, transport| {
        let bytes = message.to_vec().unwrap();
        let reply = authority.answer(&bytes, transport, &mut AuthorityCounters::default());
        reply.iter().map(|reply| Message::from_vec(reply).unwrap()).collect()
    })
}

/// A reply without records.
pub(super) fn reply_to(message: &Message) -> Message {
    let mut reply = Message::response(message.metadata.id, OpCode::Query);
    reply.queries.clone_from(&message.queries);
    reply
}

/// A record as a line of a zone's text.
pub(super) fn record(text: &str) -> Record {
    let zone = zone(".", text);
    zone.iter().nth(1).unwrap()
}

impl World {
    pub(super) fn with(config: ResolverConfig, views: Vec<View>) -> Self {
        let large: String = (0..60).map(|n| format!("large TXT \"{n:0>60}\"\n")).collect();
        let example_org = format!(
            "@ NS ns\nns A 192.0.2.53\nwww A 93.184.216.34\nmail A 93.184.216.35\nshop CNAME www.example.net.\n\
             dead CNAME nobody\nns1 A 203.0.113.53\n{large}"
        );
        let root = "org. NS a.org.\na.org. A 199.19.56.1\nnet. NS a.net.\na.net. A 192.5.6.30";
        let org = "example NS ns.example\nns.example A 192.0.2.53\n\
                   two NS ns1.two\ntwo NS ns2.two\nns1.two A 192.0.2.61\nns2.two A 192.0.2.62";
        let two = || serving(vec![zone("two.org.", "@ NS ns1\n@ NS ns2\n* A 192.0.2.70")]);
        let mut world = Self {
            resolver: Resolver::new(config, views, Rng::new(Seed::new(7))),
            now: Instant::ZERO,
            servers: BTreeMap::new(),
            silent: BTreeSet::new(),
            puzzled: BTreeSet::new(),
            asked: Vec::new(),
            messages: Vec::new(),
            pending: VecDeque::new(),
            answers: Vec::new(),
        };
        world.place("198.41.0.4", serving(vec![zone(".", root)]));
        world.place("199.19.56.1", serving(vec![zone("org.", org)]));
        world.place("192.5.6.30", serving(vec![zone("net.", "example NS ns1.example.org.")]));
        world.place("192.0.2.53", serving(vec![zone("example.org.", &example_org)]));
        world
            .place("203.0.113.53", serving(vec![zone("example.net.", "www CNAME edge\nedge A 203.0.113.7")]));
        world.place("192.0.2.61", two());
        world.place("192.0.2.62", two());
        world.place("10.9.9.9", serving(vec![zone("corp.example.", "host A 10.9.0.1")]));
        world.place(
            "9.9.9.9",
            serving(vec![zone(".", "*.else CNAME alias.of.it.\nalias.of.it A 192.0.2.99")]),
        );
        world
    }

    pub(super) fn internet() -> Self {
        Self::with(ResolverConfig::default(), vec![Self::view()])
    }

    /// Everybody's view, from the root.
    pub(super) fn view() -> View {
        let roots = vec![(name("a.root."), "198.41.0.4".parse().unwrap())];
        View { upstream: Upstream::Recurse { roots }, ..View::default() }
    }

    pub(super) fn place(&mut self, address: &str, server: Server) {
        self.servers.insert(address.parse().unwrap(), server);
    }

    pub(super) fn silence(&mut self, address: &str) {
        self.silent.insert(address.parse().unwrap());
    }

    pub(super) fn speak(&mut self, address: &str) {
        self.silent.remove(&address.parse().unwrap());
    }

    /// Has a server not understand EDNS.
    pub(super) fn puzzle(&mut self, address: &str) {
        self.puzzled.insert(address.parse().unwrap());
    }

    pub(super) fn now_millis(&self) -> u64 {
        self.now.saturating_since(Instant::ZERO).as_millis()
    }

    pub(super) fn wait_millis(&mut self, millis: u64) {
        self.now = self.now.saturating_add(Duration::from_millis(millis));
    }

    /// The servers that were asked since this was last called.
    pub(super) fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    pub(super) fn answers(&mut self) -> Vec<(Asker, Message)> {
        std::mem::take(&mut self.answers)
    }

    pub(super) fn ask(&mut self, asked: &str, kind: RecordType) -> Message {
        self.ask_over(asked, kind, Transport::Udp)
    }

    pub(super) fn ask_over(&mut self, asked: &str, kind: RecordType, transport: Transport) -> Message {
        self.begin(asked, kind, "10.0.0.1:4000", transport);
        self.run();
        let [(_, reply)] = <[_; 1]>::try_from(self.answers()).expect("one answer");
        assert_eq!(self.resolver.jobs(), 0);
        reply
    }

    pub(super) fn begin(&mut self, asked: &str, kind: RecordType, client: &str, transport: Transport) {
        self.begin_message(&question(asked, kind), client, transport);
    }

    pub(super) fn begin_message(&mut self, message: &Message, client: &str, transport: Transport) {
        let asker = Asker { address: client.parse().unwrap(), transport, token: 5 };
        let mut out = Vec::new();
        self.resolver.handle_question(self.now, &message.to_vec().unwrap(), asker, &mut out);
        self.take(out);
    }

    /// Delivers everything and lets time pass until nothing is left to be done.
    pub(super) fn run(&mut self) {
        for _ in 0..100_000 {
            if let Some((ask, server, transport, message)) = self.pending.pop_front() {
                self.deliver(ask, server, transport, &message);
            } else if let Some(next) = self.resolver.next_event() {
                self.now = self.now.max(next);
                let mut out = Vec::new();
                self.resolver.expire(self.now, &mut out);
                self.take(out);
            } else {
                return;
            }
        }
        panic!("there is no end to it");
    }

    fn deliver(&mut self, ask: AskId, server: SocketAddr, transport: Transport, message: &[u8]) {
        let address = server.ip();
        let suffix = if transport == Transport::Tcp { "/tcp" } else { "" };
        self.asked.push(format!("{address}{suffix}"));
        self.messages.push(message.to_vec());
        let message = Message::from_vec(message).unwrap();
        if self.silent.contains(&address) {
            return;
        }
        let replies = if self.puzzled.contains(&address) && message.edns.is_some() {
            let mut reply = reply_to(&message);
            reply.metadata.response_code = ResponseCode::FormErr;
            vec![reply]
        } else {
            self.servers.get_mut(&address).map(|answer| answer(&message, transport)).unwrap_or_default()
        };
        for reply in replies {
            self.reply(ask, server, &reply.to_vec().unwrap());
        }
    }

    pub(super) fn reply(&mut self, ask: AskId, from: SocketAddr, reply: &[u8]) {
        let mut out = Vec::new();
        self.resolver.handle_reply(self.now, ask, from, reply, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<ResolverOutput>) {
        for output in out {
            match output {
                ResolverOutput::Answer { asker, message } => {
                    assert_eq!(asker.token, 5);
                    self.answers.push((asker, Message::from_vec(&message).unwrap()));
                }
                ResolverOutput::Ask { ask, server, transport, message } => {
                    self.pending.push_back((ask, server, transport, message));
                }
                ResolverOutput::Forget { ask } => self.pending.retain(|(other, ..)| *other != ask),
            }
        }
    }
}
