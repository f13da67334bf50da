//! Requests that are read and answered from memory, one after the other and in a pipeline.

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_net::Payload;
use ironloom_net::http::{Config, Server, ServerEvent, Status};

const REQUEST: &[u8] =
    b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] = b"Hello, world!";
/// The head alone, as the crate reads it that everybody uses.
const HTTPARSE: &str = "httparse, head only";

pub(crate) fn benches(suite: &mut Suite) {
    let count = if suite.is_quick() { 200_000 } else { 3_000_000 };
    for pipelined in [1, 16] {
        let name = format!("net::http/pipelined={pipelined}");
        if !suite.selects(&name) {
            continue;
        }
        let arriving: Payload = Bytes::from(REQUEST.repeat(pipelined)).into();
        let answers = timed(|| answer_all(&arriving, count, pipelined));
        let parses = timed(|| (0..count).for_each(|_| parse(std::hint::black_box(REQUEST))));
        let mut compare = suite.compare_values(&name, Unit::PerSecond, [Goal::PerSecond(3e6)]);
        compare.found(OURS, count as f64 / answers.as_secs_f64());
        compare.found(HTTPARSE, count as f64 / parses.as_secs_f64());
    }
}

fn answer_all(arriving: &Payload, count: usize, pipelined: usize) {
    let mut server = Server::new(Config::default());
    let body: Payload = Bytes::from_static(ANSWER).into();
    let mut answered = 0;
    for _ in 0..count / pipelined {
        server.feed(arriving).expect("all that was fed is read");
        while let Some(event) = server.poll() {
            if let ServerEvent::Request(_) = event {
                server
                    .respond(Status::OK, &[("content-type", "text/plain")], &body)
                    .expect("it can be written");
                answered += 1;
            }
        }
        let bytes = std::hint::black_box(server.output()).len();
        server.sent(bytes);
    }
    assert_eq!(answered, count / pipelined * pipelined, "every request is answered");
}

fn parse(request: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut head = httparse::Request::new(&mut fields);
    assert!(head.parse(request).is_ok_and(|status| status.is_complete()));
    std::hint::black_box(head.path);
}
