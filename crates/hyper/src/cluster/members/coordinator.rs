//! What the lowest host does for all: it leads one operation at a time through its steps.
//!
//! | operation | steps |
//! |---|---|
//! | join | all and who joins: quiesce · begin |
//! | leave | who leaves: drain · all: quiesce · begin |
//! | snapshot | all: quiesce · mark · continue |
//!
//! Until everybody has done what comes before the last step, whoever does not do its part in time makes all of them
//! cancel it. From the last step on it cannot be undone, and whoever does not do its part is taken to be dead. Steps
//! are repeated with every beat until they are confirmed. The coordinator itself begins last, so that it leads until
//! everybody has begun even if it is the one that leaves.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::Instant;

use super::event::State;
use super::machine::Members;
use super::message::{Change, Denied, MemberMessage, Refused, RequestId, Step, StepId, Why, Wish};
use crate::cluster::{Epoch, HostId, HostSet};

/// The index of the step that undoes an operation: after every other.
const CANCEL: u8 = u8::MAX;

/// What the lowest host keeps for all.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    queue: VecDeque<Request>,
    current: Option<Operation>,
    /// How many operations there were.
    operations: u64,
    /// What became of the last request of each host, in case the answer was lost.
    answered: BTreeMap<HostId, (RequestId, Option<Denied>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    host: HostId,
    id: RequestId,
    wish: Wish,
}

#[derive(Debug)]
struct Operation {
    request: Request,
    /// What it leads to, if members change.
    next: Option<Change>,
    id: StepId,
    step: Step,
    /// Who has to do the step.
    must: HostSet,
    /// Who is told as well.
    also: HostSet,
    done: HostSet,
    deadline: Instant,
    /// Who is to blame if it is being undone.
    blamed: Option<HostId>,
}

impl Operation {
    fn missing(&self) -> HostSet {
        HostSet::from_bits(self.must.bits() & !self.done.bits())
    }

    fn told(&self) -> HostSet {
        HostSet::from_bits((self.must.bits() | self.also.bits()) & !self.done.bits())
    }
}

impl Members {
    /// A host wants something.
    pub(super) fn asked_for(
        &mut self,
        now: Instant,
        from: HostId,
        epoch: Epoch,
        (host, id): (HostId, RequestId),
        wish: Wish,
    ) {
        let is_own = from == self.here || wish == Wish::Join && from == host;
        if self.state != State::Member || !is_own && !self.is_member(from, epoch) {
            return self.refuse(Refused::OutOfState);
        }
        let Some(coordinator) = self.coordinator().filter(|lowest| *lowest != self.here) else {
            return self.enqueue(now, Request { host, id, wish });
        };
        // It is passed on once, or hosts that disagree would pass it on for ever.
        if from != host {
            return self.refuse(Refused::NotCoordinator);
        }
        self.send(coordinator, MemberMessage::Ask { epoch: self.epoch, host, request: id, wish });
    }

    fn enqueue(&mut self, now: Instant, request: Request) {
        let Request { host, id, .. } = request;
        if let Some((answered, denied)) = self.coordinator.answered.get(&host).copied()
            && answered == id
        {
            return self.say(now, host, MemberMessage::Answer { epoch: self.epoch, request: id, denied });
        }
        let current = self.coordinator.current.as_ref().map(|operation| operation.request);
        if current == Some(request) || self.coordinator.queue.contains(&request) {
            return;
        }
        if self.coordinator.queue.len() >= self.config.operations_max {
            return self.answer(now, request, Some(Denied::Busy));
        }
        self.coordinator.queue.push_back(request);
    }

    /// Says what became of a request, if who asked does not know anyway.
    fn answer(&mut self, now: Instant, request: Request, denied: Option<Denied>) {
        let Request { host, id, wish } = request;
        self.coordinator.answered.insert(host, (id, denied));
        if denied.is_some() || wish == Wish::Snapshot {
            self.say(now, host, MemberMessage::Answer { epoch: self.epoch, request: id, denied });
        }
    }

    /// Begins what waits, and gives up what takes too long.
    pub(super) fn lead(&mut self, now: Instant) {
        if let Some(operation) = &self.coordinator.current {
            if operation.deadline <= now {
                self.overdue(now);
            }
            return;
        }
        while self.coordinator.current.is_none() {
            let Some(request) = self.coordinator.queue.pop_front() else { return };
            // Another host may lead since; who asked will ask it.
            if self.coordinator() == Some(self.here) {
                self.start(now, request);
            }
        }
    }

    fn start(&mut self, now: Instant, request: Request) {
        let Request { host, wish, .. } = request;
        let is_member = self.hosts.contains(host);
        let denied = match wish {
            Wish::Join => is_member.then_some(Denied::Member),
            Wish::Leave | Wish::Snapshot if !is_member => Some(Denied::Stranger),
            Wish::Leave => (self.hosts.len() == 1).then_some(Denied::Last),
            Wish::Snapshot => None,
        };
        if denied.is_some() {
            return self.answer(now, request, denied);
        }
        let changed = |hosts| Some(Change { epoch: self.epoch.next(), hosts });
        let next = match wish {
            Wish::Join => changed(self.hosts.with(host)),
            Wish::Leave => changed(self.hosts.without(host)),
            Wish::Snapshot => None,
        };
        self.coordinator.operations += 1;
        let id = StepId { epoch: self.epoch, operation: self.coordinator.operations, index: 0 };
        let (must, also, done) = (HostSet::EMPTY, HostSet::EMPTY, HostSet::EMPTY);
        let (step, deadline, blamed) = (Step::Continue, now, None);
        let operation = Operation { request, next, id, step, must, also, done, deadline, blamed };
        self.coordinator.current = Some(operation);
        self.enter(now, 0);
    }

    /// The step with this index, and who has to do it; `None` after the last.
    fn plan(&self, operation: &Operation, index: u8) -> Option<(Step, HostSet)> {
        let Operation { request: Request { host, wish, .. }, next, id, .. } = *operation;
        let all = next.map_or(self.hosts, |change| super::machine::union(self.hosts, change.hosts));
        let alone = HostSet::EMPTY.with(host);
        Some(match (wish, next, index) {
            (Wish::Leave, _, 0) => (Step::Drain, alone),
            (Wish::Join, _, 0) | (Wish::Leave, _, 1) | (Wish::Snapshot, _, 0) => (Step::Quiesce(next), all),
            (Wish::Join, Some(change), 1) | (Wish::Leave, Some(change), 2) => {
                (Step::Begin(change), change.hosts.with(self.here))
            }
            (Wish::Snapshot, _, 1) => {
                (Step::Mark { snapshot: id.epoch.get() << 32 | id.operation & 0xFFFF_FFFF }, all)
            }
            (Wish::Snapshot, _, 2) => (Step::Continue, all),
            _ => return None,
        })
    }

    /// Goes on to a step, or ends the operation after the last.
    fn enter(&mut self, now: Instant, index: u8) {
        let Some(mut operation) = self.coordinator.current.take() else { return };
        let Some((step, must)) = self.plan(&operation, index) else {
            return self.answer(now, operation.request, None);
        };
        let timeout = match step {
            Step::Drain => self.config.drain_timeout,
            _ => self.config.step_timeout,
        };
        operation.id.index = index;
        (operation.step, operation.must, operation.done) = (step, must, HostSet::EMPTY);
        operation.also = match step {
            Step::Begin(_) => HostSet::from_bits(self.hosts.bits() & !must.bits()),
            _ => HostSet::EMPTY,
        };
        operation.deadline = now.saturating_add(timeout);
        self.coordinator.current = Some(operation);
        self.tell(now, true);
    }

    /// Tells those who have not done the step.
    fn tell(&mut self, now: Instant, is_first: bool) {
        let Some(operation) = &self.coordinator.current else { return };
        let (id, step, told) = (operation.id, operation.step, operation.told());
        for host in told.without(self.here).iter() {
            self.send(host, MemberMessage::Step { id, step });
        }
        if is_first && told.contains(self.here) && !matches!(step, Step::Begin(_)) {
            self.perform(now, self.here, id, step);
        }
        self.advance(now);
    }

    /// Tells those again who have not done the step.
    pub(super) fn remind(&mut self, now: Instant) {
        self.tell(now, false);
    }

    /// A host has done a step.
    pub(super) fn done(&mut self, now: Instant, from: HostId, id: StepId) {
        match &mut self.coordinator.current {
            Some(operation) if operation.id == id && operation.told().contains(from) => {
                operation.done = operation.done.with(from);
                self.advance(now);
            }
            // It was repeated because it was told twice.
            Some(operation) if operation.id >= id => {}
            _ => self.refuse(Refused::OutOfState),
        }
    }

    /// Goes on if everybody has done the step.
    fn advance(&mut self, now: Instant) {
        let Some(operation) = &self.coordinator.current else { return };
        let (id, step, missing) = (operation.id, operation.step, operation.missing());
        if matches!(step, Step::Begin(_)) && missing == HostSet::EMPTY.with(self.here) {
            return self.perform(now, self.here, id, step);
        }
        if !missing.is_empty() {
            return;
        }
        match step {
            // Who has left is told for as long as it may wait to hear it.
            Step::Begin(_) if !operation.told().is_empty() && self.state == State::Member => {}
            Step::Cancel => {
                let (request, blamed) = (operation.request, operation.blamed.unwrap_or(self.here));
                self.coordinator.current = None;
                self.answer(now, request, Some(Denied::Undone(blamed)));
            }
            _ => self.enter(now, id.index + 1),
        }
    }

    /// Somebody has not done a step in time.
    fn overdue(&mut self, now: Instant) {
        let Some(operation) = &self.coordinator.current else { return };
        match (operation.step, operation.missing().first()) {
            (_, None) => {
                let request = operation.request;
                self.coordinator.current = None;
                self.answer(now, request, None);
            }
            (Step::Begin(_) | Step::Continue | Step::Cancel, Some(host)) => self.stop(now, host, Why::Idle),
            (Step::Drain | Step::Quiesce(_) | Step::Mark { .. }, Some(host)) => self.cancel(now, host),
        }
    }

    /// Undoes the operation, which this host is to blame for.
    fn cancel(&mut self, now: Instant, blamed: HostId) {
        let deadline = now.saturating_add(self.config.step_timeout);
        let Some(operation) = &mut self.coordinator.current else { return };
        operation.also = HostSet::EMPTY.with(operation.request.host);
        (operation.must, operation.done) = (self.hosts, HostSet::EMPTY);
        (operation.step, operation.id.index) = (Step::Cancel, CANCEL);
        (operation.deadline, operation.blamed) = (deadline, Some(blamed));
        self.tell(now, true);
    }

    /// A host is lost that is not a member: if it is about to join, nothing comes of it.
    pub(super) fn give_up_on(&mut self, now: Instant, host: HostId) {
        let joins = |operation: &Operation| {
            let is_undone = matches!(operation.step, Step::Begin(_) | Step::Cancel);
            operation.request.host == host && operation.request.wish == Wish::Join && !is_undone
        };
        if self.coordinator.current.as_ref().is_some_and(joins) {
            self.cancel(now, host);
        }
    }
}
