//! [`Revocations`]: how those who keep pointers into memory learn that they must forget some.
//!
//! A *reader* is a hart, or another thread of the host that keeps pointers from one call to the next. What was granted
//! is taken back by an entry in a log, and each reader applies the entries at a moment of its choosing. Until then it
//! goes on as before, so a frame that was replaced stays *in limbo*, unchanged, until every reader has caught up.
//!
//! A reader that parks promises to follow no pointer until it has caught up again, so nobody waits for it. The log is
//! bounded: a reader that falls far behind is told to forget everything.
//!
//! The promise is kept with two sequentially consistent accesses on either side: a reader that comes back first says so and then looks
//! at the length of the log; who revokes first lengthens the log and then looks who is back. One of them sees the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::raw::{Frame, HostPage};
use super::region::Region;

/// Pointers that a reader must forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// All pointers to this page.
    Page(HostPage),
    /// All pointers to this page, and what was reserved in it: others may write it before it is granted again.
    Gone(HostPage),
    /// Those by which this page is written. It may be read as before.
    Writes(HostPage),
    /// All pointers to any page.
    Everything,
}

/// How many revocations there were when something was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

/// Who keeps pointers into memory: see [`Memory::register`](super::Memory::register).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(u32);

/// What nobody refers to any more, but somebody may still read.
#[derive(Debug)]
#[expect(dead_code, reason = "it is kept only to be dropped later")]
pub(super) enum Replaced {
    Frame(Frame),
    #[expect(clippy::vec_box, reason = "the boxes are those that the memory had")]
    Regions(Vec<Box<Region>>),
}

/// A reader's cell: how much of the log it has applied, and in the two lowest bits what it is doing.
///
/// Only the reader itself writes to it, once it is registered.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Reader(AtomicU64);

const VACANT: u64 = 0;
const PARKED: u64 = 1;
const RUNNING: u64 = 2;
const STATES: u64 = 3;

#[derive(Debug)]
pub(super) struct Revocations {
    /// The length that the log would have if nothing were dropped from it.
    head: AtomicU64,
    readers: Box<[Reader]>,
    log: Mutex<Log>,
    entries_max: usize,
}

#[derive(Debug, Default)]
struct Log {
    /// How many entries were dropped before the first one.
    first: u64,
    entries: VecDeque<Revocation>,
    limbo: VecDeque<(Revision, Replaced)>,
}

/// How many entries a reader takes over at a time.
const BATCH: usize = 32;

impl Revocations {
    pub(super) fn new(readers_max: usize, entries_max: usize) -> Self {
        Self {
            head: AtomicU64::new(0),
            readers: (0..readers_max).map(|_| Reader::default()).collect(),
            log: Mutex::default(),
            entries_max: entries_max.max(1),
        }
    }

    /// A new reader, running and up to date; `None` if there are as many as there may be.
    pub(super) fn register(&self) -> Option<ReaderId> {
        let _turn = self.log.lock();
        let vacant = self.readers.iter().position(|reader| reader.state() == VACANT)?;
        self.readers[vacant].set(self.head.load(Ordering::SeqCst), RUNNING);
        Some(ReaderId(vacant as u32))
    }

    /// Forgets a reader, which has no pointers any more.
    pub(super) fn dismiss(&self, reader: ReaderId) {
        let mut log = self.log.lock();
        self.reader(reader).set(0, VACANT);
        self.collect(&mut log);
    }

    fn reader(&self, reader: ReaderId) -> &Reader {
        let reader = &self.readers[reader.0 as usize];
        assert!(reader.state() != VACANT, "a reader is registered before it reads");
        reader
    }

    /// Tells a running reader what was revoked since it was told last.
    #[inline]
    pub(super) fn catch_up(&self, id: ReaderId, forget: &mut dyn FnMut(Revocation)) {
        let cursor = self.readers[id.0 as usize].cursor();
        if self.head.load(Ordering::SeqCst) != cursor {
            self.apply(id, forget);
        }
    }

    #[cold]
    fn apply(&self, id: ReaderId, forget: &mut dyn FnMut(Revocation)) {
        let (reader, mut batch) = (self.reader(id), [Revocation::Everything; BATCH]);
        let state = reader.state();
        let mut cursor = reader.cursor();
        loop {
            let length = self.log.lock().after(&mut cursor, &mut batch);
            batch[..length].iter().for_each(|revocation| forget(*revocation));
            reader.set(cursor, state);
            if length < BATCH {
                break;
            }
        }
        self.collect(&mut self.log.lock());
    }

    /// Says that a reader will follow no pointer until it comes back.
    pub(super) fn park(&self, id: ReaderId) {
        let reader = self.reader(id);
        reader.set(reader.cursor(), PARKED);
        if self.head.load(Ordering::SeqCst) != reader.cursor() {
            self.collect(&mut self.log.lock());
        }
    }

    /// A reader comes back, and is told what was revoked since it was told last.
    pub(super) fn unpark(&self, id: ReaderId, forget: &mut dyn FnMut(Revocation)) {
        let reader = self.reader(id);
        reader.set(reader.cursor(), RUNNING);
        self.catch_up(id, forget);
    }

    /// Takes something back.
    pub(super) fn push(&self, revocation: Revocation, replaced: Option<Replaced>) -> Revision {
        let mut log = self.log.lock();
        if revocation == Revocation::Everything || log.entries.len() >= self.entries_max {
            // Whoever has not read these is told to forget everything, which covers them.
            log.first += log.entries.len() as u64;
            log.entries.clear();
        }
        log.entries.push_back(revocation);
        let revision = Revision(log.first + log.entries.len() as u64);
        self.head.store(revision.0, Ordering::SeqCst);
        if let Some(replaced) = replaced {
            log.limbo.push_back((revision, replaced));
        }
        self.collect(&mut log);
        revision
    }

    /// The last revision.
    pub(super) fn revision(&self) -> Revision {
        Revision(self.head.load(Ordering::SeqCst))
    }

    /// Whether no running reader has anything from before this revision.
    pub(super) fn is_settled(&self, revision: Revision) -> bool {
        self.settled() >= revision
    }

    /// Whether no reader runs.
    pub(super) fn is_unread(&self) -> bool {
        self.readers.iter().all(|reader| reader.running().is_none())
    }

    fn settled(&self) -> Revision {
        let head = self.head.load(Ordering::SeqCst);
        let running = self.readers.iter().filter_map(Reader::running);
        Revision(running.fold(head, u64::min))
    }

    /// Frees what nobody reads any more.
    fn collect(&self, log: &mut Log) {
        let settled = self.settled();
        while log.limbo.front().is_some_and(|(revision, _)| *revision <= settled) {
            log.limbo.pop_front();
        }
    }

    /// Frees what nobody reads any more, because frames are short.
    pub(super) fn reclaim(&self) {
        self.collect(&mut self.log.lock());
    }
}

impl Log {
    /// Copies what comes after a cursor, and moves that; returns how much it was.
    fn after(&self, cursor: &mut u64, batch: &mut [Revocation; BATCH]) -> usize {
        let Some(skipped) = cursor.checked_sub(self.first) else {
            *cursor = self.first + self.entries.len() as u64;
            batch[0] = Revocation::Everything;
            return 1;
        };
        let length = batch
            .iter_mut()
            .zip(self.entries.range(skipped as usize..))
            .map(|(place, revocation)| *place = *revocation)
            .count();
        *cursor += length as u64;
        length
    }
}

impl Reader {
    fn cursor(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / (STATES + 1)
    }

    fn state(&self) -> u64 {
        self.0.load(Ordering::SeqCst) & STATES
    }

    fn set(&self, cursor: u64, state: u64) {
        self.0.store(cursor * (STATES + 1) + state, Ordering::SeqCst);
    }

    /// How far it is, if it runs.
    fn running(&self) -> Option<u64> {
        let cell = self.0.load(Ordering::SeqCst);
        (cell & STATES == RUNNING).then_some(cell / (STATES + 1))
    }
}
