//! Waiting: for milestones, and for the disk. Who blocks does what there is to do meanwhile.

use std::sync::atomic::Ordering;

use ironloom_core::EventCount;

use crate::hand::Hand;
use crate::milestone::{Interrupted, Milestones, Stage};
use crate::processor::Processor;
use crate::roots::Follower;
use crate::shared::Shared;
use crate::{BatchId, StoreError};

/// How often a thread looks for an outcome before it sleeps.
const LOOKS: usize = 1_000;

impl<R: Processor> Shared<R> {
    /// Blocks until `outcome` is known, doing what there is to do meanwhile. `changed` tells when to look again.
    pub(crate) fn wait<T>(&self, changed: &EventCount, mut outcome: impl FnMut() -> Option<T>) -> T {
        let mut hand = Hand::new();
        let changed = if self.config.workers == 0 { &self.work } else { changed };
        loop {
            if let Some(known) = outcome() {
                self.leave(&mut hand);
                return known;
            }
            if self.assist(&mut hand) {
                continue;
            }
            if let Some(known) = look_again(&mut outcome) {
                self.leave(&mut hand);
                return known;
            }
            let ticket = changed.ticket();
            if outcome().is_none() && !(self.config.workers == 0 && self.has_work()) {
                ticket.wait();
            }
        }
    }

    /// A thread that helped goes: what is left is for others.
    fn leave(&self, hand: &mut Hand<R::Payload>) {
        hand.give_back(self);
        if self.has_work() {
            self.wake();
        }
    }

    pub(crate) async fn reached(&self, milestones: &Milestones, stage: Stage) -> Result<(), Interrupted> {
        until(milestones.changed(), || milestones.outcome(stage)).await
    }

    pub(crate) fn wait_reached(&self, milestones: &Milestones, stage: Stage) -> Result<(), Interrupted> {
        self.wait(milestones.changed(), || milestones.outcome(stage))
    }

    /// Waits until a step that is committed is synced.
    pub(crate) async fn durable(&self, sequence: u64) -> Result<(), Interrupted> {
        self.want_sync(sequence);
        until(&self.sync_done, || self.durability(sequence)).await
    }

    /// Blocks until a step that is committed is synced; by syncing it, unless somebody else does.
    pub(crate) fn wait_durable(&self, sequence: u64) -> Result<(), Interrupted> {
        self.sync_wanted.fetch_max(sequence, Ordering::SeqCst);
        self.wait(&self.sync_done, || {
            self.durability(sequence).or_else(|| {
                self.sync();
                self.durability(sequence)
            })
        })
    }

    fn durability(&self, sequence: u64) -> Option<Result<(), Interrupted>> {
        if self.synced.load(Ordering::SeqCst) >= sequence {
            return Some(Ok(()));
        }
        self.failure.get().map(|error| Err(Interrupted::Failed(error.clone())))
    }

    /// Whether a batch still counts.
    pub(crate) fn check_counts(&self, batch: BatchId) -> Result<(), Interrupted> {
        if self.front.lock().orphans.contains(batch) { Err(Interrupted::RolledBack) } else { Ok(()) }
    }

    /// Blocks until everything that was accepted is committed, and the root knows it.
    pub(crate) fn drain(&self) {
        let is_done = || {
            self.has_failed()
                || (self.front.lock().steps.is_empty()
                    && !self.keeper.is_locked()
                    && self.roots.as_ref().is_none_or(Follower::is_idle))
        };
        self.wait(&self.room, || is_done().then_some(()));
    }

    /// Asks that everything up to this step be synced, soon.
    pub(crate) fn want_sync(&self, sequence: u64) {
        self.sync_wanted.fetch_max(sequence, Ordering::SeqCst);
        self.sync_work.notify_one();
        self.tell();
    }

    /// Syncs what is committed, if somebody wants that; whether there was anything to do.
    pub(crate) fn sync(&self) -> bool {
        let role = self.sync_role.lock();
        let (target, tip) = {
            let settled = self.settled.lock(); // both are written under it
            (self.committed.load(Ordering::SeqCst), settled.tip)
        };
        let wanted = self.sync_wanted.load(Ordering::SeqCst).min(target);
        if self.synced.load(Ordering::SeqCst) >= wanted || self.has_failed() {
            return false;
        }
        match self.store.sync() {
            Ok(()) => {
                self.synced.fetch_max(target, Ordering::SeqCst);
                self.synced_tip.store(tip.number(), Ordering::SeqCst);
                drop(role);
                self.sync_done.notify_all();
                self.tell();
            }
            // Before the role is given back: a second sync may succeed though the first has lost something.
            Err(error) => self.fail(&error),
        }
        true
    }

    /// Syncs what is committed, for the keeper.
    pub(crate) fn sync_store(&self) -> Result<(), StoreError> {
        let role = self.sync_role.lock();
        if let Some(error) = self.failure.get() {
            return Err(error.clone());
        }
        let outcome = self.store.sync().inspect_err(|error| self.fail(error));
        drop(role);
        outcome
    }
}

/// Looks for an outcome for some microseconds: a thread that does what is left of a small batch is done by then, and
/// being woken takes longer.
fn look_again<T>(mut outcome: impl FnMut() -> Option<T>) -> Option<T> {
    (0..LOOKS).find_map(|_| {
        std::hint::spin_loop();
        outcome()
    })
}

/// Waits until something is known, looking again each time that `changed` tells of a change.
pub(crate) async fn until<T>(changed: &EventCount, mut outcome: impl FnMut() -> Option<T>) -> T {
    let mut known = None;
    let is_known = || {
        known = outcome();
        known.is_some()
    };
    changed.until(is_known).await;
    known.expect("it is known now")
}
