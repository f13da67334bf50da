//! [`Errno`]: what can go wrong with a system call, with the names and texts of POSIX.

use std::fmt;

macro_rules! errnos {
    ($($name:ident $code:literal $text:literal,)*) => {
        /// Why a system call did not do what it was asked for.
        ///
        /// A script gets it as `nil, message, code`: the message is this type's text, the code its [`name`](Self::name).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Errno {
            $(#[doc = $text] $name,)*
        }

        impl Errno {
            /// The name, as scripts see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The text, as people see it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

errnos! {
    Access "EACCES" "permission denied",
    AddressInUse "EADDRINUSE" "address already in use",
    AddressNotAvailable "EADDRNOTAVAIL" "address not available",
    Again "EAGAIN" "try again",
    BadHandle "EBADF" "bad file descriptor",
    Busy "EBUSY" "device or resource busy",
    Canceled "ECANCELED" "canceled",
    NoChild "ECHILD" "no child processes",
    Refused "ECONNREFUSED" "connection refused",
    Reset "ECONNRESET" "connection reset by peer",
    Exists "EEXIST" "file exists",
    TooBig "EFBIG" "file too large",
    HostUnreachable "EHOSTUNREACH" "no route to host",
    Interrupted "EINTR" "interrupted",
    Invalid "EINVAL" "invalid argument",
    Io "EIO" "input/output error",
    IsConnected "EISCONN" "already connected",
    IsADirectory "EISDIR" "is a directory",
    Loop "ELOOP" "too many levels of symbolic links",
    ProcessFiles "EMFILE" "too many open files",
    MessageSize "EMSGSIZE" "message too long",
    NameTooLong "ENAMETOOLONG" "file name too long",
    NoNetwork "ENETDOWN" "network is down",
    NetworkUnreachable "ENETUNREACH" "network is unreachable",
    MachineFiles "ENFILE" "too many open files on this machine",
    NotFound "ENOENT" "no such file or directory",
    NotExecutable "ENOEXEC" "exec format error",
    NoMemory "ENOMEM" "cannot allocate memory",
    NoSpace "ENOSPC" "no space left on device",
    NotConnected "ENOTCONN" "not connected",
    NotADirectory "ENOTDIR" "not a directory",
    NotEmpty "ENOTEMPTY" "directory not empty",
    NotSupported "ENOTSUP" "not supported",
    NotATerminal "ENOTTY" "not a terminal",
    NotPermitted "EPERM" "operation not permitted",
    BrokenPipe "EPIPE" "broken pipe",
    ReadOnly "EROFS" "read-only file system",
    NotSeekable "ESPIPE" "illegal seek",
    NoProcess "ESRCH" "no such process",
    TimedOut "ETIMEDOUT" "timed out",
    UnknownHost "EHOSTUNKNOWN" "unknown host",
    CrossDevice "EXDEV" "cross-device link",
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl std::error::Error for Errno {}
