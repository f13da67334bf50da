//! [`Writer`]: the half of a pipe that bytes go into.

use std::{
    fmt,
    future::poll_fn,
    io::IoSlice,
    net::Shutdown,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use super::{Line, PipeError, channel::Channel, input};
use crate::{ByteRing, current, inspect::Wait};

/// The half of a pipe that bytes go into. Dropping it ends the stream; what was not flushed leaves if it can at once.
///
/// All that waits may be dropped while it does; how much of a [`write`](Self::write) was taken is then not known.
pub struct Writer {
    target: Target,
    ring: ByteRing,
    course: Course,
}

enum Target {
    Channel(Arc<Channel>),
    Line(Arc<Line>),
}

/// How the stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    /// It was ended by us.
    Closed,
    /// It goes nowhere.
    Broken,
}

impl Writer {
    pub(super) fn to_channel(channel: Arc<Channel>, capacity: usize) -> Self {
        Self::new(Target::Channel(channel), capacity)
    }

    pub(super) fn to_line(line: Arc<Line>, capacity: usize) -> Self {
        Self::new(Target::Line(line), capacity)
    }

    fn new(target: Target, capacity: usize) -> Self {
        Self { target, ring: ByteRing::new(capacity), course: Course::Open }
    }

    /// Writes all bytes. They are gathered, and leave when the ring is full or somebody [flushes](Self::flush).
    ///
    /// A process that then waits for anything but its own [`Stream`](super::Stream) flushes first, or the other end waits
    /// for it.
    ///
    /// # Errors
    ///
    /// If nobody reads any more, or the stream was ended.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), PipeError> {
        let mut written = 0;
        poll_fn(|context| {
            while written < bytes.len() {
                written += ready!(self.poll_write(context, &bytes[written..]))?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits until all that was written has left: to the host, or to where the reader finds it.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub async fn flush(&mut self) -> Result<(), PipeError> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Flushes and ends the stream, while the other direction of a connection goes on.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub async fn close(&mut self) -> Result<(), PipeError> {
        poll_fn(|context| self.poll_close(context)).await
    }

    /// Flushes, ends the stream, and waits until the reader has taken all of it.
    ///
    /// What the host's peer has taken nobody can know: with a socket it waits until the host has.
    ///
    /// # Errors
    ///
    /// If the reader went before it had taken everything.
    pub async fn hang_up(mut self) -> Result<(), PipeError> {
        self.close().await?;
        match &self.target {
            Target::Channel(channel) => poll_fn(|context| channel.poll_taken(context)).await,
            Target::Line(_) => Ok(()),
        }
    }

    /// Writes some bytes, at least one unless there are none; how many.
    ///
    /// # Errors
    ///
    /// If nobody reads any more, or the stream was ended.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PipeError>> {
        ready!(current::coop(context).map(|()| self.check()))?;
        if bytes.len() > self.ring.free()
            && let Target::Line(_) = self.target
        {
            match self.poll_beside(context, bytes) {
                Poll::Ready(Ok(0)) | Poll::Pending => {} // there may be room now, or still some
                outcome => return outcome,
            }
        }
        if self.ring.free() == 0 && !bytes.is_empty() {
            ready!(self.poll_drain(context))?;
        }
        Poll::Ready(Ok(self.ring.write(bytes)))
    }

    /// As [`flush`](Self::flush), for protocols that poll.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PipeError>> {
        while !self.ring.is_empty() {
            if current::coop(context).is_pending() {
                return Poll::Pending;
            }
            ready!(self.poll_drain(context))?;
        }
        Poll::Ready(if self.course == Course::Broken { Err(PipeError::Broken) } else { Ok(()) })
    }

    /// As [`close`](Self::close), for protocols that poll.
    ///
    /// # Errors
    ///
    /// If nobody reads any more.
    pub fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PipeError>> {
        ready!(self.poll_flush(context))?;
        Poll::Ready(self.end())
    }

    /// Waits until at least one byte can be gathered.
    pub(super) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PipeError>> {
        ready!(current::coop(context).map(|()| self.check()))?;
        while self.ring.free() == 0 {
            ready!(self.poll_drain(context))?;
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn ring(&mut self) -> &mut ByteRing {
        &mut self.ring
    }

    /// How much is gathered and has not left.
    #[must_use]
    pub fn gathered(&self) -> usize {
        self.ring.len()
    }

    /// How much can be gathered.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// The memory of what is gathered.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.ring.allocated_bytes()
    }

    fn check(&self) -> Result<(), PipeError> {
        match self.course {
            Course::Open => Ok(()),
            Course::Closed => Err(PipeError::Closed),
            Course::Broken => Err(PipeError::Broken),
        }
    }

    /// Lets some of what is gathered leave.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>> {
        let polled = match &self.target {
            Target::Channel(channel) => channel.poll_send(context, &mut self.ring),
            Target::Line(line) => {
                line.socket.poll_write(context, &mut self.ring, usize::MAX).map(|outcome| Ok(outcome?.bytes))
            }
        };
        self.account_for(polled)
    }

    /// Has the host take what is gathered and then `bytes`, in one call; how much of `bytes` it took.
    fn poll_beside(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PipeError>> {
        let Target::Line(line) = &self.target else { return Poll::Ready(Ok(0)) };
        let [first, second] = self.ring.readable();
        let pieces = [first, second, bytes].map(IoSlice::new);
        let polled = line.socket.poll_write_vectored(context, &pieces).map_err(PipeError::from);
        let taken = ready!(self.account_for(polled))?;
        let gathered = taken.min(self.ring.len());
        self.ring.consume(gathered);
        Poll::Ready(Ok(taken - gathered))
    }

    fn account_for(&mut self, polled: Poll<Result<usize, PipeError>>) -> Poll<Result<usize, PipeError>> {
        match &polled {
            Poll::Pending if matches!(self.target, Target::Line(_)) => current::waits(Wait::Socket),
            Poll::Pending => {}
            Poll::Ready(Ok(bytes)) => {
                input::spend(*bytes);
                if let Target::Line(line) = &self.target {
                    line.add_written(*bytes);
                }
            }
            Poll::Ready(Err(_)) => {
                self.course = Course::Broken;
                self.ring.clear();
            }
        }
        polled
    }

    /// Ends the stream now.
    fn end(&mut self) -> Result<(), PipeError> {
        if self.course != Course::Open {
            return Ok(());
        }
        self.course = Course::Closed;
        match &self.target {
            Target::Channel(channel) => channel.close_writer(),
            Target::Line(line) => line.socket.shutdown(Shutdown::Write)?,
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ring.is_empty() {
            let mut context = Context::from_waker(Waker::noop());
            let _ = self.poll_drain(&mut context); // more than this cannot be done here
        }
        match &self.target {
            // Nobody else has the socket: closing it says the same.
            Target::Line(line) if Arc::strong_count(line) == 1 => {}
            _ => {
                let _ = self.end(); // if the connection was lost, the peer knows
            }
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("course", &self.course)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}
