//! The engine's reactor: made when the first socket is, so that a kernel without sockets has no descriptors.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::Engine;
use crate::{
    error::HostError,
    reactor::{Config, Reactor},
};

/// A reactor, once somebody needed one.
#[derive(Default)]
pub(super) struct Host {
    reactor: OnceLock<Arc<Reactor>>,
    making: Mutex<()>,
}

impl Engine {
    /// The reactor; made now if there is none yet.
    pub(crate) fn reactor(&self) -> Result<Arc<Reactor>, HostError> {
        let Some(workers) = self.workers() else { return Err(HostError::Virtual) };
        if let Some(reactor) = self.reactor_if_any() {
            return Ok(Arc::clone(reactor));
        }
        let _making = self.host.making.lock();
        let sources_max = self.config.sources_max;
        let reactor = match self.host.reactor.get() {
            Some(reactor) => Arc::clone(reactor),
            None => Arc::new(Reactor::new(&Config { sources_max, ..Config::default() })?),
        };
        let _ = self.host.reactor.set(Arc::clone(&reactor)); // fails if it is there, which is as well
        // Workers that sleep do not know of it yet, and one of them is to sleep in it.
        workers.rouse_all();
        Ok(reactor)
    }

    #[inline]
    pub(crate) fn reactor_if_any(&self) -> Option<&Arc<Reactor>> {
        self.host.reactor.get()
    }
}
