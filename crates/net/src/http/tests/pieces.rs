//! However the input is cut, the same is understood; and nothing that comes makes it fail.

use super::*;

/// Pieces of messages, right and wrong, of which inputs are made.
const WORDS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /x HTTP/1.1\r\n",
    "HEAD /y HTTP/1.0\r\n",
    "GET /old\r\n",
    "Host: h\r\n",
    "\r\n",
    "\n",
    "\r",
    "Content-Length: 5\r\n",
    "Content-Length: 11\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "X-Long: 0123456789012345678901234567890123456789\r\n",
    "5\r\nhello\r\n",
    "hello",
    "0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "b;ext=1\r\nhello world\r\n",
    " ",
    ":",
    "\0",
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 404 \r\n",
];

fn input() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => (1..700_usize).prop_map(|len| [b"X: ".to_vec(), vec![b'v'; len], b"\r\n".to_vec()].concat()),
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

/// Cuts bytes at places that are told in parts of their length.
fn cut<'a>(bytes: &'a [u8], places: &[u16]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = places.iter().map(|place| usize::from(*place) * bytes.len() / 65_536).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn small() -> Config {
    Config { head_bytes_max: 2_000, head_fields_max: 8, body_bytes_max: 100, ..Config::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_server_understands_the_same(bytes in input(), places in proptest::collection::vec(any::<u16>(), 0..9)) {
        let whole = serve(small(), &[&bytes]);
        prop_assert_eq!(&serve(small(), &cut(&bytes, &places)), &whole);
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(&serve(small(), &single), &whole);
    }

    #[test]
    fn a_client_understands_the_same(bytes in input(), places in proptest::collection::vec(any::<u16>(), 0..9)) {
        let whole = ask(&[&bytes]);
        prop_assert_eq!(&ask(&cut(&bytes, &places)), &whole);
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(&ask(&single), &whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        serve(small(), &[&bytes]);
        ask(&[&bytes]);
    }
}

/// What a client understands that asked three times.
fn ask(pieces: &[&[u8]]) -> Vec<ClientEvent> {
    let mut client = Client::new("h", small());
    for method in ["GET", "HEAD", "GET"] {
        client.request(method, "/", &[], &Payload::EMPTY).unwrap();
    }
    let mut events = Vec::new();
    let mut poll = |client: &mut Client| {
        while let Some(event) = client.poll() {
            match (events.last_mut(), event) {
                (Some(ClientEvent::Body(whole)), ClientEvent::Body(part)) => {
                    *whole = Bytes::from([&whole[..], &part[..]].concat());
                }
                (_, event) => events.push(event),
            }
        }
    };
    for piece in pieces {
        client.feed(&payload(piece)).unwrap();
        poll(&mut client);
    }
    client.finish_input();
    poll(&mut client);
    assert!(client.is_over());
    events
}
