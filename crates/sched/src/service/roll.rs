//! [`Roll`]: the connections of a service, and what became of those that are gone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use ironloom_core::Instant;
use parking_lot::Mutex;

use super::{ServiceConfig, ServiceCounts, TimedOut};
use crate::{ProcessRef, pipe::Line};

/// Who is connected.
#[derive(Default)]
pub(super) struct Roll {
    present: Mutex<Present>,
    pub(super) tally: Tally,
}

/// What happened how often.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) starved: AtomicU64,
    pub(super) silent: AtomicU64,
    pub(super) idle: AtomicU64,
}

#[derive(Default)]
struct Present {
    connections: BTreeMap<u64, Connection>,
    next: u64,
    /// Who waits until nobody is left.
    waiting: Option<Waker>,
}

/// One connection, as the acceptor sees it.
struct Connection {
    process: ProcessRef,
    line: Weak<Line>,
    /// What had gone over it when something last did.
    bytes: u64,
    /// When that was noticed.
    since: Instant,
    /// Whether it was ended for its silence, and has not gone yet.
    ended: bool,
}

/// A connection's place on the roll, until this is dropped.
pub(super) struct Place {
    roll: Arc<Roll>,
    number: u64,
}

impl Roll {
    /// Enters a connection.
    pub(super) fn enter(self: &Arc<Self>, process: ProcessRef, line: Weak<Line>, now: Instant) -> Place {
        let mut present = self.present.lock();
        let number = present.next;
        present.next += 1;
        present.connections.insert(number, Connection { process, line, bytes: 0, since: now, ended: false });
        Place { roll: Arc::clone(self), number }
    }

    pub(super) fn len(&self) -> usize {
        self.present.lock().connections.len()
    }

    pub(super) fn processes(&self) -> Vec<ProcessRef> {
        self.present.lock().connections.values().map(|connection| connection.process.clone()).collect()
    }

    /// Ready when nobody is left.
    pub(super) fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut present = self.present.lock();
        if present.connections.is_empty() {
            return Poll::Ready(());
        }
        let old = present.waiting.replace(waker);
        drop(present);
        drop(old);
        Poll::Pending
    }

    /// Those that have been silent for longer than they may; each once.
    pub(super) fn overdue(&self, config: &ServiceConfig, now: Instant) -> Vec<(ProcessRef, TimedOut)> {
        let mut present = self.present.lock();
        let overdue = present.connections.values_mut().filter_map(|connection| {
            let reason = connection.look(config, now).filter(|_| !connection.ended)?;
            connection.ended = true;
            Some((connection.process.clone(), reason))
        });
        overdue.collect()
    }

    pub(super) fn counts(&self) -> ServiceCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ServiceCounts {
            accepted: read(&self.tally.accepted),
            refused: read(&self.tally.refused),
            lost: read(&self.tally.lost),
            starved: read(&self.tally.starved),
            silent: read(&self.tally.silent),
            idle: read(&self.tally.idle),
            active: self.len(),
        }
    }
}

impl Tally {
    pub(super) fn count(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connection {
    fn look(&mut self, config: &ServiceConfig, now: Instant) -> Option<TimedOut> {
        let line = self.line.upgrade();
        let bytes = line.as_ref().map_or(self.bytes, |line| line.total());
        if bytes != self.bytes {
            (self.bytes, self.since) = (bytes, now);
            return None;
        }
        let silence = now.saturating_since(self.since);
        let is_silent = line.is_some_and(|line| line.read() == 0);
        match (config.first_byte_within, config.idle_after) {
            (Some(limit), _) if is_silent && silence >= limit => Some(TimedOut::Silent(limit)),
            (_, Some(limit)) if silence >= limit => Some(TimedOut::Idle(limit)),
            _ => None,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.roll.present.lock();
        let gone = present.connections.remove(&self.number);
        let waiting = if present.connections.is_empty() { present.waiting.take() } else { None };
        drop(present);
        drop(gone);
        waiting.into_iter().for_each(Waker::wake);
    }
}
