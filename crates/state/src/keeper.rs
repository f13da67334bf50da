//! [`Keeper`]: the role of the one who writes to the store. It commits what was executed, in order.
//!
//! Everything that is to be committed is a *step*, in one queue: batches, and moves of the tip. The keeper takes as
//! many as are ready from its head and writes them in one commit, together with where the tip is then. So there is no
//! moment at which the store holds a part of a batch, or a batch without its tip.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironloom_blob::Durability;
use parking_lot::MutexGuard;

use crate::flight::{Flight, Resource};
use crate::front::{Move, Step};
use crate::layout::{self, ROOTS, RowChange, Tip, Versioned};
use crate::milestone::{Interrupted, Stage};
use crate::processor::Processor;
use crate::prune::Sweep;
use crate::roots::Follower;
use crate::seal::Sealed;
use crate::shared::Shared;
use crate::{BatchId, StoreError, WriteBatch};

/// How many ids are reserved at once. So many may be skipped by a crash; none is given away twice.
pub(crate) const RESERVED_IDS: u64 = 1 << 16;

/// The most that is committed at once, but for a single batch that is larger.
const COMMIT_BYTES: usize = 4 << 20;
const COMMIT_BATCHES: usize = 256;

/// The role of the one who writes to the store.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// What the store holds.
    pub(crate) tip: Tip,
    pub(crate) sweep: Sweep,
}

/// Steps that are committed together.
enum Group<P> {
    Batches(Vec<(Arc<Flight<P>>, Sealed)>),
    Move(Move),
}

impl<R: Processor> Shared<R> {
    /// Commits what is ready, if nobody else does; whether there was anything.
    pub(crate) fn keep(&self) -> bool {
        let mut has_kept = false;
        // Who finds the role taken need not wait: the flag was set before, and is looked at after the role was given back.
        while self.commit_due.load(Ordering::SeqCst)
            && let Some(mut keeper) = self.keeper.try_lock()
        {
            self.commit_due.store(false, Ordering::SeqCst);
            while !self.has_failed()
                && let Some(group) = self.next_group()
            {
                has_kept = true;
                if let Err(error) = self.commit(&mut keeper, group) {
                    // Before the role is given back, or another would commit what comes after.
                    self.fail(&error);
                }
            }
            self.give_back(keeper);
        }
        has_kept
    }

    /// Gives the role back, and tells those who found it taken.
    pub(crate) fn give_back(&self, keeper: MutexGuard<'_, Keeper>) {
        drop(keeper);
        self.room.notify_all();
        if self.config.workers == 0 || self.has_work() {
            self.wake();
        }
    }

    fn next_group(&self) -> Option<Group<R::Payload>> {
        let mut front = self.front.lock();
        let mut batches: Vec<(Arc<Flight<R::Payload>>, Sealed)> = Vec::new();
        let mut bytes = 0;
        while batches.len() < COMMIT_BATCHES && bytes < COMMIT_BYTES {
            let Some(Step::Batch(flight)) = front.steps.front() else {
                break;
            };
            let Some(sealed) = flight.sealed.lock().take() else {
                break;
            };
            bytes += sealed.writes.byte_len();
            batches.push((Arc::clone(flight), sealed));
            front.steps.pop_front();
        }
        if !batches.is_empty() {
            return Some(Group::Batches(batches));
        }
        match front.steps.pop_front_if(|step| matches!(step, Step::Move(_)))? {
            Step::Move(step) => Some(Group::Move(step)),
            Step::Batch(_) => unreachable!("it was looked at"),
        }
    }

    fn commit(&self, keeper: &mut Keeper, group: Group<R::Payload>) -> Result<(), StoreError> {
        let reserves = self.reserve(keeper);
        match group {
            Group::Batches(batches) => self.commit_batches(keeper, batches)?,
            Group::Move(step) => self.commit_move(keeper, &step)?,
        }
        if reserves {
            self.sync_store()?;
            self.front.lock().reserved = keeper.tip.reserved;
        }
        self.checkpoint_if_due(keeper)
    }

    fn commit_batches(
        &self,
        keeper: &mut Keeper,
        mut batches: Vec<(Arc<Flight<R::Payload>>, Sealed)>,
    ) -> Result<(), StoreError> {
        let mut writes = std::mem::take(&mut batches[0].1.writes);
        batches[1..].iter().for_each(|(_, sealed)| writes.append(&sealed.writes));
        let (last, _) = batches.last().expect("a group is not empty");
        let (sequence, id) = (last.sequence, last.id);
        keeper.tip.tip = id;
        self.write(keeper, writes).inspect_err(|error| {
            // They are in the queue no more, where everybody else is told.
            let reason = Interrupted::Failed(error.clone());
            batches.iter().for_each(|(flight, _)| flight.cancel(reason.clone()));
        })?;
        // The root is told first: who sees a batch must not find that nobody works on its root.
        for (flight, sealed) in &mut batches {
            let changes = flight.changes.get().expect("it is sealed");
            self.follow(flight.id, changes, std::mem::take(&mut sealed.values));
        }
        self.settle(keeper, sequence);
        for (flight, _) in batches {
            let values: Box<[Versioned]> = flight.resources().iter().map(Resource::result).collect();
            self.front.lock().land(&flight, values, self.config.resident_resources_max);
            if flight.durability == Durability::Synced {
                self.want_sync(flight.sequence);
            }
            self.reach(&flight.milestones, Stage::Committed);
        }
        Ok(())
    }

    fn commit_move(&self, keeper: &mut Keeper, step: &Move) -> Result<(), StoreError> {
        keeper.tip.tip = step.tip;
        keeper.tip.orphans = (*step.orphans).clone();
        if let (Some(tree), Some(first)) = (&mut keeper.tip.tree, step.touched.iter().min()) {
            *tree = (*tree).min(BatchId::new(first.number() - 1));
        }
        self.write(keeper, WriteBatch::new())
            .inspect_err(|error| step.milestones.interrupt(Interrupted::Failed(error.clone())))?;
        self.follow_move(step, keeper.tip.view());
        self.settle(keeper, step.sequence);
        self.want_sync(step.sequence);
        self.reach(&step.milestones, Stage::Committed);
        Ok(())
    }

    /// Commits writes together with the tip and the roots that became known.
    pub(crate) fn write(&self, keeper: &Keeper, mut writes: WriteBatch) -> Result<(), StoreError> {
        let roots = self.roots.as_ref().map(Follower::unwritten).unwrap_or_default();
        for (batch, root) in &roots {
            writes.put(ROOTS, &layout::batch_key(*batch), root.as_bytes());
        }
        keeper.tip.put(&mut writes);
        self.store.commit(&writes)?;
        if let Some(known) = &self.roots {
            known.written(&roots);
        }
        Ok(())
    }

    /// What was just written can be seen.
    fn settle(&self, keeper: &Keeper, sequence: u64) {
        let mut settled = self.settled.lock();
        settled.tip = keeper.tip.tip;
        if *settled.orphans != keeper.tip.orphans {
            settled.orphans = keeper.tip.orphans.clone().into();
        }
        self.committed.store(sequence, Ordering::SeqCst);
        // Who began to read what is now rolled back needs everything since the target.
        self.pins.lock().lower_to(keeper.tip.tip);
    }

    /// Reserves more ids if half of them are given away; whether that must be synced.
    fn reserve(&self, keeper: &mut Keeper) -> bool {
        let next = self.front.lock().next_id.number();
        let is_due = next + RESERVED_IDS / 2 > keeper.tip.reserved.number();
        if is_due {
            keeper.tip.reserved = BatchId::new(next + RESERVED_IDS);
        }
        is_due
    }

    /// Tells those who keep the root what a batch changed.
    fn follow(&self, batch: BatchId, changes: &[RowChange], values: Vec<Option<crate::Value>>) {
        if let Some(roots) = &self.roots {
            roots.push_batch(batch, changes, values);
            self.wake();
        }
    }

    fn follow_move(&self, step: &Move, view: crate::chain::View) {
        if let Some(roots) = &self.roots {
            roots.push_redo(step.touched.clone(), view, (step.tip != BatchId::GENESIS).then_some(step.tip));
            self.wake();
        }
    }

    /// Writes what is only in memory, when nothing happens any more.
    pub(crate) fn write_last(&self) -> Result<(), StoreError> {
        let mut keeper = self.keeper.lock();
        if let Some(error) = self.failure.get() {
            return Err(error.clone());
        }
        keeper.tip.reserved = self.front.lock().next_id;
        self.checkpoint(&mut keeper)?;
        self.write(&keeper, WriteBatch::new())?;
        self.sync_store()?;
        self.synced.store(self.committed.load(Ordering::SeqCst), Ordering::SeqCst);
        self.sync_done.notify_all();
        Ok(())
    }
}
