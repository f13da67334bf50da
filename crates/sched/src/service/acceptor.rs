//! [`Acceptor`]: the process that accepts connections, makes a process of each, and ends those that are silent.

use std::{
    future::poll_fn,
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use ironloom_core::Duration;

use super::{
    Drained, ServiceConfig, Stop, TimedOut,
    ready::Ready,
    roll::{Roll, Tally},
};
use crate::{
    Context, ExitReason, IntoExit, SpawnError, Stream,
    context::Account,
    current,
    inspect::Wait,
    reactor::{AcceptError, Listener, Socket},
    timer::Sleep,
};

/// How long processes that were ended may take to go.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How often to try again without a descriptor, in case one came free that the reactor does not know of; and how long to
/// leave a listener alone that gives nothing but errors.
const RETRY: Duration = Duration::from_millis(250);
/// How many connections in a row may be lost, as to peers that reset them, before the listener is left alone for a while.
const LOSSES_MAX: u32 = 64;
/// How many looks there are in the time that a connection may be silent.
const LOOKS: u64 = 4;
/// What accepting costs of the budget.
const ACCEPT_UNITS: u64 = 16;

/// See the module.
pub(super) struct Acceptor<M, F> {
    listener: Listener,
    config: ServiceConfig,
    serve: Arc<F>,
    roll: Arc<Roll>,
    /// Processes that wait for a connection.
    ready: Vec<Ready>,
    /// When to look at the connections again, while there are any.
    look: Option<Sleep>,
    /// When to try to accept again after a failure.
    retry: Option<Sleep>,
    /// Whether the listener is left alone until then. Else it knows itself when to try.
    rests: bool,
    /// How many connections were lost since the last that was accepted.
    losses: u32,
    messages: PhantomData<fn(M)>,
}

/// What happened.
enum Event {
    Accepted(Socket),
    Failed(AcceptError),
    /// It is time to look at the connections.
    Look,
    /// It is time to try to accept again.
    Retry,
    Stop(Option<Stop>),
}

impl<M, F, R> Acceptor<M, F>
where
    M: Send + 'static,
    F: Fn(Context<M>, Stream) -> R + Send + Sync + 'static,
    R: Future<Output: IntoExit> + Send + 'static,
{
    pub(super) fn new(listener: Listener, config: ServiceConfig, serve: F, roll: Arc<Roll>) -> Self {
        let serve = Arc::new(serve);
        Self {
            listener,
            config,
            serve,
            roll,
            ready: Vec::new(),
            look: None,
            retry: None,
            rests: false,
            losses: 0,
            messages: PhantomData,
        }
    }

    pub(super) async fn run(mut self, ctx: Context<Stop>) -> ExitReason {
        self.refill(&ctx);
        let mut stopping = pin!(ctx.stopping());
        loop {
            let event = poll_fn(|context| self.poll_event(&ctx, stopping.as_mut(), context)).await;
            match event {
                Event::Accepted(socket) => self.admit(&ctx, socket),
                Event::Failed(error) => self.fail(&ctx, &error),
                Event::Look => self.look(&ctx),
                Event::Retry => self.retry(&ctx),
                Event::Stop(stop) => break self.drain(&ctx, stop).await,
            }
        }
    }

    fn poll_event(
        &mut self,
        ctx: &Context<Stop>,
        stopping: Pin<&mut impl Future<Output = ()>>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Event> {
        if let Poll::Ready(stop) = Pin::new(&mut ctx.receive()).poll(context) {
            return Poll::Ready(Event::Stop(Some(stop)));
        }
        if stopping.poll(context).is_ready() {
            return Poll::Ready(Event::Stop(None));
        }
        if is_due(&mut self.look, context) {
            return Poll::Ready(Event::Look);
        }
        if is_due(&mut self.retry, context) {
            return Poll::Ready(Event::Retry);
        }
        if self.rests || current::coop(context).is_pending() {
            return Poll::Pending;
        }
        let accepted = self.listener.poll_accept(context);
        if accepted.is_pending() {
            current::waits(Wait::Socket);
        }
        accepted.map(|outcome| match outcome {
            Ok((socket, _)) => Event::Accepted(socket),
            Err(error) => Event::Failed(error),
        })
    }

    /// Makes a process of a connection, or turns it away by dropping it.
    fn admit(&mut self, ctx: &Context<Stop>, socket: Socket) {
        current::spend(ACCEPT_UNITS);
        (self.retry, self.losses) = (None, 0);
        if self.roll.len() >= self.config.connections_max {
            return Tally::count(&self.roll.tally.refused);
        }
        let outcome = self.seat(ctx, socket);
        let tally = &self.roll.tally;
        Tally::count(if outcome.is_ok() { &tally.accepted } else { &tally.refused });
        self.refill(ctx);
        if self.look.is_none() {
            self.look = self.pause().map(|pause| ctx.sleep(pause));
        }
    }

    /// Gives a connection to a process that stands ready, or to a new one.
    fn seat(&mut self, ctx: &Context<Stop>, socket: Socket) -> Result<(), ExitReason> {
        let alive = std::iter::from_fn(|| self.ready.pop()).find(|ready| ready.process.is_alive());
        let ready = alive.map_or_else(|| self.spawn(ctx), Ok).map_err(ExitReason::failed)?;
        let bytes = self.config.stream_bytes;
        let account = Account::open(Arc::clone(&ready.process.process), 2 * bytes as u64);
        let account = account.map_err(ExitReason::LimitExceeded)?;
        let stream = Stream::on_account(socket, bytes, account).map_err(ExitReason::failed)?;
        let line = stream.line().map(Arc::downgrade).unwrap_or_default();
        let place = self.roll.enter(ready.process.clone(), line, ctx.now());
        ready.seat((stream, place));
        Ok(())
    }

    fn spawn(&self, ctx: &Context<Stop>) -> Result<Ready, SpawnError> {
        Ready::spawn(ctx, self.config.options.clone(), Arc::clone(&self.serve))
    }

    /// Has as many processes stand ready as there should be, if there can be.
    fn refill(&mut self, ctx: &Context<Stop>) {
        self.ready.retain(|ready| ready.process.is_alive());
        while self.ready.len() < self.config.ready
            && let Ok(ready) = self.spawn(ctx)
        {
            self.ready.push(ready);
        }
    }

    fn fail(&mut self, ctx: &Context<Stop>, error: &AcceptError) {
        match error {
            AcceptError::OutOfDescriptors(_) => Tally::count(&self.roll.tally.starved),
            AcceptError::Lost(_) => {
                Tally::count(&self.roll.tally.lost);
                self.losses += 1;
                if self.losses < LOSSES_MAX {
                    return; // the next may be luckier
                }
                self.rests = true;
            }
            // Nobody was lost: it cannot wait for anybody.
            AcceptError::Register(_) => self.rests = true,
        }
        self.retry = Some(ctx.sleep(RETRY));
    }

    /// Tries again, and once more later: the listener does not say a second time that there is no descriptor.
    fn retry(&mut self, ctx: &Context<Stop>) {
        self.retry = if self.rests { None } else { Some(ctx.sleep(RETRY)) };
        self.rests = false;
        self.listener.retry();
    }

    /// Ends the connections that have been silent for too long.
    fn look(&mut self, ctx: &Context<Stop>) {
        self.look = None;
        for (process, reason) in self.roll.overdue(&self.config, ctx.now()) {
            Tally::count(match reason {
                TimedOut::Silent(_) => &self.roll.tally.silent,
                TimedOut::Idle(_) => &self.roll.tally.idle,
            });
            process.exit(ExitReason::failed(reason));
        }
        if self.roll.len() > 0 {
            self.look = self.pause().map(|pause| ctx.sleep(pause));
        }
    }

    /// How long to wait between two looks.
    fn pause(&self) -> Option<Duration> {
        let limits = [self.config.first_byte_within, self.config.idle_after];
        let shortest = limits.into_iter().flatten().min()?;
        Some(Duration::from_nanos((shortest.as_nanos() / LOOKS).max(1_000_000)))
    }

    async fn drain(self, ctx: &Context<Stop>, stop: Option<Stop>) -> ExitReason {
        drop(self.listener); // nobody comes any more
        drop(self.ready);
        let processes = self.roll.processes();
        processes.iter().for_each(crate::ProcessRef::stop);
        let within = stop.as_ref().map_or(self.config.drain_within, |stop| stop.within);
        let empty = || poll_fn(|context| self.roll.poll_empty(context));
        let _ = ctx.within(within, empty()).await; // what is left is seen next
        let left = self.roll.processes();
        left.iter().for_each(|process| process.exit(ExitReason::Shutdown));
        let _ = ctx.within(PATIENCE, empty()).await; // who does not go holds a worker, and the watch says so
        if let Some(stop) = stop {
            stop.reply.send(Drained { ended: processes.len() - left.len(), killed: left.len() });
        }
        ExitReason::Shutdown
    }
}

/// Whether a timer that is set has expired.
fn is_due(timer: &mut Option<Sleep>, context: &mut TaskContext<'_>) -> bool {
    let due = timer.as_mut().is_some_and(|sleep| Pin::new(sleep).poll(context).is_ready());
    if due {
        *timer = None;
    }
    due
}
