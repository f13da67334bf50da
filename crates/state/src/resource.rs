//! [`ResourceId`] and [`Value`]: what state is made of.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// The name of a resource: 32 bytes that mean nothing here, ordered as bytes are.
///
/// ```
/// use ironloom_state::ResourceId;
///
/// let account = ResourceId::named("account/7");
/// assert_eq!(format!("{account:#}").parse(), Ok(account));
/// assert_ne!(account, ResourceId::from_bytes([7; 32]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ResourceId([u8; ResourceId::BYTES]);

impl ResourceId {
    /// How long a name is.
    pub const BYTES: usize = 32;

    /// The resource with these bytes for a name.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The resource with a number for a name, in an order that is that of the numbers.
    #[must_use]
    pub const fn numbered(number: u64) -> Self {
        let mut bytes = [0; Self::BYTES];
        let digits = number.to_be_bytes();
        let mut index = 0;
        while index < digits.len() {
            bytes[Self::BYTES - digits.len() + index] = digits[index];
            index += 1;
        }
        Self(bytes)
    }

    /// The resource whose name is the BLAKE3 hash of a text.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()).into())
    }

    /// The bytes of the name.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    /// The last four bytes for people; all 64 digits in the alternate form, `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = blake3::Hash::from_bytes(self.0).to_hex();
        f.pad(if f.alternate() { &digits } else { &digits[56..] })
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceId({self:#})")
    }
}

/// A text is not a [`ResourceId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a resource id: write all of its 64 hexadecimal digits")]
pub struct ResourceIdParseError {
    /// What was to be read.
    pub text: String,
}

impl FromStr for ResourceId {
    type Err = ResourceIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash =
            blake3::Hash::from_hex(text).map_err(|_| ResourceIdParseError { text: text.to_owned() })?;
        Ok(Self(hash.into()))
    }
}

/// What a resource holds: bytes that never change and are cheap to clone.
///
/// Up to [`Value::INLINE_BYTES`] rest in the value itself; what is longer is shared. A value may be empty: that is not
/// the same as a resource that does not exist.
///
/// ```
/// use ironloom_state::Value;
///
/// let balance = Value::from(40_u64.to_le_bytes());
/// assert_eq!(balance.as_ref(), 40_u64.to_le_bytes());
/// ```
#[derive(Clone)]
pub struct Value(Repr);

#[derive(Clone)]
enum Repr {
    Inline { length: u8, bytes: [u8; Value::INLINE_BYTES] },
    Shared(Arc<[u8]>),
}

const _: () = assert!(size_of::<Option<Value>>() == 24, "a value that may be absent costs three words");

impl Value {
    /// How many bytes need no allocation.
    pub const INLINE_BYTES: usize = 22;

    /// A value with a copy of these bytes.
    #[must_use]
    pub fn new(content: &[u8]) -> Self {
        if content.len() > Self::INLINE_BYTES {
            return Self(Repr::Shared(content.into()));
        }
        let mut bytes = [0; Self::INLINE_BYTES];
        bytes[..content.len()].copy_from_slice(content);
        Self(Repr::Inline { length: content.len().to_le_bytes()[0], bytes })
    }
}

impl Default for Value {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl AsRef<[u8]> for Value {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl std::ops::Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value(b\"{}\")", self.escape_ascii())
    }
}

impl From<&[u8]> for Value {
    fn from(content: &[u8]) -> Self {
        Self::new(content)
    }
}

impl From<&str> for Value {
    fn from(content: &str) -> Self {
        Self::new(content.as_bytes())
    }
}

impl From<Vec<u8>> for Value {
    fn from(content: Vec<u8>) -> Self {
        if content.len() > Self::INLINE_BYTES {
            Self(Repr::Shared(content.into()))
        } else {
            Self::new(&content)
        }
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(content: [u8; N]) -> Self {
        Self::new(&content)
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(content: &[u8; N]) -> Self {
        Self::new(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_its_bytes_wherever_they_rest() {
        for length in [0, 1, Value::INLINE_BYTES, Value::INLINE_BYTES + 1, 10_000] {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            assert_eq!(Value::new(&bytes).as_ref(), bytes);
            assert_eq!(Value::from(bytes.clone()), Value::new(&bytes));
        }
    }

    #[test]
    fn numbers_keep_their_order_as_names() {
        assert!(ResourceId::numbered(255) < ResourceId::numbered(256));
        assert_eq!(ResourceId::numbered(0x1ff).to_string(), "000001ff");
    }
}
