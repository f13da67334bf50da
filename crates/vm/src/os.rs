//! What an operating system knows, without a script in sight: users, files, processes, pipes, consoles.
//!
//! Everything here is a value that is told the time, and fails with an [`Errno`].

mod credentials;
mod errno;
mod files;
mod views;

pub use credentials::Credentials;
pub use errno::Errno;
pub use files::{
    Access, Caller, FileKind, Files, Listed, OpenFile, OpenOptions, Opened, Program, SET_GID, SET_UID,
    STICKY, Stat, WatchEvent, WatchId, WatchKind, Whence, permissions,
};
pub use views::{Device, MachineFacts, NetworkView, ProcessFacts, Views};
