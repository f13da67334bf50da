//! [`Asking`]: a resolver on a machine, whose questions travel through the machine's sockets.
//!
//! Every question over UDP has a socket of its own, on a port that the stack draws by chance and that hears the one who
//! was asked only: what a liar has to guess is the port, the number and the letters' case.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ironloom_core::Instant;

use crate::dns::framing::{Framing, framed};
use crate::dns::{AskId, Asker, Resolver, ResolverOutput, Transport};
use crate::{Host, Payload, Readiness, SocketId};

/// How many datagrams of one socket are looked at before anything else is done.
const DATAGRAMS_MAX: usize = 64;

/// How many bytes are taken from a connection at once.
const READ_BYTES: usize = 16_384;

/// A resolver on a machine.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) resolver: Resolver,
    /// What carries each question that is under way.
    errands: BTreeMap<SocketId, Errand>,
    sockets: BTreeMap<AskId, SocketId>,
    /// What the resolver wants, in order.
    wanted: VecDeque<ResolverOutput>,
    /// Answers that nobody has taken yet.
    answers: VecDeque<(Asker, Vec<u8>)>,
    /// The token of its timer, and for when that is set.
    token: u64,
    armed: Option<Instant>,
}

/// A question on its way.
#[derive(Debug)]
struct Errand {
    ask: AskId,
    server: SocketAddr,
    /// If it goes over TCP: what is not sent yet, and what has come.
    stream: Option<(Payload, Framing)>,
}

impl Asking {
    pub(super) fn new(resolver: Resolver, token: u64) -> Self {
        Self {
            resolver,
            errands: BTreeMap::new(),
            sockets: BTreeMap::new(),
            wanted: VecDeque::new(),
            answers: VecDeque::new(),
            token,
            armed: None,
        }
    }

    /// The next answer.
    pub(super) fn next_answer(&mut self) -> Option<(Asker, Vec<u8>)> {
        self.answers.pop_front()
    }

    pub(super) fn question(&mut self, host: &mut Host<'_>, message: &[u8], asker: Asker) {
        let mut out = Vec::new();
        self.resolver.handle_question(host.now(), message, asker, &mut out);
        self.carry_out(host, out);
    }

    /// Looks after a socket; whether it carried one of the resolver's questions.
    pub(super) fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) -> bool {
        let Some(errand) = self.errands.get(&socket) else {
            return false;
        };
        if errand.stream.is_some() {
            self.look_at_stream(host, socket);
        } else {
            self.look_at_datagrams(host, socket);
        }
        if readiness.contains(Readiness::OVER)
            && let Some(errand) = self.errands.get(&socket)
        {
            let ask = errand.ask;
            self.fail(host, ask);
        }
        true
    }

    /// Whether the timer was the resolver's: gives up who did not reply.
    pub(super) fn timer(&mut self, host: &mut Host<'_>, token: u64) -> bool {
        if token != self.token {
            return false;
        }
        self.armed = None;
        let mut out = Vec::new();
        self.resolver.expire(host.now(), &mut out);
        self.carry_out(host, out);
        true
    }

    fn look_at_datagrams(&mut self, host: &mut Host<'_>, socket: SocketId) {
        for _ in 0..DATAGRAMS_MAX {
            let Some(Errand { ask, .. }) = self.errands.get(&socket) else {
                return;
            };
            let ask = *ask;
            match host.receive_from(socket) {
                Ok(Some((payload, from))) => self.hear(host, ask, from, &payload.to_bytes()),
                Ok(None) => return,
                Err(_) => return self.fail(host, ask),
            }
        }
    }

    fn look_at_stream(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(Errand { ask, server, stream: Some((unsent, framing)) }) = self.errands.get_mut(&socket)
        else {
            return;
        };
        let (ask, server) = (*ask, *server);
        if !unsent.is_empty() {
            match host.send_payload(socket, unsent.clone()) {
                Ok(sent) => *unsent = unsent.slice(sent.min(unsent.len()), unsent.len()),
                Err(_) => return self.fail(host, ask),
            }
        }
        loop {
            match framing.next_message() {
                Ok(None) => {}
                // A connection carries one question, so what comes is its reply, or the server is of no use.
                Ok(Some(message)) => {
                    self.hear(host, ask, server, &message);
                    return self.fail(host, ask);
                }
                Err(_) => return self.fail(host, ask),
            }
            match host.receive_payload(socket, READ_BYTES) {
                Ok(None) => return,
                Ok(Some(payload)) if !payload.is_empty() => {
                    payload.pieces().iter().for_each(|piece| framing.push(piece));
                }
                Ok(Some(_)) | Err(_) => return self.fail(host, ask),
            }
        }
    }

    fn hear(&mut self, host: &mut Host<'_>, ask: AskId, from: SocketAddr, message: &[u8]) {
        let mut out = Vec::new();
        self.resolver.handle_reply(host.now(), ask, from, message, &mut out);
        self.carry_out(host, out);
    }

    /// Tells the resolver that a server cannot be reached, unless it has forgotten the question meanwhile.
    fn fail(&mut self, host: &mut Host<'_>, ask: AskId) {
        if self.sockets.contains_key(&ask) {
            let mut out = Vec::new();
            self.resolver.handle_failure(host.now(), ask, &mut out);
            self.carry_out(host, out);
        }
    }

    /// Does what the resolver wants.
    fn carry_out(&mut self, host: &mut Host<'_>, out: Vec<ResolverOutput>) {
        self.wanted.extend(out);
        while let Some(output) = self.wanted.pop_front() {
            match output {
                ResolverOutput::Answer { asker, message } => self.answers.push_back((asker, message)),
                ResolverOutput::Forget { ask } => {
                    if let Some(socket) = self.sockets.remove(&ask) {
                        self.errands.remove(&socket);
                        host.close(socket);
                    }
                }
                ResolverOutput::Ask { ask, server, transport, message } => {
                    if let Some((socket, errand)) = begin(host, ask, server, transport, message) {
                        self.errands.insert(socket, errand);
                        self.sockets.insert(ask, socket);
                    } else {
                        let mut out = Vec::new();
                        self.resolver.handle_failure(host.now(), ask, &mut out);
                        self.wanted.extend(out);
                    }
                }
            }
        }
        self.arm(host);
    }

    fn arm(&mut self, host: &mut Host<'_>) {
        let Some(next) = self.resolver.next_event() else {
            return;
        };
        if self.armed.is_none_or(|armed| next < armed) && host.set_timer(next, self.token) {
            self.armed = Some(next);
        }
    }
}

/// Sends a question on its way; `None` if there is no way.
fn begin(
    host: &mut Host<'_>,
    ask: AskId,
    server: SocketAddr,
    transport: Transport,
    message: Vec<u8>,
) -> Option<(SocketId, Errand)> {
    if transport == Transport::Tcp {
        let unsent = Payload::from(framed(&message)?);
        let socket = host.connect(server).ok()?;
        let stream = Some((unsent, Framing::new(usize::from(u16::MAX))));
        return Some((socket, Errand { ask, server, stream }));
    }
    let anywhere = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = host.bind_udp(SocketAddr::new(anywhere, 0)).ok()?;
    let sent =
        host.connect_udp(socket, server).is_ok() && host.send_to(socket, message.into(), server).is_ok();
    if !sent {
        host.close(socket);
        return None;
    }
    Some((socket, Errand { ask, server, stream: None }))
}
