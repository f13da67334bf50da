//! Whatever a client sends, in whatever pieces: the server understands what it understands of the whole, holds no more
//! than its limits, answers what it understood, and refuses the rest. What it writes, a client understands.

#![no_main]

use bytes::Bytes;
use ironloom_net::Payload;
use ironloom_net::http::{Client, ClientEvent, Config, Server, ServerEvent, Status};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, bytes) = input;
    let whole = serve(&bytes, bytes.len().max(1));
    assert_eq!(serve(&bytes, usize::from(cut) + 1), whole);
    read_back(&whole.1, &whole.2);
});

fn config() -> Config {
    Config { head_bytes_max: 700, head_fields_max: 16, body_bytes_max: 300, ..Config::default() }
}

/// What the server understands, what it writes, and the methods of what it answers.
fn serve(bytes: &[u8], piece: usize) -> (Vec<ServerEvent>, Vec<u8>, Vec<String>) {
    let mut server = Server::new(config());
    let (mut events, mut output, mut methods) = (Vec::new(), Vec::new(), Vec::new());
    let mut pieces = bytes.chunks(piece);
    loop {
        while let Some(event) = server.poll() {
            match &event {
                ServerEvent::Request(request) => methods.push(request.method_name().to_owned()),
                ServerEvent::End(_) => answer(&mut server, methods.len()),
                ServerEvent::Refused(_) => assert_eq!(server.poll(), None),
                ServerEvent::Body(part) => assert!(!part.is_empty()),
            }
            join(&mut events, event);
        }
        let sent = server.output();
        output.extend_from_slice(&sent.to_bytes());
        server.sent(sent.len());
        match pieces.next() {
            Some(piece) => server.feed(&Bytes::copy_from_slice(piece).into()).expect("all was read"),
            None if server.wants_input() => server.finish_input(),
            None => break,
        }
    }
    assert!(server.is_over());
    (events, output, methods)
}

fn answer(server: &mut Server, number: usize) {
    let body = Payload::from(vec![b'x'; number * 300]);
    if number % 2 == 0 {
        server.respond(Status::OK, &[("x", "y")], &body).expect("it can be answered");
    } else {
        server.begin(Status::NOT_FOUND, &[], None).expect("it can be answered");
        server.body(&body).expect("it has begun");
        server.finish(&[]).expect("it has begun");
    }
}

fn join(events: &mut Vec<ServerEvent>, event: ServerEvent) {
    match (events.last_mut(), event) {
        (Some(ServerEvent::Body(whole)), ServerEvent::Body(part)) => {
            *whole = [&whole[..], &part].concat().into()
        }
        (_, event) => events.push(event),
    }
}

/// A client that asked the same understands every answer, unless it is one without a head.
fn read_back(output: &[u8], methods: &[String]) {
    if output.is_empty() || !output.starts_with(b"HTTP/") {
        return;
    }
    let mut client = Client::new("h", Config { pipelined_requests_max: usize::MAX, ..Config::default() });
    for method in methods {
        client.request(method, "/", &[], &Payload::EMPTY).expect("it was a method");
    }
    // What could not be read at all is answered too.
    client.request("GET", "/", &[], &Payload::EMPTY).expect("it is a method");
    client.feed(&Bytes::copy_from_slice(output).into()).expect("nothing was fed before");
    while let Some(event) = client.poll() {
        assert!(!matches!(event, ClientEvent::Refused(_)), "{event:?}");
    }
}
