//! How processes end.

use crate::os::{Errno, Exit, Pid, Process, ProcessState, Signal, TaskId};

use super::Machine;
use super::task::TaskState;

/// How a process ended, and what was written by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitStatus {
    /// Which process.
    pub pid: Pid,
    /// How it ended.
    pub exit: Exit,
}

impl Machine {
    /// Ends a process: closes what it has open, gives its children to the machine, and tells its parent.
    pub(crate) fn end(&mut self, pid: Pid, exit: Exit) {
        let Some(process) = self.table.get_mut(pid).filter(|process| process.is_alive()) else { return };
        process.state = ProcessState::Ended(exit);
        let parent = process.parent;
        self.free(pid);
        self.adopt_children(pid);
        let is_parent_there = self.table.get(parent).is_some_and(Process::is_alive);
        if !is_parent_there {
            self.discard(pid);
            self.ended.push(ExitStatus { pid, exit });
            return;
        }
        self.ended.push(ExitStatus { pid, exit });
        self.tell_parent(parent);
    }

    /// Takes all that a process has but its number and its end.
    fn free(&mut self, pid: Pid) {
        let process = self.table.get_mut(pid).expect("it is there until it is discarded");
        let tasks = std::mem::take(&mut process.tasks);
        let descriptors = std::mem::take(&mut process.descriptors);
        let handlers = std::mem::take(&mut process.handlers);
        let messages = std::mem::take(&mut process.messages);
        let modules = process.modules.take();
        (process.environment, process.random) = (<_>::default(), None);
        self.work.starts.retain(|(other, _)| *other != pid);
        self.work.calls.retain(|(other, ..)| *other != pid);
        self.work.kept.extend(handlers.into_iter().map(|(_, kept)| kept));
        self.work.kept.extend(modules.into_iter().flat_map(|modules| modules.into_kept()));
        tasks.into_iter().for_each(|task| self.drop_task(task));
        for description in descriptors.into_iter().flatten() {
            self.release(description);
        }
        for (_, socket) in messages {
            self.close_socket(socket);
        }
    }

    fn adopt_children(&mut self, pid: Pid) {
        let mut orphans = Vec::new();
        for child in self.table.iter_mut().filter(|child| child.parent == pid) {
            child.parent = Pid::INIT;
            if !child.is_alive() {
                orphans.push(child.pid);
            }
        }
        orphans.into_iter().for_each(|orphan| self.discard(orphan));
    }

    /// A child of a process ended or stopped.
    pub(crate) fn tell_parent(&mut self, parent: Pid) {
        if let Some(process) = self.table.get_mut(parent) {
            let waiters = process.for_children.take();
            self.wake_all(waiters);
            self.signal(parent, Signal::Child);
        }
    }

    /// The heap in which the machine's scripts lived is gone.
    pub(crate) fn crash(&mut self) {
        let pids: Vec<Pid> = self.table.iter().map(Process::pid).collect();
        for pid in pids {
            self.end(pid, Exit::Signal(Signal::Kill));
            self.discard(pid);
        }
        // Threads and values went with the heap.
        self.work = <_>::default();
        self.tasks = <_>::default();
        self.state = crate::MachineState::Crashed;
        self.has_crashed = true;
    }

    /// Forgets a process that has ended.
    pub(crate) fn discard(&mut self, pid: Pid) {
        self.table.get_mut(pid).map(|process| process.is_alive()).filter(|is_alive| *is_alive).inspect(
            |_| {
                // It never ran.
                self.free(pid);
            },
        );
        let Some(mut process) = self.table.remove(pid) else { return };
        if let Some(relay) = process.relay.take() {
            self.release(relay.input);
            self.release(relay.output);
        }
    }

    /// Forgets a task; its thread is released when no script runs.
    pub(crate) fn drop_task(&mut self, id: TaskId) {
        if self.tasks.get(id.0).is_some_and(|task| task.state == TaskState::Running) {
            // Its thread comes back when it stops.
            return;
        }
        let Some(mut task) = self.tasks.remove(id.0) else { return };
        self.modules_without(task.pid, id);
        self.work.threads.extend(task.thread.take());
        self.work.kept.extend(task.operation.and_then(|operation| operation.table));
        self.sleepers.retain(|(_, sleeper)| *sleeper != id);
        if let Some(description) = task.unclaimed {
            self.release_unused(description);
        }
        let joiners = task.joiners.take();
        self.wake_all(joiners);
    }

    /// A child of this process that has ended, which is forgotten with that.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if none has, [`Errno::NoChild`] if there is none.
    pub(crate) fn reap(&mut self, parent: Pid, wanted: Option<Pid>) -> Result<ExitStatus, Errno> {
        let mut is_parent = false;
        let mut ended = None;
        for child in self.table.iter().filter(|child| child.parent == parent) {
            if wanted.is_some_and(|wanted| wanted != child.pid) {
                continue;
            }
            is_parent = true;
            if let ProcessState::Ended(exit) = child.state {
                ended = Some(ExitStatus { pid: child.pid, exit });
                break;
            }
        }
        match ended {
            Some(status) => {
                self.discard(status.pid);
                Ok(status)
            }
            None if is_parent => Err(Errno::Again),
            None => Err(Errno::NoChild),
        }
    }

    /// Writes to the standard error of a process what the system has to say about it.
    pub(crate) fn complain(&mut self, pid: Pid, text: &str) {
        if let Some(description) = self.description_of(pid, 2) {
            self.current.pid = pid;
            let left = self.output.lift();
            let _ = self.write(description, text.as_bytes()); // Nobody listens, or not now.
            self.output.lower(left);
        }
    }
}
