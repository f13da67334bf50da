//! What becomes of processes in the background that read from their console.

use crate::luau::Stop;
use crate::os::{Action, Errno, Pid, Process, Signal};

use super::{Machine, Object};

/// Whether the process that runs may read from its console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreground {
    /// It may, or it is no console of its own.
    Yes,
    /// Its group was told not to, and it has stopped.
    Stopped,
}

impl Machine {
    /// Looks whether the process that runs may read from what a description stands for. In the background of its own
    /// console it may not: its group is sent [`Signal::TerminalInput`], which stops it.
    ///
    /// # Errors
    ///
    /// [`Errno::Io`] if it ignores that, or nobody is there who would let it go on.
    pub(crate) fn admit_reading(&mut self, description: u32) -> Result<Foreground, Errno> {
        let console = match self.open.get(description).map(|open| &open.object) {
            Some(Object::Console(number)) => *number,
            _ => return Ok(Foreground::Yes),
        };
        let process = self.process();
        let (pid, group) = (process.pid, process.group);
        let is_own = process.console == Some(console);
        let is_foreground =
            self.consoles.get(console).is_none_or(|entry| entry.console.is_foreground(group.0));
        if is_foreground || !is_own {
            return Ok(Foreground::Yes);
        }
        if process.dispositions.action(Signal::TerminalInput) == Some(Action::Ignore)
            || self.is_orphaned(group)
        {
            return Err(Errno::Io);
        }
        self.signal_group(group, Signal::TerminalInput);
        // It looks again when it goes on, or finds that it was interrupted after its function was called.
        let _ = self.hold::<()>();
        if !self.table.get(pid).is_some_and(Process::is_stopped) {
            self.note_interruption();
        }
        Ok(Foreground::Stopped)
    }

    /// Holds the task that runs until its process, which was stopped, goes on. Its call is made again then.
    pub(crate) fn hold<T>(&mut self) -> Result<T, Stop> {
        let waiter = self.park();
        self.wake_all(vec![waiter]);
        Err(Stop::Wait)
    }

    /// Whether nobody outside of a group, on the same console, looks after one of its members.
    fn is_orphaned(&self, group: Pid) -> bool {
        !self.table.iter().filter(|member| member.group == group).any(|member| {
            let parent = self.table.get(member.parent).filter(|parent| parent.is_alive());
            parent.is_some_and(|parent| parent.group != group && parent.console == member.console)
        })
    }

    /// Puts a group into the foreground of a console. Who stopped because it read too early goes on.
    pub(crate) fn bring_forward(&mut self, console: u32, group: Pid) {
        let Some(entry) = self.consoles.get_mut(console) else { return };
        entry.console.set_foreground(Some(group.0));
        let stopped = self.table.iter().filter(|process| process.group == group && process.is_stopped());
        let stopped: Vec<Pid> = stopped.map(Process::pid).collect();
        stopped.into_iter().for_each(|pid| self.signal(pid, Signal::Continue));
    }
}
