//! [`Entrance`]: what all connections of a listener share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::Instant;
use ironloom_net::door::Usage;
use ironloom_sched::{Context, ExitReason, IntoExit, Stream};

use super::admission::{Gate, Pass};
use super::{Access, AccessLog, ListenError, Listener, Turned};

/// What all connections of a listener share: who may come, who is told, and what is counted.
pub(super) struct Entrance {
    pub(super) name: String,
    pub(super) gate: Arc<Gate>,
    pub(super) connections_max: usize,
    pub(super) log: Option<Arc<dyn AccessLog>>,
    pub(super) usage: Usage,
    /// Connections that the gate turned away.
    pub(super) turned: AtomicU64,
}

impl Entrance {
    pub(super) fn new(name: &str, listener: &Listener) -> Result<Arc<Self>, ListenError> {
        Ok(Arc::new(Self {
            name: name.to_owned(),
            gate: Gate::new(listener.admission()?),
            connections_max: listener.connections_max,
            log: listener.log.clone(),
            usage: Usage::default(),
            turned: AtomicU64::new(0),
        }))
    }

    /// Lets somebody in who may come.
    pub(super) fn enter(&self, at: Instant, peer: Option<SocketAddr>) -> Option<Pass> {
        self.gate.enter(peer.map(|peer| peer.ip())).map_err(|why| self.turn_away(at, why)).ok()
    }

    fn turn_away(&self, at: Instant, why: Turned) {
        self.turned.fetch_add(1, Ordering::Relaxed);
        self.note(&Access::Refused { door: &self.name, at, why });
    }

    pub(super) fn note(&self, access: &Access<'_>) {
        if let Some(log) = &self.log {
            log.note(access);
        }
    }

    /// A service that serves only who may come.
    pub(super) fn guard<F, R>(
        self: Arc<Self>,
        serve: F,
    ) -> impl Fn(Context<()>, Stream) -> std::pin::Pin<Box<dyn Future<Output = ExitReason> + Send>> + Send + Sync
    where
        F: Fn(Context<()>, Stream) -> R + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        move |ctx, stream| {
            let peer = stream.peer_address().and_then(|address| address.tcp());
            let (at, clock) = (ctx.now(), ctx.kernel().clone());
            let Some(pass) = self.enter(at, peer) else { return Box::pin(async { ExitReason::Normal }) };
            let (entrance, served) = (Arc::clone(&self), serve(ctx, stream));
            Box::pin(async move {
                let exit = served.await.into_exit();
                drop(pass);
                entrance.over(at, peer, clock.now(), &exit);
                exit
            })
        }
    }

    /// A connection of a service is over, whose bytes nobody counted.
    fn over(&self, at: Instant, peer: Option<SocketAddr>, now: Instant, exit: &ExitReason) {
        let error = (!exit.is_clean()).then(|| exit.to_string());
        let (door, error, took) = (&*self.name, error.as_deref(), now.saturating_since(at));
        self.note(&Access::Connection { door, at, peer, bytes_in: None, bytes_out: None, took, error });
    }
}
