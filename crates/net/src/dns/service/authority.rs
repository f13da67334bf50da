//! [`AuthorityService`]: zones on a machine's port 53.

use super::desk::{Desk, DeskConfig, DeskCounters};
use crate::dns::{AuthorityCounters, Registry};
use crate::{Host, Readiness, Service, SocketId};

/// The token of the desk's timer.
const DESK: u64 = 0;

/// Answers from zones on a machine's port 53, over UDP and TCP.
///
/// ```
/// use ironloom_net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Registry};
///
/// let registry = Registry::new(Authority::new(AuthorityConfig::default()));
/// let service = AuthorityService::new(registry.clone(), DeskConfig::default());
/// // Whatever is registered from now on is known to the service.
/// registry.add_zone(&"lan.".parse().unwrap(), &"ns.lan.".parse().unwrap()).unwrap();
/// ```
#[derive(Debug)]
pub struct AuthorityService {
    registry: Registry,
    desk: Desk,
    counters: AuthorityCounters,
}

impl AuthorityService {
    /// A service that answers from what a registry holds.
    #[must_use]
    pub fn new(registry: Registry, config: DeskConfig) -> Self {
        Self { registry, desk: Desk::new(config, DESK), counters: AuthorityCounters::default() }
    }

    /// What it was asked and what it said.
    #[must_use]
    pub fn counters(&self) -> (AuthorityCounters, DeskCounters) {
        (self.counters, self.desk.counters())
    }

    fn serve(&mut self, host: &mut Host<'_>) {
        while let Some((asker, message)) = self.desk.next_question() {
            let reply = self.registry.read().answer(&message, asker.transport, &mut self.counters);
            match reply {
                Some(reply) => self.desk.reply(host, &asker, reply),
                None => self.desk.let_be(host, &asker),
            }
        }
    }
}

impl Service for AuthorityService {
    fn start(&mut self, host: &mut Host<'_>) {
        self.desk.start(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        self.desk.ready(host, socket, readiness);
        self.serve(host);
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        self.desk.timer(host, token);
    }
}
