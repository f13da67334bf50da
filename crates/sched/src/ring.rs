//! [`ByteRing`]: a bounded ring of bytes that has no memory while it is empty.
//!
//! A pipe or a socket owns one for each direction. The memory comes with the first byte, doubles as long as more is
//! needed, up to the capacity, and goes with the last byte: a connection that says nothing costs the size of this type.
//!
//! ```text
//! bytes   [ d e f . . . . . a b c ]     head: where `a` is
//!           second ^         ^ first     len: 6
//! ```
//!
//! Readers and writers see at most two slices, first and second, and hand both to one vectored system call.

mod spare;

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem;

use memchr::memchr;

/// The memory that a ring begins with, unless its capacity is smaller: most requests fit.
const START_BYTES: usize = 1024;

/// The largest capacity that there may be: positions are kept in 32 bits.
const CAPACITY_MAX: usize = 1 << 31;

/// A bounded queue of bytes.
///
/// ```
/// use ironloom_sched::ByteRing;
///
/// let mut ring = ByteRing::new(4_096);
/// assert_eq!(ring.write(b"one\ntwo\n"), 8);
/// assert_eq!(ring.find(b'\n', 0), Some(3));
/// let mut line = [0; 4];
/// assert_eq!(ring.read(&mut line), 4);
/// assert_eq!(&line, b"one\n");
/// ring.consume(4);
/// assert_eq!(ring.allocated_bytes(), 0); // an empty ring has no memory
/// ```
pub struct ByteRing {
    /// The memory: nothing, or from `START_BYTES` to `capacity`.
    bytes: Box<[u8]>,
    /// Where the first byte is. Below `bytes.len()`, or zero.
    head: u32,
    /// How many bytes there are.
    len: u32,
    /// How many there may be.
    capacity: u32,
    /// How much memory to begin with the next time: what the last reads from a socket filled.
    start: u32,
}

/// What one system call moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a short move is what says that the other side is exhausted"]
pub struct Moved {
    /// How many bytes.
    pub bytes: usize,
    /// Whether it was less than was asked for. Nothing at all and short is the end of the stream.
    pub short: bool,
}

impl Moved {
    /// Whether the stream ended: something was asked for, and there is nothing, and never will be.
    #[must_use]
    pub const fn is_end(self) -> bool {
        self.bytes == 0 && self.short
    }
}

impl ByteRing {
    /// An empty ring for up to `capacity` bytes.
    ///
    /// # Panics
    ///
    /// If the capacity is zero or above 2 GiB.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!((1..=CAPACITY_MAX).contains(&capacity), "no ring holds {capacity} bytes");
        let start = START_BYTES.min(capacity);
        Self { bytes: Box::default(), head: 0, len: 0, capacity: narrow(capacity), start: narrow(start) }
    }

    /// How many bytes are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes may be in it.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// How many bytes may still be written.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.capacity() - self.len()
    }

    /// How much memory it holds now, beside itself.
    #[must_use]
    pub const fn allocated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends as much of `source` as there is room for; how much that was.
    pub fn write(&mut self, source: &[u8]) -> usize {
        let count = source.len().min(self.free());
        self.reserve(count);
        let [first, second] = self.spare(count);
        let (front, back) = source[..count].split_at(first.len());
        first.copy_from_slice(front);
        second.copy_from_slice(back);
        self.commit(count);
        count
    }

    /// Takes as many bytes as there are and `target` holds; how many that was.
    pub fn read(&mut self, target: &mut [u8]) -> usize {
        let count = self.peek(target);
        self.consume(count);
        count
    }

    /// Copies the first bytes without taking them; how many that was.
    pub fn peek(&self, target: &mut [u8]) -> usize {
        let count = target.len().min(self.len());
        let [first, second] = self.readable_up_to(count);
        let (front, back) = target[..count].split_at_mut(first.len());
        front.copy_from_slice(first);
        back.copy_from_slice(second);
        count
    }

    /// Everything that is in it, in order; the second slice is empty unless the content wraps around.
    #[must_use]
    pub fn readable(&self) -> [&[u8]; 2] {
        self.readable_up_to(self.len())
    }

    /// Everything that is in it, in one piece. What wraps around is laid out anew first.
    pub fn whole(&mut self) -> &[u8] {
        if self.head as usize + self.len() > self.bytes.len() {
            self.reallocate(self.bytes.len());
        }
        self.readable()[0]
    }

    /// Takes the first `count` bytes away.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "{count} bytes consumed where there are {}", self.len);
        self.head = narrow(self.wrap(self.head as usize + count));
        self.len -= narrow(count);
        self.release_if_empty();
    }

    /// Forgets everything that is in it.
    pub fn clear(&mut self) {
        self.consume(self.len());
    }

    /// Where the first `byte` is, counted from the first byte in the ring; looks from `from` onward.
    #[must_use]
    pub fn find(&self, byte: u8, from: usize) -> Option<usize> {
        let [first, second] = self.readable();
        if let Some(front) = first.get(from..)
            && let Some(at) = memchr(byte, front)
        {
            return Some(from + at);
        }
        let skipped = from.saturating_sub(first.len());
        let at = memchr(byte, second.get(skipped..)?)?;
        Some(first.len() + skipped + at)
    }

    /// Appends up to `max` bytes that one read of `source` gives.
    ///
    /// Asks for as much as the last reads suggest, so a busy stream is read in large pieces and a quiet one in small.
    /// Without room, or with a `max` of zero, nothing is read, and that is not short.
    ///
    /// # Errors
    ///
    /// What the source says; the ring is as it was then.
    ///
    /// # Panics
    ///
    /// If the source says that it read more than it was given room for.
    pub fn fill_from(&mut self, source: &mut impl Read, max: usize) -> io::Result<Moved> {
        let wanted = max.min(self.free());
        if wanted == 0 {
            return Ok(Moved { bytes: 0, short: false });
        }
        self.reserve(wanted.min(self.start as usize));
        let asked = wanted.min(self.bytes.len() - self.len());
        let outcome = match self.spare(asked) {
            [first, []] => source.read(first),
            [first, second] => source.read_vectored(&mut [IoSliceMut::new(first), IoSliceMut::new(second)]),
        };
        if let Ok(bytes) = outcome {
            assert!(bytes <= asked, "a source read {bytes} bytes into room for {asked}");
            self.commit(bytes);
            self.learn(bytes, asked);
        }
        self.release_if_empty();
        outcome.map(|bytes| Moved { bytes, short: bytes < asked })
    }

    /// Takes away up to `max` bytes that one write to `target` accepts.
    ///
    /// # Errors
    ///
    /// What the target says; the ring is as it was then.
    ///
    /// # Panics
    ///
    /// If the target says that it wrote more than it was given.
    pub fn drain_to(&mut self, target: &mut impl Write, max: usize) -> io::Result<Moved> {
        let asked = max.min(self.len());
        if asked == 0 {
            return Ok(Moved { bytes: 0, short: false });
        }
        let bytes = match self.readable_up_to(asked) {
            [first, []] => target.write(first)?,
            [first, second] => target.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?,
        };
        assert!(bytes <= asked, "a target wrote {bytes} bytes of {asked}");
        self.consume(bytes);
        Ok(Moved { bytes, short: bytes < asked })
    }

    /// Moves up to `max` bytes to another ring, as many as it has room for; how many that was.
    ///
    /// Where all of it goes to an empty ring, the memory changes hands and no byte is copied.
    pub fn move_to(&mut self, other: &mut Self, max: usize) -> usize {
        if other.is_empty() && self.len() <= max && self.bytes.len() <= other.capacity() {
            mem::swap(&mut self.bytes, &mut other.bytes);
            mem::swap(&mut self.head, &mut other.head);
            mem::swap(&mut self.len, &mut other.len);
            return other.len();
        }
        let count = max.min(self.len()).min(other.free());
        other.reserve(count);
        for part in self.readable_up_to(count) {
            other.write(part);
        }
        self.consume(count);
        count
    }

    /// Gives memory back that a burst needed and what is left does not: for an owner who will wait for long.
    pub fn shrink(&mut self) {
        let enough = self.len().next_power_of_two().clamp(START_BYTES, CAPACITY_MAX).min(self.capacity());
        self.start = self.start.min(narrow(enough));
        if enough < self.bytes.len() {
            self.reallocate(enough);
        }
    }

    fn readable_up_to(&self, count: usize) -> [&[u8]; 2] {
        let head = self.head as usize;
        let first = count.min(self.bytes.len() - head);
        [&self.bytes[head..head + first], &self.bytes[..count - first]]
    }

    /// The first `count` bytes of memory that hold nothing; there must be so many.
    fn spare(&mut self, count: usize) -> [&mut [u8]; 2] {
        let head = self.head as usize;
        let tail = self.wrap(head + self.len());
        if tail < head {
            return [&mut self.bytes[tail..tail + count], &mut []];
        }
        let (front, back) = self.bytes.split_at_mut(tail);
        let first = count.min(back.len());
        [&mut back[..first], &mut front[..count - first]]
    }

    fn commit(&mut self, count: usize) {
        debug_assert!(self.len() + count <= self.bytes.len());
        self.len += narrow(count);
    }

    /// Sees to it that `count` more bytes fit into the memory.
    fn reserve(&mut self, count: usize) {
        let needed = self.len() + count;
        debug_assert!(needed <= self.capacity());
        if needed > self.bytes.len() {
            let doubled = needed.next_power_of_two().max(self.start as usize);
            self.reallocate(doubled.min(self.capacity()));
        }
    }

    fn reallocate(&mut self, size: usize) {
        let mut bytes = spare::take(size);
        self.peek(&mut bytes);
        spare::give(mem::replace(&mut self.bytes, bytes));
        self.head = 0;
    }

    fn release_if_empty(&mut self) {
        if self.len == 0 {
            spare::give(mem::take(&mut self.bytes));
            self.head = 0;
        }
    }

    /// Reads that fill their room get twice as much the next time; those that fill a quarter get half.
    fn learn(&mut self, bytes: usize, asked: usize) {
        let start = self.start as usize;
        if bytes == asked && asked >= start {
            self.start = narrow((2 * start).min(self.capacity()));
        } else if bytes < start / 4 {
            self.start = narrow((start / 2).max(START_BYTES.min(self.capacity())));
        }
    }

    const fn wrap(&self, position: usize) -> usize {
        if position >= self.bytes.len() { position - self.bytes.len() } else { position }
    }
}

impl fmt::Debug for ByteRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteRing")
            .field("len", &self.len)
            .field("capacity", &self.capacity)
            .field("allocated_bytes", &self.bytes.len())
            .finish()
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("no ring is larger than CAPACITY_MAX")
}

#[cfg(test)]
mod tests;
