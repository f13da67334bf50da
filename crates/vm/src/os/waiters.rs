//! [`Waiters`]: who waits for something.

/// A thread of a process of one machine. The number of one that ended is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) u32);

/// One wait of a task. It is over when the task waits for something else, or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) task: TaskId,
    /// Which of its waits it is.
    pub(crate) wait: u32,
}

/// Who waits for something, in the order in which they came.
///
/// Who does not wait any more may still be in it; each task is in it once at most.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Vec<Waiter>);

impl Waiters {
    /// One more, or the same one again.
    pub(crate) fn add(&mut self, waiter: Waiter) {
        match self.0.iter_mut().find(|known| known.task == waiter.task) {
            Some(known) => *known = waiter,
            None => self.0.push(waiter),
        }
    }

    /// Whether there is nobody.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a task is among them.
    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.0.iter().any(|waiter| waiter.task == task)
    }

    /// All of them; nobody is left.
    pub(crate) fn take(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.0)
    }
}
