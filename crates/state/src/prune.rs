//! Pruning: forgetting how the state was below a *floor*, in steps that hold up nobody for long.
//!
//! The floor is written first, so that nothing below it is read any more; then the batches below it are *swept* in
//! order of their ids. What a batch that counts replaced is removed, and with a resource that it removed, the note that
//! it did; of an orphan, what it wrote. A batch's diff goes last, so that a sweep that a crash cut off begins again.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use crate::keeper::Keeper;
use crate::layout::{self, BATCHES, DIFFS, RECEIPTS, ROOTS, ROWS, RowChange};
use crate::processor::Processor;
use crate::shared::Shared;
use crate::{BatchId, StoreError, WriteBatch};

/// How far sweeping has come.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// The batch that is being swept, and how many of its changes were.
    batch: Option<(BatchId, Vec<RowChange>, usize)>,
    /// The batch at the floor, whose replaced rows are gone but not its diff.
    floor_done: Option<BatchId>,
}

impl<R: Processor> Shared<R> {
    /// Asks for everything below a batch to be forgotten.
    pub(crate) fn want_prune(&self, below: BatchId) {
        self.prune_wanted.fetch_max(below.number(), Ordering::SeqCst);
        self.want_tidy();
        self.wake();
    }

    /// There may be something to prune.
    pub(crate) fn want_tidy(&self) {
        self.tidy_asked.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether there may be something to prune that nobody looked for.
    pub(crate) fn tidy_is_due(&self) -> bool {
        self.tidy_done.load(Ordering::SeqCst) < self.tidy_asked.load(Ordering::SeqCst)
    }

    /// Does a step of pruning; whether there was one to do.
    pub(crate) fn tidy(&self) -> bool {
        if !self.tidy_is_due() {
            return false;
        }
        let Some(mut keeper) = self.keeper.try_lock() else {
            return false; // whoever has it looks for work after giving it back
        };
        let asked = self.tidy_asked.load(Ordering::SeqCst);
        let outcome = self.raise_floor(&mut keeper).and_then(|()| self.sweep(&mut keeper));
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                self.tidy_done.store(asked, Ordering::SeqCst);
                self.tidied.notify_all();
            }
            Err(error) => {
                drop(keeper);
                self.fail(&error);
                return true;
            }
        }
        self.give_back(keeper);
        true
    }

    /// Moves the floor as far up as is wanted and allowed.
    fn raise_floor(&self, keeper: &mut Keeper) -> Result<(), StoreError> {
        let wanted = BatchId::new(self.prune_wanted.load(Ordering::SeqCst)).min(keeper.tip.tip);
        if wanted <= keeper.tip.floor {
            return Ok(());
        }
        self.make_prunable(keeper, wanted)?;
        let durable = BatchId::new(self.synced_tip.load(Ordering::SeqCst));
        let allowed = wanted.min(durable).min(keeper.tip.tree.unwrap_or(wanted));
        let mut pins = self.pins.lock();
        let allowed = pins.lowest().map_or(allowed, |pinned| pinned.min(allowed));
        let floor = self.newest_that_counts(keeper, allowed)?;
        if floor > keeper.tip.floor {
            keeper.tip.floor = floor;
            pins.floor = floor;
            drop(pins);
            self.write(keeper, WriteBatch::new())?;
        }
        Ok(())
    }

    /// Syncs, and writes the tree, as far as that keeps the floor down.
    fn make_prunable(&self, keeper: &mut Keeper, wanted: BatchId) -> Result<(), StoreError> {
        if keeper.tip.tree.is_some_and(|tree| tree < wanted) {
            self.checkpoint(keeper)?;
        }
        if self.synced_tip.load(Ordering::SeqCst) < wanted.number() {
            self.store.sync()?;
            self.synced_tip.store(keeper.tip.tip.number(), Ordering::SeqCst);
        }
        Ok(())
    }

    /// The newest batch up to `most` that counts, at least the floor.
    fn newest_that_counts(&self, keeper: &Keeper, most: BatchId) -> Result<BatchId, StoreError> {
        let mut newest = keeper.tip.floor;
        layout::batches_between(&*self.store, keeper.tip.floor, most, |id, _| {
            if !keeper.tip.orphans.contains(id) {
                newest = id;
            }
            ControlFlow::Continue(())
        })?;
        Ok(newest)
    }

    /// Removes some of what is below the floor; whether anything is left.
    fn sweep(&self, keeper: &mut Keeper) -> Result<bool, StoreError> {
        let Some((batch, changes, swept)) = self.next_to_sweep(keeper)? else {
            return Ok(false);
        };
        let mut writes = WriteBatch::new();
        let is_orphan = keeper.tip.orphans.contains(batch);
        let mut end = swept;
        while end < changes.len() && (writes.len() as u64) < self.config.prune_step_rows_max {
            remove_rows(&mut writes, batch, &changes[end], is_orphan);
            end += 1;
        }
        if end < changes.len() {
            keeper.sweep.batch = Some((batch, changes, end));
        } else if batch == keeper.tip.floor {
            keeper.sweep.floor_done = Some(batch);
        } else {
            for space in [BATCHES, DIFFS, RECEIPTS, ROOTS] {
                writes.remove(space, &layout::batch_key(batch));
            }
            keeper.tip.swept =
                batch.next().expect("a batch below the floor is not the last").min(keeper.tip.floor);
            self.forget_orphans(keeper);
        }
        self.write(keeper, writes)?;
        Ok(true)
    }

    fn next_to_sweep(
        &self,
        keeper: &mut Keeper,
    ) -> Result<Option<(BatchId, Vec<RowChange>, usize)>, StoreError> {
        if let Some(begun) = keeper.sweep.batch.take() {
            return Ok(Some(begun));
        }
        let mut next = None;
        layout::batches_between(&*self.store, keeper.tip.swept, keeper.tip.floor, |id, _| {
            next = Some(id);
            ControlFlow::Break(())
        })?;
        let Some(batch) = next.filter(|batch| keeper.sweep.floor_done != Some(*batch)) else {
            return Ok(None);
        };
        let changes = layout::changes(&*self.store, batch)?.unwrap_or_default();
        Ok(Some((batch, changes, 0)))
    }

    /// Orphans that were swept left no rows, so there is nothing to tell apart any more.
    fn forget_orphans(&self, keeper: &mut Keeper) {
        let swept = keeper.tip.swept;
        keeper.tip.orphans.forget_below(swept);
        let mut front = self.front.lock();
        std::sync::Arc::make_mut(&mut front.orphans).forget_below(swept);
        front.orphaned.retain(|(_, orphan), _| *orphan >= swept);
    }
}

fn remove_rows(writes: &mut WriteBatch, batch: BatchId, change: &RowChange, is_orphan: bool) {
    if is_orphan {
        writes.remove(ROWS, &layout::row_key(&change.resource, batch));
        return;
    }
    if change.replaced != BatchId::GENESIS {
        writes.remove(ROWS, &layout::row_key(&change.resource, change.replaced));
    }
    if !change.exists {
        writes.remove(ROWS, &layout::row_key(&change.resource, batch));
    }
}
