//! [`Milestones`]: how far something that was accepted has come, and who waits for it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use ironloom_core::EventCount;
use thiserror::Error;

use crate::StoreError;

/// Why something that was waited for will not happen.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Interrupted {
    /// The state was rolled back to before it.
    #[error("the batch was rolled back")]
    RolledBack,
    /// The store failed; what was not committed is lost.
    #[error("the state failed: {0}; open it again")]
    Failed(#[source] StoreError),
    /// The state was closed before it could happen.
    #[error("the state was closed")]
    Closed,
}

/// How far something has come. Stages come in order and are never taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Accepted,
    Executed,
    Committed,
}

/// The stage that something has reached, or the reason why it goes no further.
#[derive(Debug)]
pub(crate) struct Milestones {
    stage: AtomicU8,
    end: OnceLock<Interrupted>,
    changed: EventCount,
}

impl Milestones {
    pub(crate) fn new() -> Self {
        Self { stage: AtomicU8::new(Stage::Accepted as u8), end: OnceLock::new(), changed: EventCount::new() }
    }

    pub(crate) fn reach(&self, stage: Stage) {
        // Who executed it may come to say so after another thread has committed it already.
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        self.changed.notify_all();
    }

    /// Ends it, if nothing else did before.
    pub(crate) fn interrupt(&self, reason: Interrupted) {
        self.end.get_or_init(|| reason);
        self.changed.notify_all();
    }

    /// Whether the stage was reached, or never will be; `None` as long as neither is known.
    pub(crate) fn outcome(&self, stage: Stage) -> Option<Result<(), Interrupted>> {
        if self.stage.load(Ordering::Acquire) >= stage as u8 {
            return Some(Ok(()));
        }
        self.interruption().map(Err)
    }

    pub(crate) fn interruption(&self) -> Option<Interrupted> {
        self.end.get().cloned()
    }

    /// Tells of every change; see [`EventCount::ticket`].
    pub(crate) fn changed(&self) -> &EventCount {
        &self.changed
    }
}
