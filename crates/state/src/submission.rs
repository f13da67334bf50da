//! [`Submission`]: a batch that was accepted.

use std::fmt;
use std::sync::Arc;

use crate::diff::{Change, StateDiff};
use crate::flight::Flight;
use crate::layout::RowChange;
use crate::milestone::{Interrupted, Milestones, Stage};
use crate::processor::Processor;
use crate::receipt::Receipt;
use crate::shared::Shared;
use crate::{BatchId, ReadError};

/// A batch that was accepted. It is executed and committed, whether or not anybody waits for it.
///
/// Every milestone can be awaited, or waited for by blocking; a thread that blocks does what there is to do meanwhile, so
/// transactions may run on it. A milestone that was reached stays reached; one that never will be ends the wait with the
/// reason.
pub struct Submission<R: Processor> {
    pub(crate) shared: Arc<Shared<R>>,
    pub(crate) id: BatchId,
    pub(crate) sequence: u64,
    pub(crate) milestones: Arc<Milestones>,
    /// `None` if it was committed before, rolled back, and returned.
    pub(crate) flight: Option<Arc<Flight<R::Payload>>>,
}

impl<R: Processor> Submission<R> {
    /// The id of the batch.
    #[must_use]
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// Whether it is a batch that was rolled back and now counts again, with the result that it had.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.flight.is_none()
    }

    /// Waits until every transaction has run.
    ///
    /// # Errors
    ///
    /// If that will never be so.
    pub async fn executed(&self) -> Result<(), Interrupted> {
        self.shared.reached(&self.milestones, Stage::Executed).await
    }

    /// Waits until the batch is in the store, and would be there after this program was killed.
    ///
    /// # Errors
    ///
    /// If that will never be so.
    pub async fn committed(&self) -> Result<(), Interrupted> {
        self.shared.reached(&self.milestones, Stage::Committed).await
    }

    /// Waits until the batch survives a power failure. Asks for that, if nobody did.
    ///
    /// # Errors
    ///
    /// If that will never be so, or the batch was rolled back since and not yet pruned.
    pub async fn durable(&self) -> Result<(), Interrupted> {
        self.committed().await?;
        self.shared.durable(self.sequence).await?;
        self.shared.check_counts(self.id)
    }

    /// Blocks until every transaction has run.
    ///
    /// # Errors
    ///
    /// If that will never be so.
    pub fn wait_executed(&self) -> Result<(), Interrupted> {
        self.shared.wait_reached(&self.milestones, Stage::Executed)
    }

    /// Blocks until the batch is in the store, and would be there after this program was killed.
    ///
    /// # Errors
    ///
    /// If that will never be so.
    pub fn wait_committed(&self) -> Result<(), Interrupted> {
        self.shared.wait_reached(&self.milestones, Stage::Committed)
    }

    /// Blocks until the batch survives a power failure. Asks for that, if nobody did.
    ///
    /// # Errors
    ///
    /// If that will never be so, or the batch was rolled back since and not yet pruned.
    pub fn wait_durable(&self) -> Result<(), Interrupted> {
        self.wait_committed()?;
        self.shared.wait_durable(self.sequence)?;
        self.shared.check_counts(self.id)
    }

    /// What became of each transaction, once the batch is executed; none before.
    ///
    /// # Errors
    ///
    /// If it was read from the store, which failed or has pruned it.
    pub fn receipts(&self) -> Result<Vec<Receipt>, ReadError> {
        match &self.flight {
            Some(flight) if flight.changes.get().is_some() => Ok(flight.receipts()),
            Some(_) => Ok(Vec::new()),
            None => self.shared.receipts(self.id),
        }
    }

    /// What the batch changed, once it is executed; nothing before.
    ///
    /// # Errors
    ///
    /// If it was read from the store, which failed or has pruned it.
    pub fn diff(&self) -> Result<StateDiff, ReadError> {
        match &self.flight {
            Some(flight) => Ok(diff(self.id, flight.changes.get().map_or(&[], |changes| changes))),
            None => self.shared.diff(self.id),
        }
    }
}

pub(crate) fn diff(batch: BatchId, changes: &[RowChange]) -> StateDiff {
    let change = |change: &RowChange| Change {
        resource: change.resource,
        old: change.existed.then_some(change.replaced),
        new: change.exists.then_some(batch),
    };
    StateDiff { batch, changes: changes.iter().map(change).collect() }
}

impl<R: Processor> fmt::Debug for Submission<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("id", &self.id).finish_non_exhaustive()
    }
}
