//! [`Source`]: a socket that is tried first, and watched only once it has to wait.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use mio::unix::SourceFd;
use mio::{Interest, Token};
use parking_lot::Mutex;

use super::Shared;
use super::error::RegisterError;
use super::readiness::{Readiness, Side, Spent};
use super::syscalls::Count;

/// Something of the host's with a descriptor that does not block.
///
/// It is registered when it must wait for the first time, for both sides at once, and stays so. Dropping it
/// deregisters it, closes it, and tells listeners that thirst for descriptors, in this order.
#[derive(Debug)]
pub(super) struct Source<S: AsRawFd> {
    pub(super) readiness: Arc<Readiness>,
    /// Whether there is a token: read without the lock.
    is_registered: AtomicBool,
    token: Mutex<Option<Token>>,
    pub(super) io: S,
    /// Dropped after `io`: the descriptor is free again.
    closed: Closed,
}

/// Says that a descriptor is free again.
#[derive(Debug)]
struct Closed(Arc<Shared>);

/// How an attempt went that did not fail.
pub(super) enum Attempt<T> {
    /// It did all that was asked.
    Full(T),
    /// It did less, so there is no more to be had now.
    Short(T),
}

impl<S: AsRawFd> Source<S> {
    pub(super) fn new(shared: Arc<Shared>, io: S) -> Self {
        Self {
            readiness: Arc::new(Readiness::new()),
            is_registered: AtomicBool::new(false),
            token: Mutex::new(None),
            io,
            closed: Closed(shared),
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.closed.0
    }

    /// Tries until it works, fails or would block; then the task is woken when it is worth another try.
    ///
    /// Goes around only as often as the reactor heard of something new, or a signal came between.
    pub(super) fn poll<T>(
        &self,
        context: &Context<'_>,
        side: Side,
        count: &Count,
        mut attempt: impl FnMut(&S) -> io::Result<Attempt<T>>,
    ) -> Poll<Result<io::Result<T>, RegisterError>> {
        loop {
            let seen = self.readiness.glance();
            if !seen.is_ready(side) {
                ready!(self.wait(context, side))?;
                continue;
            }
            count.add(1);
            let error = match attempt(&self.io) {
                Ok(Attempt::Full(value)) => return Poll::Ready(Ok(Ok(value))),
                Ok(Attempt::Short(value)) => {
                    self.readiness.spend(side, seen, Spent::Short);
                    return Poll::Ready(Ok(Ok(value)));
                }
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::WouldBlock => {
                    self.shared().counts.would_blocks.add(1);
                    self.readiness.spend(side, seen, Spent::Refused);
                }
                io::ErrorKind::Interrupted => {}
                _ => return Poll::Ready(Ok(Err(error))),
            }
        }
    }

    /// Leaves the waker; ready if the side became so meanwhile.
    pub(super) fn wait(&self, context: &Context<'_>, side: Side) -> Poll<Result<(), RegisterError>> {
        if self.readiness.wait(side, context.waker()) {
            return Poll::Ready(Ok(()));
        }
        if !self.is_registered.load(Ordering::Acquire) {
            // The host tells at once of what is ready already, so nothing is missed that came before.
            self.register()?;
        }
        Poll::Pending
    }

    #[cold]
    fn register(&self) -> Result<(), RegisterError> {
        let mut token = self.token.lock();
        if token.is_some() {
            return Ok(());
        }
        let shared = self.shared();
        let taken = shared.slab.lock().insert(Arc::clone(&self.readiness))?;
        shared.counts.registrations.add(1);
        let interest = Interest::READABLE.add(Interest::WRITABLE);
        if let Err(error) = shared.registry.register(&mut SourceFd(&self.descriptor()), taken, interest) {
            let removed = shared.slab.lock().remove(taken);
            drop(removed);
            return Err(RegisterError::Host(error));
        }
        *token = Some(taken);
        self.is_registered.store(true, Ordering::Release);
        Ok(())
    }

    fn descriptor(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl<S: AsRawFd> Drop for Source<S> {
    fn drop(&mut self) {
        let Some(token) = self.token.get_mut().take() else {
            return;
        };
        let (shared, descriptor) = (self.shared(), self.descriptor());
        shared.counts.registrations.add(1);
        // It is closed next, which deregisters it whatever the host says here.
        let _ = shared.registry.deregister(&mut SourceFd(&descriptor));
        let removed = shared.slab.lock().remove(token);
        drop(removed);
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.drought.end();
    }
}
