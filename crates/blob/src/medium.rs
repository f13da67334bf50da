//! [`Medium`]: the little that a store needs of a disk, so that a test can hand it a bad one.
//!
//! A medium is one flat directory of files. What was written may be lost or torn by a crash until the file is synced,
//! and a file may not be there, or still be there, until the directory is synced. [`Directory`] is a real one;
//! [`FaultyMedium`] is one in memory that fails as real ones do, as often as a test asks for it.

mod directory;
mod faulty;

use std::fmt;
use std::io;

pub use directory::{Directory, DirectoryFile};
pub use faulty::{FaultyFile, FaultyMedium};

/// A directory of files that a store has to itself. Its `Display` says where it is.
pub trait Medium: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// An open file. It stays readable when its name is removed.
    type File: MediumFile;

    /// Makes a new file, to read and write.
    ///
    /// # Errors
    ///
    /// If there is one of this name, or the medium fails.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file, to read and write.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or the medium fails.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Makes or opens a file and locks it until it is dropped; `None` if somebody else holds the lock.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn lock(&self, name: &str) -> io::Result<Option<Self::File>>;

    /// The names of all files, in no particular order.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or the medium fails.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Renames a file, replacing the one that has the name already.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or the medium fails.
    fn rename(&self, source: &str, target: &str) -> io::Result<()>;

    /// Returns when all that was created, removed and renamed survives a power failure.
    ///
    /// # Errors
    ///
    /// If the medium fails. What is durable is unknown then, and a second call does not tell.
    fn sync(&self) -> io::Result<()>;
}

/// An open file of a [`Medium`]. Any number of threads may read and write it at once.
pub trait MediumFile: fmt::Debug + Send + Sync + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn length(&self) -> io::Result<u64>;

    /// Fills `bytes` with what is at `offset`.
    ///
    /// # Errors
    ///
    /// If the file ends before that (`UnexpectedEof`), or the medium fails.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; what lies between the end and the offset becomes zeros.
    ///
    /// # Errors
    ///
    /// If the medium is full (`StorageFull`) or fails. Some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Returns when what was written to this file survives a power failure.
    ///
    /// # Errors
    ///
    /// If the medium fails. What is durable is unknown then, and a second call does not tell.
    fn sync(&self) -> io::Result<()>;
}
