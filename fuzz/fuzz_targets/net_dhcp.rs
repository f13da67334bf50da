//! Whatever is said on the ports of DHCP, a server and a client live through it, and no address has two owners.
//!
//! `cargo +nightly fuzz run net_dhcp`

#![no_main]

use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::Mac;
use ironloom_net::dhcp::{Client, ClientConfig, Message, MessageKind, RangePool, Server, ServerConfig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::parse(bytes) {
        assert_eq!(Message::parse(&message.emit()), Ok(message));
    }
    let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
    let mut server = Server::new(config, RangePool::new([10, 0, 0, 4].into(), [10, 0, 0, 6].into()));
    let mut client = Client::new(ClientConfig::new(Mac::local(1)), Rng::new(Seed::new(1)));
    let (mut now, mut out) = (Instant::ZERO, Vec::new());
    client.start(now, &mut out);
    // Each piece of the input is what follows the header of a message: its kind and its options.
    for piece in bytes.chunks(24) {
        let [kind, mac, client_address, passed, options @ ..] = piece else {
            continue;
        };
        now = now.saturating_add(Duration::from_secs(u64::from(*passed) * 60));
        let mut message = Message::new(MessageKind::Discover, 7, Mac::local((*mac % 4).into()));
        if client_address % 2 == 1 {
            message.client = [10, 0, 0, client_address / 2 % 8].into();
        }
        let mut message = message.emit();
        message.truncate(240);
        message[0] = 1 + kind % 2;
        message.extend([53, 1, kind / 2 % 9]);
        message.extend(options);
        let reply = server.handle(now, &message);
        client.handle(now, &message, &mut out);
        if let Some((_, reply)) = reply {
            client.handle(now, &reply, &mut out);
        }
        client.expire(now, &mut out);
        assert!(out.len() < 16);
        out.clear();
        let mut held: Vec<_> = server.leases().map(|lease| lease.address).collect();
        assert!(held.iter().all(|address| (4..=6).contains(&address.octets()[3])));
        held.dedup();
        assert_eq!(held.len(), server.leases().count());
    }
});
