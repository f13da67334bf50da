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
mod paths;
mod pipe;
mod process;
mod ready;
mod signal;
pub(crate) mod slab;
pub(crate) mod table;
mod tail;
mod users;
mod views;
pub(crate) mod waiters;

pub use command_line::parse_command;
pub use console::Console;
pub use credentials::Credentials;
pub use date::{Date, FORMATTED_BYTES_MAX, format_date};
pub use environment::Environment;
pub use errno::Errno;
pub use files::{
    Access, Caller, Comparison, CopyOptions, FileKind, Files, Find, FindOptions, FoundLine, Globbing, Grep,
    GrepOptions, Listed, NamePattern, OpenFile, OpenOptions, Opened, Program, Progress, Removal, SET_GID,
    SET_UID, STICKY, Stat, TreeCopy, WatchEvent, WatchId, WatchKind, Whence, permissions,
};
pub use paths::resolve;
pub use pipe::Pipe;
pub use process::{Exit, Pid, Process, ProcessState};
pub(crate) use process::{Invocation, Relay};
pub use ready::Ready;
pub use signal::{Action, Disposition, Dispositions, Signal, SignalSet};
pub use tail::Tail;
pub use users::{Accounts, Group, PasswordConfig, User, Users};
pub use views::{Device, MachineFacts, NetworkView, ProcessFacts, Views};
pub use waiters::TaskId;
