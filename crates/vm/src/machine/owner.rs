//! [`Owner`]: whose a host object in a heap is.
//!
//! The objects of a script that ended stay in the heap until they are collected, which may be long after: its process may
//! have gone on as another program, its number may be that of another process, and in a cell another machine may run when
//! it happens. So what is in an object does not say the number of a process but its *life*, which no other script in the
//! heap has had or will have, and which machine of the heap it is on.
//!
//! ```text
//! 63        32 31     24 23         0
//! ┌───────────┬─────────┬────────────┐
//! │   life    │ machine │   number   │
//! └───────────┴─────────┴────────────┘
//! ```

use crate::luau::Dropped;
use crate::os::{Pid, TaskId};

use super::Machine;

/// The number of nothing.
const NUMBER_MAX: u32 = 0xff_ffff;

/// What is in an object that stands for nothing any more.
pub(crate) const CLOSED: u64 = NUMBER_MAX as u64;

/// Whose a host object is, and what its number is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Which life of a process; 0 is whoever runs.
    life: u32,
    /// Under which number the heap counts the machine's memory.
    pub(crate) category: u8,
    number: u32,
}

impl Owner {
    /// Reads what is in an object.
    pub(crate) const fn of(value: u64) -> Self {
        Self { life: (value >> 32) as u32, category: (value >> 24) as u8, number: value as u32 & NUMBER_MAX }
    }

    /// Whether it is whoever runs.
    pub(crate) const fn is_anybody(self) -> bool {
        self.life == 0
    }
}

impl Machine {
    /// What is put into an object of the process that runs.
    pub(crate) fn object_value(&self, number: u32) -> u64 {
        assert!(number < NUMBER_MAX, "there are fewer descriptors and tasks");
        u64::from(self.process().life) << 32 | u64::from(self.category) << 24 | u64::from(number)
    }

    /// The number of an object, if it is of the process that runs, or of whoever runs.
    pub(crate) fn number_of(&self, value: u64) -> Option<u32> {
        let owner = Owner::of(value);
        (owner.is_anybody() || owner.life == self.process().life).then_some(owner.number)
    }

    /// As [`number_of`](Self::number_of), but not of whoever runs.
    pub(crate) fn own_number_of(&self, value: u64) -> Option<u32> {
        self.number_of(value).filter(|_| !Owner::of(value).is_anybody())
    }

    /// A script let go of a host object: what it stood for is closed. What is another machine's is kept for the unit, which
    /// knows it.
    pub(crate) fn object_dropped(&mut self, dropped: Dropped) {
        let owner = Owner::of(dropped.value);
        if owner.is_anybody() {
            return;
        }
        if owner.category != self.category {
            self.work.dropped.push(dropped);
            return;
        }
        let Some(pid) =
            self.table.iter().find(|process| process.life == owner.life).map(|process| process.pid)
        else {
            return;
        };
        if dropped.tag == crate::api::TASK {
            self.forget_results(pid, TaskId(owner.number));
        } else {
            let _ = self.close(pid, owner.number); // It may have been closed with its process.
        }
    }

    /// A process begins to run a script, in a life that none has had in this heap.
    pub(crate) fn begin_life(&mut self, pid: Pid, life: u32) {
        if let Some(process) = self.table.get_mut(pid) {
            process.life = life;
        }
    }
}
