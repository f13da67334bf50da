//! [`Stop`]: how a host function ends that has no result.

use crate::Errno;

/// How a host function ends that has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The world stood in the way: the script gets `nil, message, code`.
    Fail(Errno),
    /// The script made a mistake: it gets an error.
    Raise(String),
    /// The thread waits, and calls the function again when it goes on.
    Wait,
    /// The thread does not go on.
    End,
}

impl Stop {
    /// An error of the script.
    pub fn raise(text: impl Into<String>) -> Self {
        Self::Raise(text.into())
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Fail(errno)
    }
}
