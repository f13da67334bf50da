//! [`StateDiff`]: what a batch changed.

use crate::{BatchId, ResourceId};

/// What a batch changed, in the order of the resources.
///
/// A resource that holds after the batch what it held before is not in it, whatever happened in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDiff {
    /// The batch.
    pub batch: BatchId,
    /// The changes.
    pub changes: Vec<Change>,
}

/// One resource before and after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The resource.
    pub resource: ResourceId,
    /// The batch whose version it replaced; `None` if it did not exist.
    pub old: Option<BatchId>,
    /// The version it has now, which is the batch itself; `None` if it exists no more.
    pub new: Option<BatchId>,
}
