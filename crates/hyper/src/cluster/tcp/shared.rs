//! [`Shared`]: what all threads of a host's links share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};

use ironloom_core::{Clock, Duration, Instant, WallClock};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::config::LinksConfig;
use super::counts::Tally;
use super::outgoing::Outgoing;
use super::peers::{Event, Peers};
use super::table::Table;
use crate::cluster::link::{LinkError, NONCE_BYTES};
use crate::cluster::{HOSTS_MAX, HostId};

/// Who is told what happens.
pub(super) type Handler = Box<dyn Fn(&Peers, HostId, Event<'_>) + Send + Sync>;

/// What all threads of a host's links share.
pub(super) struct Shared {
    pub(super) config: LinksConfig,
    pub(super) handler: Handler,
    pub(super) clock: WallClock,
    /// Which hosts may have a link to this one, a bit for each.
    pub(super) expected: AtomicU64,
    pub(super) tally: Tally,
    pub(super) table: Mutex<Table>,
    /// The table has changed.
    pub(super) changed: Condvar,
    /// The links that stand: what is looked up for every message.
    links: [Mutex<Option<Arc<Outgoing>>>; HOSTS_MAX],
    /// How many nonces were used.
    nonces: AtomicU64,
}

impl Shared {
    pub(super) fn new(config: LinksConfig, handler: Handler) -> Self {
        Self {
            handler,
            clock: WallClock::start(),
            expected: AtomicU64::new(config.hosts.bits()),
            tally: Tally::default(),
            table: Mutex::new(Table::new(config.identity.here)),
            changed: Condvar::new(),
            links: [const { Mutex::new(None) }; HOSTS_MAX],
            nonces: AtomicU64::new(0),
            config,
        }
    }

    pub(super) fn link(&self, to: HostId) -> Option<Arc<Outgoing>> {
        self.links[usize::from(to.number())].lock().clone()
    }

    pub(super) fn set_link(&self, to: HostId, link: Option<Arc<Outgoing>>) {
        *self.links[usize::from(to.number())].lock() = link;
    }

    /// A link that was taken is no more, and everybody knows.
    pub(super) fn vacate(&self, peer: HostId) {
        self.table.lock().vacate(peer);
        self.changed.notify_all();
    }

    pub(super) fn is_expected(&self, host: HostId) -> bool {
        self.expected.load(Ordering::SeqCst) >> host.number() & 1 == 1
    }

    /// A number for one handshake.
    pub(super) fn nonce(&self) -> [u8; NONCE_BYTES] {
        let identity = &self.config.identity;
        identity.secret.nonce(identity.run, self.nonces.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn after(&self, duration: Duration) -> Instant {
        self.clock.now().saturating_add(duration)
    }

    /// What is left until then, if anything is.
    pub(super) fn left_until(&self, deadline: Instant) -> Option<std::time::Duration> {
        let left = deadline.saturating_since(self.clock.now());
        (!left.is_zero()).then(|| left.into())
    }

    /// Waits until the table changes; whether there is time left.
    pub(super) fn wait(&self, table: &mut MutexGuard<'_, Table>, deadline: Instant) -> bool {
        let Some(left) = self.left_until(deadline) else { return false };
        self.changed.wait_for(table, left);
        true
    }

    /// Does something on a thread of its own, which [`join`](Self::join) waits for.
    #[expect(clippy::disallowed_methods, reason = "drivers have threads, and join them")]
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> io::Result<()> {
        // It is counted before it begins, and no longer if it never does.
        self.table.lock().threads += 1;
        let mut turn = Turn { shared: Arc::clone(self), thread: None };
        let begin = move || {
            let own = thread::current().id();
            turn.thread = Some(own);
            turn.shared.table.lock().running.push(own);
            work(&turn.shared);
        };
        thread::Builder::new().name(format!("ironloom-{name}")).spawn(begin).map(drop)
    }

    /// Waits until no thread is left but those of them that wait here.
    pub(super) fn join(&self) {
        let mut table = self.table.lock();
        let own = thread::current().id();
        if table.running.contains(&own) && !table.joining.contains(&own) {
            table.joining.push(own);
            self.changed.notify_all();
        }
        while table.threads > table.joining.len() {
            self.changed.wait(&mut table);
        }
    }

    /// Counts what came to nothing.
    pub(super) fn fault(&self, error: LinkError) -> LinkError {
        self.tally.fault(error);
        error
    }
}

/// The turn of a thread, which ends even if it panics.
struct Turn {
    shared: Arc<Shared>,
    /// Which thread it is, once it has begun.
    thread: Option<ThreadId>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut table = self.shared.table.lock();
        table.threads -= 1;
        table.running.retain(|id| Some(*id) != self.thread);
        table.joining.retain(|id| Some(*id) != self.thread);
        self.shared.changed.notify_all();
    }
}
