//! [`Place`]: where a listener listens.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ironloom_sched::reactor::Address;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::ListenError;

/// How many connections may wait to be accepted, unless the host allows fewer.
const WAITING_CONNECTIONS_MAX: i32 = 4_096;

/// What a path begins with where it is written in place of an address.
const UNIX: &str = "unix:";

/// Where a listener listens: an address of TCP, or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A listener that was bound.
#[derive(Debug)]
pub(crate) struct Bound {
    /// What the listener leaves behind unless it is removed. As long as the socket is there, no other file has its number: so
    /// this goes first.
    pub(crate) file: Option<SocketFile>,
    pub(crate) socket: BoundSocket,
    pub(crate) address: Address,
}

#[derive(Debug)]
pub(crate) enum BoundSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of a Unix listener, which is removed when this is dropped, unless it is another's by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Which file it is: of which device, and its number there.
    identity: (u64, u64),
}

impl FromStr for Place {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        match text.strip_prefix(UNIX) {
            Some(path) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(_) => Err(ListenError::Place { at: text.to_owned() }),
            None => text.parse().map(Self::Tcp).map_err(|_| ListenError::Place { at: text.to_owned() }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl Place {
    /// Begins to listen.
    pub(crate) fn bind(&self) -> Result<Bound, ListenError> {
        match self {
            Self::Tcp(address) => bind_tcp(*address).map_err(|error| self.refused(error)),
            Self::Unix(path) => self.bind_unix(path),
        }
    }

    fn bind_unix(&self, path: &Path) -> Result<Bound, ListenError> {
        match bind_path(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                self.make_way(path)?;
                bind_path(path)
            }
            other => other,
        }
        .map_err(|error| self.refused(error))
    }

    /// Removes the file that somebody left behind who has ended.
    fn make_way(&self, path: &Path) -> Result<(), ListenError> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if !is_socket {
            return Err(ListenError::NoSocket { path: path.to_owned() });
        }
        match is_alive(path) {
            Ok(false) => fs::remove_file(path).map_err(|error| self.refused(error)),
            Ok(true) => Err(ListenError::InUse { at: self.to_string() }),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn refused(&self, error: io::Error) -> ListenError {
        let at = self.to_string();
        match error.kind() {
            ErrorKind::AddrInUse => ListenError::InUse { at },
            ErrorKind::PermissionDenied => ListenError::NotPermitted { at },
            _ => ListenError::Host { at, error },
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(address)?;
    SockRef::from(&listener).listen(WAITING_CONNECTIONS_MAX)?;
    let address = Address::Tcp(listener.local_addr()?);
    Ok(Bound { file: None, socket: BoundSocket::Tcp(listener), address })
}

fn bind_path(path: &Path) -> io::Result<Bound> {
    let listener = UnixListener::bind(path)?;
    SockRef::from(&listener).listen(WAITING_CONNECTIONS_MAX)?;
    let address = Address::Unix(listener.local_addr()?);
    let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
    Ok(Bound { file: Some(file), socket: BoundSocket::Unix(listener), address })
}

/// Whether somebody listens at a path. That is asked by knocking, without waiting for an answer.
fn is_alive(path: &Path) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => Ok(true),
        // More knock than can be let in at once.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Who comes next removes it otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in ["127.0.0.1:8080", "[::1]:80", "unix:/run/shop.sock", "unix:shop.sock"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", "unix:", "localhost", "8080", "127.0.0.1", "/run/shop.sock"] {
            let error = text.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains("write `127.0.0.1:8080` or `unix:/run/shop.sock`"), "{error}");
        }
    }

    #[test]
    fn what_the_dead_left_behind_is_replaced_and_what_lives_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("door");
        let place = Place::Unix(path.clone());
        // Whoever was here before did not clean up.
        drop(UnixListener::bind(&path).unwrap());
        let bound = place.bind().unwrap();
        let error = place.bind().unwrap_err();
        assert!(matches!(error, ListenError::InUse { .. }), "{error}");
        assert!(path.exists());
        drop(bound);
        assert!(!path.exists(), "it is removed by who made it");

        fs::write(&path, "a letter").unwrap();
        let error = place.bind().unwrap_err();
        assert!(matches!(error, ListenError::NoSocket { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"a letter");
        let missing = Place::Unix(directory.path().join("absent/door")).bind().unwrap_err();
        assert!(matches!(missing, ListenError::Host { .. }), "{missing}");
    }

    #[test]
    fn a_file_that_is_anothers_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("door");
        let bound = Place::Unix(path.clone()).bind().unwrap();
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let bound = Place::Tcp("127.0.0.1:0".parse().unwrap()).bind().unwrap();
        let again = Place::Tcp(bound.address.tcp().unwrap());
        let error = again.bind().unwrap_err().to_string();
        assert!(error.contains("somebody listens at 127.0.0.1:"), "{error}");
    }
}
