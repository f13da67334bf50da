//! [`Desk`]: where questions come in and replies go out.
//!
//! A connection may carry several questions at once. While too many of them are unanswered, or too much of what was
//! answered is not taken, nothing more is read from it: who does not listen has to wait, and costs no more than its
//! limits.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ironloom_core::{Duration, Instant};

use super::PORT;
use crate::dns::framing::{Framing, framed};
use crate::dns::{Asker, Transport};
use crate::{Host, Payload, Readiness, SocketId};

/// How many bytes are taken from a connection at once.
const READ_BYTES: usize = 4_096;

/// How many datagrams are taken before anything else is done.
const DATAGRAMS_MAX: usize = 4_096;

/// Where questions come in, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskConfig {
    /// The port, for UDP and TCP.
    pub port: u16,
    /// How many connections may wait to be accepted.
    pub backlog: u32,
    /// How many connections there may be.
    pub connections_max: usize,
    /// How many questions of one connection may be unanswered.
    pub questions_max: usize,
    /// How many bytes of answers may wait for one connection.
    pub unsent_bytes_max: usize,
    /// How many bytes a question may have.
    pub question_bytes_max: usize,
    /// For how long a connection may say nothing.
    pub idle_timeout: Duration,
}

impl Default for DeskConfig {
    fn default() -> Self {
        Self {
            port: PORT,
            backlog: 64,
            connections_max: 256,
            questions_max: 32,
            unsent_bytes_max: 128 << 10,
            question_bytes_max: 4_096,
            idle_timeout: Duration::from_secs(10),
        }
    }
}

/// What came in and what went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeskCounters {
    /// Ports that could not be had.
    pub ports_taken: u64,
    /// Questions over UDP.
    pub datagrams: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were broken off because there were too many.
    pub connections_refused: u64,
    /// Connections that were broken off because of what they said.
    pub connections_broken: u64,
    /// Connections that were closed because they said nothing.
    pub connections_idle: u64,
    /// Replies that could not be sent.
    pub unsent: u64,
}

/// Where questions come in and replies go out.
#[derive(Debug)]
pub(super) struct Desk {
    config: DeskConfig,
    datagrams: Option<SocketId>,
    listener: Option<SocketId>,
    connections: BTreeMap<SocketId, Connection>,
    /// Questions that nobody has taken yet.
    questions: VecDeque<(Asker, Vec<u8>)>,
    /// The token of its timer, and whether that is set.
    token: u64,
    is_armed: bool,
    counters: DeskCounters,
}

#[derive(Debug)]
struct Connection {
    from: SocketAddr,
    framing: Framing,
    unsent: VecDeque<Payload>,
    unsent_bytes: usize,
    /// How many of its questions wait for an answer.
    unanswered: usize,
    /// Whether the other side sends nothing more.
    is_finished: bool,
    last_heard: Instant,
}

impl Desk {
    pub(super) fn new(config: DeskConfig, token: u64) -> Self {
        Self {
            config,
            datagrams: None,
            listener: None,
            connections: BTreeMap::new(),
            questions: VecDeque::new(),
            token,
            is_armed: false,
            counters: DeskCounters::default(),
        }
    }

    pub(super) fn counters(&self) -> DeskCounters {
        self.counters
    }

    pub(super) fn start(&mut self, host: &mut Host<'_>) {
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.config.port);
        self.datagrams = host.bind_udp(local).ok();
        self.listener = host.listen(local, self.config.backlog).ok();
        let missing = [self.datagrams, self.listener].iter().filter(|socket| socket.is_none()).count();
        self.counters.ports_taken += missing as u64;
    }

    /// The next question.
    pub(super) fn next_question(&mut self) -> Option<(Asker, Vec<u8>)> {
        self.questions.pop_front()
    }

    /// Looks after a socket; whether it was one of the desk's.
    pub(super) fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) -> bool {
        if Some(socket) == self.datagrams {
            self.take_datagrams(host, socket);
        } else if Some(socket) == self.listener {
            self.accept(host, socket);
        } else if self.connections.contains_key(&socket) {
            self.write(host, socket);
            self.read(host, socket);
            if readiness.contains(Readiness::OVER) {
                self.close(host, socket);
            }
        } else {
            return false;
        }
        true
    }

    fn take_datagrams(&mut self, host: &mut Host<'_>, socket: SocketId) {
        for _ in 0..DATAGRAMS_MAX {
            match host.receive_from(socket) {
                Ok(Some((payload, address))) => {
                    self.counters.datagrams += 1;
                    let asker = Asker { address, transport: Transport::Udp, token: 0 };
                    self.questions.push_back((asker, payload.to_bytes().into()));
                }
                Ok(None) => return,
                // What ICMP said of an earlier reply.
                Err(_) => {}
            }
        }
    }

    fn accept(&mut self, host: &mut Host<'_>, listener: SocketId) {
        while let Ok(Some((socket, from))) = host.accept(listener) {
            if self.connections.len() >= self.config.connections_max {
                self.counters.connections_refused += 1;
                host.abort(socket);
                continue;
            }
            self.counters.connections += 1;
            let connection = Connection {
                from,
                framing: Framing::new(self.config.question_bytes_max),
                unsent: VecDeque::new(),
                unsent_bytes: 0,
                unanswered: 0,
                is_finished: false,
                last_heard: host.now(),
            };
            self.connections.insert(socket, connection);
            self.read(host, socket);
        }
        self.arm(host);
    }

    /// Takes questions from a connection, as many as there may be.
    fn read(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(connection) = self.connections.get_mut(&socket) else {
            return;
        };
        loop {
            let has_room = |connection: &Connection| {
                connection.unanswered < self.config.questions_max
                    && connection.unsent_bytes < self.config.unsent_bytes_max
            };
            while has_room(connection) {
                match connection.framing.next_message() {
                    Ok(Some(message)) => {
                        connection.unanswered += 1;
                        let asker = Asker {
                            address: connection.from,
                            transport: Transport::Tcp,
                            token: token_of(socket),
                        };
                        self.questions.push_back((asker, message));
                    }
                    Ok(None) => break,
                    Err(_) => return self.break_off(host, socket),
                }
            }
            if connection.is_finished || !has_room(connection) {
                break;
            }
            match host.receive_payload(socket, READ_BYTES) {
                Ok(None) => break,
                Ok(Some(payload)) => {
                    connection.last_heard = host.now();
                    connection.is_finished = payload.is_empty();
                    payload.pieces().iter().for_each(|piece| connection.framing.push(piece));
                }
                Err(_) => return self.close(host, socket),
            }
        }
        let is_done = connection.is_finished && connection.unanswered == 0 && connection.unsent.is_empty();
        if is_done {
            self.close(host, socket);
        }
    }

    fn write(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(connection) = self.connections.get_mut(&socket) else {
            return;
        };
        while let Some(first) = connection.unsent.pop_front() {
            let len = first.len();
            match host.send_payload(socket, first.clone()) {
                Ok(sent) => {
                    connection.unsent_bytes -= sent.min(len);
                    if sent < len {
                        connection.unsent.push_front(first.slice(sent, len));
                        return;
                    }
                }
                Err(_) => {
                    self.counters.unsent += 1;
                    return self.close(host, socket);
                }
            }
        }
    }

    /// Carries a reply back to who asked.
    pub(super) fn reply(&mut self, host: &mut Host<'_>, asker: &Asker, message: Vec<u8>) {
        match asker.transport {
            Transport::Udp => {
                let Some(socket) = self.datagrams else {
                    return;
                };
                let payload = Payload::from(message);
                // The first try may fail because of what ICMP said of an earlier reply.
                let sent = host
                    .send_to(socket, payload.clone(), asker.address)
                    .or_else(|_| host.send_to(socket, payload, asker.address));
                self.counters.unsent += u64::from(sent.is_err());
            }
            Transport::Tcp => self.reply_over_tcp(host, asker, &message),
        }
    }

    fn reply_over_tcp(&mut self, host: &mut Host<'_>, asker: &Asker, message: &[u8]) {
        let socket = socket_of(asker.token);
        let (Some(connection), Some(framed)) = (self.connections.get_mut(&socket), framed(message)) else {
            self.counters.unsent += 1;
            return;
        };
        connection.unanswered = connection.unanswered.saturating_sub(1);
        connection.unsent_bytes += framed.len();
        connection.unsent.push_back(framed.into());
        self.write(host, socket);
        self.read(host, socket);
    }

    /// Takes it that a question gets no reply.
    pub(super) fn let_be(&mut self, host: &mut Host<'_>, asker: &Asker) {
        if asker.transport == Transport::Tcp {
            // Over TCP there is nothing that is not a question but may deserve patience.
            self.break_off(host, socket_of(asker.token));
        }
    }

    /// Whether the timer was the desk's: closes connections that say nothing.
    pub(super) fn timer(&mut self, host: &mut Host<'_>, token: u64) -> bool {
        if token != self.token {
            return false;
        }
        self.is_armed = false;
        let now = host.now();
        let is_idle = |connection: &Connection| {
            connection.last_heard.saturating_add(self.config.idle_timeout) <= now
                && (connection.unanswered == 0 || !connection.unsent.is_empty())
        };
        let idle: Vec<SocketId> = self
            .connections
            .iter()
            .filter(|(_, connection)| is_idle(connection))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in idle {
            self.counters.connections_idle += 1;
            self.close(host, socket);
        }
        self.arm(host);
        true
    }

    fn arm(&mut self, host: &mut Host<'_>) {
        if !self.is_armed && !self.connections.is_empty() {
            let at = host.now().saturating_add(self.config.idle_timeout);
            self.is_armed = host.set_timer(at, self.token);
        }
    }

    fn break_off(&mut self, host: &mut Host<'_>, socket: SocketId) {
        if self.connections.remove(&socket).is_some() {
            self.counters.connections_broken += 1;
            host.abort(socket);
        }
    }

    fn close(&mut self, host: &mut Host<'_>, socket: SocketId) {
        if self.connections.remove(&socket).is_some() {
            host.close(socket);
        }
    }
}

/// A socket as the token of who asked through it.
fn token_of(socket: SocketId) -> u64 {
    u64::from(socket.index) << 32 | u64::from(socket.generation)
}

fn socket_of(token: u64) -> SocketId {
    SocketId { index: (token >> 32) as u32, generation: token as u32 }
}
