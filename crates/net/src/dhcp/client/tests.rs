use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant, Rng, Seed};
use proptest::prelude::*;

use super::{Client, ClientConfig, ClientOutput};
use crate::Mac;
use crate::dhcp::{Message, MessageKind, RangePool, Server, ServerConfig};

fn at(seconds: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_secs(seconds))
}

fn server() -> Server<RangePool> {
    let config = ServerConfig {
        lease: Duration::from_secs(1_000),
        ..ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap())
    };
    Server::new(config, RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 109].into()))
}

fn client() -> Client {
    Client::new(ClientConfig::new(Mac::local(1)), Rng::new(Seed::new(3)))
}

/// What a client said, and what it was given, until a time.
struct Run {
    said: Vec<(u64, MessageKind, String)>,
    events: Vec<String>,
}

/// Lets client and server talk, but for the times at which the line is cut.
fn run(client: &mut Client, server: &mut Server<RangePool>, until: u64, is_cut: impl Fn(u64) -> bool) -> Run {
    let mut run = Run { said: Vec::new(), events: Vec::new() };
    let mut out = Vec::new();
    let mut now = at(0);
    if client.next_event().is_none() && client.bound().is_none() {
        client.start(now, &mut out);
    }
    loop {
        while !out.is_empty() {
            let seconds = now.saturating_since(at(0)).as_millis() / 1_000;
            match out.remove(0) {
                ClientOutput::Send { to, message, .. } => {
                    run.said.push((seconds, Message::parse(&message).unwrap().kind, to.to_string()));
                    if is_cut(seconds) {
                        continue;
                    }
                    if let Some((_, reply)) = server.handle(now, &message) {
                        client.handle(now, &reply, &mut out);
                    }
                }
                ClientOutput::Bound(bound) => run.events.push(format!("{seconds} bound {}", bound.address)),
                ClientOutput::Lost => run.events.push(format!("{seconds} lost")),
            }
        }
        match client.next_event() {
            Some(next) if next <= at(until) => now = next,
            _ => return run,
        }
        client.expire(now, &mut out);
    }
}

#[test]
fn gets_an_address_and_keeps_it() {
    let (mut client, mut server) = (client(), server());
    let run = run(&mut client, &mut server, 1_200, |_| false);
    assert_eq!(run.events, ["0 bound 10.0.0.100/24", "500 bound 10.0.0.100/24", "1000 bound 10.0.0.100/24"]);
    let kinds: Vec<_> = run.said.iter().map(|(_, kind, _)| *kind).collect();
    assert_eq!(kinds[..2], [MessageKind::Discover, MessageKind::Request]);
    assert_eq!(run.said[2].2, "10.0.0.1:67", "it asks the one that gave it");
    let bound = client.bound().unwrap();
    assert_eq!((bound.server, bound.until), (Ipv4Addr::new(10, 0, 0, 1), at(2_000)));
    let mut out = Vec::new();
    client.stop(&mut out);
    assert!(matches!(&out[..], [ClientOutput::Send { .. }, ClientOutput::Lost]));
    assert!(client.next_event().is_none());
}

#[test]
fn is_patient() {
    let run = run(&mut client(), &mut server(), 300, |_| true);
    let gaps: Vec<_> = run.said.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(run.said.iter().all(|(_, kind, _)| *kind == MessageKind::Discover));
    for (gap, expected) in gaps.iter().zip([4, 8, 16, 32, 64, 64]) {
        assert!((expected * 3 / 4 - 1..=expected * 5 / 4 + 1).contains(gap), "{gaps:?}");
    }
}

#[test]
fn asks_everybody_before_it_gives_up() {
    let (mut client, mut server) = (client(), server());
    let run = run(&mut client, &mut server, 1_500, |seconds| (400..1_200).contains(&seconds));
    assert_eq!(run.events[..2], ["0 bound 10.0.0.100/24", "1000 lost"]);
    assert!(run.events[2].ends_with("bound 10.0.0.100/24"), "{:?}", run.events);
    let to_everybody =
        run.said.iter().filter(|(when, _, to)| (876..1_000).contains(when) && to.starts_with("255"));
    assert!(to_everybody.count() >= 1, "{:?}", run.said);
    let to_one = run.said.iter().filter(|(when, ..)| (500..875).contains(when));
    assert!(
        to_one.clone().count() >= 2 && to_one.clone().all(|(.., to)| to == "10.0.0.1:67"),
        "{:?}",
        run.said
    );
}

#[test]
fn what_is_not_for_it_is_ignored() {
    let mut client = client();
    let mut out = Vec::new();
    client.start(at(0), &mut out);
    let Some(ClientOutput::Send { message, .. }) = out.pop() else { panic!("it says something") };
    let (_, offer) = server().handle(at(0), &message).unwrap();
    let offer = Message::parse(&offer).unwrap();
    let mut try_one = |message: Message| {
        client.handle(at(0), &message.emit(), &mut out);
        std::mem::take(&mut out).len()
    };
    assert_eq!(try_one(Message { transaction: offer.transaction ^ 1, ..offer.clone() }), 0);
    assert_eq!(try_one(Message { mac: Mac::local(2), ..offer.clone() }), 0);
    assert_eq!(try_one(Message { yours: Ipv4Addr::UNSPECIFIED, ..offer.clone() }), 0);
    assert_eq!(try_one(Message { kind: MessageKind::Ack, ..offer.clone() }), 0);
    assert_eq!(try_one(Message { kind: MessageKind::Nak, ..offer.clone() }), 0);
    assert_eq!(try_one(offer), 1);
}

proptest! {
    /// Whatever a server says, the client goes on, and never without end.
    #[test]
    fn replies_of_any_kind_are_survived(
        steps in proptest::collection::vec((0..3u8, any::<[u8; 4]>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>()), 0..30),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut client = client();
        let (mut out, mut now) = (Vec::new(), at(0));
        client.start(now, &mut out);
        client.handle(now, &bytes, &mut out);
        for (kind, octets, lease, renew, rebind, is_late) in steps {
            let kind = [MessageKind::Offer, MessageKind::Ack, MessageKind::Nak][usize::from(kind)];
            let mut message = Message::new(kind, client.transaction, Mac::local(1));
            message.yours = octets.into();
            message.options.server = Some([10, 0, 0, 1].into());
            message.options.lease = Some(lease);
            message.options.renew = Some(renew);
            message.options.rebind = Some(rebind);
            message.options.mask = Some(octets.into());
            client.handle(now, &message.emit(), &mut out);
            if is_late && let Some(next) = client.next_event() {
                let before = now;
                now = now.max(next);
                client.expire(now, &mut out);
                prop_assert!(client.next_event().is_none_or(|next| next > before));
            }
            out.clear();
        }
    }
}
