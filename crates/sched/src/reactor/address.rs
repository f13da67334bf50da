//! [`Address`]: where a socket of the host is.

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixAddress;

/// Where one end of a connection is.
#[derive(Debug, Clone)]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A path of the host's, or nothing.
    Unix(UnixAddress),
}

impl Address {
    /// The address and port, if it is of TCP.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(address) => match address.as_pathname() {
                Some(path) => write!(f, "unix:{}", path.display()),
                None => f.write_str("unix:"),
            },
        }
    }
}
