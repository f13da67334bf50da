//! Accepting batches: what is let in, and when.

use std::sync::Arc;

use crate::batch::Content;
use crate::flight::{Ready, accesses_of};
use crate::front::{Front, Phase, Placed};
use crate::processor::Processor;
use crate::shared::Shared;
use crate::submission::Submission;
use crate::{Batch, BatchId, Rejected, SubmitError};

impl<R: Processor> Shared<R> {
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
            // With the batches that return and the rollbacks, which are steps and nothing else.
            || front.steps.len() as u64 >= 2 * self.config.batches_in_flight_max
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
}
