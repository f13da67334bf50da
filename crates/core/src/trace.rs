//! [`Trace`]: what a simulation did, in one number; and where two simulations parted.
//!
//! A simulation records its events in a trace. The trace keeps a running digest, so comparing two runs is comparing
//! two numbers. Where they differ, [`first_difference`] runs both again, looking closer each time, and names the first
//! event that is not the same.

mod difference;
mod digest;
mod probe;

use std::fmt;
use std::io;

use borsh::BorshSerialize;
use xxhash_rust::xxh3::Xxh3Default;

use crate::Instant;
use probe::Probe;

pub use difference::{Difference, Unrepeatable, first_difference};
pub use digest::{Digest, DigestParseError};

/// The running digest of everything that happened.
///
/// Two traces have the same [`digest`](Trace::digest) if the same events were recorded in the same order, on any
/// platform and in any release: the digest is XXH3-128 over the encoding in `docs/core.md`.
/// It tells accidents apart, not forgeries.
///
/// ```
/// use ironloom_core::{Instant, Trace};
///
/// let mut trace = Trace::new();
/// trace.record(Instant::ZERO, "boot", &("web-1", 4u32));
/// trace.record(Instant::from_nanos(80), "exit", &0u8);
/// assert_eq!(trace.digest().to_string(), "3b673df53bebd5fd49c4ffc0013cc009");
/// ```
#[derive(Clone)]
pub struct Trace {
    hash: Xxh3Default,
    events: u64,
    /// Where the debug mode keeps what it saw; `None` in the fast mode.
    probe: Option<Box<Probe>>,
}

/// One recorded event, as the debug mode shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// How many events came before it.
    pub index: u64,
    /// When it happened.
    pub at: Instant,
    /// What kind of thing it was.
    pub label: &'static str,
    /// The details, as their `Debug` shows them, cut to a length that a person can read.
    pub details: String,
    /// The digest after it.
    pub digest: Digest,
}

impl Trace {
    /// A trace in which nothing happened.
    #[must_use]
    pub fn new() -> Self {
        Self { hash: Xxh3Default::new(), events: 0, probe: None }
    }

    fn probing(probe: Probe) -> Self {
        Self { probe: Some(Box::new(probe)), ..Self::new() }
    }

    /// Records an event.
    ///
    /// # Panics
    ///
    /// If `details` refuse to be encoded. Nothing that derives its encoding does.
    #[inline]
    pub fn record<T: BorshSerialize + fmt::Debug>(&mut self, at: Instant, label: &'static str, details: &T) {
        let mut feed = Feed { hash: &mut self.hash, bytes: 0 };
        (at, label, details).serialize(&mut feed).expect("a hash takes any bytes");
        // The length behind the event keeps two events from looking like one.
        let bytes = feed.bytes;
        self.hash.update(&bytes.to_le_bytes());
        self.events += 1;
        if let Some(probe) = &mut self.probe {
            probe.observe(self.events, self.hash.digest128(), || (at, label, probe::brief(details)));
        }
    }

    /// The digest of all events so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::new(self.hash.digest128())
    }

    /// How many events were recorded.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({} events, {})", self.events, self.digest())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} at {}: {} {}", self.index, self.at, self.label, self.details)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Lets borsh write straight into the hash.
struct Feed<'a> {
    hash: &'a mut Xxh3Default,
    bytes: u64,
}

impl io::Write for Feed<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
