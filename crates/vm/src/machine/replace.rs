//! How a process goes on as another program.

use crate::os::{Errno, SignalSet, TaskId};

use super::task::TaskState;
use super::{Invoked, Machine, Start, Streams};

impl Machine {
    /// Lets the process that runs go on as another program, with its number, its parent and its standard streams.
    ///
    /// The thread that runs must end with [`Stop::End`](crate::luau::Stop::End).
    ///
    /// # Errors
    ///
    /// If there is no such program, it may not be run, or the arguments are too long; nothing has happened then.
    pub(crate) fn replace(&mut self, invoked: Invoked) -> Result<(), Errno> {
        self.admit_arguments(&invoked)?;
        let pid = self.current.pid;
        let found = self.find_program(pid, &invoked)?;
        self.replace_streams(invoked.streams);
        self.retire_tasks();
        let process = self.process_mut();
        found.lend_identity(invoked.who.as_ref(), &mut process.who);
        process.environment = invoked.environment.clone().unwrap_or_else(|| process.environment.clone());
        if let Some(cwd) = &invoked.cwd {
            process.cwd = cwd.as_slice().into();
        }
        process.dispositions = process.dispositions.for_another_program();
        (process.pending, process.random) = (SignalSet::EMPTY, None);
        (process.checkpoint, process.is_restored) = (None, false);
        // What its handles stood for is closed, and they are not those of the program that begins.
        process.life = 0;
        let handlers = std::mem::take(&mut process.handlers);
        let modules = process.modules.take();
        process.polls = None;
        let start = Start { bytecode: found.bytecode.clone(), key: found.key };
        process.invocation = found.into_invocation(invoked);
        self.work.kept.extend(handlers.into_iter().map(|(_, kept)| kept));
        self.work.kept.extend(modules.into_iter().flat_map(|modules| modules.into_kept()));
        self.work.calls.retain(|(other, ..)| *other != pid);
        self.work.starts.push((pid, start));
        Ok(())
    }

    /// Leads the standard streams elsewhere and closes everything else.
    fn replace_streams(&mut self, streams: Streams) {
        let given = match streams {
            Streams::Given(given) => given,
            _ => [None; 3],
        };
        given.iter().flatten().for_each(|stream| self.refer(*stream));
        let process = self.process_mut();
        if process.descriptors.len() < given.len() {
            process.descriptors.resize(given.len(), None);
        }
        let mut closed = Vec::new();
        for (number, place) in process.descriptors.iter_mut().enumerate() {
            match given.get(number) {
                Some(None) => {}
                Some(stream) => closed.extend(std::mem::replace(place, *stream)),
                None => closed.extend(place.take()),
            }
        }
        while process.descriptors.last() == Some(&None) {
            process.descriptors.pop();
        }
        closed.into_iter().for_each(|description| self.release(description));
    }

    /// Ends all tasks of the process that runs.
    fn retire_tasks(&mut self) {
        let (pid, running) = (self.current.pid, self.current.task);
        let tasks = std::mem::take(&mut self.process_mut().tasks);
        for id in tasks {
            self.modules_without(pid, id);
            let Some(task) = self.tasks.get_mut(id.0) else { continue };
            task.state = TaskState::Over;
            let unclaimed = task.unclaimed.take();
            self.work.threads.extend(task.thread.take());
            self.work.kept.extend(task.operation.take().and_then(|operation| operation.table));
            if let Some(description) = unclaimed {
                self.release_unused(description);
            }
            if id == running {
                self.tasks.remove(id.0);
            } else {
                self.drop_task(id);
            }
        }
    }

    /// Whether a task has ended while it ran, because its process goes on as another program.
    pub(super) fn is_retired(&self, id: TaskId) -> bool {
        self.tasks.get(id.0).is_none_or(|task| task.state == TaskState::Over)
    }
}
