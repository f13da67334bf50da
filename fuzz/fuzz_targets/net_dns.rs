//! Whatever clients and servers of DNS say, an authority and a resolver answer within their limits.
//!
//! The first byte says which of them hears the rest, and over what.
//!
//! `cargo +nightly fuzz run net_dns`

#![no_main]

use ironloom_core::{Instant, Rng, Seed};
use ironloom_net::dns::wire_format::{Message, MessageType, OpCode, Query, RecordType};
use ironloom_net::dns::{
    AskId, Asker, Authority, AuthorityConfig, AuthorityCounters, Framing, Name, Resolver, ResolverConfig,
    ResolverOutput, Transport, Upstream, View, Zone, ZoneText,
};
use libfuzzer_sys::fuzz_target;

const ZONE: &str = "
$TTL 300
@       SOA ns host 1 2 3 4 5
        NS ns
        MX 1 mail
ns      A 10.0.0.1
mail    AAAA ::1
*.w     TXT \"wild\"
a       CNAME b
b       CNAME a
c       CNAME x.w
sub     NS ns.sub
ns.sub  A 10.0.0.2
_x._tcp SRV 1 2 3 mail
";

/// How many bytes of the input each server says.
const REPLY_BYTES: usize = 120;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let transport = if first & 1 == 0 { Transport::Udp } else { Transport::Tcp };
    match first >> 1 & 3 {
        0 => authority(rest, transport),
        1 => framing(rest, usize::from(first >> 3) + 1),
        2 => resolver(rest, transport, first & 8 != 0),
        _ => {
            let asker = Asker { address: "10.0.0.9:9".parse().unwrap(), transport, token: 0 };
            let mut resolver = new_resolver(false);
            let mut out = Vec::new();
            resolver.handle_question(Instant::ZERO, rest, asker, &mut out);
            assert!(out.len() <= 1);
        }
    }
});

fn authority(message: &[u8], transport: Transport) {
    let mut authority = Authority::new(AuthorityConfig::default());
    let origin = Name::from_ascii("lan.").unwrap();
    authority.add(Zone::parse(&origin, ZONE, &ZoneText::default()).unwrap()).unwrap();
    let mut counters = AuthorityCounters::default();
    if let Some(reply) = authority.answer(message, transport, &mut counters) {
        let max = if transport == Transport::Udp { 1_232 } else { 65_535 };
        assert!(reply.len() <= max);
        let read = Message::from_vec(&reply).unwrap();
        assert_eq!(read.metadata.message_type, MessageType::Response);
    }
}

fn framing(stream: &[u8], cut: usize) {
    let mut framing = Framing::new(512);
    let (mut bytes, mut is_broken) = (0, false);
    for piece in stream.chunks(cut) {
        framing.push(piece);
        while !is_broken {
            match framing.next_message() {
                Ok(Some(message)) => bytes += message.len() + 2,
                Ok(None) => break,
                Err(_) => is_broken = true,
            }
        }
    }
    assert!(bytes <= stream.len());
}

fn new_resolver(is_forwarding: bool) -> Resolver {
    let upstream = if is_forwarding {
        Upstream::Forward { servers: vec!["192.0.2.1:53".parse().unwrap()] }
    } else {
        Upstream::Recurse { roots: vec![(Name::from_ascii("a.").unwrap(), "192.0.2.1".parse().unwrap())] }
    };
    let view = View { upstream, ..View::default() };
    Resolver::new(ResolverConfig::default(), vec![view], Rng::new(Seed::new(1)))
}

/// Every server that is asked replies to the question, with flags, counts and records from the input.
fn resolver(mut replies: &[u8], transport: Transport, is_forwarding: bool) {
    let mut resolver = new_resolver(is_forwarding);
    let mut now = Instant::ZERO;
    for kind in [RecordType::A, RecordType::CNAME, RecordType::A] {
        let mut question = Message::new(1, MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(Name::from_ascii("www.a.b.").unwrap(), kind));
        let asker = Asker { address: "10.0.0.9:9".parse().unwrap(), transport, token: 0 };
        let mut out = Vec::new();
        resolver.handle_question(now, &question.to_vec().unwrap(), asker, &mut out);
        let (mut asked, mut answered) = (0, 0);
        while answered == 0 {
            let mut next = Vec::new();
            for output in out.drain(..) {
                match output {
                    ResolverOutput::Answer { message, .. } => {
                        answered += 1;
                        Message::from_vec(&message).unwrap();
                    }
                    ResolverOutput::Ask { ask, server, message, .. } => {
                        asked += 1;
                        let reply = reply(&mut replies, &message);
                        hear(&mut resolver, now, ask, server, &reply, &mut next);
                    }
                    ResolverOutput::Forget { .. } => {}
                }
            }
            if next.is_empty() && answered == 0 {
                now = resolver.next_event().expect("somebody is waited for");
                resolver.expire(now, &mut next);
            }
            out = next;
        }
        assert!(asked <= ResolverConfig::default().asks_per_job_max && answered == 1 && resolver.jobs() == 0);
    }
}

fn hear(
    resolver: &mut Resolver,
    now: Instant,
    ask: AskId,
    server: std::net::SocketAddr,
    reply: &[u8],
    out: &mut Vec<ResolverOutput>,
) {
    resolver.handle_reply(now, ask, server, reply, out);
}

fn reply(replies: &mut &[u8], question: &[u8]) -> Vec<u8> {
    let (mine, rest) = replies.split_at(replies.len().min(REPLY_BYTES));
    *replies = rest;
    let [flags, code, answers, authorities, additionals, records @ ..] = mine else {
        return Vec::new();
    };
    let mut reply = question.to_vec();
    // The OPT record at the end of the question goes.
    reply.truncate(question.len() - 11);
    reply[2] = 0x80 | flags & 0x07;
    reply[3] = *code;
    for (place, count) in [(6, answers), (8, authorities), (10, additionals)] {
        reply[place] = 0;
        reply[place + 1] = *count % 8;
    }
    reply.extend(records);
    reply
}
