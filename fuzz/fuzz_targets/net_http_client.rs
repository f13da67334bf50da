//! Whatever a server sends, in whatever pieces: the client understands what it understands of the whole, or refuses it.

#![no_main]

use bytes::Bytes;
use ironloom_net::Payload;
use ironloom_net::http::{Client, ClientEvent, Config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (cut, heads, bytes) = input;
    let whole = ask(&bytes, bytes.len().max(1), heads);
    assert_eq!(ask(&bytes, usize::from(cut) + 1, heads), whole);
});

fn ask(bytes: &[u8], piece: usize, heads: u8) -> Vec<ClientEvent> {
    let config =
        Config { head_bytes_max: 700, head_fields_max: 16, body_bytes_max: 300, ..Config::default() };
    let mut client = Client::new("h", config);
    for bit in 0..8 {
        let method = if heads >> bit & 1 == 1 { "HEAD" } else { "GET" };
        client.request(method, "/", &[], &Payload::EMPTY).expect("it can be asked");
    }
    let mut events = Vec::new();
    for piece in bytes.chunks(piece) {
        client.feed(&Bytes::copy_from_slice(piece).into()).expect("all was read");
        poll(&mut client, &mut events);
    }
    client.finish_input();
    poll(&mut client, &mut events);
    assert!(client.is_over());
    events
}

fn poll(client: &mut Client, events: &mut Vec<ClientEvent>) {
    while let Some(event) = client.poll() {
        match (events.last_mut(), event) {
            (Some(ClientEvent::Body(whole)), ClientEvent::Body(part)) => {
                *whole = [&whole[..], &part].concat().into();
            }
            (_, event) => events.push(event),
        }
    }
}
