//! [`TopologyError`]: what is wrong with a description, and where.

use std::net::IpAddr;

use thiserror::Error;

use crate::SubnetError;
use crate::fabric::FabricError;

/// What is wrong with a description, and where.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// It is not TOML, or not what a description holds.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A name is used that nothing has.
    #[error("{place}: there is no {what} named `{name}`{}", near(.candidate.as_deref()))]
    Unknown {
        /// Where.
        place: String,
        /// What it was to name.
        what: &'static str,
        /// The name.
        name: String,
        /// A name that is almost the same.
        candidate: Option<String>,
    },
    /// Two things have one name.
    #[error("{place}: `{name}` is the name of something else already")]
    Duplicate {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// An address was given to a machine at a switch without a subnet, or to several machines.
    #[error("{place}: the address {address} cannot be used: {reason}")]
    Address {
        /// Where.
        place: String,
        /// The address.
        address: IpAddr,
        /// Why not.
        reason: &'static str,
    },
    /// A subnet does not give that address.
    #[error("{place}: {error}")]
    Subnet {
        /// Where.
        place: String,
        /// Why not.
        error: SubnetError,
    },
    /// Something has to be said.
    #[error("{place}: needs {what}")]
    Missing {
        /// Where.
        place: String,
        /// What.
        what: &'static str,
    },
    /// A router refuses.
    #[error("{place}: {message}")]
    Router {
        /// Where.
        place: String,
        /// Why.
        message: String,
    },
    /// The fabric refuses.
    #[error("{place}: {error}")]
    Fabric {
        /// Where.
        place: String,
        /// Why.
        error: FabricError,
    },
}

fn near(candidate: Option<&str>) -> String {
    candidate.map_or_else(String::new, |candidate| format!(": is it `{candidate}`?"))
}

/// How long names may be for which others are suggested: comparing two takes time with the product of their lengths.
const LETTERS_MAX: usize = 64;

/// The name that is nearest to another, if it is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    if name.len() > LETTERS_MAX {
        return None;
    }
    let names = names.filter(|other| other.len() <= LETTERS_MAX);
    let scored = names.map(|other| (distance(name, other), other));
    let near = scored.filter(|(distance, other)| {
        *distance <= (other.len() / 3).clamp(1, 3) + usize::from(other.len() > 2)
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other.clone())
}

/// How many letters have to be changed, added or left out (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
