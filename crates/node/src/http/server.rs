//! [`Server`]: a site on a listener.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::Duration;
use ironloom_sched::reactor::{Address, Listener};
use ironloom_sched::{CallError, Context, Drained, Handle, OpenError, Service, ServiceCounts, Stream};

use super::{Config, Site, connection};
use crate::doors::Gate;

/// A site on a listener. It goes on when this is dropped.
pub struct Server {
    service: Service,
    shared: Arc<Shared>,
}

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) site: Site,
    pub(super) config: Config,
    pub(super) gate: Arc<Gate>,
    /// Connections that the gate turned away.
    pub(super) turned: AtomicU64,
}

impl Server {
    /// Begins to serve.
    ///
    /// # Errors
    ///
    /// If there is no process for who accepts connections.
    pub fn start(kernel: &Handle, listener: Listener, site: Site, config: Config) -> Result<Self, OpenError> {
        let service = config.service.clone();
        let gate = Gate::new(config.admission.clone());
        let shared = Arc::new(Shared { site, config, gate, turned: AtomicU64::new(0) });
        let serving = Arc::clone(&shared);
        let serve =
            move |ctx: Context<()>, stream: Stream| connection::serve(Arc::clone(&serving), ctx, stream);
        let service = Service::start(kernel, listener, service, serve)?;
        Ok(Self { service, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.service.address()
    }

    /// What became of its connections so far. Those that were turned away at the door were accepted first.
    #[must_use]
    pub fn counts(&self) -> ServiceCounts {
        self.service.counts()
    }

    /// How many connections were turned away because of where they came from.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.shared.turned.load(Ordering::Relaxed)
    }

    /// The service under it.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Accepts nobody any more, answers what was asked, and ends what is left when the time is over.
    ///
    /// # Errors
    ///
    /// If it has ended before.
    pub async fn stop(&self, within: Duration) -> Result<Drained, CallError> {
        self.service.stop(within).await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", self.address())
            .field("site", &self.shared.site)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
