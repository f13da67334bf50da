//! [`Reader`]: the half of a pipe that bytes come out of.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Line, PipeError,
    channel::Channel,
    input::{self, Input},
};
use crate::{ByteRing, current, inspect::Wait};

/// The half of a pipe that bytes come out of. Dropping it tells the writer that nobody reads any more; the peer of a
/// socket hears of that when the other half is dropped too.
///
/// All that waits may be dropped while it does: no byte is lost, but for [`read_exact`](Self::read_exact) into more than
/// the buffer holds.
pub struct Reader {
    source: Source,
    ring: ByteRing,
    course: Course,
}

enum Source {
    Channel(Arc<Channel>),
    Line(Arc<Line>),
}

/// How the stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    Ended,
    Lost,
}

impl Reader {
    pub(super) fn of_channel(channel: Arc<Channel>, capacity: usize) -> Self {
        Self::new(Source::Channel(channel), capacity)
    }

    pub(super) fn of_line(line: Arc<Line>, capacity: usize) -> Self {
        Self::new(Source::Line(line), capacity)
    }

    fn new(source: Source, capacity: usize) -> Self {
        Self { source, ring: ByteRing::new(capacity), course: Course::Open }
    }

    /// Reads some bytes, at least one unless the stream has ended; how many.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub async fn read(&mut self, target: &mut [u8]) -> Result<usize, PipeError> {
        poll_fn(|context| self.poll_read(context, target)).await
    }

    /// Reads as many bytes as `target` holds.
    ///
    /// Takes nothing before all is there, unless that is more than the buffer holds: then `target` is filled piece by
    /// piece, and if this is dropped meanwhile nobody knows how far.
    ///
    /// # Errors
    ///
    /// [`PipeError::Ended`] if the stream ended before, or if the connection was lost.
    pub async fn read_exact(&mut self, target: &mut [u8]) -> Result<(), PipeError> {
        input::read_exact(self, target).await
    }

    /// Reads a line of up to `max` bytes, without its ending; `None` at the end of the stream.
    ///
    /// What comes after the last ending is a line too.
    ///
    /// # Errors
    ///
    /// [`PipeError::LineTooLong`] if it is longer, or longer than the buffer, where it then still is; or if the
    /// connection was lost.
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

    /// As [`read`](Self::read), for protocols that poll.
    ///
    /// # Errors
    ///
    /// If the connection was lost.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<Result<usize, PipeError>> {
        input::poll_read(self, context, target)
    }

    /// As [`fill`](Self::fill), for protocols that poll.
    ///
    /// # Errors
    ///
    /// [`PipeError::Full`] if there is no room for more, or if the connection was lost.
    pub fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        if current::coop(context).is_pending() {
            return Poll::Pending;
        }
        match self.course {
            Course::Open => {}
            Course::Ended => return Poll::Ready(Ok(0)),
            Course::Lost => return Poll::Ready(Err(PipeError::Reset)),
        }
        if self.ring.free() == 0 {
            return Poll::Ready(Err(PipeError::Full { capacity: self.ring.capacity() }));
        }
        self.poll_source(context).map(|outcome| self.account_for(outcome))
    }

    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        match &self.source {
            Source::Channel(channel) => channel.poll_receive(context, &mut self.ring),
            Source::Line(line) => {
                let polled = line.socket.poll_read(context, &mut self.ring, usize::MAX);
                if polled.is_pending() {
                    current::waits(Wait::Socket);
                }
                polled.map(|outcome| Ok(outcome?.bytes))
            }
        }
    }

    fn account_for(&mut self, outcome: Result<usize, PipeError>) -> Result<usize, PipeError> {
        match &outcome {
            Ok(0) => self.course = Course::Ended,
            Ok(bytes) => {
                input::spend(*bytes);
                if let Source::Line(line) = &self.source {
                    line.add_read(*bytes);
                }
            }
            Err(_) => self.course = Course::Lost,
        }
        outcome
    }

    /// What is buffered, in order; the second slice is empty unless it wraps around.
    #[must_use]
    pub fn buffered(&self) -> [&[u8]; 2] {
        self.ring.readable()
    }

    /// What is buffered, in one piece. It is moved together if it wraps around.
    pub fn buffered_whole(&mut self) -> &[u8] {
        self.ring.whole()
    }

    /// Takes the first `count` buffered bytes away.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        self.ring.consume(count);
    }

    pub(super) fn ring(&mut self) -> &mut ByteRing {
        &mut self.ring
    }

    pub(super) fn line(&self) -> Option<&Arc<Line>> {
        match &self.source {
            Source::Channel(_) => None,
            Source::Line(line) => Some(line),
        }
    }

    /// How much can be buffered.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// The memory of the buffer now.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.ring.allocated_bytes()
    }

    /// Whether the stream has ended, and all of it was read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.course == Course::Ended && self.ring.is_empty()
    }
}

impl Input for Reader {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        Self::poll_fill(self, context)
    }

    fn buffer(&mut self) -> &mut ByteRing {
        &mut self.ring
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Source::Channel(channel) = &self.source {
            channel.close_reader();
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("course", &self.course)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}
