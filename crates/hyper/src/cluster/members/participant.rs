//! What a host does as its part of an operation.

use ironloom_core::Instant;

use super::event::{Output, State};
use super::machine::Members;
use super::message::{Change, MemberMessage, Refused, Step, StepId, Wish};
use crate::cluster::HostId;

/// The last step that this host was told to do.
#[derive(Debug)]
pub(super) struct Performing {
    from: HostId,
    id: StepId,
    is_done: bool,
}

impl Members {
    /// A step is to be done here.
    pub(super) fn perform(&mut self, now: Instant, from: HostId, id: StepId, step: Step) {
        if let Some(last) = &self.performing {
            if id == last.id && from == last.from {
                if last.is_done {
                    self.say(now, from, MemberMessage::Done { id });
                }
                return;
            }
            if id <= last.id {
                // Another may lead already before who led has heard that all have begun.
                return match step {
                    Step::Begin(change) if change.epoch <= self.epoch => {
                        self.say(now, from, MemberMessage::Done { id });
                    }
                    _ => self.refuse(Refused::OldEpoch),
                };
            }
        }
        if let Err(refused) = self.check(from, id, step) {
            return self.refuse(refused);
        }
        self.performing = Some(Performing { from, id, is_done: false });
        match step {
            Step::Drain => self.emit(Output::Drain(id)),
            Step::Quiesce(next) => {
                self.pending = next;
                if self.is_running {
                    self.paused = now;
                }
                (self.is_quiet, self.is_running) = (true, false);
                self.emit(Output::Quiesce(id));
            }
            Step::Mark { snapshot } => self.emit(Output::Mark { step: id, snapshot }),
            Step::Begin(change) => {
                self.begin(now, change);
                self.performed(now, id);
            }
            Step::Continue | Step::Cancel => {
                self.pending = None;
                self.is_quiet = self.state == State::Joining;
                if step == Step::Cancel {
                    self.emit(Output::Cancelled);
                }
                self.performed(now, id);
            }
        }
    }

    /// Whether it is for that host to say so, now.
    fn check(&self, from: HostId, id: StepId, step: Step) -> Result<(), Refused> {
        let (leader, epoch) = match (self.state, step) {
            (State::Member, _) => (self.coordinator(), self.epoch),
            // Who joins is told by who leads those that it joins.
            (State::Joining, Step::Quiesce(Some(next))) if next.hosts.contains(self.here) => {
                (next.hosts.without(self.here).first(), id.epoch)
            }
            (State::Joining, Step::Begin(_) | Step::Cancel) => {
                (self.performing.as_ref().map(|last| last.from), id.epoch)
            }
            _ => return Err(Refused::OutOfState),
        };
        let is_fit = match step {
            Step::Mark { .. } => self.is_quiet,
            Step::Begin(change) => self.is_quiet && self.pending == Some(change),
            Step::Quiesce(Some(next)) => next.epoch == id.epoch.next(),
            Step::Drain | Step::Quiesce(None) | Step::Continue | Step::Cancel => true,
        };
        match id.epoch.cmp(&epoch) {
            std::cmp::Ordering::Less => Err(Refused::OldEpoch),
            std::cmp::Ordering::Greater => Err(Refused::NewEpoch),
            std::cmp::Ordering::Equal if leader != Some(from) => Err(Refused::NotCoordinator),
            std::cmp::Ordering::Equal if !is_fit => Err(Refused::OutOfState),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// What a step demanded is done here.
    pub(super) fn performed(&mut self, now: Instant, id: StepId) {
        let is_expected = matches!(self.state, State::Member | State::Joining | State::Left);
        match &mut self.performing {
            Some(last) if last.id == id && !last.is_done && is_expected => {
                last.is_done = true;
                let from = last.from;
                self.say(now, from, MemberMessage::Done { id });
            }
            _ => self.refuse(Refused::OutOfState),
        }
    }

    /// The epoch that was waited for begins.
    fn begin(&mut self, now: Instant, change: Change) {
        self.pending = None;
        (self.epoch, self.hosts) = (change.epoch, change.hosts);
        if !change.hosts.contains(self.here) {
            self.state = State::Left;
            self.emit(Output::Left);
            return self.end_asking(Ok(()));
        }
        self.leases.need(change.hosts.without(self.here), now.saturating_add(self.config.lease));
        self.emit(Output::Begin(change));
        if self.state == State::Joining {
            self.state = State::Member;
            if self.asking.as_ref().is_some_and(|asking| asking.wish == Wish::Join) {
                self.end_asking(Ok(()));
            }
        }
        self.is_quiet = false;
    }
}
