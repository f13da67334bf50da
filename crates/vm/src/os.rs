//! What an operating system knows, without a script in sight: users, files, processes, pipes, consoles.
//!
//! Everything here is a value that is told the time, and fails with an [`Errno`].

mod credentials;
mod errno;
mod files;
mod paths;
mod users;
mod views;

pub use credentials::Credentials;
pub use errno::Errno;
pub use files::{
    Access, Caller, Comparison, CopyOptions, FileKind, Files, Find, FindOptions, FoundLine, Globbing, Grep,
    GrepOptions, Listed, NamePattern, OpenFile, OpenOptions, Opened, Program, Progress, Removal, SET_GID,
    SET_UID, STICKY, Stat, TreeCopy, WatchEvent, WatchId, WatchKind, Whence, permissions,
};
pub use paths::resolve;
pub use users::{Accounts, Group, PasswordConfig, User, Users};
pub use views::{Device, MachineFacts, NetworkView, ProcessFacts, Views};
