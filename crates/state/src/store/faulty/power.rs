//! [`Power`]: what is counted, and what is to fail.

use std::io;

use crate::store::StoreError;

/// The power cycle, the counters and the faults that are to come.
#[derive(Debug, Default)]
pub(super) struct Power {
    /// Handles of earlier ones are dead.
    pub(super) cycle: u64,
    pub(super) commits: u64,
    pub(super) syncs: u64,
    pub(super) reads: u64,
    pub(super) operations: u64,
    /// During which operation the power goes.
    pub(super) off_at: Option<u64>,
    /// Which operation fails, and all after it.
    pub(super) fail_at: Option<u64>,
    /// Which read fails.
    pub(super) fail_read_at: Option<u64>,
    is_off: bool,
    is_broken: bool,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It fails here and may have been done.
    Fails(&'static str),
    /// It is not even begun.
    Dead(&'static str),
}

impl Outcome {
    pub(super) fn result(self, action: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Done => Ok(()),
            Self::Fails(reason) | Self::Dead(reason) => {
                Err(StoreError::engine(action, io::Error::other(reason)))
            }
        }
    }
}

impl Power {
    /// Turns it on again, without faults.
    pub(super) fn next_cycle(&mut self) {
        self.cycle += 1;
        (self.off_at, self.fail_at, self.fail_read_at) = (None, None, None);
        (self.is_off, self.is_broken) = (false, false);
    }

    /// Counts a commit.
    pub(super) fn commit(&mut self, cycle: u64) -> Outcome {
        self.commits += 1;
        self.operation(cycle)
    }

    /// Counts a sync.
    pub(super) fn sync(&mut self, cycle: u64) -> Outcome {
        self.syncs += 1;
        self.operation(cycle)
    }

    /// Counts an operation.
    pub(super) fn operation(&mut self, cycle: u64) -> Outcome {
        let number = self.operations;
        self.operations += 1;
        if self.is_dead(cycle) {
            return Outcome::Dead("the power is off");
        }
        if self.is_broken {
            return Outcome::Dead("an earlier operation failed");
        }
        if self.off_at.is_some_and(|at| number >= at) {
            self.is_off = true;
            return Outcome::Fails("the power went off");
        }
        if self.fail_at.is_some_and(|at| number >= at) {
            self.is_broken = true;
            return Outcome::Fails("an operation that was to fail");
        }
        Outcome::Done
    }

    /// Counts a read, and says whether it is to go well.
    pub(super) fn read(&mut self, cycle: u64) -> io::Result<bool> {
        let number = self.reads;
        self.reads += 1;
        if self.is_dead(cycle) {
            return Err(io::Error::other("the power is off"));
        }
        let fails = self.fail_read_at.is_some_and(|at| number >= at);
        if fails {
            self.fail_read_at = None;
        }
        Ok(!fails)
    }

    fn is_dead(&self, cycle: u64) -> bool {
        self.is_off || cycle != self.cycle
    }
}
