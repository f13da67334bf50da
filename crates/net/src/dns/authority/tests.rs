use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::{
    Authority, AuthorityConfig, AuthorityCounters, AuthorityError, RegisterError, Registry, reverse_origin,
};
use crate::dns::{Transport, Zone, ZoneText};

const LAN: &str = "
$TTL 300
@        SOA ns hostmaster 7 2h 30m 2w 60
         NS ns
         MX 10 mail
ns       A 10.0.0.2
ns       AAAA fd00::2
mail     A 10.0.0.3
www      CNAME web
web      A 10.0.0.4
far      CNAME host.other.
out      CNAME host.example.org.
gone     CNAME nobody
loop1    CNAME loop2
loop2    CNAME loop1
*.dev    A 10.0.0.9
sub      NS ns.sub
sub      NS ns.example.org.
ns.sub   A 10.0.7.2
_x._tcp  SRV 0 0 80 web
big      TXT \"a\"
";

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn authority() -> Authority {
    let mut authority = Authority::new(AuthorityConfig::default());
    let mut lan = Zone::parse(&name("lan."), LAN, &ZoneText::default()).unwrap();
    for number in 0..60u8 {
        let text = format!("{number:0>40}");
        let data = RData::TXT(crate::dns::rdata::TXT::from_bytes(vec![text.as_bytes()]));
        lan.insert(&name("big.lan."), 300, data).unwrap();
    }
    authority.add(lan).unwrap();
    let other = "@ 300 SOA ns host 1 2 3 4 5\nhost A 10.2.0.1";
    authority.add(Zone::parse(&name("other."), other, &ZoneText::default()).unwrap()).unwrap();
    authority
}

fn question(asked: &str, kind: RecordType) -> Message {
    let mut message = Message::new(77, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(asked), kind));
    message
}

fn send(message: &Message, transport: Transport) -> (Message, usize) {
    let mut counters = AuthorityCounters::default();
    let bytes = authority().answer(&message.to_vec().unwrap(), transport, &mut counters).unwrap();
    (Message::from_vec(&bytes).unwrap(), bytes.len())
}

fn ask(asked: &str, kind: RecordType) -> Message {
    send(&question(asked, kind), Transport::Udp).0
}

fn shown(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.record_type(), record.data)).collect()
}

#[test]
fn answers_what_it_knows() {
    let reply = ask("Mail.LAN.", RecordType::A);
    assert_eq!((reply.id, reply.response_code), (77, ResponseCode::NoError));
    assert!(reply.authoritative && reply.recursion_desired && !reply.recursion_available);
    assert_eq!(shown(&reply.answers), ["Mail.LAN. A 10.0.0.3"]);
    // The question comes back letter by letter: some resolvers count on it.
    assert!(reply.queries[0].name().eq_case(&name("Mail.LAN.")));
    assert!(reply.answers[0].name.eq_case(&name("Mail.LAN.")));
    assert_eq!(reply.answers[0].ttl, 300);
}

#[test]
fn adds_the_addresses_that_will_be_asked_for_next() {
    let reply = ask("lan.", RecordType::MX);
    assert_eq!(shown(&reply.answers), ["lan. MX 10 mail.lan."]);
    assert_eq!(shown(&reply.additionals), ["mail.lan. A 10.0.0.3"]);
    let reply = ask("lan.", RecordType::NS);
    assert_eq!(shown(&reply.additionals), ["ns.lan. A 10.0.0.2", "ns.lan. AAAA fd00::2"]);
    let reply = ask("_x._tcp.lan.", RecordType::SRV);
    assert_eq!(shown(&reply.additionals), ["web.lan. A 10.0.0.4"]);
}

#[test]
fn follows_aliases_through_its_zones() {
    assert_eq!(
        shown(&ask("www.lan.", RecordType::A).answers),
        ["www.lan. CNAME web.lan.", "web.lan. A 10.0.0.4"]
    );
    let reply = ask("far.lan.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["far.lan. CNAME host.other.", "host.other. A 10.2.0.1"]);
    let reply = ask("out.lan.", RecordType::A);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 1));
    assert!(reply.authoritative);
    // The code is that of the last name (RFC 6604, section 3).
    let reply = ask("gone.lan.", RecordType::A);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NXDomain, 1));
    // A circle ends.
    let reply = ask("loop1.lan.", RecordType::A);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 17));
    assert_eq!(shown(&ask("www.lan.", RecordType::CNAME).answers), ["www.lan. CNAME web.lan."]);
}

#[test]
fn says_for_how_long_there_is_nothing() {
    let soa = "lan. SOA ns.lan. hostmaster.lan. 7 7200 1800 1209600 60";
    let reply = ask("nobody.lan.", RecordType::A);
    assert_eq!(reply.response_code, ResponseCode::NXDomain);
    assert!(reply.authoritative);
    assert_eq!(shown(&reply.authorities), [soa]);
    assert_eq!(reply.authorities[0].ttl, 60);
    let reply = ask("mail.lan.", RecordType::AAAA);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 0));
    assert_eq!(shown(&reply.authorities), [soa]);
    // A name that exists only because another is below it.
    assert_eq!(ask("_tcp.lan.", RecordType::A).response_code, ResponseCode::NoError);
}

#[test]
fn refers_to_others_with_their_addresses() {
    let reply = ask("host.SUB.lan.", RecordType::A);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 0));
    assert!(!reply.authoritative);
    assert_eq!(shown(&reply.authorities), ["sub.lan. NS ns.sub.lan.", "sub.lan. NS ns.example.org."]);
    assert_eq!(shown(&reply.additionals), ["ns.sub.lan. A 10.0.7.2"]);
}

#[test]
fn refuses_what_is_not_its_own() {
    assert_eq!(ask("host.example.org.", RecordType::A).response_code, ResponseCode::Refused);
    assert_eq!(ask("lan.", RecordType::AXFR).response_code, ResponseCode::Refused);
    let mut message = question("lan.", RecordType::TXT);
    message.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(send(&message, Transport::Udp).0.response_code, ResponseCode::Refused);
}

#[test]
fn wildcards_answer_with_the_name_that_was_asked() {
    let reply = ask("Anything.at.dev.lan.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["Anything.at.dev.lan. A 10.0.0.9"]);
    assert_eq!(ask("dev.lan.", RecordType::A).answers.len(), 0);
}

#[test]
fn anything_is_answered_with_something() {
    let reply = ask("ns.lan.", RecordType::ANY);
    assert_eq!(shown(&reply.answers), ["ns.lan. A 10.0.0.2"]);
    assert_eq!(ask("lan.", RecordType::ANY).answers.len(), 1);
    assert_eq!(ask("_tcp.lan.", RecordType::ANY).answers.len(), 0);
}

#[test]
fn is_cut_short_where_it_does_not_fit() {
    let message = question("big.lan.", RecordType::TXT);
    let (reply, len) = send(&message, Transport::Udp);
    assert!(reply.truncation && reply.answers.is_empty() && len <= 512);
    let (reply, len) = send(&message, Transport::Tcp);
    assert!(!reply.truncation && reply.answers.len() == 61 && len > 1_232);
    let with_edns = |bytes| {
        let mut message = message.clone();
        let mut edns = Edns::new();
        edns.set_max_payload(bytes);
        message.set_edns(edns);
        message
    };
    // However much is taken, no datagram is larger than the limit.
    let (reply, len) = send(&with_edns(65_000), Transport::Udp);
    assert!(reply.truncation && reply.edns.is_some() && len <= 1_232);
    let (reply, _) = send(&with_edns(0), Transport::Tcp);
    assert!(!reply.truncation && reply.edns.is_some());
}

/// Additional records go first, and nobody is told: they were not asked for.
#[test]
fn goes_without_what_nobody_asked_for() {
    let mut authority = Authority::new(AuthorityConfig::default());
    let text: String =
        (0..14).map(|n| format!("@ MX {n} host{n}\nhost{n} A 10.0.0.{n}\nhost{n} AAAA ::{n}\n")).collect();
    let text = format!("$TTL 60\n@ SOA a b 1 2 3 4 5\n{text}");
    authority.add(Zone::parse(&name("lan."), text, &ZoneText::default()).unwrap()).unwrap();
    let message = question("lan.", RecordType::MX).to_vec().unwrap();
    let answer = |transport| {
        let bytes = authority.answer(&message, transport, &mut AuthorityCounters::default()).unwrap();
        Message::from_vec(&bytes).unwrap()
    };
    let (udp, tcp) = (answer(Transport::Udp), answer(Transport::Tcp));
    assert_eq!((udp.answers.len(), udp.additionals.len(), udp.truncation), (14, 0, false));
    assert_eq!((tcp.answers.len(), tcp.additionals.len()), (14, 28));
}

#[test]
fn malformed_questions_are_told_so() {
    let mut counters = AuthorityCounters::default();
    let mut answer = |bytes: &[u8]| {
        let reply = authority().answer(bytes, Transport::Udp, &mut counters)?;
        Some(Message::from_vec(&reply).unwrap())
    };
    let good = question("www.lan.", RecordType::A).to_vec().unwrap();
    assert!(answer(&good[..11]).is_none());
    let code = |reply: Option<Message>| reply.map(|reply| (reply.id, reply.response_code));
    assert_eq!(code(answer(&good[..12])), Some((77, ResponseCode::FormErr)));
    assert_eq!(code(answer(&good[..good.len() - 1])), Some((77, ResponseCode::FormErr)));
    // A header that promises 65,535 questions.
    let mut many = good.clone();
    many[4..6].copy_from_slice(&[0xFF, 0xFF]);
    assert_eq!(code(answer(&many)), Some((77, ResponseCode::FormErr)));
    // A name that points at itself.
    let mut circle = good[..12].to_vec();
    circle.extend([0xC0, 12, 0, 1, 0, 1]);
    assert_eq!(code(answer(&circle)), Some((77, ResponseCode::FormErr)));
    let mut update = good.clone();
    update[2] |= 5 << 3;
    assert_eq!(code(answer(&update)), Some((77, ResponseCode::NotImp)));
    // An answer is not answered.
    let mut response = good.clone();
    response[2] |= 0x80;
    assert_eq!(code(answer(&response)), None);
    assert_eq!((counters.dropped, counters.malformed), (2, 5));
}

#[test]
fn other_versions_of_edns_are_told_the_one_that_is_spoken() {
    let mut message = question("www.lan.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_version(1);
    message.set_edns(edns);
    let (reply, _) = send(&message, Transport::Udp);
    // The code is 16, which is also that of a bad signature.
    assert_eq!((u16::from(reply.response_code), reply.version()), (16, 0));
}

#[test]
fn machines_come_and_go() {
    let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    registry.add_zone(&name("lan."), &name("ns.lan.")).unwrap();
    for network in ["10.0.0.0/20", "10.0.16.0/20", "fd00::/64"] {
        registry.add_reverse_zone(network.parse().unwrap(), &name("ns.lan.")).unwrap();
    }
    assert_eq!(registry.read().zones(), 3);
    let addresses: [IpAddr; 3] =
        ["10.0.3.4".parse().unwrap(), "fd00::7".parse().unwrap(), "192.0.2.1".parse().unwrap()];
    registry.register(&name("Web.lan."), &addresses, 60).unwrap();
    let look = |asked: &Name, kind| {
        let question = question(&asked.to_string(), kind).to_vec().unwrap();
        let reply =
            registry.read().answer(&question, Transport::Udp, &mut AuthorityCounters::default()).unwrap();
        shown(&Message::from_vec(&reply).unwrap().answers)
    };
    assert_eq!(look(&name("web.lan."), RecordType::A).len(), 2);
    let reverse = |address: &str| Name::from(address.parse::<IpAddr>().unwrap());
    assert_eq!(look(&reverse("10.0.3.4"), RecordType::PTR), ["4.3.0.10.in-addr.arpa. PTR Web.lan."]);
    assert_eq!(look(&reverse("fd00::7"), RecordType::PTR).len(), 1);
    // Another address under the same name: the first leads nowhere any more.
    let serial = registry.read().zone(&name("lan.")).unwrap().start().serial;
    registry.register(&name("web.lan."), &["10.0.3.5".parse().unwrap()], 60).unwrap();
    assert_eq!(look(&reverse("10.0.3.4"), RecordType::PTR).len(), 0);
    assert!(registry.read().zone(&name("lan.")).unwrap().start().serial > serial);
    assert!(registry.withdraw(&name("WEB.lan.")));
    assert!(!registry.withdraw(&name("WEB.lan.")));
    assert_eq!(registry.read().zone(&name("lan.")).unwrap().records(), 2);
    let error = registry.register(&name("web.wan."), &addresses, 60).unwrap_err();
    assert_eq!(error, RegisterError::NoZone { name: name("web.wan.") });
}

#[test]
fn networks_have_names_too() {
    let origin = |network: &str| reverse_origin(network.parse().unwrap()).to_string();
    assert_eq!(origin("10.1.2.0/24"), "2.1.10.in-addr.arpa.");
    assert_eq!(origin("10.1.32.0/20"), "1.10.in-addr.arpa.");
    assert_eq!(origin("10.1.2.3/32"), "3.2.1.10.in-addr.arpa.");
    assert_eq!(origin("0.0.0.0/0"), "in-addr.arpa.");
    assert_eq!(origin("fd00:1::/32"), "1.0.0.0.0.0.d.f.ip6.arpa.");
}

#[test]
fn zones_are_bounded_and_unique() {
    let mut authority = Authority::new(AuthorityConfig { zones_max: 2, ..AuthorityConfig::default() });
    let zone = |origin: &str| Zone::new(&name(origin), super::plain_start(&name("ns.")), 60);
    authority.add(zone("a.")).unwrap();
    assert_eq!(authority.add(zone("A.")), Err(AuthorityError::Exists { origin: name("a.") }));
    authority.add(zone("b.a.")).unwrap();
    assert_eq!(authority.add(zone("c.")), Err(AuthorityError::Full { zones_max: 2 }));
    assert_eq!(authority.zone_of(&name("x.b.a.")).unwrap().origin(), &name("b.a."));
    authority.remove(&name("b.a."));
    assert_eq!(authority.zone_of(&name("x.b.a.")).unwrap().origin(), &name("a."));
    assert!(authority.zone_of(&name("x.")).is_none());
}

proptest! {
    /// Whatever comes, it is answered or dropped; what is answered can be read, and fits.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        is_plain: bool,
    ) {
        let authority = authority();
        let mut good = question("www.sub.lan.", RecordType::A);
        good.set_edns(Edns::new());
        let mut good = good.to_vec().unwrap();
        for (place, value) in flips {
            let place = place.index(good.len());
            good[place] = value;
        }
        let message = if is_plain { &bytes } else { &good };
        let mut counters = AuthorityCounters::default();
        if let Some(reply) = authority.answer(message, Transport::Udp, &mut counters) {
            prop_assert!(reply.len() <= 1_232);
            prop_assert!(Message::from_vec(&reply).is_ok());
        }
    }
}
