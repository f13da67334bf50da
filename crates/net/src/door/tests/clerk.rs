//! A machine's program for tests: what it does with a connection depends on the port.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::stack::SocketError;
use crate::{Host, Payload, Readiness, Service, SocketId};

/// Sends back what it receives.
pub(super) const ECHO: u16 = 7;
/// Receives nothing, and sends nothing.
pub(super) const DEAF: u16 = 9;
/// Breaks every connection off.
pub(super) const RUDE: u16 = 13;
/// Sends as much as is taken.
pub(super) const POUR: u16 = 19;
/// Receives everything, and then says how many bytes there were.
pub(super) const COUNT: u16 = 20;

/// What it does, in numbers that a test can see.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How many bytes were given to connections to be poured.
    pub(super) poured: AtomicU64,
    /// How many connections broke.
    pub(super) broken: AtomicU64,
    /// How many connections it has.
    pub(super) open: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Clerk {
    listeners: BTreeMap<SocketId, u16>,
    talks: BTreeMap<SocketId, Talk>,
    pub(super) seen: Arc<Seen>,
}

#[derive(Debug)]
struct Talk {
    port: u16,
    held: Payload,
    total: u64,
    is_finished: bool,
}

impl Service for Clerk {
    fn start(&mut self, host: &mut Host<'_>) {
        for port in [ECHO, DEAF, RUDE, POUR, COUNT] {
            let local = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            self.listeners.insert(host.listen(local, 64).unwrap(), port);
        }
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        let Some(port) = self.listeners.get(&socket).copied() else { return self.serve(host, socket) };
        while let Ok(Some((socket, _))) = host.accept(socket) {
            let talk = Talk { port, held: Payload::EMPTY, total: 0, is_finished: false };
            self.talks.insert(socket, talk);
            self.serve(host, socket);
        }
    }
}

impl Clerk {
    fn serve(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(talk) = self.talks.get_mut(&socket) else { return };
        let is_over = match talk.port {
            RUDE => {
                host.abort(socket);
                Ok(true)
            }
            DEAF => Ok(false),
            POUR => pour(host, socket, &self.seen),
            _ => talk.carry(host, socket),
        };
        match is_over {
            Ok(false) => (),
            Ok(true) => drop(self.talks.remove(&socket)),
            Err(_) => {
                self.seen.broken.fetch_add(1, SeqCst);
                self.talks.remove(&socket);
                host.close(socket);
            }
        }
        self.seen.open.store(self.talks.len() as u64, SeqCst);
    }
}

impl Talk {
    /// Receives and sends what can be; whether that was all.
    fn carry(&mut self, host: &mut Host<'_>, socket: SocketId) -> Result<bool, SocketError> {
        loop {
            if !self.held.is_empty() {
                let sent = host.send_payload(socket, self.held.clone())?;
                self.held = self.held.slice(sent, self.held.len());
                if !self.held.is_empty() {
                    return Ok(false);
                }
            }
            if self.is_finished {
                host.close(socket);
                return Ok(true);
            }
            let Some(payload) = host.receive_payload(socket, 64 << 10)? else { return Ok(false) };
            self.is_finished = payload.is_empty();
            self.total += payload.len() as u64;
            if self.port == ECHO {
                self.held = payload;
            } else if self.is_finished {
                self.held = self.total.to_be_bytes().to_vec().into();
            }
        }
    }
}

fn pour(host: &mut Host<'_>, socket: SocketId, seen: &Seen) -> Result<bool, SocketError> {
    let much = Payload::from(vec![b'x'; 64 << 10]);
    loop {
        let sent = host.send_payload(socket, much.clone())?;
        seen.poured.fetch_add(sent as u64, SeqCst);
        if sent < much.len() {
            return Ok(false);
        }
    }
}
