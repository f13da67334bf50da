//! [`BlobId`]: what content is called.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// The name of a blob: the BLAKE3 hash of its content, however and wherever it is stored.
///
/// ```
/// use ironloom_blob::BlobId;
///
/// let id = BlobId::of(b"hello");
/// assert_eq!(id.to_string(), "ea8f163db386");
/// assert_eq!(format!("{id:#}").parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// The name of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content).into())
    }

    /// The name with these bytes, whether or not anything has it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the name.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<blake3::Hash> for BlobId {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl fmt::Display for BlobId {
    /// Twelve digits for people; all 64 in the alternate form, `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = blake3::Hash::from_bytes(self.0).to_hex();
        f.pad(if f.alternate() { &digits } else { &digits[..12] })
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self:#})")
    }
}

/// A text is not a [`BlobId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a blob id: write all of its 64 hexadecimal digits")]
pub struct BlobIdParseError {
    /// What was to be read.
    pub text: String,
}

impl FromStr for BlobId {
    type Err = BlobIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(Self::from).map_err(|_| BlobIdParseError { text: text.to_owned() })
    }
}
