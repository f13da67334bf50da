//! The web, as `curl` and a server of Linux see it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ironloom_net::http::{Client, ClientEvent, Config, File, FileServer, Files, Server, ServerEvent, Status};
use ironloom_net::link::LinkProfile;
use ironloom_net::stack::SocketError;
use ironloom_net::{Host, Payload, Readiness, Service, SocketId};
use parking_lot::Mutex;

use crate::need;
use crate::town::{BEHIND, LINUX, ROUTER, Scene, WEB};

const CLERK: &str = "10.91.0.3";

/// How long the longer of two files is.
const LONG: usize = 100_000;

/// A server of two files.
pub(crate) fn server() -> FileServer {
    let file = |content: Bytes| File { content, kind: "text/plain".to_owned() };
    let files = [
        ("/index.html".to_owned(), file(Bytes::from_static(b"0123456789"))),
        ("/long".to_owned(), file(vec![b'x'; LONG].into())),
    ];
    FileServer::new(80, Arc::new(Files::from(files)))
}

/// Takes what is sent to it, compares it with what is expected, and says how much it was; what is asked of it comes in
/// chunks.
pub(crate) struct Clerk {
    expected: Bytes,
    listener: Option<SocketId>,
    talks: BTreeMap<SocketId, Talk>,
}

struct Talk {
    server: Server,
    received: usize,
    is_as_expected: bool,
    is_chunked: bool,
}

impl Clerk {
    pub(crate) fn new(expected: Bytes) -> Self {
        Self { expected, listener: None, talks: BTreeMap::new() }
    }

    fn serve(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(talk) = self.talks.get_mut(&socket) else { return };
        if talk.carry(host, socket, &self.expected) != Ok(false) {
            host.close(socket);
            self.talks.remove(&socket);
        }
    }
}

impl Service for Clerk {
    fn start(&mut self, host: &mut Host<'_>) {
        self.listener = Some(host.listen((Ipv4Addr::UNSPECIFIED, 80).into(), 16).unwrap());
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if self.listener != Some(socket) {
            return self.serve(host, socket);
        }
        while let Ok(Some((socket, _))) = host.accept(socket) {
            let server = Server::new(Config::default());
            let talk = Talk { server, received: 0, is_as_expected: true, is_chunked: false };
            self.talks.insert(socket, talk);
            self.serve(host, socket);
        }
    }
}

impl Talk {
    /// Carries what can be carried; whether that was all.
    fn carry(
        &mut self,
        host: &mut Host<'_>,
        socket: SocketId,
        expected: &Bytes,
    ) -> Result<bool, SocketError> {
        loop {
            while let Some(event) = self.server.poll() {
                self.hear(event, expected);
            }
            let output = self.server.output();
            if !output.is_empty() {
                let sent = host.send_payload(socket, output.clone())?;
                self.server.sent(sent);
                if sent < output.len() {
                    return Ok(false);
                }
                continue;
            }
            if self.server.is_over() || !self.server.wants_input() {
                return Ok(self.server.is_over());
            }
            match host.receive_payload(socket, 256 << 10)? {
                None => return Ok(false),
                Some(payload) if payload.is_empty() => self.server.finish_input(),
                Some(payload) => self.server.feed(&payload).unwrap(),
            }
        }
    }

    fn hear(&mut self, event: ServerEvent, expected: &Bytes) {
        match event {
            ServerEvent::Request(request) => {
                (self.received, self.is_as_expected) = (0, true);
                self.is_chunked = !request.has_body();
                self.server.proceed().unwrap();
            }
            ServerEvent::Body(part) => {
                let end = self.received + part.len();
                self.is_as_expected &= expected.get(self.received..end) == Some(&part[..]);
                self.received = end;
            }
            ServerEvent::End(_) if self.is_chunked => {
                self.server.begin(Status::OK, &[], None).unwrap();
                for part in expected.chunks(7_000) {
                    self.server.body(&expected.slice_ref(part).into()).unwrap();
                }
                self.server.finish(&[("x-after", "all")]).unwrap();
            }
            ServerEvent::End(_) => {
                let word = if self.is_as_expected { "as expected" } else { "others" };
                let text = Payload::from(format!("{} bytes {word}\n", self.received).into_bytes());
                self.server.respond(Status::OK, &[], &text).unwrap();
            }
            ServerEvent::Refused(_) => (),
        }
    }
}

#[test]
fn curl() {
    need!("curl");
    let content = Bytes::from((0..300_000_u32).map(|number| (number % 251) as u8).collect::<Vec<_>>());
    let expected = content.clone();
    let build = |town: &mut crate::town::Town| town.add(CLERK, Box::new(Clerk::new(expected)));
    let Some(scene) = Scene::start(LinkProfile::default(), true, build) else { return };
    let curl = |rest: &str| scene.run(&format!("curl -sS --max-time 20 {rest}"));

    for target in [WEB, BEHIND, &format!("{ROUTER}:8080")] {
        assert_eq!(curl(&format!("http://{target}/")), "0123456789");
        assert_eq!(curl(&format!("http://{target}/long")).len(), LONG);
    }
    let head = curl(&format!("-I http://{WEB}/long")).to_lowercase();
    assert!(head.contains("200 ok") && head.contains("content-length: 100000"), "{head}");
    assert_eq!(curl(&format!("-r 2-4 http://{WEB}/")), "234");
    let status = curl(&format!("-o /dev/null -w '%{{http_code}}' http://{WEB}/none"));
    assert_eq!(status, "404");
    let said = curl(&format!("-v http://{WEB}/ http://{WEB}/"));
    assert!(said.contains("Re-using existing connection"), "{said}");
    assert_eq!(curl(&format!("-0 http://{WEB}/")), "0123456789");

    let path = scene.folder.path().join("content");
    std::fs::write(&path, &content).unwrap();
    let (path, answer) = (path.display(), "300000 bytes as expected\n");
    let said = curl(&format!("-v -H 'Expect: 100-continue' --data-binary @{path} http://{CLERK}/"));
    assert!(said.contains("HTTP/1.1 100 Continue") && said.contains(answer), "{said}");
    let chunked = "-H 'Transfer-Encoding: chunked'";
    assert_eq!(curl(&format!("{chunked} --data-binary @{path} http://{CLERK}/")), answer);
    let said = curl(&format!("-v -o {path}.back http://{CLERK}/"));
    assert!(said.to_lowercase().contains("transfer-encoding: chunked"), "{said}");
    assert!(std::fs::read(format!("{path}.back")).unwrap() == content);
    scene.finish();
}

/// Fetches something from a server elsewhere.
struct Fetch {
    from: SocketAddr,
    client: Client,
    found: Arc<Mutex<Vec<u8>>>,
}

impl Fetch {
    fn carry(&mut self, host: &mut Host<'_>, socket: SocketId) -> Result<(), SocketError> {
        let output = self.client.output();
        self.client.sent(host.send_payload(socket, output)?);
        while let Some(payload) = host.receive_payload(socket, 64 << 10)? {
            if payload.is_empty() {
                self.client.finish_input();
            }
            self.client.feed(&payload).unwrap();
            while let Some(event) = self.client.poll() {
                match event {
                    ClientEvent::Body(part) => self.found.lock().extend_from_slice(&part),
                    ClientEvent::End(_) => host.close(socket),
                    _ => (),
                }
            }
            if payload.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl Service for Fetch {
    fn start(&mut self, host: &mut Host<'_>) {
        // Until there is a server somebody has to ask again.
        host.set_timer(host.now(), 0);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if self.carry(host, socket).is_err() {
            host.close(socket);
        }
    }

    fn timer(&mut self, host: &mut Host<'_>, _: u64) {
        if self.found.lock().is_empty() {
            self.client = Client::new("linux", Config::default());
            self.client.request("GET", "/content", &[], &Payload::EMPTY).unwrap();
            host.connect(self.from).unwrap();
            let later = host.now().saturating_add(ironloom_core::Duration::from_secs(1));
            host.set_timer(later, 0);
        }
    }
}

/// Machines reach Linux: one beside it, and one that hides behind the router.
#[test]
fn machines_fetch_from_linux() {
    need!("python3");
    let found: [Arc<Mutex<Vec<u8>>>; 2] = Default::default();
    let build = |town: &mut crate::town::Town| {
        for (address, found) in [CLERK, "10.92.0.2"].into_iter().zip(&found) {
            let from = SocketAddr::new(LINUX.parse().unwrap(), 8_000);
            let client = Client::new("linux", Config::default());
            town.add(address, Box::new(Fetch { from, client, found: Arc::clone(found) }));
        }
    };
    let Some(scene) = Scene::start(LinkProfile::default(), true, build) else { return };
    let content = vec![b'x'; 3 << 20];
    let folder = scene.folder.path();
    std::fs::write(folder.join("content"), &content).unwrap();
    // It ends when both have asked, which it writes down.
    let said = scene.run(&format!(
        "cd {}; python3 -u -m http.server --bind {LINUX} 8000 >log 2>&1 & server=$!
        while [ $(grep -c 'GET /content' {}/log) -lt 2 ]; do sleep 0.1; done; sleep 0.5; kill $server",
        folder.display(),
        folder.display(),
    ));
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("10.91.0.3 - ") && log.contains("10.91.0.254 - "), "{log}{said}");
    for found in &found {
        let found = found.lock();
        assert!(*found == content, "{} bytes", found.len());
    }
    scene.finish();
}
