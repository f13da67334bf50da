//! [`Output`]: how much a machine may still show in a window.
//!
//! What is shown is what the host keeps to be looked at: consoles, and the output of commands and of children without
//! streams of their own. Who shows more waits for the next window, and there comes after those who have shown nothing in this
//! one: so whoever floods holds up nobody else for ever.

use crate::Errno;
use crate::os::TaskId;
use crate::os::waiters::{Waiter, Waiters};

/// How much a machine may still show in a window, and who waits for the next one.
#[derive(Debug)]
pub(crate) struct Output {
    /// The window in which it ran last; `u64::MAX` before the first one.
    window: u64,
    left: usize,
    /// Those who have shown something in this window.
    seen: Vec<TaskId>,
    /// Those who wait and have shown nothing, and those who wait to show more.
    waiters: [Waiters; 2],
}

impl Output {
    /// That of a machine that has not run, and may show so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { window: u64::MAX, left: bytes, seen: Vec::new(), waiters: <_>::default() }
    }

    /// Begins a window in which the machine may show so many bytes, unless that was done; who waited for that.
    pub(crate) fn begin(&mut self, window: u64, bytes: usize) -> Vec<Waiter> {
        if self.window == window {
            return Vec::new();
        }
        (self.window, self.left) = (window, bytes);
        self.seen.clear();
        self.waiters.iter_mut().flat_map(Waiters::take).collect()
    }

    /// As much of these bytes as may be shown.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if that is nothing.
    pub(super) fn admit<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], Errno> {
        if self.is_spent() && !bytes.is_empty() {
            return Err(Errno::Again);
        }
        Ok(&bytes[..bytes.len().min(self.left)])
    }

    /// A task has shown so much.
    pub(super) fn spend(&mut self, task: TaskId, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        if bytes > 0 && !self.seen.contains(&task) {
            self.seen.push(task);
        }
    }

    /// Whether nothing more may be shown in this window.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Those who wait until more may be shown, as this task does.
    pub(super) fn waiters(&mut self, task: TaskId) -> &mut Waiters {
        &mut self.waiters[usize::from(self.seen.contains(&task))]
    }

    /// Whether somebody waits for the next window.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiters.iter().any(|waiters| !waiters.is_empty())
    }

    /// Shows what the system has to say, however much was shown before.
    pub(super) const fn lift(&mut self) -> usize {
        std::mem::replace(&mut self.left, usize::MAX)
    }

    /// After [`lift`](Self::lift): as before.
    pub(super) const fn lower(&mut self, left: usize) {
        self.left = left;
    }
}
