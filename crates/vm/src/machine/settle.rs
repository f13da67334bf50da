//! What becomes of tasks after they ran.

use crate::luau::{Outcome, Stop, Thread};
use crate::os::{Exit, Pid, Signal, TaskId};

use super::Machine;
use super::task::{Task, TaskState};

impl Machine {
    /// Gives a process a thread, which can go on at once.
    pub(crate) fn add_task(&mut self, pid: Pid, thread: Thread) -> TaskId {
        let id = TaskId(self.tasks.insert(Task::new(pid, thread)));
        if let Some(process) = self.table.get_mut(pid) {
            process.tasks.push(id);
        }
        self.make_ready(id);
        id
    }

    /// Gives a process its main thread.
    pub(crate) fn add_main_task(&mut self, pid: Pid, thread: Thread) {
        self.add_task(pid, thread);
        if let Some(process) = self.table.get_mut(pid) {
            process.tasks.rotate_right(1);
        }
    }

    /// Gives a process a thread that handles a signal, before anything else of it runs.
    pub(crate) fn add_handler_task(&mut self, pid: Pid, signal: &str, thread: Thread) {
        if let (Some(process), Some(signal)) = (self.table.get_mut(pid), Signal::parse(signal)) {
            process.pending.remove(signal);
        }
        let id = self.add_task(pid, thread);
        if self.ready.back() == Some(&id) {
            self.ready.rotate_right(1);
        }
    }

    /// The main thread of a process, if it does not run.
    pub(crate) fn main_thread(&self, pid: Pid) -> Option<&Thread> {
        let main = self.table.get(pid)?.tasks.first()?;
        self.tasks.get(main.0)?.thread.as_ref()
    }

    /// Takes a task back that ran, and does what is to be done about what became of it.
    pub(crate) fn settle(&mut self, id: TaskId, thread: Thread, outcome: Outcome, spent: u32) {
        let pid = self.current.pid;
        let Some(process) = self.table.get_mut(pid).filter(|process| process.is_alive()) else {
            // It ended while it ran.
            if let Some(task) = self.tasks.get_mut(id.0) {
                task.state = TaskState::Over;
                task.thread = Some(thread);
            }
            self.drop_task(id);
            return;
        };
        process.spent += u64::from(spent);
        if self.is_retired(id) {
            self.work.threads.push(thread);
            return;
        }
        let task = self.tasks.get_mut(id.0).expect("it is not retired");
        task.thread = Some(thread);
        if matches!(outcome, Outcome::Failed(_) | Outcome::OutOfMemory | Outcome::Doomed) {
            task.state = TaskState::Over;
        }
        match outcome {
            // It waits, or did: who woke it before it was settled has put it into the queue.
            Outcome::Stopped => {}
            Outcome::Spent | Outcome::Yielded => self.make_ready(id),
            Outcome::Finished => self.task_over(pid, id),
            Outcome::Failed(text) => self.fail(pid, &text),
            Outcome::OutOfMemory => self.fail(pid, "not enough memory"),
            Outcome::Doomed => {
                self.complain(pid, "killed: it spent too much time where it cannot be stopped\n");
                self.end(pid, Exit::Signal(Signal::Kill));
            }
        }
    }

    /// A script did not handle an error.
    fn fail(&mut self, pid: Pid, text: &str) {
        let name = self.table.get(pid).map(|process| String::from_utf8_lossy(process.name()).into_owned());
        self.complain(pid, &format!("{}: {text}\n", name.unwrap_or_default()));
        self.end(pid, Exit::ERROR);
    }

    /// A task has come to its end. With the last one its process ends.
    fn task_over(&mut self, pid: Pid, id: TaskId) {
        let task = self.tasks.get_mut(id.0).expect("it has just run");
        task.state = TaskState::Over;
        let joiners = task.joiners.take();
        let is_joinable = task.is_joinable;
        self.wake_all(joiners);
        if !is_joinable {
            self.forget_task(pid, id);
        }
        let tasks = &self.tasks;
        let is_over = |id: &TaskId| tasks.get(id.0).is_none_or(|task| task.state == TaskState::Over);
        if self.table.get(pid).is_some_and(|process| process.tasks.iter().all(is_over)) {
            self.end(pid, Exit::Code(0));
        }
    }

    /// Forgets a task of a process, unless it is the main one, whose globals others use.
    pub(crate) fn forget_task(&mut self, pid: Pid, id: TaskId) {
        let Some(process) = self.table.get_mut(pid) else { return };
        if process.tasks.first() == Some(&id) && process.tasks.len() > 1 {
            return;
        }
        process.tasks.retain(|task| *task != id);
        self.drop_task(id);
    }

    /// Nobody will ask for the results of a task.
    pub(super) fn forget_results(&mut self, pid: Pid, id: TaskId) {
        let Some(task) = self.tasks.get_mut(id.0).filter(|task| task.pid == pid && task.is_joinable) else {
            return;
        };
        task.is_joinable = false;
        if task.state == TaskState::Over {
            self.forget_task(pid, id);
        }
    }

    /// Has the results of a task kept until somebody asks for them.
    pub(crate) fn keep_results(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id.0) {
            task.is_joinable = true;
        }
    }

    /// Whether a process may ask for the results of a task.
    pub(crate) fn is_joinable(&self, pid: Pid, id: TaskId) -> bool {
        self.tasks.get(id.0).is_some_and(|task| task.pid == pid && task.is_joinable)
    }

    /// Whether a task has ended.
    pub(crate) fn is_over(&self, id: TaskId) -> bool {
        self.tasks.get(id.0).is_none_or(|task| task.state == TaskState::Over)
    }

    /// The thread of a task that has ended.
    pub(crate) fn results_of(&self, id: TaskId) -> Option<&Thread> {
        self.tasks.get(id.0)?.thread.as_ref()
    }

    /// Its results were given: nothing of a task is needed any more.
    pub(crate) fn forget_joined(&mut self, id: TaskId) {
        let pid = self.current.pid;
        if let Some(task) = self.tasks.get_mut(id.0) {
            task.is_joinable = false;
        }
        self.forget_task(pid, id);
    }

    /// Ends a task of the process that runs, wherever it is.
    pub(crate) fn cancel(&mut self, id: TaskId) {
        let pid = self.current.pid;
        if self.process().tasks.first() == Some(&id) {
            return; // The main one ends with its process.
        }
        if let Some(task) = self.tasks.get_mut(id.0) {
            task.is_joinable = false;
        }
        self.forget_task(pid, id);
    }

    /// How a call stops whose process may have ended by what it did.
    pub(crate) fn unless_ended(&self, stop: Stop) -> Stop {
        if self.is_running() { stop } else { Stop::End }
    }

    /// Whether the process that runs may go on.
    pub(crate) fn is_running(&self) -> bool {
        self.table.get(self.current.pid).is_some_and(|process| process.is_alive() && !process.is_stopped())
    }

    /// Whether scripts have something in the heap.
    pub(crate) fn has_threads(&self) -> bool {
        self.tasks.len() > 0 || !self.work.starts.is_empty() || !self.work.threads.is_empty()
    }
}
