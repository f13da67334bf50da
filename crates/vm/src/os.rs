//! What an operating system knows, without a script in sight: users, files, processes, pipes, consoles.
//!
//! Everything here is a value that is told the time, and fails with an [`Errno`].

mod credentials;
mod errno;

pub use credentials::Credentials;
pub use errno::Errno;
