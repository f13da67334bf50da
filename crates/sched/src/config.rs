//! [`Config`], [`Limits`], [`Options`] and [`Class`]: what a kernel and a process may have.

use ironloom_core::{Duration, Seed};

/// What a kernel is to be like.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many workers run processes. In real time each is a thread; in virtual time 1 means the calling thread.
    pub workers: usize,
    /// Where all chance of the kernel's processes comes from.
    pub seed: Seed,
    /// What a process may have if nothing else is said.
    pub limits: Limits,
    /// The most processes at a time. In virtual time this is judged at the beginning of a window, which may exceed it.
    pub processes_max: usize,
    /// The most timers at a time. Virtual time judges this likewise.
    pub timers_max: usize,
    /// The most host sockets and listeners at a time.
    pub sources_max: usize,
    /// Real time: how long a slice may last before its process is reported and its worker replaced.
    pub stuck_after: Duration,
    /// Real time: the most threads that may be lost to stuck processes at a time.
    pub replacements_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 2,
            seed: Seed::new(0),
            limits: Limits::default(),
            processes_max: 4 << 20,
            timers_max: 8 << 20,
            sources_max: 64 << 10,
            stuck_after: Duration::from_millis(20),
            replacements_max: 8,
        }
    }
}

impl Config {
    /// The default with so many workers.
    #[must_use]
    pub fn with_workers(workers: usize) -> Self {
        Self { workers, ..Self::default() }
    }
}

/// What a process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What the kernel holds for it and what its guest reports: frames, messages, pipes, timers, heap.
    pub heap_bytes_max: u64,
    /// Messages that were sent to it and not yet received.
    pub mailbox_messages_max: u32,
    /// What another process may have done in a window and still send to it; virtual time only. At least 1.
    pub messages_in_flight_max: u32,
    /// Threads at a time, the main one included.
    pub threads_max: u32,
    /// Units of work before it is somebody else's turn; at least 16.
    pub slice_budget: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            heap_bytes_max: 64 << 20,
            mailbox_messages_max: 1_024,
            messages_in_flight_max: 1_024,
            threads_max: 64,
            slice_budget: 256,
        }
    }
}

/// What a new process is to be like, where that differs from the default.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What it is called in reports.
    pub name: Option<String>,
    /// Which processes it gives way to.
    pub class: Class,
    /// What it may have; the kernel's default if nothing is said.
    pub limits: Option<Limits>,
    /// The worker that alone runs it. Virtual time ignores this.
    pub worker: Option<usize>,
    /// Whether the process that spawns it is linked to it from the start.
    pub linked: bool,
}

impl Options {
    /// The default with a name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }
}

/// How urgent a process is. Nobody starves: each class is passed over only so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Class {
    /// Runs before the others.
    High,
    /// What most processes are.
    #[default]
    Normal,
    /// Runs when the others leave room, and now and then when they do not.
    Low,
}

impl Class {
    /// How many classes there are.
    pub(crate) const COUNT: usize = 3;
}
