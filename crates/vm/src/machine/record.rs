//! [`ProcessRecord`]: what of a process outlives it.
//!
//! That is what it was started with, and its last checkpoint. What its script was doing is not: a running coroutine's
//! stack cannot be kept. A process that is started again begins at the beginning, and finds its checkpoint.

use std::sync::Arc;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

use crate::Errno;
use crate::os::{Credentials, Environment, Pid, Process};

use super::{Invoked, Machine, Streams};

/// What of a process outlives it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) struct ProcessRecord {
    pid: u32,
    parent: u32,
    group: u32,
    uids: [u32; 3],
    gid: u32,
    groups: Vec<u32>,
    path: Vec<u8>,
    name: Vec<u8>,
    arguments: Vec<Vec<u8>>,
    environment: Vec<(Vec<u8>, Vec<u8>)>,
    cwd: Vec<u8>,
    umask: u16,
    nice: i8,
    checkpoint: Option<Vec<u8>>,
}

impl ProcessRecord {
    fn of(process: &Process) -> Self {
        let who = &process.who;
        let environment = process.environment.iter().map(|(name, value)| (name.to_vec(), value.to_vec()));
        Self {
            pid: process.pid.0,
            parent: process.parent.0,
            group: process.group.0,
            uids: [who.real_uid, who.uid, who.saved_uid],
            gid: who.gid,
            groups: who.groups.to_vec(),
            path: process.invocation.path.to_vec(),
            name: process.invocation.name.to_vec(),
            arguments: process.invocation.arguments.iter().map(|argument| argument.to_vec()).collect(),
            environment: environment.collect(),
            cwd: process.cwd.to_vec(),
            umask: process.umask,
            nice: process.nice,
            checkpoint: process.checkpoint.as_ref().map(|bytes| bytes.to_vec()),
        }
    }

    fn invoked(&self) -> Result<Invoked, Errno> {
        let mut environment = Environment::default();
        for (name, value) in &self.environment {
            environment.set(name, value)?;
        }
        let [real_uid, uid, saved_uid] = self.uids;
        Ok(Invoked {
            path: self.path.clone(),
            arguments: self.arguments.iter().map(|argument| argument.as_slice().into()).collect(),
            name: Some(self.name.clone()),
            environment: Some(environment),
            cwd: Some(self.cwd.clone()),
            group: Some(Some(Pid(self.group))),
            who: Some(Credentials {
                real_uid,
                uid,
                saved_uid,
                gid: self.gid,
                groups: self.groups.as_slice().into(),
            }),
            pid: Some(Pid(self.pid)),
            streams: Streams::Null,
            is_readable_enough: true,
        })
    }
}

impl Machine {
    /// What of the machine's processes outlives them, by number.
    pub(crate) fn record(&self) -> Vec<ProcessRecord> {
        self.table.iter().filter(|process| process.is_alive()).map(ProcessRecord::of).collect()
    }

    /// Starts processes again that were recorded, under their old numbers; how many could not be started.
    pub(crate) fn restart(&mut self, records: &[ProcessRecord]) -> usize {
        let mut failures = 0;
        for record in records {
            let started = record.invoked().and_then(|invoked| self.start(Pid::INIT, invoked));
            let Ok(pid) = started else {
                failures += 1;
                continue;
            };
            let process = self.table.get_mut(pid).expect("it was just started");
            (process.umask, process.nice) = (record.umask, record.nice);
            process.checkpoint = record.checkpoint.as_deref().map(Arc::from);
            process.is_restored = true;
        }
        for record in records {
            // Its parent has its old number as well, or is gone.
            let is_parent_there = self.table.get(Pid(record.parent)).is_some();
            if let Some(process) = self.table.get_mut(Pid(record.pid)).filter(|_| is_parent_there) {
                process.parent = Pid(record.parent);
            }
        }
        failures
    }
}
