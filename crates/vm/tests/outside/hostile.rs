//! What somebody outside does to a server, with the host's `curl` and with bare hands.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::curl::{curl, status, web};
use crate::need;
use crate::street::Street;

/// How many connections the server has.
fn connections(street: &mut Street, web: ironloom_core::MachineId) -> usize {
    street.run(web, "ss -tn").matches("ESTAB").count()
}

/// Says something to the server, and hears what it answers before it closes the connection.
fn say(web: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // It may close the connection before it has heard everything.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn nobody_leaves_the_root() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 16 << 20);
    for path in [
        "/../../etc/shadow",
        "/sub/../../../etc/shadow",
        "/..%2f..%2fetc/shadow",
        "/%2e%2e/%2e%2e/etc/shadow",
        "/%2e%2e%2f%2e%2e%2fetc%2fshadow",
        "/.%00./etc/shadow",
        "/index.html%00.txt",
        "//etc/shadow",
        "/out/shadow",
        "/out/passwd",
        "/out/",
        "/cgi/../../../bin/sh",
        "/cgi/%2e%2e/%2e%2e/%2e%2e/tmp/x",
    ] {
        let said = curl(&mut street, &format!("--path-as-is -i 'http://{web}{path}'"));
        assert!(said.contains("404 Not Found") && !said.contains("root"), "{path}: {said}");
    }
}

#[test]
fn long_heads_and_lines_are_refused() {
    need!("curl");
    let mut street = Street::new();
    let (machine, web) = web(&mut street, 16 << 20);
    let street = &mut street;
    let long = "a".repeat(100_000);
    let config = street.folder.path().join("config");
    for (what, expected) in [
        (format!("header = \"X-Long: {long}\""), "431"),
        ((0..5_000).map(|number| format!("header = \"X-{number}: y\"\n")).collect(), "431"),
        (format!("request = \"{}\"", "A".repeat(90_000)), "431"),
        ("request = \"get\"".to_owned(), "400"),
        ("header = \"Content-Length: -1\"".to_owned(), "400"),
        ("header = \"Content-Length: 99999999999999999999999\"\ndata = \"x\"".to_owned(), "400"),
        ("header = \"Transfer-Encoding: gzip\"\ndata = \"x\"".to_owned(), "400"),
    ] {
        std::fs::write(&config, &what).unwrap();
        let line = format!(
            "curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' -K {} http://{web}/",
            config.display()
        );
        let (_, said) = street.try_host(&line);
        // Whoever is refused while still sending may hear of it as a connection that was broken off.
        let is_refused = said.contains(expected) || said.contains("000");
        assert!(is_refused, "{}: {said}", &what[..what.len().min(50)]);
        assert_eq!(status(street, &format!("http://{web}/")), "200");
    }
    let (_, said) = street
        .try_host(&format!("curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' 'http://{web}/{long}'"));
    assert!(said.contains("431") || said.contains("000"), "{said}");
    assert!(connections(street, machine) <= 2);
}

#[test]
fn what_is_no_request_is_refused() {
    let mut street = Street::new();
    let (machine, web) = web(&mut street, 16 << 20);
    let chunks = b"POST /cgi/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let endless_trailer = [&chunks[..], b"0\r\n", &b"a: b\r\n".repeat(50_000)].concat();
    let many_chunks = [&chunks[..], &b"1\r\nx\r\n".repeat(3_000_000), b"0\r\n\r\n"].concat();
    for (what, expected) in [
        (&b"\0\0\0\0\r\n\r\n"[..], "HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nbroken\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\n", ""),
        (&[&chunks[..], b"zz\r\n"].concat(), "HTTP/1.1 400 Bad Request"),
        (&[&chunks[..], b"ffffffffffffffffffff\r\nabc"].concat(), "HTTP/1.1 400 Bad Request"),
        (&endless_trailer, "HTTP/1.1 400 Bad Request"),
        (&many_chunks, "HTTP/1.1 413 Content Too Large"),
        (&vec![b'x'; 40 << 20], "HTTP/1.1 431 Request Header Fields Too Large"),
    ] {
        let said = street.meanwhile(|| say(web, what));
        let is_long = what.len() > 100_000; // It may be closed while it is still sent.
        let beginning = String::from_utf8_lossy(&what[..what.len().min(80)]).into_owned();
        assert!(said == expected || is_long && said.is_empty(), "{beginning}: {said}");
    }
    assert_eq!(street.meanwhile(|| say(web, b"GET / HTTP/1.0\r\n\r\n")), "HTTP/1.1 200 OK");
    assert!(connections(&mut street, machine) == 0);
}

#[test]
fn who_breaks_off_leaves_nothing_behind() {
    need!("curl");
    let mut street = Street::new();
    let (machine, web) = web(&mut street, 16 << 20);
    for _ in 0..5 {
        // Some read for a while and go away; others never read.
        street.try_host(&format!("curl -sS --max-time 0.2 --limit-rate 10k -o /dev/null http://{web}/long"));
        street.meanwhile(|| {
            let mut streams: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(web).unwrap()).collect();
            for stream in &mut streams {
                stream.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            }
        });
    }
    assert_eq!(curl(&mut street, &format!("http://{web}/")), "<p>hello\n");
    street.run(machine, "while ss -tn | grep -q ESTAB; do sleep 0.1; done");
}

/// Connections that say nothing, or a byte from time to time, take places from others until their time is over, and no
/// more.
#[test]
fn who_says_nothing_is_hung_up_on() {
    let mut street = Street::new();
    let web = street.add(1, 16 << 20);
    let script = "http.serve(80, function() return 'here' end, { timeout = 2 })";
    street.put(web, "/serve", script.as_bytes());
    street.serve(web, "lua /serve", 80);
    let address = street.publish(([10, 93, 0, 1].into(), 80));
    let said = street.meanwhile(|| {
        let mut idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
        for stream in idle.iter_mut().take(100) {
            let _ = stream.write_all(b"GET / HT");
        }
        say(address, b"GET / HTTP/1.0\r\n\r\n")
    });
    assert_eq!(said, "HTTP/1.1 200 OK");
    street.run(web, "while ss -tn | grep -q ESTAB; do sleep 0.1; done");
}
