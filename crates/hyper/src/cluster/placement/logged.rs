//! [`Logged`]: a policy whose decisions are kept with what they were made from.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Instant;

use super::{Decision, Fault, Past, Placement, View, Weighing};
use crate::cluster::HostId;
use crate::cluster::harts::HartId;

/// A decision, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LoggedDecision {
    /// When.
    pub at: Instant,
    /// About what.
    pub fault: Fault,
    /// In which situation.
    pub view: View,
    /// What was decided.
    pub decision: Decision,
    /// By what it was weighed, if it was.
    pub weighing: Option<Weighing>,
}

/// A policy whose last decisions are kept.
#[derive(Debug, Clone)]
pub struct Logged<P> {
    policy: P,
    log: VecDeque<LoggedDecision>,
    entries_max: usize,
}

impl<P: Placement> Logged<P> {
    /// Keeps so many decisions of a policy.
    #[must_use]
    pub const fn new(policy: P, entries_max: usize) -> Self {
        Self { policy, log: VecDeque::new(), entries_max }
    }

    /// The decisions that are kept, the oldest first.
    pub fn decisions(&self) -> impl Iterator<Item = &LoggedDecision> {
        self.log.iter()
    }

    /// Takes the decisions out, the oldest first.
    pub fn take(&mut self) -> Vec<LoggedDecision> {
        self.log.drain(..).collect()
    }
}

impl<P: Placement> Placement for Logged<P> {
    fn decide(&mut self, now: Instant, fault: &Fault, view: &View) -> Decision {
        let decision = self.policy.decide(now, fault, view);
        if self.log.len() >= self.entries_max {
            self.log.pop_front();
        }
        if self.entries_max > 0 {
            let (view, weighing) = (view.clone(), self.policy.weighing());
            self.log.push_back(LoggedDecision { at: now, fault: *fault, view, decision, weighing });
        }
        decision
    }

    fn balance(&mut self, now: Instant, view: &View) -> Vec<(HartId, HostId)> {
        self.policy.balance(now, view)
    }

    fn departs(&mut self, now: Instant, hart: HartId) -> Past {
        self.policy.departs(now, hart)
    }

    fn arrives(&mut self, now: Instant, hart: HartId, past: Past) {
        self.policy.arrives(now, hart, past);
    }

    fn weighing(&self) -> Option<Weighing> {
        self.policy.weighing()
    }
}
