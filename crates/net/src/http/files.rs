//! [`FileServer`]: a service that answers with files that are in memory.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ironloom_core::{Instant, Map};

use super::ranges::{self, Selection};
use super::{Config, Date, Method, Request, Server, ServerEvent, Status, WriteError};
use crate::stack::SocketError;
use crate::{Host, Payload, Readiness, Service, SocketId};

/// How many bytes are received at once.
const RECEIVED_BYTES_MAX: usize = 64 << 10;

/// A file: what it holds, and what kind of thing that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: Bytes,
    /// What kind of thing that is, such as `text/plain`.
    pub kind: String,
}

/// The files of a server by their paths, which begin with `/`.
pub type Files = BTreeMap<String, File>;

/// A service that answers GET and HEAD with files that are in memory, or parts of them.
///
/// Many machines can share the files. `/` stands for `/index.html` unless it is a file itself.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_net::http::{File, FileServer, Files};
///
/// let page = File { content: "hello".into(), kind: "text/plain".to_owned() };
/// let files = Files::from([("/index.html".to_owned(), page)]);
/// let server = FileServer::new(80, Arc::new(files));
/// ```
#[derive(Debug)]
pub struct FileServer {
    /// The limits of connections.
    pub config: Config,
    /// How many connections there may be; who comes when there are so many is sent away.
    pub connections_max: usize,
    /// How many seconds after 1970 began the fabric's time begins; without it answers tell no time.
    pub epoch: Option<u64>,
    port: u16,
    files: Arc<Files>,
    listener: Option<SocketId>,
    connections: Map<SocketId, Server>,
}

impl FileServer {
    /// A server of files on a port.
    #[must_use]
    pub fn new(port: u16, files: Arc<Files>) -> Self {
        Self {
            config: Config::default(),
            connections_max: 1_000,
            epoch: None,
            port,
            files,
            listener: None,
            connections: Map::default(),
        }
    }

    fn accept(&mut self, host: &mut Host<'_>, listener: SocketId) {
        while let Ok(Some((socket, _))) = host.accept(listener) {
            if self.connections.len() < self.connections_max {
                self.connections.insert(socket, Server::new(self.config));
                self.serve(host, socket);
            } else {
                host.abort(socket);
            }
        }
    }

    fn serve(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let date = self.epoch.map(|epoch| date(epoch, host.now()));
        let Some(server) = self.connections.get_mut(&socket) else { return };
        server.set_date(date);
        match carry(&self.files, server, host, socket) {
            Ok(false) => (),
            Ok(true) => {
                self.connections.remove(&socket);
                host.close(socket);
            }
            Err(_) => {
                self.connections.remove(&socket);
                host.abort(socket);
            }
        }
    }
}

impl Service for FileServer {
    fn start(&mut self, host: &mut Host<'_>) {
        // If the port is taken nobody is served, which whoever connects is told.
        self.listener = host.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port)), 1_024).ok();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if self.listener == Some(socket) {
            self.accept(host, socket);
        } else {
            self.serve(host, socket);
        }
    }
}

/// Receives, answers and sends as much as can be; whether the connection is over.
fn carry(
    files: &Files,
    server: &mut Server,
    host: &mut Host<'_>,
    socket: SocketId,
) -> Result<bool, SocketError> {
    loop {
        while let Some(event) = server.poll() {
            if let ServerEvent::Request(request) = event
                && answer(files, server, &request).is_err()
            {
                // The file's kind cannot be written, and nothing was.
                let failed = server.respond(Status::INTERNAL_ERROR, &[], &Payload::EMPTY);
                failed.expect("the request still waits");
            }
        }
        let output = server.output();
        if !output.is_empty() {
            let sent = host.send_payload(socket, output.clone())?;
            server.sent(sent);
            if sent < output.len() {
                return Ok(false);
            }
            continue;
        }
        if server.is_over() {
            return Ok(true);
        }
        if !server.wants_input() {
            return Ok(false);
        }
        match host.receive_payload(socket, RECEIVED_BYTES_MAX)? {
            None => return Ok(false),
            Some(payload) if payload.is_empty() => server.finish_input(),
            Some(payload) => server.feed(&payload).expect("it wants input"),
        }
    }
}

fn answer(files: &Files, server: &mut Server, request: &Request) -> Result<(), WriteError> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return server.respond(Status::METHOD_NOT_ALLOWED, &[("allow", "GET, HEAD")], &Payload::EMPTY);
    }
    let path = decode(request.path());
    let index = || files.get("/index.html").filter(|_| path == "/");
    let Some(file) = files.get(&path).or_else(index) else {
        let text = Payload::from(Bytes::from_static(b"there is no such file\n"));
        return server.respond(Status::NOT_FOUND, &[("content-type", "text/plain")], &text);
    };
    let whole = file.content.len() as u64;
    // Whoever asks for a part only if nothing has changed since gets all, as nothing is told by which to see it.
    let range = request.fields().first("range").filter(|_| request.fields().first("if-range").is_none());
    match range.map_or(Selection::Whole, |range| ranges::select(range, whole)) {
        Selection::Whole => {
            let fields = [("content-type", &file.kind[..]), ("accept-ranges", "bytes")];
            server.respond(Status::OK, &fields, &file.content.clone().into())
        }
        Selection::Part(part) => {
            let range = part.content_range(whole);
            let fields = [("content-type", &file.kind[..]), ("content-range", &range)];
            server.respond(Status::PARTIAL_CONTENT, &fields, &part.of(&file.content).into())
        }
        Selection::Parts(parts) => {
            let (kind, body) = ranges::multipart(&file.content, &file.kind, &parts);
            server.respond(Status::PARTIAL_CONTENT, &[("content-type", &kind)], &body)
        }
        Selection::Unsatisfiable => {
            let range = format!("bytes */{whole}");
            server.respond(Status::RANGE_NOT_SATISFIABLE, &[("content-range", &range)], &Payload::EMPTY)
        }
    }
}

/// A path in which bytes may be written as `%` and two digits.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|digit| (*digit as char).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn date(epoch: u64, now: Instant) -> Date {
    Date::at(epoch.saturating_add(now.as_nanos() / 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ByteRange;

    fn files() -> Files {
        let file =
            |content: &'static str, kind: &str| File { content: content.into(), kind: kind.to_owned() };
        Files::from([
            ("/index.html".to_owned(), file("<p>home", "text/html")),
            ("/a b.txt".to_owned(), file("0123456789", "text/plain")),
            ("/broken".to_owned(), file("", "text/plain\r\nx: y")),
        ])
    }

    #[track_caller]
    fn check(request: &str, expected: &str) {
        let mut server = Server::new(Config::default());
        let request = format!("{request}host: h\r\n\r\n").replace('\n', "\r\n").replace("\r\r", "\r");
        server.feed(&request.into_bytes().into()).unwrap();
        while let Some(event) = server.poll() {
            if let ServerEvent::Request(request) = event {
                let _ = answer(&files(), &mut server, &request);
            }
        }
        let output = String::from_utf8(server.output().to_bytes().to_vec()).unwrap();
        assert_eq!(output.replace("\r\n", "\n"), expected);
    }

    #[test]
    fn files_are_found_by_their_paths() {
        let home = "HTTP/1.1 200 OK\ncontent-type: text/html\naccept-ranges: bytes\ncontent-length: 7\n\n";
        check("GET / HTTP/1.1\n", &format!("{home}<p>home"));
        check("HEAD /index.html?x HTTP/1.1\n", home);
        check(
            "GET /nowhere HTTP/1.1\n",
            "HTTP/1.1 404 Not Found\ncontent-type: text/plain\ncontent-length: 22\n\nthere is no such file\n",
        );
        check(
            "POST / HTTP/1.1\n",
            "HTTP/1.1 405 Method Not Allowed\nallow: GET, HEAD\ncontent-length: 0\n\n",
        );
        check("GET /broken HTTP/1.1\n", "");
    }

    #[test]
    fn parts_of_files_are_sent() {
        check(
            "GET /a%20b.txt HTTP/1.1\nrange: bytes=2-4\n",
            "HTTP/1.1 206 Partial Content\ncontent-type: text/plain\ncontent-range: bytes 2-4/10\n\
             content-length: 3\n\n234",
        );
        check(
            "GET /a%20b.txt HTTP/1.1\nrange: bytes=10-\n",
            "HTTP/1.1 416 Range Not Satisfiable\ncontent-range: bytes */10\ncontent-length: 0\n\n",
        );
        let whole = "HTTP/1.1 200 OK\ncontent-type: text/plain\naccept-ranges: bytes\ncontent-length: 10\n\n0123456789";
        check("GET /a%20b.txt HTTP/1.1\nrange: bytes=2-4\nif-range: \"x\"\n", whole);
        check("GET /a%20b.txt HTTP/1.1\nrange: bytes=2-4,3-5\n", whole);
    }

    #[test]
    fn several_parts_come_with_heads_of_their_own() {
        let parts = [ByteRange { from: 0, to: 2 }, ByteRange { from: 8, to: 10 }];
        let (kind, body) = ranges::multipart(&"0123456789".into(), "text/plain", &parts);
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/10\r\n\r\n01\r\n\
             --{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes 8-9/10\r\n\r\n89\r\n--{boundary}--\r\n"
        );
        assert_eq!(body.to_bytes(), expected);
    }

    #[test]
    fn paths_are_decoded() {
        for (path, expected) in
            [("/a%20b", "/a b"), ("/%", "/%"), ("/%4", "/%4"), ("/%zz", "/%zz"), ("/%C3%A9", "/é")]
        {
            assert_eq!(decode(path), expected);
        }
    }
}
