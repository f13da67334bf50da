//! [`Table`]: the processes of a machine.

use std::sync::Arc;

use ironloom_core::Instant;

use super::{Pid, Process};

/// The processes of a machine, by number, and what is known of the machine as a whole.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) hostname: Arc<str>,
    pub(crate) cores: u16,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_used_bytes: u64,
    pub(crate) booted: Instant,
    /// The present.
    pub(crate) now: Instant,
    /// What is shown of the network, if somebody is about to look.
    pub(crate) network: Option<Box<crate::machine::NetworkTables>>,
    /// Sorted by number. Boxed, because most machines have few and processes come and go.
    #[expect(clippy::vec_box, reason = "inserting and removing moves the others")]
    processes: Vec<Box<Process>>,
    last: u32,
}

/// Numbers go on from the beginning after this one.
const PID_MAX: u32 = 4 << 20;

impl Table {
    /// No processes, on a machine of this name.
    pub(crate) const fn new(hostname: Arc<str>, cores: u16, memory_bytes: u64) -> Self {
        Self {
            hostname,
            cores,
            memory_bytes,
            memory_used_bytes: 0,
            booted: Instant::ZERO,
            now: Instant::ZERO,
            network: None,
            processes: Vec::new(),
            last: 0,
        }
    }

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
        self.last = self.last.max(process.pid.0);
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
