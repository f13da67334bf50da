mod bad_days;
mod world;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::{ResolverConfig, Transport, Upstream, View};
use crate::dns::{Authority, AuthorityConfig, Registry};
use world::{World, addresses, name, shown, zone};

#[test]
fn goes_down_from_the_root() {
    let mut world = World::internet();
    let reply = world.ask("www.Example.org.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["www.Example.org. A 93.184.216.34"]);
    assert!(reply.recursion_available && !reply.authoritative);
    assert!(reply.answers[0].name.eq_case(&name("www.Example.org.")), "written as it was asked");
    assert_eq!(world.asked(), ["198.41.0.4", "199.19.56.1", "192.0.2.53"]);
    // What was learned on the way is used again.
    let reply = world.ask("mail.example.org.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["mail.example.org. A 93.184.216.35"]);
    assert_eq!(world.asked(), ["192.0.2.53"]);
    let reply = world.ask("www.example.ORG.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["www.example.ORG. A 93.184.216.34"]);
    assert_eq!(world.asked(), [""; 0]);
}

#[test]
fn remembers_for_as_long_as_it_was_told() {
    let mut world = World::internet();
    world.ask("www.example.org.", RecordType::A);
    world.asked();
    world.wait_millis(299_000);
    assert_eq!(world.ask("www.example.org.", RecordType::A).answers[0].ttl, 1);
    assert_eq!(world.asked(), [""; 0]);
    world.wait_millis(1_000);
    assert_eq!(world.ask("www.example.org.", RecordType::A).answers[0].ttl, 300);
    // The way to the domain was remembered for as long.
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn remembers_what_there_is_not() {
    let mut world = World::internet();
    let reply = world.ask("nobody.example.org.", RecordType::A);
    assert_eq!(reply.response_code, ResponseCode::NXDomain);
    assert_eq!((reply.authorities.len(), reply.authorities[0].ttl), (1, 60));
    world.asked();
    world.wait_millis(10_500);
    // The name does not exist, whatever of it is asked for.
    let reply = world.ask("nobody.example.org.", RecordType::MX);
    assert_eq!((reply.response_code, reply.authorities[0].ttl), (ResponseCode::NXDomain, 49));
    let reply = world.ask("www.example.org.", RecordType::AAAA);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 0));
    world.asked();
    let reply = world.ask("www.example.org.", RecordType::AAAA);
    assert_eq!((reply.response_code, reply.authorities.len()), (ResponseCode::NoError, 1));
    assert_eq!(world.asked(), [""; 0]);
    world.wait_millis(60_000);
    world.ask("nobody.example.org.", RecordType::A);
    assert_eq!(world.asked(), ["192.0.2.53"]);
}

#[test]
fn follows_aliases_to_other_domains() {
    let mut world = World::internet();
    let reply = world.ask("shop.example.org.", RecordType::A);
    let expected = [
        "shop.example.org. CNAME www.example.net.",
        "www.example.net. CNAME edge.example.net.",
        "edge.example.net. A 203.0.113.7",
    ];
    assert_eq!(shown(&reply.answers), expected);
    let before = world.asked().len();
    assert_eq!(shown(&world.ask("shop.example.org.", RecordType::A).answers), expected);
    assert_eq!((before, world.asked().len()), (7, 0));
    // The alias itself may be asked for.
    assert_eq!(world.ask("shop.example.org.", RecordType::CNAME).answers.len(), 1);
    // An alias to a name that does not exist.
    let reply = world.ask("dead.example.org.", RecordType::A);
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NXDomain, 1));
}

/// `example.net` is served by a machine of `example.org`, so its address has to be found first.
#[test]
fn finds_the_addresses_of_servers() {
    let mut world = World::internet();
    let reply = world.ask("edge.example.net.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["edge.example.net. A 203.0.113.7"]);
    assert_eq!(
        world.asked(),
        ["198.41.0.4", "192.5.6.30", "198.41.0.4", "199.19.56.1", "192.0.2.53", "203.0.113.53"]
    );
}

#[test]
fn asks_over_tcp_what_is_too_large() {
    let mut world = World::internet();
    let reply = world.ask_over("large.example.org.", RecordType::TXT, Transport::Tcp);
    assert_eq!(reply.answers.len(), 60);
    assert_eq!(world.asked(), ["198.41.0.4", "199.19.56.1", "192.0.2.53", "192.0.2.53/tcp"]);
    // To those who cannot take it, it is cut short.
    let reply = world.ask("large.example.org.", RecordType::TXT);
    assert!(reply.truncation && reply.answers.is_empty());
}

#[test]
fn other_servers_are_asked_when_one_is_silent() {
    let mut world = World::internet();
    world.silence("192.0.2.53");
    let reply = world.ask("www.example.org.", RecordType::A);
    assert_eq!(reply.response_code, ResponseCode::ServFail);
    assert_eq!(world.resolver.counters().timeouts, 4);
    assert!(world.now_millis() < 10_000);
    // For a while nobody is asked again.
    world.asked();
    assert_eq!(world.ask("www.example.org.", RecordType::A).response_code, ResponseCode::ServFail);
    assert_eq!(world.asked(), [""; 0]);
    world.wait_millis(5_000);
    world.speak("192.0.2.53");
    assert_eq!(world.ask("www.example.org.", RecordType::A).answers.len(), 1);
    // One of two servers is silent: the other answers, and from then on it is asked first.
    world.silence("192.0.2.61");
    assert_eq!(world.ask("www.two.org.", RecordType::A).answers.len(), 1);
    world.asked();
    for number in 0..8 {
        assert_eq!(world.ask(&format!("x{number}.two.org."), RecordType::A).answers.len(), 1);
    }
    let asked = world.asked();
    assert!(asked.iter().filter(|server| *server == "192.0.2.61").count() <= 1, "{asked:?}");
}

#[test]
fn a_server_that_does_not_understand_edns_is_asked_plainly() {
    let mut world = World::internet();
    world.puzzle("192.0.2.53");
    assert_eq!(world.ask("www.example.org.", RecordType::A).answers.len(), 1);
    assert_eq!(world.asked().len(), 4);
}

#[test]
fn those_who_ask_the_same_wait_together() {
    let mut world = World::internet();
    for client in ["10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"] {
        world.begin("www.example.org.", RecordType::A, client, Transport::Udp);
    }
    assert_eq!((world.resolver.jobs(), world.resolver.counters().joined), (1, 2));
    world.run();
    let answers = world.answers();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|(_, reply)| reply.answers.len() == 1));
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn views_tell_different_things() {
    let local = |address: &str| {
        let registry = Registry::new(Authority::new(AuthorityConfig::default()));
        registry.write().add(zone("corp.", &format!("www A {address}\nout CNAME www.example.org."))).unwrap();
        Some(registry)
    };
    let inside =
        View { clients: vec!["10.0.0.0/8".parse().unwrap()], local: local("10.1.1.1"), ..World::view() };
    let outside = View {
        clients: vec!["172.16.0.0/12".parse().unwrap()],
        local: local("192.0.2.1"),
        ..View::default()
    };
    let mut world = World::with(ResolverConfig::default(), vec![inside, outside]);
    let mut ask = |asked: &str, client: &str| {
        world.begin(asked, RecordType::A, client, Transport::Udp);
        world.run();
        world.answers().remove(0).1
    };
    let reply = ask("www.corp.", "10.0.0.1:1");
    assert_eq!((shown(&reply.answers), reply.authoritative), (vec!["www.corp. A 10.1.1.1".to_owned()], true));
    assert_eq!(shown(&ask("www.corp.", "172.16.0.1:1").answers), ["www.corp. A 192.0.2.1"]);
    assert_eq!(ask("nobody.corp.", "10.0.0.1:1").response_code, ResponseCode::NXDomain);
    // What is local may lead to what is not.
    let reply = ask("out.corp.", "10.0.0.1:1");
    assert_eq!(
        shown(&reply.answers),
        ["out.corp. CNAME www.example.org.", "www.example.org. A 93.184.216.34"]
    );
    // Who is told nothing of the rest is not told it because others were.
    let reply = ask("out.corp.", "172.16.0.1:1");
    assert_eq!((reply.response_code, reply.answers.len()), (ResponseCode::NoError, 1));
    assert_eq!(ask("www.example.org.", "172.16.0.1:1").response_code, ResponseCode::Refused);
    assert_eq!(ask("www.corp.", "192.168.0.1:1").response_code, ResponseCode::Refused);
}

#[test]
fn a_local_zone_may_lead_to_servers() {
    let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    registry.write().add(zone("org.", "example NS ns.example\nns.example A 192.0.2.53")).unwrap();
    let view = View { local: Some(registry), ..View::default() };
    let mut world = World::with(ResolverConfig::default(), vec![view]);
    assert_eq!(world.ask("www.example.org.", RecordType::A).answers.len(), 1);
    assert_eq!(world.asked(), ["192.0.2.53"]);
}

#[test]
fn forwards_to_other_resolvers() {
    let forward = |server: &str| Upstream::Forward { servers: vec![server.parse().unwrap()] };
    let view = View {
        upstream: forward("9.9.9.9:53"),
        domains: vec![(name("corp.example."), forward("10.9.9.9:5300"))],
        ..View::default()
    };
    let mut world = World::with(ResolverConfig::default(), vec![view]);
    let reply = world.ask("host.corp.example.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["host.corp.example. A 10.9.0.1"]);
    let reply = world.ask("anything.else.", RecordType::A);
    assert_eq!(shown(&reply.answers), ["anything.else. CNAME alias.of.it.", "alias.of.it. A 192.0.2.99"]);
    assert_eq!(world.asked(), ["10.9.9.9", "9.9.9.9"]);
}

#[test]
fn only_what_is_known_is_told_to_who_desires_no_recursion() {
    let mut world = World::internet();
    let mut plain = world::question("www.example.org.", RecordType::A);
    plain.metadata.recursion_desired = false;
    world.begin_message(&plain, "10.0.0.1:1", Transport::Udp);
    assert_eq!(world.answers()[0].1.response_code, ResponseCode::Refused);
    world.ask("www.example.org.", RecordType::A);
    world.begin_message(&plain, "10.0.0.1:1", Transport::Udp);
    assert_eq!(world.answers()[0].1.answers.len(), 1);
}

#[test]
fn everybody_is_at_home() {
    let mut world = World::internet();
    assert_eq!(addresses(&world.ask("LOCALHOST.", RecordType::A)), ["127.0.0.1"]);
    assert_eq!(addresses(&world.ask("app.localhost.", RecordType::AAAA)), ["::1"]);
    assert_eq!(world.asked(), [""; 0]);
}

#[test]
fn the_same_seed_asks_the_same() {
    let run = || {
        let mut world = World::internet();
        world.silence("192.0.2.61");
        world.ask("www.two.org.", RecordType::A);
        world.ask("edge.example.net.", RecordType::A);
        (world.messages.clone(), world.now_millis())
    };
    assert_eq!(run(), run());
}
