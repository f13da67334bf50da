//! [`Listener`]: where connections from the host's world arrive.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use socket2::SockRef;

use super::address::Address;
use super::error::{AcceptError, RegisterError};
use super::readiness::{Side, Signal};
use super::socket::{Socket, Stream};
use super::source::{Attempt, Source};
use super::{Reactor, wake_all};

/// How many connections may wait to be accepted, unless the host allows fewer. The 128 that are usual lose the rest of
/// a storm of a thousand for a second or more.
const WAITING_CONNECTIONS_MAX: i32 = 4_096;

/// Accepts TCP or Unix connections without blocking a thread.
///
/// Without a descriptor for the next connection it says so once, and then waits instead of asking again and again;
/// see [`AcceptError::OutOfDescriptors`].
#[derive(Debug)]
pub struct Listener {
    source: Source<Incoming>,
    /// Whether the present lack of descriptors was told.
    is_told: AtomicBool,
}

/// The two kinds of listener.
#[derive(Debug)]
enum Incoming {
    Tcp(mio::net::TcpListener),
    Unix(mio::net::UnixListener),
}

/// An attempt that the host was able to answer.
enum Accepted {
    Connection(Stream, Address),
    /// There is one, but no descriptor for it.
    Starved(io::Error),
}

impl Listener {
    /// Listens on an address of TCP; port 0 is a free one, see [`local_address`](Self::local_address).
    ///
    /// # Errors
    ///
    /// If the address is taken or not ours.
    pub fn bind(reactor: &Reactor, address: SocketAddr) -> io::Result<Self> {
        let listener = mio::net::TcpListener::bind(address)?;
        SockRef::from(&listener).listen(WAITING_CONNECTIONS_MAX)?;
        Ok(Self::new(reactor, Incoming::Tcp(listener)))
    }

    /// Listens on a path, which is left behind when the listener is dropped.
    ///
    /// # Errors
    ///
    /// If the path exists or cannot be made.
    pub fn bind_unix(reactor: &Reactor, path: &Path) -> io::Result<Self> {
        Ok(Self::new(reactor, Incoming::Unix(mio::net::UnixListener::bind(path)?)))
    }

    /// Takes over a listener that was made elsewhere, as by whoever started the program.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_tcp(reactor: &Reactor, listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::new(reactor, Incoming::Tcp(mio::net::TcpListener::from_std(listener))))
    }

    /// Takes over a Unix listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_unix(reactor: &Reactor, listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::new(reactor, Incoming::Unix(mio::net::UnixListener::from_std(listener))))
    }

    fn new(reactor: &Reactor, incoming: Incoming) -> Self {
        Self { source: Source::new(reactor.shared(), incoming), is_told: AtomicBool::new(false) }
    }

    /// Accepts the next connection.
    ///
    /// # Errors
    ///
    /// If this connection cannot be had. The next one can: accept again.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Result<(Socket, Address), AcceptError>> {
        loop {
            let freed = self.source.shared().drought.freed();
            let polled = self.poll_once(context, freed);
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Ready(Ok(Ok(Accepted::Connection(stream, peer)))) => {
                    self.is_told.store(false, Ordering::Relaxed);
                    let socket = Socket::new(self.source.shared().clone(), stream);
                    return Poll::Ready(Ok((socket, peer)));
                }
                Poll::Ready(Ok(Ok(Accepted::Starved(error)))) => {
                    if !self.is_told.swap(true, Ordering::Relaxed) {
                        return Poll::Ready(Err(AcceptError::OutOfDescriptors(error)));
                    }
                }
                Poll::Ready(Ok(Err(error))) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Poll::Ready(Ok(Err(error))) => return Poll::Ready(Err(AcceptError::Lost(error))),
            }
        }
    }

    /// Makes a listener that found no descriptor try again: for a timer, in case one was freed that the reactor does
    /// not know of.
    pub fn retry(&self) {
        let mut woken = Vec::new();
        self.source.readiness.raise(Signal::READ, &mut woken);
        wake_all(woken);
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn local_address(&self) -> io::Result<Address> {
        match &self.source.io {
            Incoming::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Incoming::Unix(listener) => listener.local_addr().map(Address::Unix),
        }
    }

    /// One attempt. Without a descriptor the readiness is spent, unless one was freed since there were `freed`.
    fn poll_once(
        &self,
        context: &Context<'_>,
        freed: u64,
    ) -> Poll<Result<io::Result<Accepted>, RegisterError>> {
        let shared = self.source.shared();
        self.source.poll(context, Side::Read, &shared.counts.accepts, |incoming| match incoming.accept() {
            Ok((stream, peer)) => Ok(Attempt::Full(Accepted::Connection(stream, peer))),
            Err(error) if is_starvation(&error) => {
                let was_freed = shared.drought.join(&self.source.readiness, freed);
                let starved = Accepted::Starved(error);
                Ok(if was_freed { Attempt::Full(starved) } else { Attempt::Short(starved) })
            }
            Err(error) => Err(error),
        })
    }
}

impl Incoming {
    fn accept(&self) -> io::Result<(Stream, Address)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, peer)| (Stream::Tcp(stream), Address::Tcp(peer)))
            }
            Self::Unix(listener) => {
                listener.accept().map(|(stream, peer)| (Stream::Unix(stream), Address::Unix(peer)))
            }
        }
    }
}

impl AsRawFd for Incoming {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(listener) => listener.as_raw_fd(),
            Self::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

/// Whether the host has no descriptor or no memory for another connection, which it keeps for later.
fn is_starvation(error: &io::Error) -> bool {
    /// Too many in the system, and in this program; the same numbers on every Unix.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    /// No room for buffers.
    const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 105 } else { 55 };

    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(ENFILE | EMFILE | ENOBUFS))
}
