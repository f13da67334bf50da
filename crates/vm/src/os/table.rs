//! [`Table`]: the processes of a machine.

use super::{Pid, Process};

/// The processes of a machine, by number.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Sorted by number. Boxed, because most machines have few and processes come and go.
    #[expect(clippy::vec_box, reason = "inserting and removing moves the others")]
    processes: Vec<Box<Process>>,
    last: u32,
}

/// Numbers go on from the beginning after this one.
const PID_MAX: u32 = 4 << 20;

impl Table {
    /// How many there are, with those that ended and were not waited for.
    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// The last number that was given.
    pub(crate) const fn last(&self) -> Pid {
        Pid(self.last)
    }

    /// A number that no process and no group has.
    pub(crate) fn next(&mut self) -> Pid {
        loop {
            self.last = if self.last >= PID_MAX { 2 } else { (self.last + 1).max(2) };
            let pid = Pid(self.last);
            if self.get(pid).is_none() && !self.iter().any(|process| process.group == pid) {
                return pid;
            }
        }
    }

    pub(crate) fn insert(&mut self, process: Process) {
        let place = self.processes.partition_point(|known| known.pid < process.pid);
        self.processes.insert(place, Box::new(process));
    }

    pub(crate) fn remove(&mut self, pid: Pid) -> Option<Box<Process>> {
        let place = self.place(pid)?;
        let process = self.processes.remove(place);
        if self.processes.is_empty() {
            self.processes = Vec::new();
        }
        Some(process)
    }

    pub(crate) fn get(&self, pid: Pid) -> Option<&Process> {
        self.place(pid).map(|place| &*self.processes[place])
    }

    pub(crate) fn get_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        self.place(pid).map(|place| &mut *self.processes[place])
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().map(|process| &**process)
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.processes.iter_mut().map(|process| &mut **process)
    }

    fn place(&self, pid: Pid) -> Option<usize> {
        self.processes.binary_search_by_key(&pid, |process| process.pid).ok()
    }
}
