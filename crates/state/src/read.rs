//! Reading what is committed.

use std::sync::Arc;

use crate::chain::View;
use crate::layout::{self, ROOTS};
use crate::processor::Processor;
use crate::receipt::Receipt;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::submission;
use crate::{BatchId, ReadError, Root, StateDiff, StoreError};

impl<R: Processor> Shared<R> {
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

    pub(crate) fn receipts(&self, batch: BatchId) -> Result<Vec<Receipt>, ReadError> {
        self.view_at(batch)?;
        crate::seal::stored_receipts(&*self.store, batch)?.ok_or(ReadError::Unknown { batch })
    }

    pub(crate) fn diff(&self, batch: BatchId) -> Result<StateDiff, ReadError> {
        self.view_at(batch)?;
        let changes = layout::changes(&*self.store, batch)?.ok_or(ReadError::Unknown { batch })?;
        Ok(submission::diff(batch, &changes))
    }

    /// The root of a batch; the inner `None` if it never will be known, the outer if it is not yet.
    pub(crate) fn known_root(&self, batch: BatchId) -> Result<Option<Option<Root>>, ReadError> {
        if batch == BatchId::GENESIS {
            return Ok(Some(Some(Root::EMPTY)));
        }
        self.view_at(batch)?;
        let Some(roots) = &self.roots else {
            return Ok(Some(None));
        };
        let is_final = roots.is_idle(); // looked at first: what is idle now knew the root before
        if let Some(root) = roots.root(batch) {
            return Ok(Some(Some(root)));
        }
        match self.store.get(ROOTS, &layout::batch_key(batch))? {
            Some(bytes) => {
                let bytes =
                    bytes.try_into().map_err(|_| StoreError::damaged(ROOTS, "a root has 32 bytes"))?;
                Ok(Some(Some(Root::from_bytes(bytes))))
            }
            // It may have moved from the one to the other between our two looks.
            None if is_final
                && roots.root(batch).is_none()
                && self.store.get(ROOTS, &layout::batch_key(batch))?.is_none() =>
            {
                Ok(Some(None))
            }
            None => Ok(None),
        }
    }
}
