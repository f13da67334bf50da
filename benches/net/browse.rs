//! What the hosts of the simulations do: ask a server for 8 KiB, think, ask another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ironloom_core::{Duration, Rng};
use ironloom_net::{Host, Readiness, Service, SocketId};

const REQUEST_BYTES: usize = 200;
const ANSWER_BYTES: usize = 8 << 10;

/// How many flows were done, and how many failed.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Answers each request of 200 bytes with 8 KiB, and closes.
pub(crate) struct Server {
    listener: Option<SocketId>,
    answer: Bytes,
    port: u16,
    /// Who has not sent a whole request yet, and how much is missing.
    asking: Vec<(SocketId, usize)>,
}

impl Server {
    pub(crate) fn new(port: u16) -> Self {
        Self { listener: None, answer: Bytes::from(vec![7; ANSWER_BYTES]), port, asking: Vec::new() }
    }

    /// Reads what has come; whether the connection is dealt with.
    fn read(&self, host: &mut Host<'_>, socket: SocketId, missing: &mut usize) -> bool {
        while let Ok(Some(payload)) = host.receive_payload(socket, ANSWER_BYTES) {
            if payload.is_empty() {
                host.close(socket);
                return true;
            }
            *missing = missing.saturating_sub(payload.len());
            if *missing == 0 {
                let _ = host.send_payload(socket, self.answer.clone().into());
                host.close(socket);
                return true;
            }
        }
        false
    }
}

impl Service for Server {
    fn start(&mut self, host: &mut Host<'_>) {
        let local = SocketAddr::from(([0, 0, 0, 0], self.port));
        self.listener = Some(host.listen(local, 128).expect("the port is free"));
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if Some(socket) == self.listener {
            while let Ok(Some((socket, _))) = host.accept(socket) {
                let mut missing = REQUEST_BYTES;
                if !self.read(host, socket, &mut missing) {
                    self.asking.push((socket, missing));
                }
            }
            return;
        }
        let Some(place) = self.asking.iter().position(|(asking, _)| *asking == socket) else { return };
        let mut missing = self.asking[place].1;
        let is_over = readiness.contains(Readiness::OVER);
        if self.read(host, socket, &mut missing) || is_over {
            self.asking.swap_remove(place);
            if is_over {
                host.close(socket);
            }
        } else {
            self.asking[place].1 = missing;
        }
    }
}

/// Thinks for 0.2 to 1.8 s, asks a server, and begins again.
pub(crate) struct Client {
    servers: Arc<[SocketAddr]>,
    flows: Arc<Flows>,
    rng: Rng,
    socket: Option<SocketId>,
    has_asked: bool,
    received: usize,
}

impl Client {
    pub(crate) fn new(servers: Arc<[SocketAddr]>, flows: Arc<Flows>, rng: Rng) -> Self {
        Self { servers, flows, rng, socket: None, has_asked: false, received: 0 }
    }

    fn think(&mut self, host: &mut Host<'_>) {
        let thinks = Duration::from_micros(self.rng.range(200_000..1_800_000));
        host.set_timer(host.now().saturating_add(thinks), 0);
    }

    fn finish(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let outcome = if self.received == ANSWER_BYTES { &self.flows.done } else { &self.flows.failed };
        outcome.fetch_add(1, Ordering::Relaxed);
        host.close(socket);
        self.socket = None;
        self.think(host);
    }
}

impl Service for Client {
    fn start(&mut self, host: &mut Host<'_>) {
        self.think(host);
    }

    fn timer(&mut self, host: &mut Host<'_>, _: u64) {
        let server = *self.rng.choose(&self.servers).expect("there is a server");
        (self.has_asked, self.received) = (false, 0);
        match host.connect(server) {
            Ok(socket) => self.socket = Some(socket),
            Err(_) => self.think(host),
        }
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if Some(socket) != self.socket {
            return;
        }
        if readiness.contains(Readiness::WRITABLE) && !self.has_asked {
            self.has_asked = host.send(socket, &[7; REQUEST_BYTES]).is_ok();
        }
        while let Ok(Some(payload)) = host.receive_payload(socket, ANSWER_BYTES) {
            if payload.is_empty() {
                return self.finish(host, socket);
            }
            self.received += payload.len();
        }
        if readiness.contains(Readiness::OVER) {
            self.finish(host, socket);
        }
    }
}
