//! The host's sockets, for whoever waits by means of a [`Waker`].
//!
//! It is *deductive*. An operation is tried first. What moved less than was asked for is known to block, without
//! asking. Only a socket that really must wait is registered, once, for both sides, edge-triggered, and never touched
//! again: a request costs a read and a write, and a poll that it shares with whatever else became ready.
//! `readiness.rs` says why no edge is lost.
//!
//! Nothing here has a thread. Whoever has nothing better to do calls [`Reactor::turn`].

mod address;
mod connect;
mod drought;
mod error;
mod listener;
mod notifier;
mod readiness;
mod slab;
mod socket;
mod source;
mod sync;
mod syscalls;

use std::io;
use std::sync::Arc;
use std::task::Waker;

use crossbeam_utils::CachePadded;
use ironloom_core::Duration;
use mio::event::Event;
use mio::{Events, Poll, Registry, Token};
use parking_lot::Mutex;

pub use address::Address;
pub use connect::Connecting;
pub use error::{AcceptError, ConnectError, ReactorError, RegisterError, SocketError};
pub use listener::Listener;
pub use notifier::Notifier;
pub use socket::Socket;
pub use syscalls::Syscalls;

use drought::Drought;
use notifier::Sleep;
use readiness::Signal;
use slab::Slab;
use syscalls::Counts;

use crate::raw;

/// The most events that a turn may be asked to fetch.
const EVENTS_MAX: usize = 1 << 16;

/// How many events ahead memory is fetched: none of what thousands of sockets have is in a cache.
const AHEAD: usize = 4;

/// The token of the notifier; no source has it.
const NOTIFICATION: Token = Token(usize::MAX);

/// The limits of a [`Reactor`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many events one turn fetches; the rest is for the next turn.
    pub events_max: usize,
    /// How many sockets and listeners may be registered at a time.
    pub sources_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { events_max: 1_024, sources_max: 1 << 20 }
    }
}

/// Hears from the host which sockets are ready, and wakes who waits for them.
///
/// Its sockets may outlive it, but nobody wakes who waits on them then.
///
/// ```
/// use std::task::{Context, Poll, Waker};
/// use ironloom_core::Duration;
/// use ironloom_sched::ByteRing;
/// use ironloom_sched::reactor::{Config, Reactor, Socket};
///
/// let reactor = Reactor::new(&Config::default())?;
/// let (near, far) = std::os::unix::net::UnixStream::pair()?;
/// let (near, far) = (Socket::from_unix(&reactor, near)?, Socket::from_unix(&reactor, far)?);
/// let mut context = Context::from_waker(Waker::noop());
///
/// let mut ring = ByteRing::new(4_096);
/// assert!(far.poll_read(&mut context, &mut ring, 100).is_pending());
/// assert!(near.poll_write_slice(&mut context, b"hello").is_ready());
/// reactor.turn(Some(Duration::from_secs(1)))?;
/// assert!(far.poll_read(&mut context, &mut ring, 100).is_ready());
/// assert_eq!(ring.readable()[0], b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reactor {
    /// What only one thread at a time may do.
    turner: Mutex<Turner>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Turner {
    poll: Poll,
    events: Events,
    /// Empty between turns; kept for its memory.
    woken: Vec<Waker>,
}

/// What a reactor shares with its sockets.
#[derive(Debug)]
struct Shared {
    registry: Registry,
    slab: Mutex<Slab>,
    waker: mio::Waker,
    drought: Drought,
    /// Written by whoever notifies, so not beside what everybody reads.
    sleep: CachePadded<Sleep>,
    /// Written with every call to the host.
    counts: CachePadded<Counts>,
}

impl Reactor {
    /// A reactor without sockets. It takes three descriptors of the host's.
    ///
    /// # Errors
    ///
    /// If a limit is zero or too high, or the host is out of descriptors.
    pub fn new(config: &Config) -> Result<Self, ReactorError> {
        check("events_max", config.events_max, EVENTS_MAX)?;
        check("sources_max", config.sources_max, Slab::PLACES_MAX)?;
        let poll = Poll::new().map_err(ReactorError::Setup)?;
        let registry = poll.registry().try_clone().map_err(ReactorError::Setup)?;
        let waker = mio::Waker::new(&registry, NOTIFICATION).map_err(ReactorError::Setup)?;
        let shared = Shared {
            registry,
            slab: Mutex::new(Slab::new(config.sources_max)),
            waker,
            sleep: CachePadded::new(Sleep::new()),
            drought: Drought::new(),
            counts: CachePadded::default(),
        };
        let turner = Turner { poll, events: Events::with_capacity(config.events_max), woken: Vec::new() };
        Ok(Self { turner: Mutex::new(turner), shared: Arc::new(shared) })
    }

    /// Asks the host once what is ready and wakes who waits for it; how many sockets that were.
    ///
    /// Sleeps until something is ready, the timeout is over or a [`Notifier`] is used; for ever without a timeout, and
    /// not at all with one of zero. The host counts in whole milliseconds, so a timeout may be up to one longer. Any
    /// turn answers the notifications before it, so look at what they are about between a turn and the next that may
    /// sleep. Waits for its turn while another thread is in one.
    ///
    /// # Errors
    ///
    /// If the host does not answer. A signal is no error, but a turn in which nothing happened.
    pub fn turn(&self, timeout: Option<Duration>) -> Result<usize, ReactorError> {
        let mut turner = self.turner.lock();
        let outcome = turner.turn(&self.shared, timeout);
        let woken = std::mem::take(&mut turner.woken);
        drop(turner);
        self.wake(woken);
        outcome
    }

    /// As [`turn`](Self::turn), but `None` at once if another thread is in one.
    ///
    /// # Errors
    ///
    /// If the host does not answer.
    pub fn try_turn(&self, timeout: Option<Duration>) -> Option<Result<usize, ReactorError>> {
        let mut turner = self.turner.try_lock()?;
        let outcome = turner.turn(&self.shared, timeout);
        let woken = std::mem::take(&mut turner.woken);
        drop(turner);
        self.wake(woken);
        Some(outcome)
    }

    /// What ends the sleep of a turn, for other threads.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        Notifier::new(self.shared())
    }

    /// How many sockets and listeners are registered now.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.shared.slab.lock().len()
    }

    /// How often the host was asked so far.
    #[must_use]
    pub fn syscalls(&self) -> Syscalls {
        self.shared.counts.snapshot()
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Wakes outside of every lock, and leaves the memory to the next turn if nobody is in one yet.
    fn wake(&self, woken: Vec<Waker>) {
        let empty = wake_all(woken);
        if let Some(mut turner) = self.turner.try_lock()
            && turner.woken.capacity() < empty.capacity()
        {
            turner.woken = empty;
        }
    }
}

impl Turner {
    fn turn(&mut self, shared: &Shared, timeout: Option<Duration>) -> Result<usize, ReactorError> {
        let may_sleep = timeout != Some(Duration::ZERO) && shared.sleep.begin();
        let timeout = if may_sleep { timeout } else { Some(Duration::ZERO) };
        shared.counts.polls.add(1);
        let outcome = self.poll.poll(&mut self.events, timeout.map(Into::into));
        shared.sleep.end();
        match outcome {
            Ok(()) => Ok(self.hand_out(shared)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(ReactorError::Poll(error)),
        }
    }

    /// Tells every socket what was heard of it.
    fn hand_out(&mut self, shared: &Shared) -> usize {
        let slab = shared.slab.lock();
        let mut count = 0;
        let mut ahead = self.events.iter().skip(AHEAD);
        for event in &self.events {
            if let Some(later) = ahead.next().and_then(|event| slab.find(event.token())) {
                raw::prefetch(&**later);
            }
            if let Some(readiness) = slab.find(event.token()) {
                readiness.raise(signal(event), &mut self.woken);
                count += 1;
            }
        }
        shared.counts.events.add(count as u64);
        count
    }
}

/// What an event says. An error and the end of both sides are something to find out by reading as well as by writing.
fn signal(event: &Event) -> Signal {
    if event.is_error() {
        return Signal::EVERYTHING;
    }
    Signal::READ
        .when(event.is_readable())
        .and(Signal::WRITE.when(event.is_writable()))
        .and(Signal::READ_CLOSED.when(event.is_read_closed()))
        .and(Signal::WRITE_CLOSED.when(event.is_write_closed()))
}

fn check(name: &'static str, value: usize, max: usize) -> Result<(), ReactorError> {
    if (1..=max).contains(&value) { Ok(()) } else { Err(ReactorError::Config { name, value, max }) }
}

/// Wakes everybody, also those behind a waker that panics; the memory that they were in.
fn wake_all(woken: Vec<Waker>) -> Vec<Waker> {
    /// Wakes whom a panic left over.
    struct Rest(Vec<Waker>);

    impl Drop for Rest {
        fn drop(&mut self) {
            while let Some(waker) = self.0.pop() {
                waker.wake();
            }
        }
    }

    let mut rest = Rest(woken);
    rest.0.reverse();
    while let Some(waker) = rest.0.pop() {
        if let Some(later) = rest.0.len().checked_sub(AHEAD).and_then(|index| rest.0.get(index)) {
            raw::prefetch_woken(later);
        }
        waker.wake();
    }
    std::mem::take(&mut rest.0)
}

#[cfg(all(test, not(loom)))] // loom's primitives work inside of its models only
mod tests;
