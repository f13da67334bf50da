//! [`Output`]: how much a machine may still show in a window.
//!
//! What is shown is what the host keeps to be looked at: consoles, and the output of commands and of children without
//! streams of their own. Who shows more waits for the next window, and whoever has shown the last that was possible comes
//! after the others there: so a flood holds up nobody else for ever.

use crate::Errno;
use crate::os::TaskId;
use crate::os::waiters::{Waiter, Waiters};

/// How much a machine may still show in a window, and who waits for the next one.
#[derive(Debug)]
pub(crate) struct Output {
    /// The window in which it ran last; `u64::MAX` before the first one.
    window: u64,
    left: usize,
    /// Who has shown the last that could be shown in this window.
    last: Option<TaskId>,
    waiters: Waiters,
}

impl Output {
    /// That of a machine that has not run, and may show so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { window: u64::MAX, left: bytes, last: None, waiters: Waiters::default() }
    }

    /// Begins a window in which the machine may show so many bytes, unless that was done; who waited for that.
    pub(crate) fn begin(&mut self, window: u64, bytes: usize) -> Vec<Waiter> {
        if self.window == window {
            return Vec::new();
        }
        (self.window, self.left) = (window, bytes);
        let mut waiters = self.waiters.take();
        let last = self.last.take();
        if let Some(place) = waiters.iter().position(|waiter| Some(waiter.task) == last) {
            waiters[place..].rotate_left(1);
        }
        waiters
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
        if self.is_spent() && bytes > 0 {
            self.last = Some(task);
        }
    }

    /// Whether nothing more may be shown in this window.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Those who wait until more may be shown.
    pub(super) const fn waiters(&mut self) -> &mut Waiters {
        &mut self.waiters
    }

    /// Whether somebody waits for the next window.
    pub(crate) const fn is_waited_for(&self) -> bool {
        !self.waiters.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each shows all it may; whoever did goes behind the others.
    #[test]
    fn those_who_show_much_take_turns() {
        let mut output = Output::new(10);
        let mut order: Vec<TaskId> = (0..3).map(TaskId).collect();
        let mut shown = Vec::new();
        for window in 0..6 {
            for task in &order {
                match output.admit(&[0; 100]) {
                    Ok(admitted) => {
                        output.spend(*task, admitted.len());
                        shown.push((task.0, admitted.len()));
                    }
                    Err(errno) => assert_eq!(errno, Errno::Again),
                }
                output.waiters().add(Waiter { task: *task, wait: window });
            }
            order = output.begin(u64::from(window), 10).iter().map(|waiter| waiter.task).collect();
            assert!(output.begin(u64::from(window), 10).is_empty() && !output.is_waited_for());
        }
        assert_eq!(shown, [0, 1, 2, 0, 1, 2].map(|task| (task, 10)));
    }
}
