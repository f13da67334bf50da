//! The HTTP service, asked by `curl` and by clients that mean no good.

mod stage;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use ironloom_node::blob::tree::{Attributes, Config as TreeConfig};
use ironloom_node::blob::{MemoryStore, Tree};
use ironloom_node::core::metrics::Registry;
use ironloom_node::core::{Duration, Instant};
use ironloom_node::doors::{Admission, Recent};
use ironloom_node::http::{Config, Files, Health, Request, Response, Site, Status, health, metrics};
use stage::Stage;

fn site() -> Site {
    Site::new()
        .get("/", |_| "Hello, World!")
        .get("/hello/{name}", |request| format!("Hello, {}!", &request["name"]))
        .post("/size", |request| request.body().len().to_string())
        .post_later("/echo", async |request: Request| request.body().clone())
        .get("/broken", |_| Response::from(Status::OK).with("x", "a\r\nb: c"))
        .get("/panics", |_| -> &'static str { panic!("a handler fails") })
}

#[test]
fn curl_is_answered() {
    let stage = Stage::new(site(), Config::default());
    assert_eq!(stage.curl("/"), "Hello, World!");
    assert_eq!(stage.curl("/hello/Ada"), "Hello, Ada!");
    assert_eq!(stage.curl("/size -d 12345"), "5");
    assert_eq!(stage.curl("/echo -d there"), "there");
    assert_eq!(stage.status("/nowhere"), "404");
    assert_eq!(stage.status("/ -X DELETE"), "405");
    assert!(stage.curl("/ -X DELETE -i").contains("allow: GET, HEAD\r\n"));
    assert_eq!(stage.status("/broken"), "500");
    let head = stage.curl("/ -I");
    assert!(head.contains("content-length: 13\r\n") && head.contains("date: "), "{head}");
    stage.end();
}

#[test]
fn large_bodies_come_and_go() {
    let stage = Stage::new(site(), Config::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let bytes: Vec<u8> = (0..900_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    // curl asks before it sends so much, and is told to go on.
    let said = stage.run(&format!("/echo --data-binary @{} -H 'expect: 100-continue'", file.display()));
    assert!(said == bytes);
    let chunked = stage.run(&format!("/echo -T {} -X POST -H 'transfer-encoding: chunked'", file.display()));
    assert!(chunked == bytes);
    std::fs::write(&file, vec![0; 2 << 20]).unwrap();
    assert_eq!(stage.status(&format!("/echo --data-binary @{}", file.display())), "413");
    stage.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let stage = Stage::new(site(), Config::default());
    let mut client = stage.client();
    let asked: String =
        (0..100).map(|number| format!("GET /hello/{number} HTTP/1.1\r\nhost: h\r\n\r\n")).collect();
    write!(client, "{asked}GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let said = stage.rest(client);
    let mut from = 0;
    for number in 0..100 {
        let answer = format!("\r\n\r\nHello, {number}!HTTP/1.1 200");
        from += said[from..].find(&answer).unwrap_or_else(|| panic!("no {number} in {said}"));
    }
    assert!(said.ends_with("Hello, World!"));
    stage.end();
}

#[test]
fn who_is_ready_does_not_wait_for_who_is_not() {
    let site = Site::new().get("/now", |_| "now").get_later("/never", async |_: Request| {
        std::future::pending::<()>().await;
    });
    let stage = Stage::new(site, Config::default());
    let mut client = stage.client();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
    client.write_all((ask("/now") + &ask("/never")).as_bytes()).unwrap();
    let mut said = [0; 4_096];
    let length = client.read(&mut said).unwrap();
    assert!(said[..length].ends_with(b"now"));
    drop(client);
    let drained = stage.stop(Duration::from_millis(50));
    assert_eq!(drained.killed, 1, "the one that is never answered");
}

#[test]
fn a_panic_ends_its_connection_alone() {
    let stage = Stage::new(site(), Config::default());
    let mut other = stage.client();
    let mut client = stage.client();
    write!(client, "GET /panics HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    assert_eq!(stage.rest(client), "");
    write!(other, "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    assert!(stage.rest(other).ends_with("Hello, World!"));
    stage.end();
}

/// What each of these is answered with, and that nothing behind it is.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let stage = Stage::new(site(), Config::default());
    for (asked, status) in [
        ("GET / HTTP/1.1\nhost: h\n\n", 400),
        ("GET / HTTP/1.1\r\nhost: h\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: h\r\nhost: i\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost : h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505),
        (
            "POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400),
        ("POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: +3\r\n\r\nabc", 400),
        ("POST /size HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        ("POST /size HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400),
        ("POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n", 413),
        ("CONNECT other:80 HTTP/1.1\r\nhost: other:80\r\n\r\n", 501),
        ("\x16\x03\x01\x02\x00\x01\x00", 400),
    ] {
        let mut client = stage.client();
        client.write_all(format!("{asked}GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes()).unwrap();
        let said = stage.rest(client);
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{asked:?}: {said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count(), 1, "{asked:?}: {said}");
    }
    stage.end();
}

#[test]
fn heads_without_an_end_are_refused() {
    let stage = Stage::new(site(), Config::default());
    let mut client = stage.client();
    let long = format!("GET / HTTP/1.1\r\nhost: h\r\nx: {}", "a".repeat(20_000));
    client.write_all(long.as_bytes()).unwrap();
    assert!(stage.rest(client).starts_with("HTTP/1.1 431 "));
    stage.end();
}

#[test]
fn chunks_without_an_end_are_refused() {
    let stage = Stage::new(site(), Config::default());
    let mut client = stage.client();
    client.write_all(b"POST /size HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
    // The server stops reading at a mebibyte; whether that shows here as an error is a matter of time.
    while client.write_all(&chunk).is_ok() {}
    stage.until(|counts| counts.active == 0);
    stage.end();
}

#[test]
fn requests_that_drip_are_given_up() {
    let config = Config { request_within: Duration::from_millis(100), ..Config::default() };
    let stage = Stage::new(site(), config);
    for begun in
        ["GET / HTTP/1.1\r\nhos", "POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\nhal"]
    {
        let mut client = stage.client();
        client.write_all(begun.as_bytes()).unwrap();
        let mut dripping = client.try_clone().unwrap();
        let said = std::thread::scope(|scope| {
            // It is never silent for long, and never done.
            scope.spawn(move || {
                while dripping.write_all(b"x").is_ok() {
                    pause();
                }
            });
            stage.rest(client)
        });
        assert!(said.starts_with("HTTP/1.1 408 "), "{begun:?}: {said}");
    }
    stage.end();
}

/// A moment in which nothing comes.
fn pause() {
    let (client, _server) = std::os::unix::net::UnixStream::pair().unwrap();
    client.set_read_timeout(Some(std::time::Duration::from_millis(10))).unwrap();
    let _ = (&client).read(&mut [0]);
}

#[test]
fn the_silent_are_sent_away() {
    let mut config = Config::default();
    config.service.first_byte_within = Some(Duration::from_millis(50));
    config.service.idle_after = Some(Duration::from_millis(50));
    let stage = Stage::new(site(), config);
    let client = stage.client();
    assert_eq!(stage.rest(client), "");
    let mut client = stage.client();
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    assert!(stage.rest(client).ends_with("Hello, World!"));
    let counts = stage.until(|counts| counts.active == 0);
    assert_eq!((counts.silent, counts.idle), (1, 1));
    stage.end();
}

#[test]
fn strangers_and_crowds_are_turned_away() {
    let recent = Arc::new(Recent::new(10));
    let allow = vec!["192.0.2.0/24".parse().unwrap()];
    let admission = Admission { allow, ..Admission::default() };
    let stage = Stage::new(site(), Config { admission, log: Some(recent.clone()), ..Config::default() });
    assert_eq!(stage.rest(stage.client()), "");
    assert_eq!(stage.turned_away(), 1);
    assert!(recent.lines()[0].ends_with("127.0.0.1 is not among those that may come in"));
    stage.end();

    let admission = Admission { connections_per_address_max: Some(1), ..Admission::default() };
    let stage = Stage::new(site(), Config { admission, ..Config::default() });
    let mut first = stage.client();
    write!(first, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    assert!(first.read(&mut [0; 1_000]).unwrap() > 0);
    assert_eq!(stage.rest(stage.client()), "");
    drop(first);
    stage.until(|counts| counts.active == 0);
    assert_eq!(stage.curl("/"), "Hello, World!");
    stage.end();
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let stage = Stage::new(site(), Config::default());
    let idle = stage.client();
    let mut half = stage.client();
    half.write_all(b"POST /size HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab").unwrap();
    stage.until(|counts| counts.active == 2);
    let said = std::thread::scope(|scope| {
        let rest = scope.spawn(|| {
            assert_eq!(stage.rest(idle), "", "it asked for nothing");
            half.write_all(b"cd").unwrap();
            stage.rest(half)
        });
        let drained = stage.stop_now(Duration::from_secs(10));
        assert_eq!((drained.ended, drained.killed), (2, 0));
        rest.join().unwrap()
    });
    assert!(said.contains("connection: close\r\n") && said.ends_with("\r\n\r\n4"), "{said}");
    assert!(TcpStream::connect(stage.address()).is_err(), "nobody listens any more");
}

#[test]
fn requests_are_noted() {
    let recent = Arc::new(Recent::new(10));
    let stage = Stage::new(site(), Config { log: Some(recent.clone()), ..Config::default() });
    stage.curl("/hello/Ada?x=1");
    stage.status("/nowhere");
    let mut client = stage.client();
    client.write_all(b"nonsense\r\n\r\n").unwrap();
    stage.rest(client);
    let lines = recent.lines();
    assert!(lines[0].contains("\"GET /hello/Ada?x=1\" 200 11 "), "{lines:?}");
    assert!(lines[1].contains("\"GET /nowhere\" 404 "), "{lines:?}");
    assert!(lines[2].contains("\" \" 400 - "), "{lines:?}");
    stage.end();
}

#[test]
fn files_are_served_from_a_tree() {
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), TreeConfig::default());
    let plain = || Attributes::new(0o644, Instant::ZERO);
    tree.mkdir("/sub", plain()).unwrap();
    tree.put("/index.html", b"<p>home", plain()).unwrap();
    tree.put("/sub/index.html", b"<p>below", plain()).unwrap();
    let long: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7 % 253) as u8).collect();
    tree.put("/long.bin", &long, plain()).unwrap();
    tree.commit(ironloom_node::blob::Durability::Buffered).unwrap();
    let files = Files::new(&tree);
    let stage = Stage::new(Site::new().files("/", files.clone()), Config::default());

    assert_eq!(stage.curl("/"), "<p>home");
    assert!(stage.curl("/ -I").contains("content-type: text/html\r\n"));
    assert_eq!(stage.curl("/sub -L"), "<p>below");
    assert_eq!(stage.status("/sub"), "308");
    assert!(stage.run("/long.bin") == long);
    assert!(stage.run("/long.bin -r 1000000-1999999") == long[1_000_000..2_000_000]);
    assert_eq!(stage.curl("/index.html -r 3-4"), "ho");
    assert!(stage.curl("/index.html -r 0-0,3-4").contains("content-range: bytes 3-4/7"));
    assert_eq!(stage.status("/index.html -r 7-"), "416");
    for path in ["/none", "/sub/none", "/..%2findex.html", "/%2e%2e/index.html", "/%zz"] {
        assert_eq!(stage.status(&format!("{path} --path-as-is")), "404", "{path}");
    }

    let head = stage.curl("/long.bin -I");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    assert_eq!(stage.status(&format!("/long.bin -H 'if-none-match: {tag}'")), "304");
    assert_eq!(stage.status("/long.bin -H 'if-none-match: \"other\"'"), "200");
    assert_eq!(stage.status(&format!("/long.bin -r 0-9 -H 'if-range: {tag}'")), "206");
    assert_eq!(stage.status("/long.bin -r 0-9 -H 'if-range: \"other\"'"), "200");

    tree.put("/index.html", b"<p>changed", plain()).unwrap();
    assert_eq!(stage.curl("/"), "<p>home");
    files.publish(&tree);
    assert_eq!(stage.curl("/"), "<p>changed");
    stage.end();
}

#[test]
fn what_comes_out_of_a_pipe_is_sent_as_it_comes() {
    let stage = Stage::with(Config::default(), |kernel| {
        let kernel = kernel.clone();
        Site::new().get("/", move |_| {
            let (mut writer, reader) = kernel.pipe(1_024);
            let written = kernel.spawn(async move |_: ironloom_node::sched::Context<()>| {
                for number in 0..10_000 {
                    writer.write(format!("{number}\n").as_bytes()).await?;
                }
                writer.hang_up().await
            });
            written.map(|_| Response::stream("text/plain", reader)).map_err(|_| Status::UNAVAILABLE)
        })
    });
    let expected: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(stage.curl("/"), expected);
    assert!(stage.curl("/ -i").contains("transfer-encoding: chunked"));
    assert_eq!(stage.curl("/ --http1.0"), expected);
    assert!(stage.curl("/ -I").contains("200 OK"));
    stage.end();
}

#[test]
fn monitors_are_answered() {
    let registry = Registry::new(100);
    registry.scope("node").counter("turns", "Turns.").unwrap().add(7);
    let site = Site::new()
        .get("/metrics", metrics(registry))
        .get("/health", health(|| Health::Well))
        .get("/ill", health(|| Health::Ill("the disk is full".to_owned())));
    let stage = Stage::new(site, Config::default());
    let said = stage.curl("/metrics -i");
    assert!(said.contains("content-type: application/openmetrics-text; version=1.0.0"), "{said}");
    assert!(said.contains("node_turns_total 7\n") && said.ends_with("# EOF\n"), "{said}");
    assert_eq!(stage.status("/health"), "200");
    assert_eq!(stage.curl("/ill -i").lines().next(), Some("HTTP/1.1 503 Service Unavailable"));
    stage.end();
}

#[test]
fn a_storm_leaves_nothing_behind() {
    let stage = Stage::new(site(), Config::default());
    let said = stage.shell(&format!("wrk -t1 -c50 -d1s http://{}/", stage.address()));
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    stage.until(|counts| counts.active == 0);
    stage.end();
}
