//! [`Operation`]: a call that is done in parts, so that it does not hold up everybody else.
//!
//! A part does a number of steps, then the task gives way as if it had waited. What it has come to is kept with the task
//! and goes when the task does.

use ironloom_blob::tree::Name;

use crate::luau::{Call, Kept, Stop};
use crate::os::{Find, Globbing, Grep, Removal, TreeCopy};

use super::Machine;

/// A call that is done in parts.
#[derive(Debug)]
pub(crate) struct Operation {
    /// What is left to do; nothing while it is being done.
    pub(crate) part: Option<Part>,
    /// The table of results, kept in the heap between two parts.
    pub(crate) table: Option<Kept>,
    /// How many results there are.
    pub(crate) count: u32,
}

/// What can be done in parts.
#[derive(Debug)]
pub(crate) enum Part {
    /// Listing a directory.
    List(Listing),
    /// Looking for entries.
    Find(Find),
    /// Looking for lines.
    Grep(Grep),
    /// Removing everything below a directory.
    Removal(Removal),
    /// Copying.
    Copy(TreeCopy),
    /// Expanding a pattern.
    Glob(Globbing),
}

/// Listing a directory: first what is no directory, then those, each by name.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Its path.
    pub(crate) path: Vec<u8>,
    /// Whether that is without links and dots, so that it is the same directory in every part.
    pub(crate) is_real: bool,
    /// The last name that was looked at.
    pub(crate) after: Option<Name>,
    /// Whether it has come to the directories.
    pub(crate) wants_directories: bool,
}

impl Machine {
    /// Forgets what the task that runs has been doing in parts.
    pub(crate) fn forget_operation(&mut self) {
        let operation = self.task_mut().operation.take();
        self.work.kept.extend(operation.and_then(|operation| operation.table));
    }

    /// How many operations are kept.
    pub(crate) fn operations(&self) -> usize {
        self.tasks.iter().filter(|(_, task)| task.operation.is_some()).count()
    }

    /// Lets others run before the call goes on.
    pub(crate) fn give_way<T>(&mut self, call: &mut Call<'_>) -> Result<T, Stop> {
        call.forget_above(call.arguments());
        let waiter = self.park();
        self.wake_all(vec![waiter]);
        Err(Stop::Wait)
    }
}
