//! [`Socket`]: a connected stream of the host's.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::address::Address;
use super::connect::Connecting;
use super::error::{ConnectError, RegisterError, SocketError};
use super::readiness::Side;
use super::source::{Attempt, Source};
use super::{Reactor, Shared};
use crate::ring::{ByteRing, Moved};

/// A connected TCP or Unix stream that never blocks a thread.
///
/// Each call tries first. One that moves less than was asked for has exhausted its side: the next one does not ask the
/// host to hear that it would block, but waits to be told. Each side keeps one waker, that of the last poll that was
/// pending. Dropping the socket closes it.
///
/// A peer can make a read short although more is there, with urgent data or by passing descriptors. It gains a stall
/// of its own connection until it sends again; a limit on idleness ends that.
#[derive(Debug)]
pub struct Socket {
    source: Source<Stream>,
}

/// The two kinds of stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

type Polled<T> = Poll<Result<io::Result<T>, RegisterError>>;

impl Socket {
    /// Takes over a TCP stream that was connected elsewhere.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_tcp(reactor: &Reactor, stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(reactor.shared(), Stream::Tcp(mio::net::TcpStream::from_std(stream))))
    }

    /// Takes over a Unix stream that was connected elsewhere, as one half of a pair.
    ///
    /// # Errors
    ///
    /// If the host does not let it be made non-blocking.
    pub fn from_unix(reactor: &Reactor, stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(reactor.shared(), Stream::Unix(mio::net::UnixStream::from_std(stream))))
    }

    /// Begins to connect to a TCP listener.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Begin`]; everything else is the future's to tell.
    pub fn connect(reactor: &Reactor, address: SocketAddr) -> Result<Connecting, ConnectError> {
        let stream = mio::net::TcpStream::connect(address).map_err(ConnectError::Begin)?;
        Ok(Connecting::new(Self::new(reactor.shared(), Stream::Tcp(stream))))
    }

    /// Connects to a Unix listener, which the host does at once or not at all.
    ///
    /// # Errors
    ///
    /// If nobody listens there, or too many wait to be accepted.
    pub fn connect_unix(reactor: &Reactor, path: &Path) -> Result<Self, ConnectError> {
        let stream = mio::net::UnixStream::connect(path).map_err(ConnectError::Refused)?;
        Ok(Self::new(reactor.shared(), Stream::Unix(stream)))
    }

    pub(super) fn new(shared: Arc<Shared>, stream: Stream) -> Self {
        Self { source: Source::new(shared, stream) }
    }

    pub(super) const fn source(&self) -> &Source<Stream> {
        &self.source
    }

    /// Reads up to `max` bytes into a ring. Nothing and short is the end of what the peer sends; nothing and not short
    /// means that there was no room.
    ///
    /// # Errors
    ///
    /// If the connection was lost, or must wait and cannot.
    pub fn poll_read(
        &self,
        context: &mut Context<'_>,
        ring: &mut ByteRing,
        max: usize,
    ) -> Poll<Result<Moved, SocketError>> {
        if max == 0 || ring.free() == 0 {
            return Poll::Ready(Ok(Moved { bytes: 0, short: false }));
        }
        read(self.poll_side(context, Side::Read, |mut stream| {
            let moved = ring.fill_from(&mut stream, max)?;
            Ok(if moved.short { Attempt::Short(moved) } else { Attempt::Full(moved) })
        }))
    }

    /// Reads into a slice; zero is the end of what the peer sends, or an empty slice.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    pub fn poll_read_slice(
        &self,
        context: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<Result<usize, SocketError>> {
        let asked = target.len();
        read(self.poll_bytes(context, Side::Read, asked, |mut stream| stream.read(target)))
    }

    /// Reads into several slices, in order.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    pub fn poll_read_vectored(
        &self,
        context: &mut Context<'_>,
        targets: &mut [IoSliceMut<'_>],
    ) -> Poll<Result<usize, SocketError>> {
        let asked = targets.iter().map(|target| target.len()).sum();
        read(self.poll_bytes(context, Side::Read, asked, |mut stream| stream.read_vectored(targets)))
    }

    /// Writes up to `max` bytes out of a ring.
    ///
    /// # Errors
    ///
    /// If the connection was lost or its writing side was shut down, or must wait and cannot.
    pub fn poll_write(
        &self,
        context: &mut Context<'_>,
        ring: &mut ByteRing,
        max: usize,
    ) -> Poll<Result<Moved, SocketError>> {
        if max == 0 || ring.is_empty() {
            return Poll::Ready(Ok(Moved { bytes: 0, short: false }));
        }
        write(self.poll_side(context, Side::Write, |mut stream| {
            let moved = ring.drain_to(&mut stream, max)?;
            accepted(moved.bytes)?;
            Ok(if moved.short { Attempt::Short(moved) } else { Attempt::Full(moved) })
        }))
    }

    /// Writes a slice, or the beginning of it.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](Self::poll_write).
    pub fn poll_write_slice(
        &self,
        context: &mut Context<'_>,
        source: &[u8],
    ) -> Poll<Result<usize, SocketError>> {
        write(
            self.poll_bytes(context, Side::Write, source.len(), |mut stream| accepted(stream.write(source)?)),
        )
    }

    /// Writes several slices, in order, or the beginning of them.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](Self::poll_write).
    pub fn poll_write_vectored(
        &self,
        context: &mut Context<'_>,
        sources: &[IoSlice<'_>],
    ) -> Poll<Result<usize, SocketError>> {
        let asked = sources.iter().map(|source| source.len()).sum();
        write(
            self.poll_bytes(context, Side::Write, asked, |mut stream| {
                accepted(stream.write_vectored(sources)?)
            }),
        )
    }

    /// Shuts a side down, or both. Of the writing side the peer hears as the end of what we send.
    ///
    /// # Errors
    ///
    /// If the connection was lost already.
    pub fn shutdown(&self, side: Shutdown) -> Result<(), SocketError> {
        match &self.source.io {
            Stream::Tcp(stream) => stream.shutdown(side),
            Stream::Unix(stream) => stream.shutdown(side),
        }
        .map_err(SocketError::Shutdown)
    }

    /// Whether the host sends small pieces at once instead of gathering them; nothing to a Unix stream.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        match &self.source.io {
            Stream::Tcp(stream) => stream.set_nodelay(at_once),
            Stream::Unix(_) => Ok(()),
        }
    }

    /// Where the other end is.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub fn peer_address(&self) -> io::Result<Address> {
        match &self.source.io {
            Stream::Tcp(stream) => stream.peer_addr().map(Address::Tcp),
            Stream::Unix(stream) => stream.peer_addr().map(Address::Unix),
        }
    }

    /// Where this end is.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn local_address(&self) -> io::Result<Address> {
        match &self.source.io {
            Stream::Tcp(stream) => stream.local_addr().map(Address::Tcp),
            Stream::Unix(stream) => stream.local_addr().map(Address::Unix),
        }
    }

    fn poll_side<T>(
        &self,
        context: &Context<'_>,
        side: Side,
        attempt: impl FnMut(&Stream) -> io::Result<Attempt<T>>,
    ) -> Polled<T> {
        let counts = &self.source.shared().counts;
        let count = match side {
            Side::Read => &counts.reads,
            Side::Write => &counts.writes,
        };
        self.source.poll(context, side, count, attempt)
    }

    /// One call that moves up to `asked` bytes.
    fn poll_bytes(
        &self,
        context: &Context<'_>,
        side: Side,
        asked: usize,
        mut call: impl FnMut(&Stream) -> io::Result<usize>,
    ) -> Polled<usize> {
        if asked == 0 {
            return Poll::Ready(Ok(Ok(0)));
        }
        self.poll_side(context, side, |stream| {
            let bytes = call(stream)?;
            Ok(if bytes < asked { Attempt::Short(bytes) } else { Attempt::Full(bytes) })
        })
    }
}

fn read<T>(polled: Polled<T>) -> Poll<Result<T, SocketError>> {
    polled.map(|outcome| outcome?.map_err(SocketError::Read))
}

fn write<T>(polled: Polled<T>) -> Poll<Result<T, SocketError>> {
    polled.map(|outcome| outcome?.map_err(SocketError::Write))
}

/// No host takes nothing of something without saying why; waiting for one that does could be for ever.
fn accepted(bytes: usize) -> io::Result<usize> {
    if bytes == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(bytes) }
}

impl Stream {
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Unix(stream) => stream.take_error(),
        }
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.source.io {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read(target),
            Stream::Unix(stream) => (&*stream).read(target),
        }
    }

    fn read_vectored(&mut self, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read_vectored(targets),
            Stream::Unix(stream) => (&*stream).read_vectored(targets),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, source: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(source),
            Stream::Unix(stream) => (&*stream).write(source),
        }
    }

    fn write_vectored(&mut self, sources: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write_vectored(sources),
            Stream::Unix(stream) => (&*stream).write_vectored(sources),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
