//! [`BlobStore`]: what every store can do, whatever it stands on.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;

use crate::{BlobError, BlobId, PinError};

/// What has happened by the time a put returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The blob can be read. A crash may lose it, until a later synced put or [`BlobStore::sync`].
    #[default]
    Buffered,
    /// The blob survives a crash and a power failure.
    Synced,
}

/// A store of blobs: immutable bytes under the name of their contents.
///
/// Every method may be called from any number of threads. What is read was verified against its name.
pub trait BlobStore: fmt::Debug + Send + Sync {
    /// Stores a blob and returns its name. Storing it again stores nothing.
    ///
    /// # Errors
    ///
    /// If the blob is too long or the medium fails.
    fn put(&self, content: &[u8], durability: Durability) -> Result<BlobId, BlobError>;

    /// Stores what a stream gives until its end, without holding it in memory; returns its name and length.
    ///
    /// # Errors
    ///
    /// If the stream or the medium fails.
    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError>;

    /// The whole blob.
    ///
    /// # Errors
    ///
    /// If it is absent or corrupt, or the medium fails.
    fn get(&self, id: BlobId) -> Result<Bytes, BlobError>;

    /// A part of the blob; of a large one, only what is needed to verify that part is read.
    ///
    /// # Errors
    ///
    /// If the range is not within the blob, or that is absent or corrupt, or the medium fails.
    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError>;

    /// How many bytes the blob has; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// If the blob is corrupt, or the medium fails.
    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError>;

    /// Whether the blob is there.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn has(&self, id: BlobId) -> Result<bool, BlobError> {
        Ok(self.len(id)?.is_some())
    }

    /// Stores many blobs, which is cheaper than one by one if they are synced; returns their names in order.
    ///
    /// # Errors
    ///
    /// If one is too long or the medium fails; some may be stored then.
    fn put_many(&self, contents: &[&[u8]], durability: Durability) -> Result<Vec<BlobId>, BlobError> {
        let ids = contents.iter().map(|content| self.put(content, Durability::Buffered)).collect();
        if durability == Durability::Synced {
            self.sync()?;
        }
        ids
    }

    /// Many blobs at once, in order.
    ///
    /// # Errors
    ///
    /// If one is absent or corrupt, or the medium fails.
    fn get_many(&self, ids: &[BlobId]) -> Result<Vec<Bytes>, BlobError> {
        ids.iter().map(|id| self.get(*id)).collect()
    }

    /// Parts of many blobs at once, in order.
    ///
    /// # Errors
    ///
    /// If a range is not within its blob, or that is absent or corrupt, or the medium fails.
    fn get_ranges(&self, ranges: &[(BlobId, Range<u64>)]) -> Result<Vec<Bytes>, BlobError> {
        ranges.iter().map(|(id, range)| self.get_range(*id, range.clone())).collect()
    }

    /// How many bytes each of many blobs has, in order; `None` for those that are absent.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn lens(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>, BlobError> {
        ids.iter().map(|id| self.len(*id)).collect()
    }

    /// Which of many blobs are there, in order.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn has_many(&self, ids: &[BlobId]) -> Result<Vec<bool>, BlobError> {
        ids.iter().map(|id| self.has(*id)).collect()
    }

    /// Returns when everything that was put before survives a crash and a power failure.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn sync(&self) -> Result<(), BlobError>;

    /// Where a pin points: the blob that it keeps alive, with everything that blob links to.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError>;

    /// Moves a pin from `expected` to `target`, if that is where it points; `None` is no pin. It is durable on return.
    ///
    /// # Errors
    ///
    /// If it points elsewhere, the target is absent, there are too many pins, or the medium fails.
    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError>;

    /// All pins, by name.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError>;
}

/// The name of a pin: up to 255 bytes of text without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinName(String);

impl PinName {
    /// Characters of a name, in bytes.
    pub const BYTES_MAX: usize = 255;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PinName {
    type Err = PinNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > Self::BYTES_MAX || text.chars().any(char::is_control) {
            return Err(PinNameError { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PinName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text cannot name a pin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} cannot name a pin: use 1 to 255 bytes without control characters")]
pub struct PinNameError {
    /// The text.
    pub text: String,
}
