//! [`Digest`]: 128 bits that stand for a run.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// What a [`Trace`](super::Trace) amounts to: 32 hexadecimal digits to compare, print and look for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Digest(u128);

impl Digest {
    pub(super) const fn new(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| DigestParseError { text: text.to_owned() })
    }
}

/// A text is not a [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a digest: write its 32 hexadecimal digits")]
pub struct DigestParseError {
    /// What was to be read.
    pub text: String,
}
