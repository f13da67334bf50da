//! [`Pipe`]: bytes from those who write to those who read.
//!
//! Its rules are POSIX's: what is written in one piece of at most [`Pipe::ATOMIC_BYTES`] is never mixed with what
//! others write, reading ends when nobody is left to write, and writing fails when nobody is left to read. It holds
//! memory only while it holds bytes.

use std::collections::VecDeque;

use super::{Errno, Ready};

#[cfg(test)]
mod tests;

/// A bounded stream of bytes between processes.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::{Errno, Pipe};
///
/// let mut pipe = Pipe::new();
/// assert_eq!(pipe.read(100), Err(Errno::Again));
/// let (written, ready) = pipe.write(b"one\ntwo")?;
/// assert!(written == 7 && ready.is_readable());
/// assert_eq!(pipe.read_line(100)?.0, b"one\n");
/// let _ready = pipe.close_writer();
/// assert_eq!(pipe.read(100)?.0, b"two");
/// assert_eq!(pipe.read(100)?.0, b"", "nobody is left to write");
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug)]
pub struct Pipe {
    held: VecDeque<u8>,
    /// How many of the bytes held are known to have no end of a line among them.
    searched: u32,
    readers: u32,
    writers: u32,
}

impl Pipe {
    /// How much it holds.
    pub const BYTES_MAX: usize = 64 * 1024;
    /// Up to how much is written as a whole or not at all.
    pub const ATOMIC_BYTES: usize = 4096;

    /// An empty one with one reader and one writer.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: VecDeque::new(), searched: 0, readers: 1, writers: 1 }
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How many bytes it has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        Self::BYTES_MAX - self.held.len()
    }

    /// Whether there is nothing to read and never will be.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.held.is_empty() && self.writers == 0
    }

    /// What would not have to wait now.
    pub fn ready(&self) -> Ready {
        let mut ready = Ready::NONE;
        if !self.held.is_empty() || self.writers == 0 {
            ready |= Ready::READABLE;
        }
        if self.room() >= Self::ATOMIC_BYTES || self.readers == 0 {
            ready |= Ready::WRITABLE;
        }
        ready
    }

    /// One more that reads.
    pub const fn add_reader(&mut self) {
        self.readers = self.readers.saturating_add(1);
    }

    /// One more that writes.
    pub const fn add_writer(&mut self) {
        self.writers = self.writers.saturating_add(1);
    }

    /// One less that reads. After the last one what is held is dropped, and writing fails.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn close_reader(&mut self) -> Ready {
        assert!(self.readers > 0, "every reader closes once");
        self.readers -= 1;
        if self.readers > 0 {
            return Ready::NONE;
        }
        self.held = VecDeque::new();
        self.searched = 0;
        Ready::WRITABLE
    }

    /// One less that writes. After the last one, reading ends with what is held.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn close_writer(&mut self) -> Ready {
        assert!(self.writers > 0, "every writer closes once");
        self.writers -= 1;
        if self.writers == 0 { Ready::READABLE } else { Ready::NONE }
    }

    /// Whether nobody holds an end of it.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.readers == 0 && self.writers == 0
    }

    /// What there is, at most `max` bytes. No bytes means the end.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if there is nothing yet.
    pub fn read(&mut self, max: usize) -> Result<(Vec<u8>, Ready), Errno> {
        if self.held.is_empty() && self.writers > 0 && max > 0 {
            return Err(Errno::Again);
        }
        Ok(self.take(max))
    }

    /// A line with its end, at most `max` bytes. No bytes means the end.
    ///
    /// It is less than a line, for the caller to put together, when the pipe has no room for the rest of it, and after
    /// the last writer.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if no line has arrived yet.
    pub fn read_line(&mut self, max: usize) -> Result<(Vec<u8>, Ready), Errno> {
        let end = self.line_end();
        let is_all_there_is = self.writers == 0 || self.room() < Self::ATOMIC_BYTES;
        match end {
            Some(end) => Ok(self.take(end.min(max))),
            None if is_all_there_is || self.held.len() >= max => Ok(self.take(max)),
            None => Err(Errno::Again),
        }
    }

    /// Writes as much as there is room for, and says how much that was; what is short is written whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Errno::BrokenPipe`] if nobody will read it, [`Errno::Again`] if there is no room yet.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(usize, Ready), Errno> {
        if self.readers == 0 {
            return Err(Errno::BrokenPipe);
        }
        let room = self.room();
        let is_whole = bytes.len() <= Self::ATOMIC_BYTES;
        if bytes.is_empty() {
            return Ok((0, Ready::NONE));
        } else if room == 0 || (is_whole && bytes.len() > room) {
            return Err(Errno::Again);
        }
        let written = bytes.len().min(room);
        self.held.extend(&bytes[..written]);
        Ok((written, Ready::READABLE))
    }

    /// Takes bytes from the front, and gives the memory back when nothing is left.
    fn take(&mut self, max: usize) -> (Vec<u8>, Ready) {
        // Whoever waits for room was refused with less than an atomic write's room.
        let was_short = self.room() < Self::ATOMIC_BYTES;
        let count = max.min(self.held.len());
        let taken = if count == self.held.len() {
            Vec::from(std::mem::take(&mut self.held))
        } else {
            self.held.drain(..count).collect()
        };
        self.searched = self.searched.saturating_sub(count as u32);
        let ready = if was_short && count > 0 { Ready::WRITABLE } else { Ready::NONE };
        (taken, ready)
    }

    /// How many bytes the first line has with its end, if that is there. No byte is looked at twice.
    fn line_end(&mut self) -> Option<usize> {
        let from = self.searched as usize;
        let found = self.held.range(from..).position(|byte| *byte == b'\n');
        // The end that was found is looked at again, as it may be left here by a short `max`.
        self.searched = found.map_or(self.held.len(), |found| from + found) as u32;
        found.map(|found| from + found + 1)
    }
}

impl Default for Pipe {
    fn default() -> Self {
        Self::new()
    }
}
