//! [`Writer`]: appends records to the last segment, in pieces worth a system call.
//!
//! Records gather in `pending`; what is being written stays readable in `flight` until it is in the file. Two locks,
//! always taken in this order: `io` is held while the medium works, `tail` only to copy bytes and numbers. So a reader
//! of the newest blobs, and a writer whose record fits the buffer, never waits for the medium; and those who wait for
//! `io` in order to sync find, when they get it, that the one before them has synced for all: that is group commit.
//!
//! A write that fails for want of room has changed nothing that counts, and is tried again by the next one. After any
//! other failure nobody knows what is on the medium: the writer stops, for good.

mod tail;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::checkpoint::Position;
use super::config::DiskConfig;
use super::record::{Header, record_bytes};
use super::segment::{Segment, Segments, check_number, is_full, segment_name};
use crate::BlobError;
use crate::medium::{Medium, MediumFile};
use tail::Tail;

/// Appends records.
#[derive(Debug)]
pub(crate) struct Writer<F> {
    io: Mutex<Io<F>>,
    tail: Mutex<Tail<F>>,
    /// How much of what was appended is durable, counted as in [`Tail::appended`].
    synced: AtomicU64,
    stopped: OnceLock<String>,
    buffer_bytes: usize,
    direct_bytes: usize,
    segment_bytes: u64,
    unsynced_segments_max: usize,
}

/// What is to be made durable.
#[derive(Debug)]
struct Io<F> {
    unsynced: Vec<Arc<Segment<F>>>,
    directory_changed: bool,
}

/// Where a record was put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

/// What a writer works on.
pub(crate) struct Ground<'a, M: Medium> {
    pub(crate) medium: &'a M,
    pub(crate) segments: &'a Segments<M::File>,
}

impl<F: MediumFile> Writer<F> {
    /// A writer that goes on at the end of this segment.
    pub(crate) fn new(config: &DiskConfig, segment: Arc<Segment<F>>) -> Self {
        let base = segment.written();
        Self {
            io: Mutex::new(Io {
                unsynced: Vec::new(),
                // A process that was killed may have left a segment that no directory sync covers.
                directory_changed: true,
            }),
            tail: Mutex::new(Tail::new(segment, base, config.buffer_bytes)),
            synced: AtomicU64::new(0),
            stopped: OnceLock::new(),
            buffer_bytes: config.buffer_bytes,
            direct_bytes: config.direct_bytes,
            segment_bytes: config.segment_bytes,
            unsynced_segments_max: config.unsynced_segments_max,
        }
    }

    /// Appends a record, unless `publish` finds it unnecessary. It is asked where the record is going to be, under a
    /// lock that makes asking and appending one step, and says whether it made that known.
    pub(crate) fn append<M: Medium<File = F>>(
        &self,
        ground: &Ground<'_, M>,
        header: &Header,
        stored: &[u8],
        mut publish: impl FnMut(Place) -> bool,
    ) -> Result<(), BlobError> {
        if stored.len() >= self.direct_bytes {
            return self.append_direct(ground, header, stored, publish);
        }
        let bytes = record_bytes(header.stored) as usize;
        loop {
            self.check()?;
            let mut tail = self.tail.lock();
            if tail.fits(bytes as u64, self.segment_bytes) && tail.pending.len() + bytes <= self.buffer_bytes
            {
                if publish(tail.next_place()) {
                    tail.push(header, stored);
                }
                return Ok(());
            }
            let is_segment_full = !tail.fits(bytes as u64, self.segment_bytes);
            drop(tail);
            let mut io = self.io.lock();
            if is_segment_full {
                self.begin_segment(ground, &mut io, bytes as u64)?;
            } else {
                self.write_out(&mut io)?;
            }
        }
    }

    /// Appends a long record without copying it. It is published when it has been written.
    fn append_direct<M: Medium<File = F>>(
        &self,
        ground: &Ground<'_, M>,
        header: &Header,
        stored: &[u8],
        mut publish: impl FnMut(Place) -> bool,
    ) -> Result<(), BlobError> {
        let mut io = self.io.lock();
        self.check()?;
        self.begin_segment(ground, &mut io, record_bytes(header.stored))?;
        self.write_out(&mut io)?;
        let mut tail = self.tail.lock();
        let place = tail.next_place();
        let flight = tail.take_with_body(header);
        drop(tail);
        let file = &flight.segment.file;
        let written =
            file.write_at(&flight.bytes, flight.base).and_then(|()| file.write_at(stored, flight.body()));
        io.mark_unsynced(&flight.segment);
        if let Err(error) = written {
            // What others appended behind it stays where it is, so the place is filled with a gap.
            self.tail.lock().fill_gap(&flight);
            return Err(self.failed("writing a segment", error));
        }
        self.tail.lock().land(flight);
        publish(place);
        Ok(())
    }

    /// Writes what has been appended so far.
    fn write_out(&self, io: &mut Io<F>) -> Result<(), BlobError> {
        self.check()?;
        let mut tail = self.tail.lock();
        let goal = tail.appended;
        while tail.landed < goal {
            let flight = tail.take().expect("what has not landed is pending or in flight");
            drop(tail);
            io.mark_unsynced(&flight.segment);
            let written = flight.segment.file.write_at(&flight.bytes, flight.base);
            written.map_err(|error| self.failed("writing a segment", error))?;
            tail = self.tail.lock();
            tail.land(flight);
        }
        Ok(())
    }

    /// Begins a new segment, if a record of so many bytes does not fit the last one.
    fn begin_segment<M: Medium<File = F>>(
        &self,
        ground: &Ground<'_, M>,
        io: &mut Io<F>,
        bytes: u64,
    ) -> Result<(), BlobError> {
        loop {
            self.check()?;
            let mut tail = self.tail.lock();
            if tail.fits(bytes, self.segment_bytes) {
                return Ok(());
            }
            if tail.is_written() {
                let segment = self.create_segment(ground, tail.segment.number + 1)?;
                io.directory_changed = true;
                tail.begin(Arc::clone(&segment));
                ground.segments.insert(segment);
                break;
            }
            drop(tail);
            self.write_out(io)?;
        }
        if io.unsynced.len() >= self.unsynced_segments_max {
            self.sync_all(ground, io)?;
        }
        Ok(())
    }

    fn create_segment<M: Medium<File = F>>(
        &self,
        ground: &Ground<'_, M>,
        number: u32,
    ) -> Result<Arc<Segment<F>>, BlobError> {
        let file = check_number(number)
            .and_then(|()| ground.medium.create(&segment_name(number)))
            .map_err(|error| self.failed("creating a segment", error))?;
        Ok(Arc::new(Segment::new(number, file, 0)))
    }

    /// Returns when everything that was appended before is durable.
    pub(crate) fn sync<M: Medium<File = F>>(&self, ground: &Ground<'_, M>) -> Result<(), BlobError> {
        let goal = self.tail.lock().appended;
        if self.synced.load(Ordering::Acquire) >= goal {
            return self.check();
        }
        let mut io = self.io.lock();
        if self.synced.load(Ordering::Acquire) >= goal {
            return self.check();
        }
        self.sync_all(ground, &mut io)
    }

    fn sync_all<M: Medium<File = F>>(&self, ground: &Ground<'_, M>, io: &mut Io<F>) -> Result<(), BlobError> {
        let covered = self.tail.lock().appended;
        self.write_out(io)?;
        for segment in &io.unsynced {
            let synced = segment.file.sync();
            synced.map_err(|error| self.stop("syncing a segment", error))?;
        }
        if io.directory_changed {
            let synced = ground.medium.sync();
            synced.map_err(|error| self.stop("syncing the directory", error))?;
        }
        io.unsynced.clear();
        io.directory_changed = false;
        self.synced.store(covered, Ordering::Release);
        Ok(())
    }

    /// Makes everything durable and says up to where that is.
    pub(crate) fn settle<M: Medium<File = F>>(
        &self,
        ground: &Ground<'_, M>,
    ) -> Result<(Position, u64), BlobError> {
        let mut io = self.io.lock();
        loop {
            self.sync_all(ground, &mut io)?;
            let tail = self.tail.lock();
            if tail.is_written() {
                let position = Position { segment: tail.segment.number, offset: tail.base };
                return Ok((position, tail.appended));
            }
        }
    }

    /// Makes the records that follow go to a new segment.
    pub(crate) fn roll<M: Medium<File = F>>(&self, ground: &Ground<'_, M>) -> Result<u32, BlobError> {
        let mut io = self.io.lock();
        self.begin_segment(ground, &mut io, u64::MAX / 2)?;
        Ok(self.tail.lock().segment.number)
    }

    /// Copies bytes that may not be in the file yet; `false` if they are there by now.
    pub(crate) fn read_recent(&self, segment: u32, offset: u64, bytes: &mut [u8]) -> bool {
        self.tail.lock().read(segment, offset, bytes)
    }

    /// The number of the segment that is being appended to.
    pub(crate) fn segment(&self) -> u32 {
        self.tail.lock().segment.number
    }

    /// How many bytes were appended since the store was opened.
    pub(crate) fn appended(&self) -> u64 {
        self.tail.lock().appended
    }

    /// How many of them are durable.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// An error, if the writer has stopped.
    pub(crate) fn check(&self) -> Result<(), BlobError> {
        self.stopped.get().map_or(Ok(()), |reason| Err(BlobError::Stopped { reason: reason.clone() }))
    }

    /// What a failed write means: there is no room, or everything is in doubt.
    pub(crate) fn failed(&self, action: &'static str, error: io::Error) -> BlobError {
        if is_full(&error) {
            return BlobError::Full;
        }
        self.stop(action, error)
    }

    /// Takes no more writes.
    pub(crate) fn stop(&self, action: &'static str, error: io::Error) -> BlobError {
        // If two fail at once, the first one is the reason.
        let _ = self.stopped.set(format!("{action}: {error}"));
        BlobError::Io { action, source: Arc::new(error) }
    }
}

impl<F> Io<F> {
    fn mark_unsynced(&mut self, segment: &Arc<Segment<F>>) {
        if !self.unsynced.iter().any(|other| other.number == segment.number) {
            self.unsynced.push(Arc::clone(segment));
        }
    }
}
