//! What signals do.

use crate::os::{Action, Credentials, Errno, Exit, Pid, Process, ProcessState, Signal};

use super::Machine;
use super::task::TaskState;

impl Machine {
    /// Sends a signal on behalf of somebody.
    ///
    /// # Errors
    ///
    /// If there is no such process, or it is somebody else's.
    pub(crate) fn kill(&mut self, who: &Credentials, pid: Pid, signal: Option<Signal>) -> Result<(), Errno> {
        if pid == Pid::INIT {
            // The machine itself takes no signals.
            return if who.is_root() { Ok(()) } else { Err(Errno::NotPermitted) };
        }
        let process = self.table.get(pid).ok_or(Errno::NoProcess)?;
        if !process.may_be_signaled_by(who) {
            return Err(Errno::NotPermitted);
        }
        if let Some(signal) = signal {
            self.signal(pid, signal);
        }
        Ok(())
    }

    /// Sends a signal to all processes of a group that it may be sent to.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub(crate) fn kill_group(
        &mut self,
        who: &Credentials,
        group: Pid,
        signal: Option<Signal>,
    ) -> Result<(), Errno> {
        let members = |machine: &Self| -> Vec<Pid> {
            machine.table.iter().filter(|process| process.group == group).map(Process::pid).collect()
        };
        let members = members(self);
        let mut outcome = Err(Errno::NoProcess);
        for pid in members {
            match self.kill(who, pid, signal) {
                Ok(()) => outcome = Ok(()),
                Err(errno) if outcome.is_err() => outcome = Err(errno),
                Err(_) => {}
            }
        }
        outcome
    }

    /// Lets a signal do to a process what the process says that it does.
    pub(crate) fn signal(&mut self, pid: Pid, signal: Signal) {
        if signal == Signal::Continue {
            self.go_on(pid);
        }
        let Some(process) = self.table.get(pid).filter(|process| process.is_alive()) else { return };
        match process.dispositions.action(signal) {
            Some(Action::Terminate) => self.end(pid, Exit::Signal(signal)),
            Some(Action::Stop) => self.stop(pid),
            Some(Action::Ignore | Action::Continue) => {}
            None => self.call_handler(pid, signal),
        }
    }

    /// Has a process's function for a signal called, and interrupts what its main thread waits in.
    fn call_handler(&mut self, pid: Pid, signal: Signal) {
        let Some(process) = self.table.get_mut(pid) else { return };
        if process.pending.contains(signal) {
            return; // Once is enough.
        }
        let Some((_, handler)) = process.handlers.iter().find(|(handled, _)| *handled == signal) else {
            return;
        };
        process.pending.insert(signal);
        let (handler, main) = (*handler, process.tasks.first().copied());
        self.work.calls.push((pid, handler, signal.name()));
        if let Some(main) = main {
            self.interrupt(main);
        }
    }

    fn stop(&mut self, pid: Pid) {
        let Some(process) = self.table.get_mut(pid) else { return };
        process.state = ProcessState::Stopped;
        let (tasks, parent) = (process.tasks.clone(), process.parent);
        for id in tasks {
            if let Some(task) = self.tasks.get_mut(id.0)
                && task.state == TaskState::Ready
            {
                task.state = TaskState::Held;
            }
        }
        self.tell_parent(parent);
    }

    fn go_on(&mut self, pid: Pid) {
        let Some(process) = self.table.get_mut(pid).filter(|process| process.is_stopped()) else { return };
        process.state = ProcessState::Running;
        for id in process.tasks.clone() {
            if self.tasks.get(id.0).is_some_and(|task| task.state == TaskState::Held) {
                self.make_ready(id);
            }
        }
    }

    /// Tells the foreground of a console what was typed.
    pub(crate) fn signal_group(&mut self, group: Pid, signal: Signal) {
        let members: Vec<Pid> =
            self.table.iter().filter(|process| process.group == group).map(Process::pid).collect();
        members.into_iter().for_each(|pid| self.signal(pid, signal));
    }
}
