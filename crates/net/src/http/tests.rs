//! What both sides have in common, and what they say to each other.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::Payload;

mod client;
mod exchange;
mod pieces;
mod ranges;
mod server;
mod smuggling;

fn payload(bytes: impl AsRef<[u8]>) -> Payload {
    Bytes::copy_from_slice(bytes.as_ref()).into()
}

/// Feeds bytes in pieces that end where it is told, and answers every request at its end with its number.
fn serve(config: Config, pieces: &[&[u8]]) -> (Vec<ServerEvent>, String) {
    let mut server = Server::new(config);
    let (mut events, mut output) = (Vec::new(), Vec::new());
    let (mut answered, mut left) = (0, pieces.iter());
    loop {
        while let Some(event) = server.poll() {
            let is_end = matches!(event, ServerEvent::End(_));
            join(&mut events, event);
            if is_end && server.unanswered() > 0 {
                server.respond(Status::OK, &[], &payload(format!("{answered}"))).unwrap();
                answered += 1;
            }
            let sent = server.output();
            output.extend_from_slice(&sent.to_bytes());
            server.sent(sent.len());
        }
        match left.next() {
            Some(piece) => server.feed(&payload(piece)).unwrap(),
            None if server.wants_input() => server.finish_input(),
            None => break,
        }
    }
    assert!(server.is_over());
    (events, String::from_utf8(output).unwrap())
}

/// Notes an event; bytes of a body that come one after another become one.
fn join(events: &mut Vec<ServerEvent>, event: ServerEvent) {
    match (events.last_mut(), event) {
        (Some(ServerEvent::Body(whole)), ServerEvent::Body(part)) => {
            *whole = Bytes::from([&whole[..], &part[..]].concat());
        }
        (_, event) => events.push(event),
    }
}

fn refusal_of(bytes: &[u8]) -> Option<Refusal> {
    let (events, _) = serve(Config::default(), &[bytes]);
    events.into_iter().find_map(|event| match event {
        ServerEvent::Refused(refusal) => Some(refusal),
        _ => None,
    })
}
