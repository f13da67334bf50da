//! [`Watch`]: what a supervisor does all day.
//!
//! One loop: start whoever is due, wait for something to happen, do what it calls for. While a child is being stopped
//! nothing else is done; whoever falls meanwhile is noted and has its turn afterwards. Each child's end is heard once,
//! through its link, so the supervisor needs no monitors and knows which ends it has heard of.

use std::{collections::VecDeque, convert::Infallible, future::Future, pin::pin, sync::Arc, task::Poll};

use ironloom_core::{Instant, Limit};

use super::{
    Backoff, Child, ChildError, Patience, Strategy, Supervisor,
    handle::Request,
    restarts::Restarts,
    roster::{Key, Roster, State},
};
use crate::{Context, ExitReason, Handle, ProcessId, ProcessRef};

/// Runs a supervisor to its end.
pub(super) async fn supervise(ctx: Context<Request>, plan: Supervisor) -> ExitReason {
    ctx.trap_exits();
    let mut watch = Watch::new(ctx, plan);
    let Err(reason) = watch.run().await;
    watch.stop_all().await;
    reason
}

/// A supervisor at work.
struct Watch {
    ctx: Context<Request>,
    kernel: Handle,
    strategy: Strategy,
    children_max: usize,
    backoff: Option<Backoff>,
    restarts: Restarts,
    roster: Roster,
    /// Children that have ended and with whom something has to be done, in that order.
    fallen: VecDeque<Key>,
    /// Why the supervisor has to end, if a process that it is linked to says so.
    doom: Option<ExitReason>,
}

/// What a supervisor waits for.
enum Event {
    Stop,
    Exit(ProcessId, ExitReason),
    Due,
    Request(Request),
}

impl Watch {
    fn new(ctx: Context<Request>, plan: Supervisor) -> Self {
        let mut roster = Roster::default();
        for child in plan.children {
            roster.add(child, ctx.now()).expect("the names of a plan differ");
        }
        Self {
            kernel: ctx.kernel(),
            ctx,
            strategy: plan.strategy,
            children_max: plan.children_max,
            backoff: plan.backoff,
            restarts: Restarts::new(plan.restarts_max, plan.period),
            roster,
            fallen: VecDeque::new(),
            doom: None,
        }
    }

    /// Looks after the children until there is a reason to end.
    async fn run(&mut self) -> Result<Infallible, ExitReason> {
        loop {
            self.start_due().await?;
            while let Some(key) = self.fallen.pop_front() {
                self.recover(key).await?;
            }
            self.heed()?;
            if self.roster.due(self.ctx.now()).is_some() {
                continue;
            }
            match self.next_event().await {
                Event::Stop => return Err(ExitReason::Shutdown),
                Event::Exit(process, reason) => self.hear(process, reason),
                Event::Due => {}
                Event::Request(request) => self.answer(request).await,
            }
        }
    }

    async fn next_event(&self) -> Event {
        let due = self.roster.next_due();
        let mut stopping = pin!(self.ctx.stopping());
        let mut exits = pin!(self.ctx.exits());
        let mut waiting = pin!(async {
            match due {
                Some(due) => self.ctx.sleep_until(due).await,
                None => std::future::pending().await,
            }
        });
        let mut requests = pin!(self.ctx.receive());
        std::future::poll_fn(|context| {
            if stopping.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            if let Poll::Ready((process, reason)) = exits.as_mut().poll(context) {
                return Poll::Ready(Event::Exit(process, reason));
            }
            if waiting.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Due);
            }
            requests.as_mut().poll(context).map(Event::Request)
        })
        .await
    }

    /// Whether there is a reason to end.
    fn heed(&self) -> Result<(), ExitReason> {
        if self.ctx.is_stopping() {
            return Err(ExitReason::Shutdown);
        }
        self.doom.clone().map_or(Ok(()), Err)
    }

    /// Notes that a linked process has ended.
    fn hear(&mut self, process: ProcessId, reason: ExitReason) {
        match self.roster.child_of(process) {
            Some(key) => {
                self.roster.settle(key, State::Ended(reason));
                self.fallen.push_back(key);
            }
            None if reason.is_clean() => {}
            None => {
                self.doom.get_or_insert(ExitReason::Linked(process, Arc::new(reason)));
            }
        }
    }

    /// Starts whoever is to be started by now, in order.
    async fn start_due(&mut self) -> Result<(), ExitReason> {
        while let Some(key) = self.roster.due(self.ctx.now()) {
            self.heed()?;
            if let Err(reason) = self.begin(key).await {
                if self.kernel.is_closing() {
                    return Err(ExitReason::Shutdown);
                }
                self.roster.settle(key, State::Ended(reason));
                self.recover(key).await?;
            }
            self.ctx.work(1).await; // a supervisor with many children lets others run as well
        }
        Ok(())
    }

    /// Starts a child.
    async fn begin(&mut self, key: Key) -> Result<ProcessRef, ExitReason> {
        let entry = self.roster.entry(key).expect("whoever is started is on the roster");
        entry.begun = self.ctx.now();
        let child = entry.child.clone();
        // Nothing is awaited between these lines, so nobody can end the supervisor between them and leave an orphan.
        let process = child.begin(&self.kernel)?;
        self.ctx.link(&process);
        self.roster.settle(key, State::Running(process.clone()));
        if child.is_registered()
            && let Err(error) = self.kernel.register(child.name(), &process).await
            && process.is_alive()
        {
            process.kill();
            self.until_ended(key).await;
            return Err(ExitReason::failed(error));
        }
        Ok(process)
    }

    /// Does what has to be done about a child that has ended.
    async fn recover(&mut self, key: Key) -> Result<(), ExitReason> {
        let Some(entry) = self.roster.entry(key) else { return Ok(()) };
        let State::Ended(reason) = &entry.state else { return Ok(()) };
        let (name, reason) = (Arc::clone(entry.child.name()), reason.clone());
        if !entry.child.when_restarted().follows(&reason) {
            self.retire(key);
            return Ok(());
        }
        let supervisor = self.ctx.id();
        tracing::warn!(%supervisor, child = &*name, %reason, "a child failed");
        if !self.restarts.bear(self.ctx.now()) {
            return Err(ExitReason::GaveUp(name, Arc::new(reason)));
        }
        let group = self.roster.group(self.strategy, key);
        for member in group.iter().rev() {
            self.stop(*member).await;
        }
        let due = self.due_again(key);
        group.into_iter().for_each(|member| self.roster.schedule(member, due));
        Ok(())
    }

    /// A child has ended for good. It is kept only where the failure of another would start it again.
    fn retire(&mut self, key: Key) {
        let temporary =
            |entry: &mut super::roster::Entry| entry.child.when_restarted() == super::Restart::Temporary;
        if self.strategy == Strategy::OneForOne || self.roster.entry(key).is_none_or(temporary) {
            self.roster.remove(key);
        } else {
            self.roster.settle(key, State::Resting);
        }
    }

    /// When a child that failed is started again.
    fn due_again(&mut self, key: Key) -> Instant {
        let now = self.ctx.now();
        let (Some(backoff), Some(entry)) = (self.backoff, self.roster.entry(key)) else { return now };
        if now.saturating_since(entry.begun) > backoff.max {
            entry.failures = 0;
        }
        let delay = backoff.delay(entry.failures);
        entry.failures = entry.failures.saturating_add(1);
        now.saturating_add(delay)
    }

    /// Stops all children, the last one first.
    async fn stop_all(&mut self) {
        for key in self.roster.keys().into_iter().rev() {
            self.stop(key).await;
        }
    }

    /// Stops a child, if it runs.
    async fn stop(&mut self, key: Key) {
        let Some(process) = self.roster.process(key).cloned() else { return };
        let patience = self.roster.entry(key).map_or(Patience::None, |entry| entry.child.how_patient());
        if patience != Patience::None {
            process.stop();
        }
        match patience {
            Patience::None => {}
            Patience::For(deadline) => {
                let ctx = self.ctx.clone();
                if ctx.within(deadline, self.until_ended(key)).await.is_ok() {
                    return;
                }
            }
            Patience::Unlimited => return self.until_ended(key).await,
        }
        process.kill();
        self.until_ended(key).await;
    }

    async fn until_ended(&mut self, key: Key) {
        while self.roster.process(key).is_some() {
            let (process, reason) = self.ctx.exits().await;
            self.hear(process, reason);
        }
    }

    async fn answer(&mut self, request: Request) {
        match request {
            Request::Start(child, reply) => reply.send(self.admit(*child).await),
            Request::Stop(name, reply) => reply.send(self.dismiss(name).await),
            Request::Find(name, reply) => {
                let key = self.roster.named(&name);
                reply.send(key.and_then(|key| self.roster.process(key)).cloned());
            }
            Request::List(reply) => reply.send(self.roster.infos()),
        }
    }

    async fn admit(&mut self, child: Child) -> Result<ProcessRef, ChildError> {
        let name = Arc::clone(child.name());
        Limit::new("children_max", self.children_max as u64).check(self.roster.len() as u64 + 1)?;
        let Some(key) = self.roster.add(child, self.ctx.now()) else {
            return Err(ChildError::NameTaken { name });
        };
        let begun = self.begin(key).await;
        begun.map_err(|reason| {
            self.roster.remove(key);
            ChildError::NotStarted { name, reason }
        })
    }

    async fn dismiss(&mut self, name: Arc<str>) -> Result<(), ChildError> {
        let Some(key) = self.roster.named(&name) else { return Err(ChildError::Unknown { name }) };
        self.stop(key).await;
        self.roster.remove(key);
        Ok(())
    }
}
