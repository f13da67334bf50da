//! What an operating system knows, without a script in sight: users, files, processes, pipes, consoles.
//!
//! Everything here is a value that is told the time, and fails with an [`Errno`].

pub mod console;

mod command_line;
mod credentials;
mod date;
mod environment;
mod errno;
mod files;
mod pipe;
mod process;
mod ready;
mod signal;
pub(crate) mod slab;
pub(crate) mod table;
mod tail;
mod views;
pub(crate) mod waiters;

pub use command_line::parse_command;
pub use console::Console;
pub use credentials::Credentials;
pub use date::{Date, FORMATTED_BYTES_MAX, format_date};
pub use environment::Environment;
pub use errno::Errno;
pub use files::{
    Access, Caller, FileKind, Files, Listed, OpenFile, OpenOptions, Opened, Program, SET_GID, SET_UID,
    STICKY, Stat, WatchEvent, WatchId, WatchKind, Whence, permissions,
};
pub use pipe::Pipe;
pub use process::{Exit, Pid, Process, ProcessState};
pub(crate) use process::{Invocation, Relay};
pub use ready::Ready;
pub use signal::{Action, Disposition, Dispositions, Signal, SignalSet};
pub use tail::Tail;
pub use views::{Device, MachineFacts, NetworkView, ProcessFacts, Views};
pub use waiters::TaskId;
