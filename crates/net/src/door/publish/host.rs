//! Connections of the host: by TCP, or by a path.

use std::io::{self, IoSlice, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::unix::net as unix;

use ironloom_core::Duration;
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

/// How many connections may wait to be accepted, unless the host allows fewer.
const WAITING_CONNECTIONS_MAX: i32 = 4_096;

/// Where connections of the host come in.
#[derive(Debug)]
pub enum HostListener {
    /// An address of TCP.
    Tcp(TcpListener),
    /// A path.
    Unix(UnixListener),
}

/// A connection of the host.
#[derive(Debug)]
pub enum HostStream {
    /// By TCP.
    Tcp(TcpStream),
    /// By a path.
    Unix(UnixStream),
}

impl HostListener {
    /// Takes over a listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_tcp(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        SockRef::from(&listener).listen(WAITING_CONNECTIONS_MAX)?;
        Ok(Self::Tcp(TcpListener::from_std(listener)))
    }

    /// Takes over a Unix listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_unix(listener: unix::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        SockRef::from(&listener).listen(WAITING_CONNECTIONS_MAX)?;
        Ok(Self::Unix(UnixListener::from_std(listener)))
    }

    /// Accepts the next connection, and says who it is, unless it comes by a path.
    ///
    /// # Errors
    ///
    /// If there is none, or the host says why it cannot be had; see [`is_about_one`](super::is_about_one).
    pub fn accept(&self) -> io::Result<(HostStream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, peer)| (HostStream::Tcp(stream), Some(peer)))
            }
            Self::Unix(listener) => listener.accept().map(|(stream, _)| (HostStream::Unix(stream), None)),
        }
    }
}

/// Whether an error of accepting is about the one connection that was to be accepted, so that the next one can be had.
#[must_use]
pub fn is_about_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

impl HostStream {
    /// Whoever waits for each answer should not wait for more of it to come.
    pub fn hurry(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.set_nodelay(true); // It is slower without, and works.
        }
    }

    /// Makes the host tell its side that the connection is gone, once it is closed; if it cannot, closing tells that it is
    /// finished.
    pub fn reset_when_closed(&self) {
        if let Self::Tcp(stream) = self {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO.into()));
        }
    }

    /// Tells the other side that nothing more is sent.
    pub(super) fn finish(&self) {
        // If it is not connected any more, the next read says so.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// What the host has noticed about the connection apart from reading and writing.
    pub(super) fn is_broken(&self) -> bool {
        let error = match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Unix(stream) => stream.take_error(),
        };
        !matches!(error, Ok(None))
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

impl HostListener {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(listener) => listener,
            Self::Unix(listener) => listener,
        }
    }
}

impl Read for HostStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for HostStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both are waited for as what they are made of.
macro_rules! sources {
    ($($name:ident),*) => {$(
        impl Source for $name {
            fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
                self.source().register(registry, token, interest)
            }

            fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
                self.source().reregister(registry, token, interest)
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                self.source().deregister(registry)
            }
        }
    )*};
}

sources!(HostListener, HostStream);
