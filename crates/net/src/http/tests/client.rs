//! What a client asks and understands.

use super::*;

fn events(asked: &[&str], input: &str) -> Vec<ClientEvent> {
    let mut client = Client::new("h", Config::default());
    for method in asked {
        client.request(method, "/", &[], &Payload::EMPTY).unwrap();
    }
    let mut events = Vec::new();
    client.feed(&payload(input)).unwrap();
    events.extend(std::iter::from_fn(|| client.poll()));
    client.finish_input();
    events.extend(std::iter::from_fn(|| client.poll()));
    events
}

fn kinds(events: &[ClientEvent]) -> String {
    let kind = |event: &ClientEvent| match event {
        ClientEvent::Interim(response) => format!("i{} ", response.status().code()),
        ClientEvent::Response(response) => format!("r{} ", response.status().code()),
        ClientEvent::Body(part) => format!("b{} ", String::from_utf8_lossy(part)),
        ClientEvent::End(_) => "e ".to_owned(),
        ClientEvent::Refused(refusal) => format!("{refusal:?} "),
    };
    events.iter().map(kind).collect::<String>().trim_end().to_owned()
}

#[test]
fn responses_are_read_whichever_way_they_end() {
    for (asked, input, expected) in [
        (&["GET"][..], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "r200 bab e"),
        (&["GET"], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "r200 ba e"),
        (&["GET"], "HTTP/1.1 200 OK\r\n\r\nuntil the end", "r200 buntil the end e"),
        (&["GET"], "HTTP/1.0 200\r\n\r\n", "r200 e"),
        (
            &["HEAD", "GET"],
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 204 \r\n\r\n",
            "r200 e r204 e",
        ),
        (&["GET"], "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "r304 e"),
        (
            &["POST"],
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "i100 i103 r200 e",
        ),
        (&["GET", "GET"], "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nHTTP", "r200 e"),
    ] {
        assert_eq!(kinds(&events(asked, input)), expected, "{input:?}");
    }
}

#[test]
fn what_is_not_a_response_is_refused() {
    for (asked, input, expected) in [
        (&[][..], "HTTP/1.1 200 OK\r\n\r\n", "Unasked"),
        (&["GET"], "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabHTTP", "r200 ba e Unasked"),
        (&["GET"], "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\na", "LineEnd"),
        (&["GET"], "\r\nHTTP/1.1 200 OK\r\n\r\n", "FirstLine"),
        (&["GET"], "HTTP/1.1 099 Low\r\n\r\n", "FirstLine"),
        (&["GET"], "HTTP/1.1 20 OK\r\n\r\n", "FirstLine"),
        (&["GET"], "HTTP/2 200 OK\r\n\r\n", "Version"),
        (&["GET"], "HTTP/1.1 101 Switching\r\n\r\n", "Switched"),
        (
            &["GET"],
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "LengthAndCoding",
        ),
        (&["GET"], "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "CodingNotLast"),
        (&["GET"], "HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "FieldName"),
        (&["GET"], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "r200 bab Unfinished"),
        (&["GET"], "HTTP/1.1 200", "Unfinished"),
        (&["GET"], "", "Unfinished"),
    ] {
        assert_eq!(kinds(&events(asked, input)), expected, "{input:?}");
    }
}

#[test]
fn requests_are_written_and_bounded() {
    let mut client = Client::new("h:80", Config { pipelined_requests_max: 2, ..Config::default() });
    client.request("POST", "/a?b", &[("x", "y")], &Payload::EMPTY).unwrap();
    client.begin("PUT", "/", &[("expect", "100-continue")], None).unwrap();
    let unfinished = client.request("GET", "/", &[], &Payload::EMPTY);
    assert_eq!(unfinished, Err(WriteError::Unfinished));
    client.body(&payload("0123456789")).unwrap();
    client.finish(&[("z", "1")]).unwrap();
    let too_many = client.request("GET", "/", &[], &Payload::EMPTY);
    assert_eq!(too_many, Err(WriteError::TooManyRequests { limit: 2 }));
    let expected = "POST /a?b HTTP/1.1\r\nhost: h:80\r\nx: y\r\ncontent-length: 0\r\n\r\nPUT / HTTP/1.1\r\n\
                    host: h:80\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n\
                    0\r\nz: 1\r\n\r\n";
    assert_eq!(client.output().to_bytes(), expected);
}

#[test]
fn wrong_requests_are_not_written() {
    let mut client = Client::new("h", Config::default());
    for (method, target) in [
        ("", "/"),
        ("G T", "/"),
        ("GET\r\n", "/"),
        ("GET", ""),
        ("GET", "/ HTTP/1.1\r\n"),
        ("CONNECT", "h:1"),
    ] {
        assert!(client.request(method, target, &[], &Payload::EMPTY).is_err(), "{method} {target}");
    }
    let result = client.request("GET", "/", &[("host", "other")], &Payload::EMPTY);
    assert_eq!(result, Err(WriteError::OwnField { name: "host".to_owned() }));
    assert_eq!(client.output_bytes(), 0);
}
