//! Pruning: forgetting how the state was below a *floor*, in steps that hold up nobody for long.
//!
//! The floor is written first, so that nothing below it is read any more; then the batches below it are *swept* in
//! order of their ids. What a batch that counts replaced is removed, and with a resource that it removed, the note that
//! it did; of an orphan, what it wrote. A batch's diff goes last, so that a sweep that a crash cut off begins again.

use std::ops::ControlFlow;
use std::sync::Arc;
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
    }

    /// There may be something to prune.
    pub(crate) fn want_tidy(&self) {
        self.tidy_asked.fetch_add(1, Ordering::SeqCst);
        self.wake();
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
        if self.has_failed() {
            return false; // while we came for the role: what the keeper believes is in the store may not be
        }
        let asked = self.tidy_asked.load(Ordering::SeqCst);
        let outcome = self.raise_floor(&mut keeper).and_then(|()| self.sweep(&mut keeper));
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                self.tidy_done.store(asked, Ordering::SeqCst);
                self.tidied.notify_all();
            }
            Err(error) => self.fail(&error), // before the role is given back
        }
        self.give_back(keeper);
        true
    }

    /// Moves the floor as far up as is wanted and allowed.
    fn raise_floor(&self, keeper: &mut Keeper) -> Result<(), StoreError> {
        // A rollback that was accepted and is not committed yet still needs its target.
        let most = self.front.lock().lowest_move().map_or(keeper.tip.tip, |tip| tip.min(keeper.tip.tip));
        let wanted = BatchId::new(self.prune_wanted.load(Ordering::SeqCst)).min(most);
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
            self.sync_store()?;
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
            keeper.tip.orphans.forget_below(keeper.tip.swept);
        }
        self.write(keeper, writes)?;
        self.forget_orphans(keeper.tip.swept);
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
        // What was swept as the floor is swept once more when the floor has risen: now its diff goes too.
        let is_done = |batch: &BatchId| *batch == keeper.tip.floor && keeper.sweep.floor_done == Some(*batch);
        let Some(batch) = next.filter(|batch| !is_done(batch)) else {
            return Ok(None);
        };
        let changes = layout::changes(&*self.store, batch)?.unwrap_or_default();
        Ok(Some((batch, changes, 0)))
    }

    /// Orphans that were swept have no rows any more, so whoever reads from now on need not tell them apart.
    fn forget_orphans(&self, swept: BatchId) {
        let mut front = self.front.lock();
        if front.orphans.ranges().next().is_some_and(|(first, _)| first < swept) {
            Arc::make_mut(&mut front.orphans).forget_below(swept);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Batch, Config, Context, Failure, MemoryStore, ResourceId, Roots, open};

    /// Counts how often a resource was written.
    struct Count;

    impl Processor for Count {
        type Payload = ();

        fn execute(&self, context: &mut Context<'_>, (): &()) -> Result<(), Failure> {
            let note = ResourceId::numbered(1);
            let count = context.read(note)?.map_or(0, |value| value[0]);
            context.write(note, [count + 1])
        }
    }

    /// A hand that had looked for commits before a rollback came in went on to prune, and took the floor above the
    /// target: what the rollback needed was gone, and the store could not be opened again.
    #[test]
    fn a_rollback_that_is_not_committed_holds_the_floor_down() {
        let store = MemoryStore::new();
        let config = Config { workers: 0, roots: Roots::Off, ..Config::default() };
        let shared = open::open(Arc::new(store.clone()), Count, config).unwrap();
        let mut ids = Vec::new();
        for _ in 0..5 {
            let mut batch = Batch::new("");
            batch.push(&[Access::write(ResourceId::numbered(1))], ()).unwrap();
            let submission = shared.accept(batch).unwrap();
            submission.wait_durable().unwrap();
            ids.push(submission.id());
        }
        shared.want_prune(ids[4]);
        let rollback = shared.roll_back(ids[1]).unwrap();
        while shared.tidy() {}
        rollback.wait().unwrap();
        while shared.tidy() {}
        let view = shared.view_at(ids[1]).unwrap();
        let held = shared.snapshot(view).unwrap().get(ResourceId::numbered(1)).unwrap();
        assert_eq!(held.as_deref(), Some(&[2][..]));
        assert_eq!(layout::Tip::load(&store).unwrap().unwrap().tip, ids[1]);
    }
}
