//! [`Shared`]: everything that the owner of a state, its submissions and its hands have in common.
//!
//! There is no thread for each kind of work. There are *roles*, each behind a lock, and whoever has nothing better to
//! do takes one up: the hands of the state, and everybody who blocks until something is done. So a lone batch is
//! executed and committed by the thread that waits for it, without waking another.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ironloom_core::EventCount;
use parking_lot::Mutex;

use crate::batch::Content;
use crate::chain::View;
use crate::executor::Executor;
use crate::flight::{Ready, accesses_of};
use crate::front::{Front, Phase, Placed, Step};
use crate::hand::Hand;
use crate::keeper::Keeper;
use crate::milestone::{Interrupted, Milestones, Stage};
use crate::processor::Processor;
use crate::roots::Follower;
use crate::snapshot::{Pins, Snapshot};
use crate::submission::Submission;
use crate::{
    Batch, BatchId, Config, ReadError, Rejected, Store, StoreError, SubmitError, WriteBatch, layout,
};

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
    /// The hands are to stop.
    pub(crate) stopping: AtomicBool,
}

impl<R: Processor> Shared<R> {
    /// Tells a hand that there is work, or everybody who waits if there is none.
    pub(crate) fn wake(&self) {
        if self.config.workers == 0 { self.work.notify_all() } else { self.work.notify_one() }
    }

    /// Something that somebody may wait for has happened; without hands, who waits sleeps by the work.
    fn tell(&self) {
        if self.config.workers == 0 {
            self.work.notify_all();
        }
    }

    pub(crate) fn reach(&self, milestones: &Milestones, stage: Stage) {
        milestones.reach(stage);
        self.tell();
    }

    /// Lets a batch run that has its place.
    fn launch(&self, placed: Placed<R::Payload>, others: Vec<Ready<R::Payload>>) {
        let Placed { flight, ready, .. } = placed;
        self.executor.push_batch(&flight, ready);
        self.executor.push_ready(others);
        if flight.len() == 0 {
            self.seal(&flight);
        }
        if self.executor.has_work() {
            self.wake();
        }
    }

    /// A batch was executed.
    pub(crate) fn seal(&self, flight: &crate::flight::Flight<R::Payload>) {
        crate::seal::seal(flight);
        self.reach(&flight.milestones, Stage::Executed);
        self.commit_due.store(true, Ordering::SeqCst);
        if self.config.workers > 0 {
            self.work.notify_one();
        }
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

    pub(crate) fn has_work(&self) -> bool {
        let is_keeper_due = self.commit_due.load(Ordering::SeqCst) || self.tidy_is_due();
        !self.has_failed()
            && (self.executor.has_work()
                || (is_keeper_due && !self.keeper.is_locked())
                || self.roots.as_ref().is_some_and(Follower::has_work))
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
        let outcome = self.store.sync();
        if outcome.is_ok() {
            self.synced.fetch_max(target, Ordering::SeqCst);
            self.synced_tip.store(tip.number(), Ordering::SeqCst);
        }
        drop(role);
        match outcome {
            Ok(()) => {
                self.sync_done.notify_all();
                self.tell();
            }
            Err(error) => self.fail(&error),
        }
        true
    }

    /// Does a little of whatever there is to do; whether that was anything. Without hands, that includes syncing.
    pub(crate) fn assist(&self, hand: &mut Hand<R::Payload>) -> bool {
        self.take_turn(hand, 1) || (self.config.workers == 0 && !self.has_failed() && self.sync())
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
        self.keep() || (lags && self.hash()) || hand.run(self, transactions) || self.hash() || self.tidy()
    }

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

    /// Accepts a batch that is within the limits.
    #[expect(
        clippy::result_large_err,
        reason = "a batch that is handed back is as large as one that is handed in"
    )]
    pub(crate) fn accept(
        self: &Arc<Self>,
        batch: Batch<R::Payload>,
    ) -> Result<Submission<R>, Rejected<R::Payload>> {
        let mut front = self.front.lock();
        if let Err(reason) = self.admit(&front) {
            return Err(Rejected { batch, reason });
        }
        let content = match self.returning(&front, &batch) {
            Some(Ok(id)) => return self.accept_again(&mut front, id, batch),
            Some(Err(content)) => Some(content),
            None => None,
        };
        let mut placed = front.place(batch, self.config.transaction_budget, content);
        let flight = Arc::clone(&placed.flight);
        // Under the lock, because a rollback and what is submitted after it may want the same values handed over.
        let mut others = Vec::new();
        placed.connections.connect(&mut others);
        drop(front);
        self.launch(placed, others);
        Ok(Submission {
            shared: Arc::clone(self),
            id: flight.id,
            sequence: flight.sequence,
            milestones: Arc::clone(&flight.milestones),
            flight: Some(flight),
        })
    }

    #[expect(
        clippy::result_large_err,
        reason = "a batch that is handed back is as large as one that is handed in"
    )]
    fn accept_again(
        self: &Arc<Self>,
        front: &mut Front<R::Payload>,
        id: BatchId,
        batch: Batch<R::Payload>,
    ) -> Result<Submission<R>, Rejected<R::Payload>> {
        match self.restore(front, id) {
            Ok(moved) => Ok(Submission {
                shared: Arc::clone(self),
                id,
                sequence: moved.sequence,
                milestones: moved.milestones,
                flight: None,
            }),
            Err(error) => Err(Rejected { batch, reason: SubmitError::Failed(error) }),
        }
    }

    /// Whether one more batch may be accepted.
    fn admit(&self, front: &Front<R::Payload>) -> Result<(), SubmitError> {
        match &front.phase {
            Phase::Open => {}
            Phase::Closed => return Err(SubmitError::Closed),
            Phase::Failed(error) => return Err(SubmitError::Failed(error.clone())),
        }
        let is_full = front.batches_in_flight >= self.config.batches_in_flight_max
            || front.transactions_in_flight >= self.config.transactions_in_flight_max
            || front.next_id >= front.reserved
            || self.roots.as_ref().is_some_and(|roots| roots.lag() > self.config.transactions_in_flight_max);
        if is_full { Err(SubmitError::Full) } else { Ok(()) }
    }

    /// Whether a batch would not be refused for what is in flight.
    pub(crate) fn has_room(&self) -> bool {
        !matches!(self.admit(&self.front.lock()), Err(SubmitError::Full))
    }

    /// What a batch that comes in is recognised by.
    pub(crate) fn content_of(&self, batch: &Batch<R::Payload>) -> [u8; 32] {
        let mut content = Content::new(&batch.metadata, batch.len());
        for (index, transaction) in batch.transactions.iter().enumerate() {
            let budget = transaction.budget.unwrap_or(self.config.transaction_budget);
            content.add_transaction(&transaction.payload, budget, accesses_of(batch, index).iter().copied());
        }
        content.finish()
    }

    pub(crate) async fn reached(&self, milestones: &Milestones, stage: Stage) -> Result<(), Interrupted> {
        let mut outcome = None;
        let is_known = || {
            outcome = milestones.outcome(stage);
            outcome.is_some()
        };
        milestones.changed().until(is_known).await;
        outcome.expect("it is known now")
    }

    pub(crate) fn wait_reached(&self, milestones: &Milestones, stage: Stage) -> Result<(), Interrupted> {
        self.wait(milestones.changed(), || milestones.outcome(stage))
    }

    /// Waits until a step that is committed is synced.
    pub(crate) async fn durable(&self, sequence: u64) -> Result<(), Interrupted> {
        self.want_sync(sequence);
        let mut outcome = None;
        let is_known = || {
            outcome = self.durability(sequence);
            outcome.is_some()
        };
        self.sync_done.until(is_known).await;
        outcome.expect("it is known now")
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

    /// The state after a batch that is committed and kept.
    pub(crate) fn view_at(&self, batch: BatchId) -> Result<View, ReadError> {
        let view = self.settled.lock().clone();
        let floor = self.pins.lock().floor;
        if batch < floor {
            return Err(ReadError::Pruned { batch, floor });
        }
        let is_there = batch == BatchId::GENESIS
            || (view.shows(batch) && layout::header(&*self.store, batch)?.is_some());
        if is_there { Ok(View { tip: batch, ..view }) } else { Err(ReadError::Unknown { batch }) }
    }

    pub(crate) fn snapshot(&self, view: View) -> Result<Snapshot, ReadError> {
        Snapshot::new(Arc::new(Arc::clone(&self.store)), &self.pins, view)
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

    /// Writes what is only in memory, when nothing happens any more.
    pub(crate) fn write_last(&self) -> Result<(), StoreError> {
        if let Some(error) = self.failure.get() {
            return Err(error.clone());
        }
        let mut keeper = self.keeper.lock();
        keeper.tip.reserved = self.front.lock().next_id;
        self.checkpoint(&mut keeper)?;
        self.write(&keeper, WriteBatch::new())?;
        self.store.sync()
    }

    pub(crate) fn push_ready(&self, ready: Vec<Ready<R::Payload>>) {
        self.executor.push_ready(ready);
    }
}
