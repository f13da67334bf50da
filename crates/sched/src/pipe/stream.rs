//! [`Stream`]: a connection: a reader and a writer that belong together.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Line, PipeError, Reader, Writer, forward,
    input::{self, Input},
};
use crate::{
    ByteRing,
    context::Account,
    reactor::{Address, Socket},
};

/// A reader and a writer that belong together, such as those of a TCP connection.
///
/// Before it waits for bytes it flushes what was written, so who only talks with its peer never has to. **Nothing else
/// flushes**: who writes and then waits for a message, a timer or another stream has said nothing yet, and calls
/// [`flush`](Self::flush) first. Dropping it closes the connection.
#[derive(Debug)]
pub struct Stream {
    // Dropped in this order: a writer that is alone need not shut down what it closes.
    reader: Reader,
    writer: Writer,
}

impl Stream {
    /// The stream of a socket, whose halves hold up to `capacity` bytes each.
    ///
    /// # Errors
    ///
    /// If the connection is lost already.
    ///
    /// # Panics
    ///
    /// If the capacity is zero or above 2 GiB.
    pub fn new(socket: Socket, capacity: usize) -> io::Result<Self> {
        Ok(Self::of_line(Arc::new(Line::new(socket, None)?), capacity))
    }

    /// As [`new`](Self::new), on the account of a process.
    pub(crate) fn on_account(socket: Socket, capacity: usize, account: Account) -> io::Result<Self> {
        Ok(Self::of_line(Arc::new(Line::new(socket, Some(account))?), capacity))
    }

    fn of_line(line: Arc<Line>, capacity: usize) -> Self {
        let reader = Reader::of_line(Arc::clone(&line), capacity);
        Self { reader, writer: Writer::to_line(line, capacity) }
    }

    /// One half each of two pipes, as for a conversation between processes.
    #[must_use]
    pub fn of_halves(reader: Reader, writer: Writer) -> Self {
        Self { reader, writer }
    }

    /// The halves, each to be used by whom you like. From now on nobody flushes for you.
    #[must_use]
    pub fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }

    /// The halves, for a moment.
    pub fn halves(&mut self) -> (&mut Reader, &mut Writer) {
        (&mut self.reader, &mut self.writer)
    }

    /// Reads some bytes, at least one unless the stream has ended; how many.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub async fn read(&mut self, target: &mut [u8]) -> Result<usize, PipeError> {
        poll_fn(|context| input::poll_read(self, context, target)).await
    }

    /// Reads as many bytes as `target` holds; see [`Reader::read_exact`].
    ///
    /// # Errors
    ///
    /// [`PipeError::Ended`] if the stream ended before, or if the connection was lost.
    pub async fn read_exact(&mut self, target: &mut [u8]) -> Result<(), PipeError> {
        input::read_exact(self, target).await
    }

    /// Reads a line; see [`Reader::read_line`].
    ///
    /// # Errors
    ///
    /// [`PipeError::LineTooLong`], or if the connection was lost.
    pub async fn read_line(&mut self, max: usize) -> Result<Option<Vec<u8>>, PipeError> {
        input::read_line(self, max).await
    }

    /// Waits for more bytes than are buffered now; how many came, and zero at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`PipeError::Full`] if there is no room for more, or if the connection was lost.
    pub async fn fill(&mut self) -> Result<usize, PipeError> {
        poll_fn(|context| self.poll_fill(context)).await
    }

    /// As [`fill`](Self::fill), for protocols that poll.
    ///
    /// # Errors
    ///
    /// [`PipeError::Full`] if there is no room for more, or if the connection was lost.
    pub fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        forward::poll_fill(&mut self.reader, &mut self.writer, context)
    }

    /// What is buffered; see [`Reader::buffered`].
    #[must_use]
    pub fn buffered(&self) -> [&[u8]; 2] {
        self.reader.buffered()
    }

    /// What is buffered, in one piece; see [`Reader::buffered_whole`].
    pub fn buffered_whole(&mut self) -> &[u8] {
        self.reader.buffered_whole()
    }

    /// Takes the first `count` buffered bytes away.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// Writes all bytes; see [`Writer::write`]. They leave at the latest when this stream is read and has nothing to give.
    ///
    /// # Errors
    ///
    /// If nobody reads any more, or the writing half was closed.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), PipeError> {
        self.writer.write(bytes).await
    }

    /// Waits until all that was written has left.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub async fn flush(&mut self) -> Result<(), PipeError> {
        self.writer.flush().await
    }

    /// Sends everything back until the other end is done, and says so too; how many bytes that were.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub async fn echo(&mut self) -> Result<u64, PipeError> {
        let bytes = forward(&mut self.reader, &mut self.writer, u64::MAX).await?;
        self.writer.close().await?;
        Ok(bytes)
    }

    /// Ends what is written while the other end may go on.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub async fn close_write(&mut self) -> Result<(), PipeError> {
        self.writer.close().await
    }

    /// Flushes, ends what is written, and waits until the other end is done too. What still comes is thrown away.
    ///
    /// A socket that is dropped before makes the host tell the peer of a reset, and that may overtake the last bytes.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub async fn hang_up(mut self) -> Result<(), PipeError> {
        self.writer.close().await?;
        loop {
            self.reader.ring().clear();
            if self.reader.fill().await? == 0 {
                return Ok(());
            }
        }
    }

    /// Where the other end is, if it is a socket.
    #[must_use]
    pub fn peer_address(&self) -> Option<Address> {
        self.reader.line()?.socket.peer_address().ok()
    }

    /// What the halves share, if it is a socket.
    pub(crate) fn line(&self) -> Option<&Arc<Line>> {
        self.reader.line()
    }

    /// The memory of the buffers now.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.reader.allocated_bytes() + self.writer.allocated_bytes()
    }
}

impl Input for Stream {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        Self::poll_fill(self, context)
    }

    fn buffer(&mut self) -> &mut ByteRing {
        self.reader.ring()
    }
}
