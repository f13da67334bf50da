//! [`Task`]: a thread of a process, and how it waits.

use ironloom_core::{Duration, Instant};

use crate::Errno;
use crate::luau::{Call, Stop, Thread};
use crate::os::waiters::{Waiter, Waiters};
use crate::os::{Pid, TaskId};

use super::{Machine, Operation};

/// A thread of a process.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) pid: Pid,
    /// Nothing while it runs.
    pub(crate) thread: Option<Thread>,
    pub(crate) state: TaskState,
    /// Counts its waits, so that nobody who knew an earlier one wakes it.
    wait: u32,
    /// Until when it waits for what it waits for.
    deadline: Option<Instant>,
    woken: Woken,
    /// How far the call has come that it waits in.
    pub(crate) progress: usize,
    /// What it has opened and was not given yet: closed if the task ends before.
    pub(crate) unclaimed: Option<u32>,
    /// What it does in parts, while it does.
    pub(crate) operation: Option<Box<Operation>>,
    /// Who waits for its end.
    pub(crate) joiners: Waiters,
    /// Whether its results are kept until somebody asks for them.
    pub(crate) is_joinable: bool,
}

/// What a task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// It is in the queue.
    Ready,
    /// It runs.
    Running,
    /// It waits.
    Waiting,
    /// It would be ready, but a signal has stopped its process.
    Held,
    /// It has ended, and its results are kept.
    Over,
}

/// Why a task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// What it waited for may be there.
    Ready,
    /// It waited for long enough.
    TimedOut,
    /// A signal came.
    Interrupted,
}

impl Task {
    pub(crate) fn new(pid: Pid, thread: Thread) -> Self {
        Self {
            pid,
            thread: Some(thread),
            state: TaskState::Ready,
            wait: 0,
            deadline: None,
            woken: Woken::Ready,
            progress: 0,
            unclaimed: None,
            operation: None,
            joiners: Waiters::default(),
            is_joinable: false,
        }
    }

    /// Which of its waits it is in, or was in last.
    pub(crate) const fn wait(&self) -> u32 {
        self.wait
    }
}

impl Machine {
    /// What every call that may wait begins with: the first time it sets the deadline, and when it goes on it looks why.
    ///
    /// # Errors
    ///
    /// If the time is over, or a signal came.
    pub(crate) fn begin_wait(&mut self, call: &Call<'_>, timeout: Option<Duration>) -> Result<(), Errno> {
        let now = self.now;
        let task = self.task_mut();
        if !call.is_again() {
            task.deadline = timeout.map(|timeout| now.saturating_add(timeout));
            task.progress = 0;
            task.woken = Woken::Ready;
            return Ok(());
        }
        match std::mem::replace(&mut task.woken, Woken::Ready) {
            Woken::Ready => Ok(()),
            Woken::TimedOut => Err(Errno::TimedOut),
            Woken::Interrupted => Err(Errno::Interrupted),
        }
    }

    /// Lets the task that runs wait, for as long as its deadline says; the waiter is what is to be woken.
    pub(crate) fn park(&mut self) -> Waiter {
        let id = self.current.task;
        let task = self.tasks.get_mut(id.0).expect("the task that runs is there");
        task.wait = task.wait.wrapping_add(1);
        task.state = TaskState::Waiting;
        let (wait, deadline) = (task.wait, task.deadline);
        if let Some(deadline) = deadline {
            // The one that is due next is last.
            let place = self.sleepers.partition_point(|(at, other)| (*at, *other) > (deadline, id));
            self.sleepers.insert(place, (deadline, id));
        }
        Waiter { task: id, wait }
    }

    /// Waits for something that wakes all its waiters.
    pub(crate) fn wait_for<T>(
        &mut self,
        waiters: impl FnOnce(&mut Self) -> Option<&mut Waiters>,
    ) -> Result<T, Stop> {
        let waiter = self.park();
        if let Some(waiters) = waiters(self) {
            waiters.add(waiter);
        }
        Err(Stop::Wait)
    }

    /// Tells those who wait for something that it may be there.
    pub(crate) fn wake_all(&mut self, waiters: Vec<Waiter>) {
        for waiter in waiters {
            self.wake(waiter, Woken::Ready);
        }
    }

    /// Lets everybody go on whose time has come.
    pub(crate) fn wake_sleepers(&mut self) {
        while let Some((at, id)) = self.sleepers.last().copied()
            && at <= self.now
        {
            self.sleepers.pop();
            if let Some(task) = self.tasks.get_mut(id.0) {
                task.deadline = None;
                let waiter = Waiter { task: id, wait: task.wait };
                self.wake(waiter, Woken::TimedOut);
            }
        }
    }

    /// Interrupts what a task waits in, if it waits.
    pub(crate) fn interrupt(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get(id.0) {
            let waiter = Waiter { task: id, wait: task.wait };
            self.wake(waiter, Woken::Interrupted);
        }
    }

    /// Lets the task that runs find, when it goes on, that a signal came.
    pub(crate) fn note_interruption(&mut self) {
        self.task_mut().woken = Woken::Interrupted;
    }

    fn wake(&mut self, waiter: Waiter, woken: Woken) {
        let Some(task) = self.tasks.get_mut(waiter.task.0) else { return };
        if task.wait != waiter.wait || task.state != TaskState::Waiting {
            return;
        }
        task.woken = woken;
        task.wait = task.wait.wrapping_add(1);
        if let Some(deadline) = task.deadline {
            self.sleepers.retain(|sleeper| *sleeper != (deadline, waiter.task));
        }
        self.make_ready(waiter.task);
    }

    /// Puts a task into the queue, unless its process is stopped.
    pub(crate) fn make_ready(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(id.0) else { return };
        let is_stopped = self.table.get(task.pid).is_some_and(super::super::os::Process::is_stopped);
        if is_stopped {
            task.state = TaskState::Held;
        } else {
            task.state = TaskState::Ready;
            self.ready.push_back(id);
        }
    }

    /// The task that runs.
    pub(crate) fn task_mut(&mut self) -> &mut Task {
        self.tasks.get_mut(self.current.task.0).expect("the task that runs is there")
    }

    /// When the machine is to be run again though nothing happens to it.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let loopback = self.loopback.as_ref().and_then(|loopback| loopback.next_event());
        self.sleepers.last().map(|(at, _)| *at).into_iter().chain(loopback).min()
    }
}
