//! What an operating system knows, without a script in sight: users, files, processes, pipes, consoles.
//!
//! Everything here is a value that is told the time, and fails with an [`Errno`].

pub mod console;

mod command_line;
mod credentials;
mod date;
mod environment;
mod errno;
mod pipe;
mod process;
mod ready;
mod signal;
pub(crate) mod slab;
pub(crate) mod table;
mod tail;
pub(crate) mod waiters;

pub use command_line::parse_command;
pub use console::Console;
pub use credentials::Credentials;
pub use date::{Date, FORMATTED_BYTES_MAX, format_date};
pub use environment::Environment;
pub use errno::Errno;
pub use pipe::Pipe;
pub use process::{Exit, Pid, Process, ProcessState};
pub(crate) use process::{Invocation, Relay};
pub use ready::Ready;
pub use signal::{Action, Disposition, Dispositions, Signal, SignalSet};
pub use tail::Tail;
pub use waiters::TaskId;
