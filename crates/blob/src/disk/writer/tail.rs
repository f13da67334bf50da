//! [`Tail`]: the end of the log, as far as it is in memory.

use std::sync::Arc;

use super::Place;
use crate::disk::record::{ALIGN, HEADER_BYTES, Header, encode_segment};
use crate::disk::segment::Segment;

/// What has been appended but may not be in the file.
#[derive(Debug)]
pub(super) struct Tail<F> {
    /// The last segment.
    pub(super) segment: Arc<Segment<F>>,
    /// Where `pending` goes in it.
    pub(super) base: u64,
    /// Whole records that nobody is writing yet.
    pub(super) pending: Vec<u8>,
    /// What is being written, or could not be.
    flight: Option<Arc<Flight<F>>>,
    /// A buffer to use again.
    spare: Vec<u8>,
    /// How many bytes were ever appended.
    pub(super) appended: u64,
    /// How many of them are in the file.
    pub(super) landed: u64,
}

/// A piece of the log on its way to the file.
#[derive(Debug)]
pub(super) struct Flight<F> {
    pub(super) segment: Arc<Segment<F>>,
    pub(super) base: u64,
    pub(super) bytes: Vec<u8>,
    /// How much follows that is written from elsewhere, or is a gap.
    body_bytes: u64,
}

impl<F> Flight<F> {
    /// Where that goes which is written from elsewhere.
    pub(super) fn body(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }
}

impl<F> Tail<F> {
    pub(super) fn new(segment: Arc<Segment<F>>, base: u64, buffer_bytes: usize) -> Self {
        let mut tail = Self {
            segment,
            base,
            pending: Vec::with_capacity(buffer_bytes),
            flight: None,
            spare: Vec::with_capacity(buffer_bytes),
            appended: 0,
            landed: 0,
        };
        if base == 0 {
            tail.begin(Arc::clone(&tail.segment));
        }
        tail
    }

    /// Goes on in a new segment.
    pub(super) fn begin(&mut self, segment: Arc<Segment<F>>) {
        assert!(self.is_written(), "what belongs to the last segment goes there first");
        self.pending.extend_from_slice(&encode_segment(segment.number));
        self.appended += HEADER_BYTES as u64;
        self.segment = segment;
        self.base = 0;
    }

    fn end(&self) -> u64 {
        self.base + self.pending.len() as u64
    }

    /// Whether the segment has room; an empty one has room for anything.
    pub(super) fn fits(&self, bytes: u64, segment_bytes: u64) -> bool {
        let end = self.end();
        end <= HEADER_BYTES as u64 || end.saturating_add(bytes) <= segment_bytes
    }

    pub(super) fn is_written(&self) -> bool {
        self.landed == self.appended
    }

    /// Where the next record goes.
    pub(super) fn next_place(&self) -> Place {
        Place { segment: self.segment.number, offset: self.end() }
    }

    pub(super) fn push(&mut self, header: &Header, stored: &[u8]) {
        let before = self.pending.len();
        self.pending.extend_from_slice(&header.encode());
        self.pending.extend_from_slice(stored);
        let padded = self.pending.len().next_multiple_of(ALIGN as usize);
        self.pending.resize(padded, 0);
        self.appended += (padded - before) as u64;
    }

    /// What is to be written next, which stays readable here until it has landed.
    pub(super) fn take(&mut self) -> Option<Arc<Flight<F>>> {
        if self.flight.is_none() && !self.pending.is_empty() {
            self.fly(0);
        }
        self.flight.clone()
    }

    /// Takes what is pending, the header of one more record, and the place of its body.
    pub(super) fn take_with_body(&mut self, header: &Header) -> Arc<Flight<F>> {
        assert!(self.flight.is_none(), "one flight at a time");
        let body_bytes = u64::from(header.stored).next_multiple_of(ALIGN);
        self.pending.extend_from_slice(&header.encode());
        self.appended += HEADER_BYTES as u64 + body_bytes;
        self.fly(body_bytes)
    }

    fn fly(&mut self, body_bytes: u64) -> Arc<Flight<F>> {
        let bytes = std::mem::replace(&mut self.pending, std::mem::take(&mut self.spare));
        let flight =
            Arc::new(Flight { segment: Arc::clone(&self.segment), base: self.base, bytes, body_bytes });
        self.base = flight.body() + body_bytes;
        self.flight = Some(Arc::clone(&flight));
        flight
    }

    /// Notes that the flight is in the file, and keeps its buffer.
    pub(super) fn land(&mut self, flight: Arc<Flight<F>>) {
        self.flight = None;
        self.landed += flight.bytes.len() as u64 + flight.body_bytes;
        flight.segment.set_written(flight.body() + flight.body_bytes);
        if let Ok(flight) = Arc::try_unwrap(flight) {
            self.spare = flight.bytes;
            self.spare.clear();
        }
    }

    /// Turns the record whose body could not be written into a gap, which is written in its place.
    pub(super) fn fill_gap(&mut self, flight: &Flight<F>) {
        let mut bytes = flight.bytes.clone();
        let header = bytes.len() - HEADER_BYTES;
        let gap = Header::gap(u32::try_from(flight.body_bytes).expect("records are below 4 GiB"));
        bytes[header..].copy_from_slice(&gap.encode());
        self.flight = Some(Arc::new(Flight {
            segment: Arc::clone(&flight.segment),
            base: flight.base,
            bytes,
            body_bytes: flight.body_bytes,
        }));
    }

    /// Copies what has not landed; `false` if it has.
    pub(super) fn read(&self, segment: u32, offset: u64, target: &mut [u8]) -> bool {
        let copy = |number: u32, base: u64, bytes: &[u8], target: &mut [u8]| {
            let start = offset.checked_sub(base).filter(|_| number == segment);
            let found = start.and_then(|start| bytes.get(start as usize..)?.get(..target.len()));
            found.map(|found| target.copy_from_slice(found)).is_some()
        };
        let in_flight = self
            .flight
            .as_ref()
            .is_some_and(|flight| copy(flight.segment.number, flight.base, &flight.bytes, target));
        in_flight || copy(self.segment.number, self.base, &self.pending, target)
    }
}
