use std::net::Ipv4Addr;

use ironloom_core::{Duration, Instant};
use proptest::prelude::*;

use super::{LeaseState, Reservation, Server, ServerConfig};
use crate::Mac;
use crate::dhcp::{Message, MessageKind, RangePool};

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn at(seconds: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_secs(seconds))
}

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn mac(number: u64) -> Mac {
    Mac::local(number)
}

fn config() -> ServerConfig {
    ServerConfig {
        domain: "lan".to_owned(),
        mtu: Some(1_400),
        reservations: vec![Reservation {
            mac: mac(99),
            address: address(50),
            host_name: "printer".to_owned(),
        }],
        ..ServerConfig::new(US, "10.0.0.0/24".parse().unwrap())
    }
}

/// A server with the addresses from 100 to 103.
fn server() -> Server<RangePool> {
    Server::new(config(), RangePool::new(address(100), address(103)))
}

fn say(server: &mut Server<RangePool>, now: u64, message: &Message) -> Option<(String, Message)> {
    let (to, bytes) = server.handle(at(now), &message.emit())?;
    Some((to.to_string(), Message::parse(&bytes).unwrap()))
}

fn discover(client: u64) -> Message {
    Message::new(MessageKind::Discover, client as u32, mac(client))
}

/// A client takes what it was offered.
fn select(client: u64, offered: Ipv4Addr) -> Message {
    let mut message = Message::new(MessageKind::Request, client as u32, mac(client));
    message.options.server = Some(US);
    message.options.requested = Some(offered);
    message
}

/// A client wants to keep what it has.
fn renew(client: u64, has: Ipv4Addr) -> Message {
    Message { client: has, ..Message::new(MessageKind::Request, client as u32, mac(client)) }
}

/// A client that was switched on again.
fn reboot(client: u64, had: Ipv4Addr) -> Message {
    let mut message = Message::new(MessageKind::Request, client as u32, mac(client));
    message.options.requested = Some(had);
    message
}

fn obtain(server: &mut Server<RangePool>, now: u64, client: u64) -> Option<Ipv4Addr> {
    let (_, offer) = say(server, now, &discover(client))?;
    let (_, ack) = say(server, now, &select(client, offer.yours))?;
    assert_eq!((ack.kind, ack.yours), (MessageKind::Ack, offer.yours));
    Some(ack.yours)
}

#[test]
fn offers_and_confirms_with_all_that_a_client_needs() {
    let mut server = server();
    let (to, offer) = say(&mut server, 0, &discover(1)).unwrap();
    assert_eq!(
        (to.as_str(), offer.kind, offer.yours),
        ("255.255.255.255:68", MessageKind::Offer, address(100))
    );
    let (_, ack) = say(&mut server, 0, &select(1, address(100))).unwrap();
    assert_eq!((ack.kind, ack.transaction, ack.mac), (MessageKind::Ack, 1, mac(1)));
    let options = ack.options;
    assert_eq!((options.lease, options.renew, options.rebind), (Some(3_600), Some(1_800), Some(3_150)));
    assert_eq!(
        (options.mask, options.broadcast),
        (Some(Ipv4Addr::new(255, 255, 255, 0)), Some(address(255)))
    );
    assert_eq!((options.routers, options.name_servers), (vec![US], vec![US]));
    assert_eq!((options.domain.as_str(), options.mtu, options.server), ("lan", Some(1_400), Some(US)));
    assert_eq!(server.leases().next().unwrap().state, LeaseState::Bound);
}

#[test]
fn a_client_keeps_its_address_for_as_long_as_it_asks() {
    let mut server = server();
    let mine = obtain(&mut server, 0, 1).unwrap();
    let (to, ack) = say(&mut server, 1_800, &renew(1, mine)).unwrap();
    assert_eq!((to.as_str(), ack.kind, ack.client), ("10.0.0.100:68", MessageKind::Ack, mine));
    assert_eq!(server.leases().next().unwrap().until, at(1_800 + 3_600));
    // Who looks for a server again is offered the same, and loses nothing if it does not take it.
    let (_, offer) = say(&mut server, 2_000, &discover(1)).unwrap();
    assert_eq!(offer.yours, mine);
    assert!(server.leases().next().unwrap().is_bound(at(5_000)));
    // Even when its time is over, unless somebody else needed the address.
    assert_eq!(say(&mut server, 99_999, &reboot(1, mine)).unwrap().1.kind, MessageKind::Ack);
}

#[test]
fn nobody_gets_what_somebody_has() {
    let mut server = server();
    let addresses: Vec<_> = (1..=4).map(|client| obtain(&mut server, 0, client).unwrap()).collect();
    assert_eq!(addresses, [address(100), address(101), address(102), address(103)]);
    assert_eq!(obtain(&mut server, 10, 5), None);
    assert_eq!(server.counters().exhausted, 1);
    // When the time of one is over, its address goes to who needs it; the one that has been over for longest first.
    say(&mut server, 1_000, &renew(1, address(100))).unwrap();
    assert_eq!(obtain(&mut server, 3_601, 5), Some(address(101)));
    assert_eq!(say(&mut server, 3_602, &renew(2, address(101))).unwrap().1.kind, MessageKind::Nak);
    // Who releases its address makes room at once, and may come back for it until then.
    let release = Message { kind: MessageKind::Release, ..renew(1, address(100)) };
    assert!(say(&mut server, 3_603, &release).is_none());
    assert_eq!(server.counters().released, 1);
    assert_eq!(obtain(&mut server, 3_604, 1), Some(address(100)));
}

#[test]
fn an_offer_is_kept_for_a_while() {
    let mut server = server();
    for client in 1..=4 {
        say(&mut server, 0, &discover(client)).unwrap();
    }
    assert!(say(&mut server, 9, &discover(5)).is_none());
    assert_eq!(say(&mut server, 10, &discover(5)).unwrap().1.yours, address(100));
    assert_eq!(say(&mut server, 10, &select(1, address(100))).unwrap().1.kind, MessageKind::Nak);
    // Who takes another server's offer gives back this one's.
    let mut other = select(2, address(101));
    other.options.server = Some(address(2));
    assert!(say(&mut server, 11, &other).is_none());
    assert_eq!(server.leases().count(), 3);
}

#[test]
fn a_client_may_say_which_address_it_would_like() {
    let mut server = server();
    let mut message = discover(1);
    message.options.requested = Some(address(102));
    assert_eq!(say(&mut server, 0, &message).unwrap().1.yours, address(102));
    message.mac = mac(2);
    assert_eq!(say(&mut server, 0, &message).unwrap().1.yours, address(100), "that is taken");
    message.mac = mac(3);
    message.options.requested = Some(address(50));
    assert_eq!(say(&mut server, 0, &message).unwrap().1.yours, address(101), "that is reserved");
}

#[test]
fn some_addresses_are_reserved() {
    let mut server = server();
    let (_, offer) = say(&mut server, 0, &discover(99)).unwrap();
    assert_eq!((offer.yours, offer.options.host_name.as_str()), (address(50), "printer"));
    assert_eq!(obtain(&mut server, 0, 99), Some(address(50)));
    // The same card with an identifier, as when another system is started on it.
    let mut message = discover(99);
    message.options.client_id = vec![255, 1, 2, 3, 4];
    let (_, offer) = say(&mut server, 1, &message).unwrap();
    assert_eq!((offer.yours, offer.options.client_id), (address(50), vec![255, 1, 2, 3, 4]));
    assert_eq!(server.leases().count(), 1);
    assert_eq!(say(&mut server, 2, &reboot(99, address(100))).unwrap().1.kind, MessageKind::Nak);
}

#[test]
fn those_who_are_elsewhere_are_denied_and_strangers_ignored() {
    let mut server = server();
    let (to, nak) = say(&mut server, 0, &reboot(1, Ipv4Addr::new(192, 168, 0, 9))).unwrap();
    assert_eq!((to.as_str(), nak.kind), ("255.255.255.255:68", MessageKind::Nak));
    assert!(say(&mut server, 0, &reboot(1, address(100))).is_none());
    assert!(say(&mut server, 0, &renew(1, address(100))).is_none());
    obtain(&mut server, 0, 2).unwrap();
    assert_eq!(say(&mut server, 0, &reboot(1, address(100))).unwrap().1.kind, MessageKind::Nak);
    assert_eq!(say(&mut server, 0, &select(3, address(101))).unwrap().1.kind, MessageKind::Nak);
    assert_eq!((server.counters().denied, server.counters().ignored), (3, 2));
}

#[test]
fn an_address_at_which_somebody_else_is_is_given_to_nobody() {
    let mut server = server();
    let mine = obtain(&mut server, 0, 1).unwrap();
    let mut decline = select(1, mine);
    decline.kind = MessageKind::Decline;
    assert!(say(&mut server, 0, &decline).is_none());
    assert_eq!(server.counters().declined, 1);
    let given: Vec<_> = (1..=3).map(|client| obtain(&mut server, 1, client).unwrap()).collect();
    assert_eq!(given, [address(101), address(102), address(103)]);
    assert_eq!(obtain(&mut server, 599, 4), None);
    assert_eq!(obtain(&mut server, 600, 4), Some(mine));
    // Only who has an address can decline it.
    decline.options.requested = Some(address(102));
    say(&mut server, 601, &decline);
    assert_eq!((server.counters().declined, server.counters().ignored), (1, 1));
}

#[test]
fn those_who_have_an_address_are_told_the_rest() {
    let mut server = server();
    let inform = Message { kind: MessageKind::Inform, ..renew(1, address(7)) };
    let (to, ack) = say(&mut server, 0, &inform).unwrap();
    assert_eq!((to.as_str(), ack.kind, ack.yours), ("10.0.0.7:68", MessageKind::Ack, Ipv4Addr::UNSPECIFIED));
    assert_eq!((ack.options.lease, ack.options.routers.len()), (None, 1));
    assert_eq!(server.leases().count(), 0);
}

#[test]
fn replies_go_where_the_client_hears_them() {
    let mut server = server();
    let relay = address(254);
    let (to, offer) = say(&mut server, 0, &Message { relay, ..discover(1) }).unwrap();
    assert_eq!((to.as_str(), offer.relay), ("10.0.0.254:67", relay));
    let (_, offer) = say(&mut server, 0, &Message { is_broadcast: true, ..discover(1) }).unwrap();
    assert!(offer.is_broadcast);
    let (to, nak) = say(&mut server, 0, &Message { relay, ..reboot(1, Ipv4Addr::new(9, 9, 9, 9)) }).unwrap();
    assert_eq!((to.as_str(), nak.is_broadcast), ("10.0.0.254:67", true));
}

#[test]
fn the_table_is_bounded() {
    let config = ServerConfig { leases_max: 10, ..config() };
    let mut server = Server::new(config, RangePool::new(address(100), address(250)));
    let offered = (1..=50).filter(|client| say(&mut server, 0, &discover(*client)).is_some()).count();
    assert_eq!((offered, server.leases().count()), (10, 10));
    // The flood is over as soon as its offers are.
    assert!(obtain(&mut server, 10, 77).is_some());
    assert_eq!(server.leases().count(), 10);
}

proptest! {
    /// Whatever clients say, no two hold one address, all addresses come from the pool, and none is lost.
    #[test]
    fn every_address_has_one_owner(steps in proptest::collection::vec((0..7u8, 0..6u64, 98..106u8, 0..2_000u64), 0..80)) {
        let mut server = server();
        let mut now = 0;
        for (step, client, last, passed) in steps {
            now += passed;
            let wanted = address(last);
            let client = if client == 0 { 99 } else { client };
            let message = match step {
                0 => discover(client),
                1 => select(client, wanted),
                2 => renew(client, wanted),
                3 => reboot(client, wanted),
                4 => Message { kind: MessageKind::Release, ..renew(client, wanted) },
                5 => Message { kind: MessageKind::Decline, ..select(client, wanted) },
                _ => {
                    obtain(&mut server, now, client);
                    continue;
                }
            };
            if let Some((_, reply)) = say(&mut server, now, &message)
                && reply.kind == MessageKind::Ack
            {
                let holders: Vec<_> = server.leases().filter(|lease| lease.address == reply.yours).collect();
                prop_assert_eq!(holders.len(), 1);
                prop_assert_eq!(holders[0].mac, mac(client));
            }
            let mut held: Vec<Ipv4Addr> = server.leases().map(|lease| lease.address).collect();
            held.dedup();
            prop_assert_eq!(held.len(), server.leases().count());
            let in_range = held.iter().filter(|address| (100..=103).contains(&address.octets()[3])).count();
            prop_assert_eq!(in_range, server.pool.taken());
            prop_assert!(held.iter().all(|address| matches!(address.octets()[3], 50 | 100..=103)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(place in 0..300usize, value: u8, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut server = server();
        let mut message = select(1, address(100)).emit();
        message[place] = value;
        let _ = server.handle(at(0), &message);
        let _ = server.handle(at(0), &bytes);
    }
}
