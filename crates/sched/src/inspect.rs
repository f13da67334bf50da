//! [`ProcessInfo`] and [`KernelInfo`]: what a kernel is doing, without stopping it.

use std::sync::{Arc, atomic::Ordering};

use ironloom_core::Duration;

use crate::{Class, ProcessId, process::AnyProcess};

/// What a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Wait {
    /// A message.
    Message,
    /// Room in the mailbox of another process.
    Room,
    /// A reply to a call.
    Reply,
    /// A time.
    Timer,
    /// The end of another process or thread, or to be asked to stop.
    Exit,
    /// Bytes in a pipe, or room for some.
    Pipe,
    /// A socket of the host.
    Socket,
    /// Its next turn.
    Turn,
    /// Something that the kernel does not know.
    Other,
}

impl Wait {
    const ALL: [Self; 9] = [
        Self::Message,
        Self::Room,
        Self::Reply,
        Self::Timer,
        Self::Exit,
        Self::Pipe,
        Self::Socket,
        Self::Turn,
        Self::Other,
    ];

    fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Other)
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It runs, or will when it is its turn.
    Runnable,
    /// It is off every queue until something happens.
    Waiting(Wait),
}

/// A process, seen from outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Which process this is.
    pub id: ProcessId,
    /// What it is called, if it was given a name.
    pub name: Option<Arc<str>>,
    /// How urgent it is.
    pub class: Class,
    /// What it does.
    pub state: State,
    /// How often it had a turn.
    pub slices: u64,
    /// Units of work that it has done.
    pub budget_spent: u64,
    /// Memory on its account, in bytes.
    pub heap_bytes: u64,
    /// Messages that it has not received.
    pub mailbox_messages: usize,
    /// Threads, the main one included.
    pub threads: u32,
    /// The processes that it is linked to.
    pub links: Vec<ProcessId>,
    /// The worker that ran it last.
    pub worker: u16,
}

/// A kernel, seen from outside.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct KernelInfo {
    /// Processes that exist.
    pub processes: usize,
    /// Timers that are set.
    pub timers: usize,
    /// Processes on the queue of each worker.
    pub queued: Vec<usize>,
    /// Slices that each worker has run.
    pub slices: Vec<u64>,
    /// Processes that each worker took from others.
    pub steals: Vec<u64>,
    /// How long the last in a queue waited for its turn, looked at now and then: half, and all but one in a thousand.
    pub queueing: (Duration, Duration),
    /// How late timers were noticed: half of them, and all but one in a thousand, within so much.
    pub lateness: (Duration, Duration),
    /// Slices that lasted too long.
    pub stuck: u64,
}

/// What can be seen of a process.
pub(crate) fn inspect(process: &dyn AnyProcess) -> ProcessInfo {
    let header = process.header();
    let (mailbox_messages, mailbox_bytes) = process.mailbox();
    let mut info = ProcessInfo {
        id: header.id,
        name: None,
        class: header.class,
        state: State::Runnable,
        slices: header.slices.load(Ordering::Relaxed),
        budget_spent: header.spent.load(Ordering::Relaxed),
        heap_bytes: header.heap.load(Ordering::Relaxed).saturating_add(mailbox_bytes as u64),
        mailbox_messages,
        threads: 1,
        links: Vec::new(),
        worker: header.worker.load(Ordering::Relaxed),
    };
    process.with(&mut |control| {
        if control.is_waiting() {
            info.state = State::Waiting(Wait::from_number(header.wait.load(Ordering::Relaxed)));
        }
        if let Some(rare) = control.rare_if_any() {
            info.name.clone_from(&rare.name);
            info.threads += rare.threads;
            info.links = rare.links.keys().copied().collect();
        }
    });
    info
}
