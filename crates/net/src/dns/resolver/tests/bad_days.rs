//! Zones, servers and clients that mean no good: what is done for them is bounded, and others do not notice.

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::RecordType;
use proptest::prelude::*;

use super::world::{World, addresses, name, record, reply_to, serving, shown, zone};
use crate::dns::{ResolverConfig, Transport};

/// How many servers may be asked for one question.
fn asks_max() -> usize {
    ResolverConfig::default().asks_per_job_max as usize
}

fn fails(world: &mut World, asked: &str) {
    let reply = world.ask(asked, RecordType::A);
    assert_eq!(reply.response_code, ResponseCode::ServFail, "{asked}");
    let asked = world.asked();
    assert!(asked.len() <= asks_max(), "{asked:?}");
    // Everybody else is answered as ever.
    assert_eq!(addresses(&world.ask("www.example.org.", RecordType::A)), ["93.184.216.34"]);
    world.asked();
}

#[test]
fn domains_whose_servers_are_in_each_other_lead_nowhere() {
    let mut world = World::internet();
    let org = "a NS ns.b.org.\nb NS ns.a.org.\nexample NS ns.example\nns.example A 192.0.2.53";
    world.place("199.19.56.1", serving(vec![zone("org.", org)]));
    fails(&mut world, "www.a.org.");
    assert!(world.resolver.counters().server_loops > 0);
}

#[test]
fn a_domain_whose_server_is_in_itself_without_an_address_leads_nowhere() {
    let mut world = World::internet();
    let org = "self NS ns.self.org.\nexample NS ns.example\nns.example A 192.0.2.53";
    world.place("199.19.56.1", serving(vec![zone("org.", org)]));
    fails(&mut world, "www.self.org.");
    assert!(world.asked().len() < 6);
}

#[test]
fn aliases_in_a_circle_lead_nowhere() {
    let mut world = World::internet();
    world.place("192.0.2.61", serving(vec![zone("two.org.", "a CNAME b\nb CNAME c\nc CNAME a")]));
    world.place("192.0.2.62", serving(vec![zone("two.org.", "a CNAME b\nb CNAME c\nc CNAME a")]));
    fails(&mut world, "a.two.org.");
    // Across domains, each server knows only one step.
    world.place("192.0.2.61", serving(vec![zone("two.org.", "x CNAME x.example.net.")]));
    world.place("192.0.2.62", serving(vec![zone("two.org.", "x CNAME x.example.net.")]));
    world.place("203.0.113.53", serving(vec![zone("example.net.", "x CNAME x.two.org.")]));
    fails(&mut world, "x.two.org.");
    assert!(world.resolver.counters().alias_loops > 0);
}

/// Each answer is an alias that was never heard of before.
#[test]
fn aliases_without_end_lead_nowhere() {
    let mut world = World::internet();
    let mut number = 0;
    for server in ["192.0.2.61", "192.0.2.62"] {
        world.place(
            server,
            Box::new(move |message, _| {
                number += 1;
                let mut reply = reply_to(message);
                let asked = message.queries[0].name().to_lowercase();
                reply.add_answer(record(&format!("{asked} CNAME n{number}.two.org.")));
                vec![reply]
            }),
        );
    }
    fails(&mut world, "start.two.org.");
}

/// A referral to many servers without addresses, each in a domain that refers to as many more (NXNSAttack).
#[test]
fn referrals_to_servers_that_must_be_looked_for_are_bounded() {
    let mut world = World::internet();
    let mut number = 0;
    world.place(
        "199.19.56.1",
        Box::new(move |message, _| {
            let mut reply = reply_to(message);
            let asked = message.queries[0].name().trim_to(2).to_lowercase();
            if asked == name("example.org.") {
                reply.add_authority(record("example.org. NS ns.example.org."));
                reply.add_additional(record("ns.example.org. A 192.0.2.53"));
                return vec![reply];
            }
            for _ in 0..20 {
                number += 1;
                reply.add_authority(record(&format!("{asked} NS ns.fan{number}.org.")));
            }
            vec![reply]
        }),
    );
    fails(&mut world, "www.victim.org.");
    assert!(world.resolver.counters().server_loops > 0);
}

/// A server that refers further and further down.
#[test]
fn referrals_end_with_the_name() {
    let mut world = World::internet();
    for server in ["192.0.2.61", "192.0.2.62"] {
        world.place(
            server,
            Box::new(move |message, _| {
                let mut reply = reply_to(message);
                for labels in 3..40 {
                    let cut = message.queries[0].name().trim_to(labels).to_lowercase();
                    reply.add_authority(record(&format!("{cut} NS ns.two.org.")));
                }
                reply.add_additional(record("ns.two.org. A 192.0.2.61"));
                vec![reply]
            }),
        );
    }
    let long = format!("{}two.org.", "x.".repeat(100));
    fails(&mut world, &long);
}

#[test]
fn referrals_up_or_aside_are_lame() {
    let mut world = World::internet();
    for (owner, server) in [("org.", "a.org."), (".", "a.root."), ("example.org.", "ns.example.org.")] {
        for address in ["192.0.2.61", "192.0.2.62"] {
            let (ns, glue) = (format!("{owner} NS {server}"), format!("{server} A 192.0.2.61"));
            world.place(
                address,
                Box::new(move |message, _| {
                    let mut reply = reply_to(message);
                    reply.add_authority(record(&ns));
                    reply.add_additional(record(&glue));
                    vec![reply]
                }),
            );
        }
        world.resolver.flush();
        fails(&mut world, "www.two.org.");
    }
    assert!(world.resolver.counters().lame_replies >= 6);
}

/// What is not within the domain that was asked is not believed, wherever in the reply it is.
#[test]
fn replies_about_others_are_not_believed() {
    let mut world = World::internet();
    for address in ["192.0.2.61", "192.0.2.62"] {
        world.place(
            address,
            Box::new(|message, _| {
                let mut reply = reply_to(message);
                reply.metadata.authoritative = true;
                let asked = message.queries[0].name().to_lowercase();
                reply.add_answer(record(&format!("{asked} CNAME www.example.org.")));
                reply.add_answer(record("www.example.org. A 6.6.6.6"));
                reply.add_authority(record("example.org. NS ns.two.org."));
                reply.add_authority(record("org. NS ns.two.org."));
                reply.add_additional(record("ns.two.org. A 6.6.6.6"));
                reply.add_additional(record("ns.example.org. A 6.6.6.6"));
                reply.add_additional(record("a.org. A 6.6.6.6"));
                vec![reply]
            }),
        );
    }
    let reply = world.ask("trap.two.org.", RecordType::A);
    assert_eq!(
        shown(&reply.answers),
        ["trap.two.org. CNAME www.example.org.", "www.example.org. A 93.184.216.34"]
    );
    assert!(world.resolver.counters().foreign_records > 0);
    for asked in ["www.example.org.", "mail.example.org.", "edge.example.net."] {
        world.ask(asked, RecordType::A);
    }
    assert!(!world.asked().contains(&"6.6.6.6".to_owned()));
}

/// Glue for a server outside the domain of who gives it is looked for anew.
#[test]
fn glue_of_others_is_not_believed() {
    let mut world = World::internet();
    world.place(
        "192.5.6.30",
        Box::new(|message, _| {
            let mut reply = reply_to(message);
            reply.add_authority(record("example.net. NS ns1.example.org."));
            reply.add_additional(record("ns1.example.org. A 6.6.6.6"));
            vec![reply]
        }),
    );
    assert_eq!(addresses(&world.ask("edge.example.net.", RecordType::A)), ["203.0.113.7"]);
    assert!(!world.asked().contains(&"6.6.6.6".to_owned()));
    assert_eq!(world.resolver.counters().foreign_records, 1);
}

#[test]
fn addresses_at_which_no_server_can_be_are_not_asked() {
    let mut world = World::internet();
    let glue = "ns.bad A 127.0.0.1\nns.bad A 0.0.0.0\nns.bad A 255.255.255.255\nns.bad A 224.0.0.1";
    let org = format!("bad NS ns.bad\n{glue}\nexample NS ns.example\nns.example A 192.0.2.53");
    world.place("199.19.56.1", serving(vec![zone("org.", &org)]));
    fails(&mut world, "www.bad.org.");
}

#[test]
fn replies_that_are_none_are_dropped_and_counted() {
    let mut world = World::internet();
    world.begin("www.example.org.", RecordType::A, "10.0.0.1:1", Transport::Udp);
    let (ask, server, _, question) = world.pending.pop_front().unwrap();
    let question = Message::from_vec(&question).unwrap();
    let mut forged = reply_to(&question);
    forged.add_answer(record("www.example.org. A 6.6.6.6"));
    let with = |change: &dyn Fn(&mut Message)| {
        let mut forged = forged.clone();
        change(&mut forged);
        forged.to_vec().unwrap()
    };
    world.reply(ask, "6.6.6.6:53".parse().unwrap(), &with(&|_| {}));
    world.reply(ask, "198.41.0.4:54".parse().unwrap(), &with(&|_| {}));
    world.reply(ask, server, &with(&|message| message.metadata.id ^= 1));
    world.reply(ask, server, &with(&|message| message.metadata = question.metadata));
    world.reply(
        ask,
        server,
        &with(&|message| drop(message.queries[0].set_query_type(RecordType::AAAA).clone())),
    );
    let lower = |message: &mut Message| {
        let asked = message.queries[0].name().to_lowercase();
        message.queries[0].set_name(asked);
    };
    world.reply(ask, server, &with(&lower));
    world.reply(ask, server, &[1, 2, 3]);
    let counters = world.resolver.counters();
    assert_eq!((counters.mismatched_sources, counters.mismatched_ids), (2, 3));
    assert_eq!(counters.mismatched_questions, 2);
    assert!(world.answers().is_empty());
    // One more, and then one too many: the question is asked over TCP, where nobody can guess.
    world.reply(ask, server, &[]);
    assert!(world.pending.is_empty());
    world.reply(ask, server, &[]);
    assert!(matches!(world.pending[0], (_, to, Transport::Tcp, _) if to == server));
    // Nobody waits for the first any more.
    world.reply(ask, server, &with(&|_| {}));
    assert_eq!(world.resolver.counters().late_replies, 1);
    world.run();
    assert_eq!(addresses(&world.answers()[0].1), ["93.184.216.34"]);
}

#[test]
fn replies_that_cannot_be_read_are_given_up() {
    let mut world = World::internet();
    world.begin("www.example.org.", RecordType::A, "10.0.0.1:1", Transport::Udp);
    let (ask, server, _, question) = world.pending.pop_front().unwrap();
    let reply = reply_to(&Message::from_vec(&question).unwrap()).to_vec().unwrap();
    // It promises more than a thousand records.
    let mut many = reply;
    many[6..8].copy_from_slice(&[4, 5]);
    world.reply(ask, server, &many);
    assert_eq!(world.resolver.counters().malformed_replies, 1);
    world.run();
    assert_eq!(world.answers()[0].1.response_code, ResponseCode::ServFail);
}

#[test]
fn who_asks_too_much_waits_for_nobody_else() {
    let config = ResolverConfig { jobs_max: 12, jobs_per_client_max: 5, ..ResolverConfig::default() };
    let mut world = World::with(config, vec![World::view()]);
    for number in 0..20 {
        world.begin(&format!("x{number}.two.org."), RecordType::A, "10.0.0.66:1", Transport::Udp);
    }
    assert_eq!((world.resolver.jobs(), world.resolver.counters().overloaded), (5, 15));
    world.begin("www.example.org.", RecordType::A, "10.0.0.1:1", Transport::Udp);
    assert_eq!(world.resolver.jobs(), 6);
    world.run();
    let answers = world.answers();
    assert_eq!(answers.iter().filter(|(_, reply)| reply.response_code == ResponseCode::NoError).count(), 6);
    assert_eq!((world.resolver.jobs(), world.resolver.clients.len(), world.resolver.asks.len()), (0, 0, 0));
}

#[test]
fn a_flood_of_names_forgets_no_more_than_it_must() {
    let mut config = ResolverConfig::default();
    config.cache.entries_max = 50;
    let mut world = World::with(config, vec![World::view()]);
    for number in 0..200 {
        world.ask(&format!("x{number}.two.org."), RecordType::A);
        assert!(world.resolver.remembered() <= 50);
    }
    // The way to the domain is in use all the time, so it stays.
    assert_eq!(world.asked().len(), 202);
}

#[test]
fn a_question_takes_no_longer_than_it_may() {
    let mut world = World::internet();
    world.silence("198.41.0.4");
    let config = ResolverConfig { attempts_max: 100, ..ResolverConfig::default() };
    world.resolver = super::super::Resolver::new(
        config,
        vec![World::view()],
        ironloom_core::Rng::new(ironloom_core::Seed::new(1)),
    );
    let reply = world.ask("www.example.org.", RecordType::A);
    assert_eq!((reply.response_code, world.now_millis()), (ResponseCode::ServFail, 10_000));
}

proptest! {
    /// Whatever servers reply, the question is answered within its limits.
    #[test]
    fn replies_of_any_kind_are_survived(
        replies in proptest::collection::vec(proptest::collection::vec(0..LINES.len(), 0..6), 1..40),
        codes in proptest::collection::vec(0..4u16, 1..10),
        seed: u64,
    ) {
        let mut world = World::internet();
        let config = ResolverConfig::default();
        world.resolver = super::super::Resolver::new(
            config, vec![World::view()], ironloom_core::Rng::new(ironloom_core::Seed::new(seed)));
        for (shift, address) in ["198.41.0.4", "199.19.56.1", "192.0.2.53", "192.0.2.61"].iter().enumerate() {
            let (replies, codes) = (replies.clone(), codes.clone());
            let mut number = shift;
            world.place(address, Box::new(move |message, _| {
                number += 1;
                let mut reply = reply_to(message);
                reply.metadata.response_code = ResponseCode::from(0, codes[number % codes.len()] as u8);
                reply.metadata.authoritative = number % 2 == 0;
                for (place, line) in replies[number % replies.len()].iter().enumerate() {
                    let record = record(LINES[*line]);
                    match (place + number) % 3 {
                        0 => reply.add_answer(record),
                        1 => reply.add_authority(record),
                        _ => reply.add_additional(record),
                    };
                }
                vec![reply]
            }));
        }
        for asked in ["www.example.org.", "a.org.", "example.org.", "www.two.org."] {
            world.ask(asked, RecordType::A);
            prop_assert!(world.asked().len() <= asks_max());
        }
    }

    /// Bytes instead of messages, on both sides.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut world = World::internet();
        let asker = super::super::Asker {
            address: "10.0.0.1:1".parse().unwrap(), transport: Transport::Udp, token: 5,
        };
        let mut question = super::world::question("www.example.org.", RecordType::A).to_vec().unwrap();
        for (place, value) in &flips {
            let place = place.index(question.len());
            question[place] = *value;
        }
        let mut out = Vec::new();
        world.resolver.handle_question(world.now, &bytes, asker, &mut out);
        world.resolver.handle_question(world.now, &question, asker, &mut out);
        world.begin("www.example.org.", RecordType::A, "10.0.0.1:1", Transport::Udp);
        if let Some((ask, server, _, message)) = world.pending.pop_front() {
            world.reply(ask, server, &bytes);
            let mut reply = reply_to(&Message::from_vec(&message).unwrap());
            reply.add_authority(record("org. NS a.org."));
            reply.add_additional(record("a.org. A 199.19.56.1"));
            let mut reply = reply.to_vec().unwrap();
            let start = message.len().min(reply.len() - 1);
            for (place, value) in flips {
                let place = start + place.index(reply.len() - start);
                reply[place] = value;
            }
            world.reply(ask, server, &reply);
        }
        world.run();
        let _ = OpCode::Query;
    }
}

const LINES: [&str; 14] = [
    "www.example.org. A 192.0.2.1",
    "www.example.org. CNAME a.org.",
    "a.org. CNAME www.example.org.",
    "org. NS a.org.",
    "org. NS a.example.org.",
    "example.org. NS ns.example.org.",
    "example.org. NS www.two.org.",
    "two.org. NS www.example.org.",
    "a.org. A 199.19.56.1",
    "ns.example.org. A 192.0.2.53",
    "www.two.org. A 192.0.2.61",
    "www.two.org. CNAME x.www.two.org.",
    "a.example.org. A 198.41.0.4",
    "x.www.two.org. NS x.www.two.org.",
];
