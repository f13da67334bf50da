//! [`Loopback`]: the network of a machine that has no card, which only reaches itself.
//!
//! It is made when it is first used, and goes with its last socket. What a machine sends to itself arrives in the next
//! window.

use std::sync::Arc;

use ironloom_core::Instant;
use ironloom_net::stack;
use ironloom_net::{Host, Node as _, Outbox, Stack};

use super::Machine;

/// The network of a machine that has no card.
#[derive(Debug)]
pub(crate) struct Loopback {
    stack: Stack,
    out: Outbox,
}

impl Loopback {
    fn new(config: &Arc<stack::Config>, rng: &ironloom_core::Rng) -> Self {
        let mut rng = rng.split("loopback", 0);
        Self { stack: Stack::new(Arc::clone(config), &mut rng), out: Outbox::new() }
    }

    /// Its sockets, as a process sees them.
    pub(super) fn host(&mut self, now: Instant, owner: u64) -> Host<'_> {
        Host::new(now, owner, &mut self.stack, &mut self.out)
    }

    pub(super) fn next_event(&self) -> Option<Instant> {
        self.stack.next_event()
    }

    fn is_unused(&self) -> bool {
        self.stack.sockets() == 0 && self.next_event().is_none()
    }
}

impl Machine {
    /// The network of a machine that has no card, which is made if there is none yet.
    pub(super) fn loopback(&mut self) -> &mut Loopback {
        let (config, rng) = (&self.network_config, &self.rng);
        self.loopback.get_or_insert_with(|| Box::new(Loopback::new(config, rng)))
    }

    /// Delivers what the machine has sent to itself by now.
    pub(crate) fn run_loopback(&mut self) {
        let Some(loopback) = &mut self.loopback else { return };
        loopback.stack.expire(self.now, &mut loopback.out);
        self.settle_loopback();
    }

    /// Wakes those for whom something became possible in the machine's own network.
    pub(crate) fn settle_loopback(&mut self) {
        while let Some(loopback) = &mut self.loopback
            && let Some((socket, readiness)) = loopback.out.next_notice()
        {
            self.socket_ready(socket, readiness);
        }
    }

    /// Gives the machine's own network up if nobody uses it.
    pub(crate) fn drop_unused_loopback(&mut self) {
        self.loopback.take_if(|loopback| loopback.is_unused());
    }
}
