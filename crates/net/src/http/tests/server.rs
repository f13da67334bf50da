//! What a server understands and answers.

use super::*;

fn requests(events: &[ServerEvent]) -> Vec<&Request> {
    let mut requests = Vec::new();
    for event in events {
        if let ServerEvent::Request(request) = event {
            requests.push(request);
        }
    }
    requests
}

fn body(events: &[ServerEvent]) -> Vec<u8> {
    let of_body = |event: &ServerEvent| match event {
        ServerEvent::Body(part) => Some(part.to_vec()),
        _ => None,
    };
    events.iter().filter_map(of_body).flatten().collect()
}

#[test]
fn requests_are_answered_in_order() {
    let input = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b?c=d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz\
                  GET http://other:80/e?f HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\nGET /never HTTP/1.1";
    let (events, output) = serve(Config::default(), &[input]);
    let [a, b, c] = requests(&events)[..] else { panic!("{events:?}") };
    assert_eq!((a.method(), a.path(), a.query(), a.host()), (Method::Get, "/a", None, Some("h")));
    assert_eq!((b.method(), b.path(), b.query(), b.body_bytes()), (Method::Post, "/b", Some("c=d"), Some(3)));
    assert_eq!((c.path(), c.query(), c.host()), ("/e", Some("f"), Some("other:80")));
    assert_eq!(body(&events), b"xyz");
    assert_eq!(
        output,
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n0HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1\
         HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n2"
    );
}

#[test]
fn chunks_are_read_with_extensions_and_fields_behind_them() {
    let input = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n\
                  5;a=b;c=\"d\"\r\nhello\r\n00000006\r\n world\r\n0;last\r\nX-Sum: 11\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let (events, _) = serve(Config::default(), &[input]);
    assert_eq!(body(&events), b"hello world");
    assert_eq!(requests(&events).len(), 2);
    let Some(ServerEvent::End(trailer)) = events.iter().find(|event| matches!(event, ServerEvent::End(_)))
    else {
        panic!("{events:?}")
    };
    assert_eq!(trailer.first("x-sum"), Some(&b"11"[..]));
}

#[test]
fn old_versions_are_served_and_end_the_connection() {
    let (_, output) = serve(Config::default(), &[b"GET /old\r\n"]);
    assert_eq!(output, "0");
    let (_, output) = serve(Config::default(), &[b"GET /old HTTP/1.0\r\n\r\n"]);
    assert_eq!(output, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n0");
    let kept = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let (events, output) = serve(Config::default(), &[kept]);
    assert_eq!(requests(&events).len(), 2);
    assert!(output.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\n0"));
    let config = Config { version_0_9: false, ..Config::default() };
    assert_eq!(serve(config, &[b"GET /old\r\n"]).0, [ServerEvent::Refused(Refusal::FirstLine)]);
}

#[test]
fn a_request_without_a_version_is_served_only_first() {
    let (events, _) = serve(Config::default(), &[b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET /old\r\n"]);
    assert_eq!(events.last(), Some(&ServerEvent::Refused(Refusal::FirstLine)));
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let input = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let (_, output) = serve(Config::default(), &[input]);
    let first = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
    assert_eq!(output, format!("{first}{first}1"));
}

#[test]
fn a_body_of_unknown_length_goes_in_chunks_or_until_the_end() {
    for (version, expected) in [
        ("1.1", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n200\r\nB\r\n0\r\nx-sum: 5\r\n\r\n"),
        ("1.0", "connection: close\r\n\r\nhelloB"),
    ] {
        let mut server = Server::new(Config::default());
        server.feed(&payload(format!("GET / HTTP/{version}\r\nhost: h\r\n\r\n"))).unwrap();
        while server.poll().is_some() {}
        server.begin(Status::OK, &[], None).unwrap();
        server.body(&payload("hello")).unwrap();
        server.body(&payload([b'x'; 512])).unwrap();
        server.body(&Payload::EMPTY).unwrap();
        server.finish(&[("x-sum", "5")]).unwrap();
        let output = String::from_utf8(server.output().to_bytes().to_vec()).unwrap();
        let expected = expected.replace('B', &"x".repeat(512));
        assert_eq!(output, format!("HTTP/1.1 200 OK\r\n{expected}"));
        server.sent(output.len());
        assert_eq!(server.is_over(), version == "1.0");
    }
}

#[test]
fn whoever_waits_with_its_body_is_told_to_proceed() {
    let head = "PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    let mut server = Server::new(Config::default());
    server.feed(&payload(head)).unwrap();
    assert!(matches!(server.poll(), Some(ServerEvent::Request(request)) if request.expects_continue()));
    assert_eq!(server.poll(), None);
    server.proceed().unwrap();
    server.proceed().unwrap();
    assert_eq!(server.output().to_bytes(), "HTTP/1.1 100 Continue\r\n\r\n");
    server.sent(25);
    server.feed(&payload("ab")).unwrap();
    assert_eq!(server.poll(), Some(ServerEvent::Body("ab".into())));
    assert_eq!(server.poll(), Some(ServerEvent::End(Fields::default())));
    server.respond(Status::NO_CONTENT, &[], &Payload::EMPTY).unwrap();
    assert_eq!(server.output().to_bytes(), "HTTP/1.1 204 No Content\r\n\r\n");

    // Who is refused instead may send the body or not, so nothing can follow.
    let mut server = Server::new(Config::default());
    server.feed(&payload(head)).unwrap();
    assert!(server.poll().is_some());
    server.respond(Status::FORBIDDEN, &[], &Payload::EMPTY).unwrap();
    let expected = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(server.output().to_bytes(), expected);
    assert_eq!(server.poll(), None);
    assert!(!server.wants_input());
}

#[test]
fn pipelining_is_bounded_by_requests_and_by_bytes() {
    let config = Config { pipelined_requests_max: 2, output_bytes_max: 100, ..Config::default() };
    let mut server = Server::new(config);
    server.feed(&payload("GET / HTTP/1.1\r\nhost: h\r\n\r\n".repeat(5))).unwrap();
    let polled = |server: &mut Server| std::iter::from_fn(|| server.poll()).count();
    assert_eq!((polled(&mut server), server.unanswered()), (4, 2));
    assert_eq!((server.wants_input(), server.feed(&payload("x"))), (false, Err(FeedError)));
    server.respond(Status::OK, &[], &payload([0; 101])).unwrap();
    assert_eq!(polled(&mut server), 0);
    server.sent(0);
    let bytes = server.output().len();
    server.sent(bytes);
    assert_eq!((polled(&mut server), server.unanswered()), (2, 2));
}

#[test]
fn a_refusal_waits_for_its_turn() {
    let mut server = Server::new(Config::default());
    server.feed(&payload("GET / HTTP/1.1\r\nhost: h\r\n\r\nGET /\r\n\r\n")).unwrap();
    assert!(matches!(server.poll(), Some(ServerEvent::Request(_))));
    assert!(matches!(server.poll(), Some(ServerEvent::End(_))));
    assert_eq!(server.poll(), Some(ServerEvent::Refused(Refusal::FirstLine)));
    assert!(server.output().is_empty());
    server.respond(Status::OK, &[], &Payload::EMPTY).unwrap();
    let output = String::from_utf8(server.output().to_bytes().to_vec()).unwrap();
    assert!(output.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 400 Bad Request\r\n"));
    assert!(output.contains("connection: close"));
    server.sent(output.len());
    assert!(server.is_over());
}

#[test]
fn an_answer_that_has_begun_is_finished_though_its_request_is_refused() {
    let mut server = Server::new(Config::default());
    let head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    server.feed(&payload(head)).unwrap();
    assert!(matches!(server.poll(), Some(ServerEvent::Request(_))));
    server.begin(Status::OK, &[], Some(2)).unwrap();
    server.feed(&payload("x")).unwrap();
    assert_eq!(server.poll(), Some(ServerEvent::Refused(Refusal::ChunkSize)));
    server.body(&payload("ok")).unwrap();
    server.finish(&[]).unwrap();
    assert_eq!(server.output().to_bytes(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    server.sent(server.output_bytes());
    assert!(server.is_over());
}

#[test]
fn an_answer_before_the_body_leaves_the_body_to_be_read() {
    let mut server = Server::new(Config::default());
    server.feed(&payload("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\na")).unwrap();
    assert!(matches!(server.poll(), Some(ServerEvent::Request(_))));
    server.respond(Status::OK, &[], &Payload::EMPTY).unwrap();
    assert_eq!(server.poll(), Some(ServerEvent::Body("a".into())));
    server.feed(&payload("bcGET / HTTP/1.1\r\nhost: h\r\n\r\n")).unwrap();
    assert_eq!(server.poll(), Some(ServerEvent::Body("bc".into())));
    assert_eq!(server.poll(), Some(ServerEvent::End(Fields::default())));
    assert!(matches!(server.poll(), Some(ServerEvent::Request(_))));
}

#[test]
fn wrong_answers_are_not_written() {
    let mut server = Server::new(Config::default());
    assert_eq!(server.respond(Status::OK, &[], &Payload::EMPTY), Err(WriteError::NothingToAnswer));
    server.feed(&payload("GET / HTTP/1.1\r\nhost: h\r\n\r\n")).unwrap();
    while server.poll().is_some() {}
    let field = |name: &str, value: &str| {
        let mut server = Server::new(Config::default());
        server.feed(&payload("GET / HTTP/1.1\r\nhost: h\r\n\r\n")).unwrap();
        while server.poll().is_some() {}
        let result = server.respond(Status::OK, &[(name, value)], &Payload::EMPTY);
        assert_eq!(server.output_bytes() == 0, result.is_err());
        result
    };
    assert_eq!(field("x-y", "a\tb é"), Ok(()));
    for (name, value) in [("", "a"), ("a b", "a"), ("a:", "a"), ("a", "b\r\nc: d"), ("a", "b\n"), ("a", "\0")]
    {
        assert_eq!(field(name, value), Err(WriteError::Field { name: name.to_owned() }));
    }
    for name in ["Content-Length", "transfer-encoding", "Connection", "Date"] {
        assert_eq!(field(name, "a"), Err(WriteError::OwnField { name: name.to_owned() }));
    }
    let interim = server.respond(Status::CONTINUE, &[], &Payload::EMPTY);
    assert_eq!(interim, Err(WriteError::Interim { code: 100 }));
    let with_body = server.respond(Status::NO_CONTENT, &[], &payload("x"));
    assert_eq!(with_body, Err(WriteError::BodyNotAllowed { code: 204 }));
    assert_eq!(server.body(&payload("x")), Err(WriteError::NotBegun));
    server.begin(Status::OK, &[], Some(3)).unwrap();
    assert_eq!(server.begin(Status::OK, &[], None), Err(WriteError::Unfinished));
    assert_eq!(server.body(&payload("four")), Err(WriteError::TooLong { excess: 1 }));
    server.body(&payload("on")).unwrap();
    assert_eq!(server.finish(&[]), Err(WriteError::TooShort { missing: 1 }));
    server.body(&payload("e")).unwrap();
    server.finish(&[]).unwrap();
}

#[test]
fn answers_tell_the_time_they_were_given() {
    let mut server = Server::new(Config::default());
    server.set_date(Some(Date::at(951_782_399)));
    server.feed(&payload("GET / HTTP/1.1\r\nhost: h\r\n\r\n")).unwrap();
    while server.poll().is_some() {}
    server.respond(Status::NOT_FOUND, &[], &Payload::EMPTY).unwrap();
    let expected =
        "HTTP/1.1 404 Not Found\r\ndate: Mon, 28 Feb 2000 23:59:59 GMT\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(server.output().to_bytes(), expected);
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
        (1_795_564_799, "Tue, 24 Nov 2026 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(Date::at(seconds).to_string(), text);
    }
}

#[test]
fn limits_are_kept() {
    let config = Config {
        head_bytes_max: 100,
        head_fields_max: 2,
        body_bytes_max: 10,
        chunk_extension_bytes_max: 4,
        trailer_bytes_max: 20,
        ..Config::default()
    };
    let chunked =
        |rest: &str| format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    for (input, refusal) in [
        (format!("GET /{} HTTP/1.1\r\n", "x".repeat(100)), Refusal::HeadTooLong { limit: 100 }),
        ("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\n".to_owned(), Refusal::TooManyFields { limit: 2 }),
        (
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 11\r\n\r\n".to_owned(),
            Refusal::BodyTooLong { limit: 10 },
        ),
        (chunked("b\r\n"), Refusal::BodyTooLong { limit: 10 }),
        (chunked("6\r\n123456\r\n5\r\n"), Refusal::BodyTooLong { limit: 10 }),
        (chunked("1;a\r\nx\r\n1;bc"), Refusal::ExtensionsTooLong { limit: 4 }),
        (chunked("0\r\nlong: 012345678901234567890\r\n\r\n"), Refusal::TrailerTooLong { limit: 20 }),
    ] {
        let (events, output) = serve(config, &[input.as_bytes()]);
        assert_eq!(events.last(), Some(&ServerEvent::Refused(refusal)), "{input}");
        assert!(output.starts_with(&format!("HTTP/1.1 {}\r\n", refusal.status())), "{output}");
    }
}

#[test]
fn what_is_sent_is_taken_from_where_it_is() {
    let mut server = Server::new(Config::default());
    server.feed(&payload("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2))).unwrap();
    while server.poll().is_some() {}
    let large = "x".repeat(1_000);
    server.respond(Status::OK, &[], &payload(&large)).unwrap();
    server.respond(Status::OK, &[], &payload("small")).unwrap();
    let mut sent = Vec::new();
    while !server.output_front().is_empty() {
        // Less than a piece, and not a divisor of any.
        let step = server.output_front().len().min(37);
        sent.extend_from_slice(&server.output_front()[..step]);
        server.sent(step);
    }
    assert_eq!(server.output_bytes(), 0);
    let expected = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{large}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsmall"
    );
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
}

#[test]
fn requests_that_take_too_long_are_refused() {
    for begun in ["GET / HTT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"] {
        let mut server = Server::new(Config::default());
        assert!(!server.is_within_request());
        server.feed(&payload(begun)).unwrap();
        while server.poll().is_some() {}
        assert!(server.is_within_request(), "{begun}");
        server.expire();
        let output = String::from_utf8(server.output().to_bytes().to_vec()).unwrap();
        assert!(output.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{output}");
        server.sent(output.len());
        assert!(server.is_over());
    }
}
