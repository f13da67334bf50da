//! What `/proc` shows.

use ironloom_core::Duration;

use crate::os::table::Table;
use crate::os::{MachineFacts, NetworkView, Pid, Process, ProcessFacts, ProcessState, Views};

/// How many safepoints count as a second of processor time.
const SAFEPOINTS_PER_SECOND: u64 = 50_000_000;

impl Views for Table {
    fn pids(&self) -> Vec<u32> {
        self.iter().map(|process| process.pid.0).collect()
    }

    fn owner(&self, pid: u32) -> Option<(u32, u32)> {
        self.get(Pid(pid)).map(|process| (process.who.uid, process.who.gid))
    }

    fn process(&self, pid: u32) -> Option<ProcessFacts> {
        let process = self.get(Pid(pid))?;
        let own = [process.invocation.path.to_vec()];
        Some(ProcessFacts {
            pid,
            ppid: process.parent.0,
            pgid: process.group.0,
            name: process.name().to_vec(),
            args: own
                .into_iter()
                .chain(process.invocation.arguments.iter().map(|argument| argument.to_vec()))
                .collect(),
            state: state_letter(process),
            real_uid: process.who.real_uid,
            uid: process.who.uid,
            saved_uid: process.who.saved_uid,
            gid: process.who.gid,
            groups: process.who.groups.clone(),
            umask: process.umask,
            memory_bytes: 0,
            cpu: processor_time(process),
            started: process.started.saturating_since(self.booted),
            nice: process.nice,
            tty: process.console,
            threads: process.tasks.len() as u32,
        })
    }

    fn cwd(&self, pid: u32) -> Option<Vec<u8>> {
        self.get(Pid(pid)).map(|process| process.cwd.to_vec())
    }

    fn environment(&self, pid: u32) -> Vec<Vec<u8>> {
        let process = self.get(Pid(pid));
        process.map(|process| process.environment.texts().map(<[u8]>::to_vec).collect()).unwrap_or_default()
    }

    fn descriptors(&self, pid: u32) -> Vec<(u32, Vec<u8>)> {
        let Some(process) = self.get(Pid(pid)) else { return Vec::new() };
        let numbered = process.descriptors.iter().enumerate();
        let open = numbered.filter_map(|(number, open)| Some((number as u32, (*open)?)));
        open.map(|(number, open)| (number, format!("open:[{open}]").into_bytes())).collect()
    }

    fn machine(&self) -> MachineFacts {
        let running = self.iter().filter(|process| process.is_alive()).count();
        MachineFacts {
            sysname: "Ironloom".into(),
            release: env!("CARGO_PKG_VERSION").into(),
            version: "#1 SMP".into(),
            hostname: (*self.hostname).into(),
            processor: "Luau virtual processor".into(),
            cores: self.cores.into(),
            memory_bytes: self.memory_bytes,
            memory_used_bytes: self.memory_used_bytes,
            uptime: self.now.saturating_since(self.booted),
            idle: Duration::ZERO,
            load: [0.0; 3],
            processes: self.len() as u32,
            running: running as u32,
            last_pid: self.last().0,
        }
    }

    fn network(&self, file: NetworkView) -> String {
        self.network.as_ref().map_or_else(String::new, |tables| tables.rows(file).to_owned())
    }
}

/// How much processor time a process has used, as far as safepoints tell.
pub(crate) fn processor_time(process: &Process) -> Duration {
    Duration::from_nanos(process.spent.saturating_mul(1_000_000_000 / SAFEPOINTS_PER_SECOND))
}

/// What a process is about, as `ps` shows it.
pub(crate) fn state_letter(process: &Process) -> char {
    match process.state {
        ProcessState::Running => 'S',
        ProcessState::Stopped => 'T',
        ProcessState::Ended(_) => 'Z',
    }
}
