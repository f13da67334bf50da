//! [`BlockDevice`]: what a virtual disk keeps its bytes in: a volume, a file of the host, or memory.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use ironloom_blob::{BlobId, Volume, VolumeError};
use thiserror::Error;

/// Bytes that are kept: what a virtual disk stands on.
///
/// Offsets and lengths were checked against [`size`](Self::size) before, and nothing is written where
/// [`is_read_only`](Self::is_read_only).
pub trait BlockDevice: fmt::Debug + Send {
    /// How many bytes there are. It does not change.
    fn size(&self) -> u64;

    /// Whether nothing may be written.
    fn is_read_only(&self) -> bool;

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    ///
    /// If the bytes cannot be read.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError>;

    /// Writes `bytes` from `offset` on.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlockError>;

    /// Makes what was written last.
    ///
    /// # Errors
    ///
    /// If it cannot be made to last.
    fn flush(&mut self) -> Result<(), BlockError>;

    /// Writes zeroes; `may_forget` if the room that the bytes take may be given back.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    fn write_zeroes(&mut self, offset: u64, bytes: u64, may_forget: bool) -> Result<(), BlockError>;

    /// Forgets bytes that nobody will read before they are written again.
    ///
    /// # Errors
    ///
    /// If that is tried and fails.
    fn discard(&mut self, offset: u64, bytes: u64) -> Result<(), BlockError>;

    /// Another device that has the same bytes now and goes its own way from here.
    ///
    /// # Errors
    ///
    /// If the device cannot be copied.
    fn fork(&self) -> Result<Box<dyn BlockDevice>, BlockError>;

    /// Another device that has the same bytes now, which is only to be stored, and soon: until then nobody collects what
    /// both stand on. It is a fork, unless there is something that costs less.
    ///
    /// # Errors
    ///
    /// If the device cannot be copied.
    fn capture(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        self.fork()
    }

    /// Stores what the device holds now; `None` if it is kept by other means.
    ///
    /// # Errors
    ///
    /// If it cannot be stored.
    fn snapshot(&mut self) -> Result<Option<BlobId>, BlockError>;
}

/// A virtual disk cannot read, write or copy its bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The volume refused.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The host refused.
    #[error("file of the host: {0}")]
    File(#[from] io::Error),
    /// There are two owners of bytes that can be written.
    #[error("a file that can be written cannot be forked")]
    NotForkable,
}

/// A volume is a disk that forks at once and is stored with the snapshots of its machine.
///
/// It should have a [pin](Volume::pin): without one, it refuses what is written once as much waits in memory as its config
/// allows, and the guest sees a disk that fails.
impl BlockDevice for Volume {
    fn size(&self) -> u64 {
        Self::size(self)
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        Ok(Self::read_at(self, offset, buffer)?)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        Ok(Self::write_at(self, offset, bytes)?)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Self::flush(self)?;
        Ok(())
    }

    fn write_zeroes(&mut self, offset: u64, bytes: u64, _may_forget: bool) -> Result<(), BlockError> {
        Ok(Self::write_zeroes(self, offset, bytes)?)
    }

    fn discard(&mut self, offset: u64, bytes: u64) -> Result<(), BlockError> {
        Ok(Self::discard(self, offset, bytes)?)
    }

    fn fork(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        Ok(Box::new(Self::fork(self)))
    }

    fn snapshot(&mut self) -> Result<Option<BlobId>, BlockError> {
        Ok(Some(Self::snapshot(self)?))
    }
}

/// A disk in memory, for tests and for what need not last. Its forks are whole copies.
#[derive(Debug, Clone)]
pub struct MemoryDisk {
    bytes: Vec<u8>,
}

impl MemoryDisk {
    /// A disk with these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    fn part(&mut self, offset: u64, bytes: usize) -> &mut [u8] {
        let offset = usize::try_from(offset).expect("it is within the size of a vector");
        &mut self.bytes[offset..offset + bytes]
    }
}

impl BlockDevice for MemoryDisk {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        buffer.copy_from_slice(self.part(offset, buffer.len()));
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.part(offset, bytes.len()).copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }

    fn write_zeroes(&mut self, offset: u64, bytes: u64, _may_forget: bool) -> Result<(), BlockError> {
        let bytes = usize::try_from(bytes).expect("it is within the size of a vector");
        self.part(offset, bytes).fill(0);
        Ok(())
    }

    fn discard(&mut self, _offset: u64, _bytes: u64) -> Result<(), BlockError> {
        Ok(())
    }

    fn fork(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        Ok(Box::new(self.clone()))
    }

    fn snapshot(&mut self) -> Result<Option<BlobId>, BlockError> {
        Ok(None)
    }
}

/// A file of the host as a disk. Only one that is not written can be forked.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    size: u64,
    read_only: bool,
}

impl FileDisk {
    /// A file that is open, for reading or for both.
    ///
    /// # Errors
    ///
    /// If the host does not tell its size.
    pub fn new(file: File, read_only: bool) -> Result<Self, BlockError> {
        let size = file.metadata()?.len();
        Ok(Self { file, size, read_only })
    }
}

/// Zeroes that are written where a file shall be zero.
static ZEROES: [u8; 64 << 10] = [0; 64 << 10];

impl BlockDevice for FileDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        Ok(self.file.read_exact_at(buffer, offset)?)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        Ok(self.file.write_all_at(bytes, offset)?)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(self.file.sync_data()?)
    }

    fn write_zeroes(&mut self, offset: u64, bytes: u64, _may_forget: bool) -> Result<(), BlockError> {
        let end = offset + bytes;
        let mut at = offset;
        while at < end {
            let part = (end - at).min(ZEROES.len() as u64);
            self.file.write_all_at(&ZEROES[..part as usize], at)?;
            at += part;
        }
        Ok(())
    }

    fn discard(&mut self, _offset: u64, _bytes: u64) -> Result<(), BlockError> {
        Ok(())
    }

    fn fork(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        if !self.read_only {
            return Err(BlockError::NotForkable);
        }
        Ok(Box::new(Self { file: self.file.try_clone()?, ..*self }))
    }

    fn snapshot(&mut self) -> Result<Option<BlobId>, BlockError> {
        self.flush()?;
        Ok(None)
    }
}
