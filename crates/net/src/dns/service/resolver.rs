//! [`ResolverService`]: a resolver on a machine's port 53.

use super::asking::Asking;
use super::desk::{Desk, DeskConfig, DeskCounters};
use crate::dns::{Resolver, Transport};
use crate::{Host, Readiness, Service, SocketId};

/// The tokens of the timers.
const DESK: u64 = 0;
const ASKING: u64 = 1;

/// Finds out for others what they ask on a machine's port 53, over UDP and TCP.
#[derive(Debug)]
pub struct ResolverService {
    desk: Desk,
    asking: Asking,
}

impl ResolverService {
    /// A service that answers what a resolver finds out.
    #[must_use]
    pub fn new(resolver: Resolver, config: DeskConfig) -> Self {
        Self { desk: Desk::new(config, DESK), asking: Asking::new(resolver, ASKING) }
    }

    /// The resolver, to be looked at.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.asking.resolver
    }

    /// What came in and what went out.
    #[must_use]
    pub fn counters(&self) -> DeskCounters {
        self.desk.counters()
    }

    fn serve(&mut self, host: &mut Host<'_>) {
        loop {
            if let Some((asker, message)) = self.asking.next_answer() {
                self.desk.reply(host, &asker, message);
            } else if let Some((asker, message)) = self.desk.next_question() {
                let dropped = self.resolver().counters().dropped_questions;
                self.asking.question(host, &message, asker);
                let is_dropped = self.resolver().counters().dropped_questions > dropped;
                if is_dropped && asker.transport == Transport::Tcp {
                    self.desk.let_be(host, &asker);
                }
            } else {
                return;
            }
        }
    }
}

impl Service for ResolverService {
    fn start(&mut self, host: &mut Host<'_>) {
        self.desk.start(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if !self.asking.ready(host, socket, readiness) {
            self.desk.ready(host, socket, readiness);
        }
        self.serve(host);
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        if !self.asking.timer(host, token) {
            self.desk.timer(host, token);
        }
        self.serve(host);
    }
}
