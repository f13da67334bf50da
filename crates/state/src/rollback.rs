//! Going back, and coming back: moves of the tip to what is already in the store.
//!
//! A rollback executes nothing and waits for nothing: batches above the target are taken out of flight, those at or
//! below it go on, and behind them stands a step that moves the tip in the store. What is submitted next finds the
//! state at the target at once. Rows of batches that were committed stay where they are and count no more, so that
//! going back reads the headers of what goes and writes the tip, and a batch that returns needs only to count again.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::front::{Front, Move, Phase, Step};
use crate::keeper::Keeper;
use crate::layout;
use crate::milestone::{Interrupted, Milestones, Stage};
use crate::processor::Processor;
use crate::shared::Shared;
use crate::{Batch, BatchId, RollbackError, StoreError};

/// A rollback that was accepted. It happens, whether or not anybody waits for it.
pub struct Rollback<R: Processor> {
    shared: Arc<Shared<R>>,
    target: BatchId,
    sequence: u64,
    milestones: Arc<Milestones>,
}

impl<R: Processor> Rollback<R> {
    /// The batch that the state goes back to.
    #[must_use]
    pub fn target(&self) -> BatchId {
        self.target
    }

    /// Waits until the state in the store is that after the target, and survives a power failure.
    ///
    /// # Errors
    ///
    /// If the store fails, or the state is closed first.
    pub async fn done(&self) -> Result<(), Interrupted> {
        self.shared.reached(&self.milestones, Stage::Committed).await?;
        self.shared.durable(self.sequence).await
    }

    /// Blocks until the state in the store is that after the target, and survives a power failure.
    ///
    /// # Errors
    ///
    /// If the store fails, or the state is closed first.
    pub fn wait(&self) -> Result<(), Interrupted> {
        self.shared.wait_reached(&self.milestones, Stage::Committed)?;
        self.shared.wait_durable(self.sequence)
    }
}

impl<R: Processor> fmt::Debug for Rollback<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollback").field("target", &self.target).finish_non_exhaustive()
    }
}

/// The parent and the id of a batch that was rolled back, and what it is recognised by.
type Orphan = ((BatchId, BatchId), [u8; 32]);

/// A step that moves the tip, and those who wait for it.
pub(crate) struct Moved {
    pub(crate) sequence: u64,
    pub(crate) milestones: Arc<Milestones>,
}

impl<R: Processor> Shared<R> {
    /// Goes back to a batch.
    pub(crate) fn roll_back(self: &Arc<Self>, target: BatchId) -> Result<Rollback<R>, RollbackError> {
        let keeper = self.keeper.lock(); // nothing is being committed while we look at what was
        let moved = self.move_back(&keeper, target);
        self.give_back(keeper);
        let Moved { sequence, milestones } = moved?;
        self.sync_done.notify_all();
        Ok(Rollback { shared: Arc::clone(self), target, sequence, milestones })
    }

    fn move_back(&self, keeper: &Keeper, target: BatchId) -> Result<Moved, RollbackError> {
        let mut front = self.front.lock();
        match &front.phase {
            Phase::Open => {}
            Phase::Closed => return Err(RollbackError::Closed),
            Phase::Failed(error) => return Err(RollbackError::Failed(error.clone())),
        }
        self.check_target(keeper, &front, target)?;
        let gone = self.committed_above(&front, target)?;
        let cancelled = front.cancel_above(target, &Interrupted::RolledBack);
        let first = target.next().expect("the target is not the last id");
        let last = BatchId::new(front.next_id.number() - 1);
        Arc::make_mut(&mut front.orphans).add(first, last);
        let touched: Vec<BatchId> = gone.iter().map(|((_, id), _)| *id).collect();
        front.redirect(&cancelled, target, &touched);
        front.orphaned.extend(gone);
        front.tip = target;
        self.pins.lock().lower_to(target);
        Ok(self.push_move(&mut front, touched))
    }

    fn check_target(
        &self,
        keeper: &Keeper,
        front: &Front<R::Payload>,
        target: BatchId,
    ) -> Result<(), RollbackError> {
        let floor = keeper.tip.floor;
        if target < floor {
            return Err(RollbackError::Pruned { target, floor });
        }
        if target > front.tip || front.orphans.contains(target) {
            return Err(RollbackError::Unknown { target });
        }
        let is_flying =
            front.steps.iter().any(|step| matches!(step, Step::Batch(flight) if flight.id == target));
        let is_known = is_flying || target == BatchId::GENESIS || target == floor;
        if is_known || layout::header(&*self.store, target)?.is_some() {
            Ok(())
        } else {
            Err(RollbackError::Unknown { target })
        }
    }

    /// The batches above `target` that count and are in the store, with what they are recognised by.
    fn committed_above(&self, front: &Front<R::Payload>, target: BatchId) -> Result<Vec<Orphan>, StoreError> {
        let mut found = Vec::new();
        let first = target.next().expect("the target is not the last id");
        layout::batches_between(&*self.store, first, front.next_id, |id, header| {
            if !front.orphans.contains(id) {
                found.push(((header.parent, id), header.content));
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Appends a step that moves the tip to where the front has it.
    fn push_move(&self, front: &mut Front<R::Payload>, touched: Vec<BatchId>) -> Moved {
        let sequence = front.take_sequence();
        let milestones = Arc::new(Milestones::new());
        front.steps.push_back(Step::Move(Move {
            sequence,
            tip: front.tip,
            orphans: Arc::clone(&front.orphans),
            touched,
            milestones: Arc::clone(&milestones),
        }));
        self.commit_due.store(true, std::sync::atomic::Ordering::SeqCst);
        self.wake();
        Moved { sequence, milestones }
    }

    /// The batch that was rolled back, followed the present tip and had the same content, if there is one.
    pub(crate) fn returning(
        &self,
        front: &Front<R::Payload>,
        batch: &Batch<R::Payload>,
    ) -> Option<Result<BatchId, [u8; 32]>> {
        let range = (front.tip, BatchId::GENESIS)..=(front.tip, BatchId::new(u64::MAX));
        let mut orphans = front.orphaned.range(range).peekable();
        orphans.peek()?;
        let content = self.content_of(batch);
        let same = orphans.find(|(_, known)| **known == content);
        Some(same.map(|((_, id), _)| *id).ok_or(content))
    }

    /// Makes a batch count again.
    pub(crate) fn restore(&self, front: &mut Front<R::Payload>, id: BatchId) -> Result<Moved, StoreError> {
        let changes = layout::changes(&*self.store, id)?
            .ok_or_else(|| StoreError::damaged(layout::DIFFS, format!("the diff of {id} is missing")))?;
        front.forget(changes.iter().map(|change| change.resource));
        front.orphaned.remove(&(front.tip, id));
        Arc::make_mut(&mut front.orphans).remove(id);
        front.tip = id;
        let moved = self.push_move(front, vec![id]);
        moved.milestones.reach(Stage::Executed);
        Ok(moved)
    }
}
