//! [`Root`]: one number that stands for a whole state.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// The Merkle root of a state: equal for equal sets of resources and values, however they came about.
///
/// ```
/// use ironloom_state::Root;
///
/// assert_eq!(Root::EMPTY.to_string(), "000000000000");
/// let root = Root::from_bytes([0xa5; 32]);
/// assert_eq!(format!("{root:#}").parse(), Ok(root));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Root([u8; Root::BYTES]);

impl Root {
    /// How long a root is.
    pub const BYTES: usize = 32;

    /// The root of a state without resources.
    pub const EMPTY: Self = Self([0; Self::BYTES]);

    /// The root with these bytes, whether or not any state has it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the root.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Display for Root {
    /// Twelve digits for people; all 64 in the alternate form, `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = blake3::Hash::from_bytes(self.0).to_hex();
        f.pad(if f.alternate() { &digits } else { &digits[..12] })
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self:#})")
    }
}

/// A text is not a [`Root`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a root: write all of its 64 hexadecimal digits")]
pub struct RootParseError {
    /// What was to be read.
    pub text: String,
}

impl FromStr for Root {
    type Err = RootParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| RootParseError { text: text.to_owned() })?;
        Ok(Self(hash.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_read_as_it_is_written() {
        let root = Root::from_bytes(std::array::from_fn(|at| at.to_le_bytes()[0]));
        assert_eq!(root.to_string(), "000102030405");
        assert_eq!(format!("{root:#}").parse(), Ok(root));
        assert_eq!(borsh::from_slice::<Root>(&borsh::to_vec(&root).unwrap()).unwrap(), root);
        assert!("000102030405".parse::<Root>().unwrap_err().to_string().contains("64 hexadecimal digits"));
    }
}
