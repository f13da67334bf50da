//! [`Questions`]: a client that asks over many connections of one machine, each as soon as it was answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_net::http::{Client, ClientEvent, Config};
use ironloom_net::{Host, Readiness, Service, SocketId};

/// How many bytes are taken from a socket at once.
const PIECE_BYTES: usize = 64 << 10;

/// A client that asks over many connections, each as soon as it was answered, and counts the answers.
pub(crate) struct Questions {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) answered: Arc<AtomicU64>,
    pub(crate) asking: BTreeMap<SocketId, Client>,
}

impl Service for Questions {
    fn start(&mut self, host: &mut Host<'_>) {
        for _ in 0..self.connections {
            let socket = host.connect(self.server).expect("there are ports");
            let mut client = Client::new("web", Config::default());
            ask(&mut client);
            self.asking.insert(socket, client);
        }
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        assert!(!readiness.contains(Readiness::OVER), "a connection was lost");
        let Some(client) = self.asking.get_mut(&socket) else { return };
        while let Ok(Some(payload)) = host.receive_payload(socket, PIECE_BYTES) {
            assert!(!payload.is_empty(), "the server has hung up");
            client.feed(&payload).expect("what came before was read");
            while let Some(event) = client.poll() {
                match event {
                    ClientEvent::Response(response) => assert_eq!(response.status().code(), 200),
                    ClientEvent::Body(body) => assert_eq!(body, "Hello, World!"),
                    ClientEvent::End(_) => {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                        ask(client);
                    }
                    other => panic!("that is no answer: {other:?}"),
                }
            }
        }
        let question = client.output();
        if !question.is_empty() && host.send_payload(socket, question.clone()).is_ok() {
            client.sent(question.len());
        }
    }
}

fn ask(client: &mut Client) {
    client.request("GET", "/", &[], &<_>::default()).expect("it is a request");
}
