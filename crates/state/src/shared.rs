//! [`Shared`]: everything that the owner of a state, its submissions and its hands have in common.
//!
//! There is no thread for each kind of work, but one that syncs. There are *roles*, each behind a lock, and hands that
//! have nothing better to do take them up. Who blocks until something is done lends a hand too, but leaves hashing and
//! pruning to the others if there are any. So a lone batch can be executed, committed and synced by the thread that
//! waits for it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use ironloom_core::EventCount;
use parking_lot::Mutex;

use crate::chain::View;
use crate::executor::Executor;
use crate::flight::Ready;
use crate::front::{Front, Phase, Step};
use crate::hand::Hand;
use crate::keeper::Keeper;
use crate::milestone::{Interrupted, Milestones, Stage};
use crate::processor::Processor;
use crate::roots::Follower;
use crate::snapshot::Pins;
use crate::{BatchId, Config, Store, StoreError};

pub(crate) struct Shared<R: Processor> {
    pub(crate) processor: R,
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) front: Mutex<Front<R::Payload>>,
    pub(crate) executor: Executor<R::Payload>,
    pub(crate) keeper: Mutex<Keeper>,
    /// Whether something may be ready to be committed.
    pub(crate) commit_due: AtomicBool,
    /// What is committed.
    pub(crate) settled: Mutex<View>,
    /// The last step that is committed, that is to be synced, and that is synced.
    pub(crate) committed: AtomicU64,
    pub(crate) sync_wanted: AtomicU64,
    pub(crate) synced: AtomicU64,
    pub(crate) sync_role: Mutex<()>,
    /// The tip when it was last synced.
    pub(crate) synced_tip: AtomicU64,
    /// Keeps the root, if one is kept.
    pub(crate) roots: Option<Follower>,
    pub(crate) pins: Arc<Mutex<Pins>>,
    pub(crate) prune_wanted: AtomicU64,
    /// How often it was said that there may be something to prune, and how many of these times were dealt with.
    pub(crate) tidy_asked: AtomicU64,
    pub(crate) tidy_done: AtomicU64,
    /// Tells that nothing is left to prune.
    pub(crate) tidied: EventCount,
    /// Tells the hands that there is work, the one who syncs that somebody wants that, and everybody who waits for
    /// what no milestone tells that something happened.
    pub(crate) work: EventCount,
    pub(crate) sync_work: EventCount,
    pub(crate) sync_done: EventCount,
    pub(crate) room: EventCount,
    pub(crate) failure: OnceLock<StoreError>,
    /// Whether a hand looks for work, and need not be woken.
    pub(crate) searching: AtomicBool,
    /// The hands are to stop.
    pub(crate) stopping: AtomicBool,
}

impl<R: Processor> Shared<R> {
    /// Tells a hand that there is work, or everybody who waits if there is none.
    pub(crate) fn wake(&self) {
        if self.config.workers == 0 {
            return self.work.notify_all();
        }
        fence(Ordering::SeqCst); // pairs with the one in `search`: it sees the work, or we that it has given up
        if !self.searching.load(Ordering::Relaxed) {
            self.work.notify_one();
        }
    }

    /// Something that somebody may wait for has happened; without hands, who waits sleeps by the work.
    pub(crate) fn tell(&self) {
        if self.config.workers == 0 {
            self.work.notify_all();
        }
    }

    pub(crate) fn reach(&self, milestones: &Milestones, stage: Stage) {
        milestones.reach(stage);
        self.tell();
    }

    /// A batch was executed.
    pub(crate) fn seal(&self, flight: &crate::flight::Flight<R::Payload>) {
        crate::seal::seal(flight);
        self.reach(&flight.milestones, Stage::Executed);
        self.commit_due.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// The store failed: nothing more happens, and everybody who waits is told.
    pub(crate) fn fail(&self, error: &StoreError) {
        self.failure.get_or_init(|| error.clone());
        let mut front = self.front.lock();
        if !matches!(front.phase, Phase::Failed(_)) {
            front.phase = Phase::Failed(error.clone());
        }
        drop(front);
        self.interrupt_all(&Interrupted::Failed(error.clone()));
        self.executor.clear();
        self.work.notify_all();
        self.sync_done.notify_all();
        self.sync_work.notify_all();
        self.room.notify_all();
        self.tidied.notify_all();
        if let Some(roots) = &self.roots {
            roots.known.notify_all();
        }
    }

    /// Tells everybody who waits for what is not committed that it will not be.
    pub(crate) fn interrupt_all(&self, reason: &Interrupted) {
        let mut front = self.front.lock();
        front.cancel_above(BatchId::GENESIS, reason);
        for step in front.steps.drain(..) {
            if let Step::Move(step) = step {
                step.milestones.interrupt(reason.clone());
            }
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Whether there is something for a keeper, and nobody is it.
    pub(crate) fn is_keeper_due(&self) -> bool {
        (self.commit_due.load(Ordering::SeqCst) || self.tidy_is_due()) && !self.keeper.is_locked()
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.has_failed()
            && (self.executor.has_work()
                || self.is_keeper_due()
                || self.roots.as_ref().is_some_and(Follower::has_work))
    }

    /// Does a little of what somebody may wait for; whether that was anything.
    ///
    /// Hashing, pruning and syncing are left to the hands if there are any: a part of them may take long.
    pub(crate) fn assist(&self, hand: &mut Hand<R::Payload>) -> bool {
        if self.config.workers == 0 {
            return self.take_turn(hand, 1) || (!self.has_failed() && self.sync());
        }
        !self.has_failed() && (hand.run(self, 1) || self.keep())
    }

    /// Does a good deal of whatever there is to do; whether that was anything.
    pub(crate) fn work(&self, hand: &mut Hand<R::Payload>) -> bool {
        self.take_turn(hand, 256)
    }

    /// What is oldest comes first: commits, then transactions. Hashing has time, until it lags behind too far.
    fn take_turn(&self, hand: &mut Hand<R::Payload>, transactions: usize) -> bool {
        if self.has_failed() {
            return false;
        }
        let lags =
            self.roots.as_ref().is_some_and(|roots| roots.lag() > self.config.transactions_in_flight_max / 2);
        if self.keep() {
            self.tidy(); // a step between commits, or a busy state would never be pruned
            return true;
        }
        (lags && self.hash()) || hand.run(self, transactions) || self.hash() || self.tidy()
    }

    pub(crate) fn push_ready(&self, ready: Vec<Ready<R::Payload>>) {
        self.executor.push_ready(ready);
    }
}
