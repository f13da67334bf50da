//! `/dev` and `/proc`: files that nobody stores.
//!
//! They are made up when somebody looks: what a process is, from whoever has the processes. That is [`Views`], which a
//! caller brings along with every operation on files.

mod device;
mod machine;
mod node;
mod process;

use std::sync::Arc;

use ironloom_core::Duration;

pub use device::Device;
pub(in crate::os) use node::ViewNode;

/// What `/proc` shows; whoever has the processes knows it.
pub trait Views {
    /// The processes that the caller may see, in ascending order.
    fn pids(&self) -> Vec<u32>;

    /// The user and group that a process acts as; `None` if there is no such process.
    fn owner(&self, pid: u32) -> Option<(u32, u32)>;

    /// What is known of a process.
    fn process(&self, pid: u32) -> Option<ProcessFacts>;

    /// The working directory of a process.
    fn cwd(&self, pid: u32) -> Option<Vec<u8>>;

    /// The environment of a process: `NAME=value` for each.
    fn environment(&self, pid: u32) -> Vec<Vec<u8>>;

    /// The descriptors of a process, in ascending order, each with what it refers to: a path, `pipe:[7]`, `socket:[9]`.
    fn descriptors(&self, pid: u32) -> Vec<(u32, Vec<u8>)>;

    /// What is known of the machine.
    fn machine(&self) -> MachineFacts;

    /// The rows of a table of the network, as `/proc/net` of Linux has them, without the heading.
    fn network(&self, file: NetworkView) -> String;
}

/// A table of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkView {
    /// Interfaces.
    Interfaces,
    /// Who is known on the networks.
    Neighbours,
    /// Sockets of TCP.
    Tcp,
    /// Sockets of UDP.
    Udp,
    /// Routes.
    Routes,
}

/// What is known of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its number.
    pub pid: u32,
    /// The number of its parent.
    pub ppid: u32,
    /// The number of its group.
    pub pgid: u32,
    /// What it is called.
    pub name: Vec<u8>,
    /// Its program and arguments.
    pub args: Vec<Vec<u8>>,
    /// `R` running, `S` waiting, `T` stopped, `Z` ended and not waited for.
    pub state: char,
    /// Who started it.
    pub real_uid: u32,
    /// Who it acts as.
    pub uid: u32,
    /// Whom it may become again.
    pub saved_uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its other groups.
    pub groups: Arc<[u32]>,
    /// The permission bits that what it makes does not get.
    pub umask: u16,
    /// How much memory it has.
    pub memory_bytes: u64,
    /// How much processor time it has used.
    pub cpu: Duration,
    /// When it was started, since boot.
    pub started: Duration,
    /// How much it stands back.
    pub nice: i8,
    /// The number of its console, if it has one.
    pub tty: Option<u32>,
    /// How many threads it has.
    pub threads: u32,
}

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineFacts {
    /// What the system is called, like `Linux`.
    pub sysname: String,
    /// The release of the system.
    pub release: String,
    /// More about the system.
    pub version: String,
    /// The name of the machine.
    pub hostname: String,
    /// What its processor is called.
    pub processor: String,
    /// How many cores it has.
    pub cores: u32,
    /// How much memory it has.
    pub memory_bytes: u64,
    /// How much of that is in use.
    pub memory_used_bytes: u64,
    /// Since when it runs.
    pub uptime: Duration,
    /// How much of the time, summed over the cores, it had nothing to do.
    pub idle: Duration,
    /// How many processes wanted to run, on average over one, five and fifteen minutes.
    pub load: [f64; 3],
    /// How many processes there are.
    pub processes: u32,
    /// How many of them want to run.
    pub running: u32,
    /// The last number that a process was given.
    pub last_pid: u32,
}

/// No processes: what the system itself shows before there are any.
impl Views for () {
    fn pids(&self) -> Vec<u32> {
        Vec::new()
    }

    fn owner(&self, _pid: u32) -> Option<(u32, u32)> {
        None
    }

    fn process(&self, _pid: u32) -> Option<ProcessFacts> {
        None
    }

    fn cwd(&self, _pid: u32) -> Option<Vec<u8>> {
        None
    }

    fn environment(&self, _pid: u32) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn descriptors(&self, _pid: u32) -> Vec<(u32, Vec<u8>)> {
        Vec::new()
    }

    fn machine(&self) -> MachineFacts {
        MachineFacts {
            sysname: String::new(),
            release: String::new(),
            version: String::new(),
            hostname: String::new(),
            processor: String::new(),
            cores: 1,
            memory_bytes: 0,
            memory_used_bytes: 0,
            uptime: Duration::ZERO,
            idle: Duration::ZERO,
            load: [0.0; 3],
            processes: 0,
            running: 0,
            last_pid: 0,
        }
    }

    fn network(&self, _file: NetworkView) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests;
