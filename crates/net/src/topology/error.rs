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
    #[error("{place}: there is no {what} named `{name}`{}", near(.candidate.as_deref(), .known))]
    Unknown {
        /// Where.
        place: String,
        /// What it was to name.
        what: &'static str,
        /// The name.
        name: String,
        /// A name that is almost the same.
        candidate: Option<String>,
        /// Names that there are, the first of them.
        known: Vec<String>,
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

fn near(candidate: Option<&str>, known: &[String]) -> String {
    let known = match known {
        [] => "there are none".to_owned(),
        names if names.len() < KNOWN_MAX => format!("there are {}", names.join(", ")),
        names => format!("there are {} and others", names[..KNOWN_MAX - 1].join(", ")),
    };
    candidate.map_or_else(|| format!(": {known}"), |candidate| format!(": is it `{candidate}`? {known}"))
}

/// How many names are told to somebody who used one that nothing has.
const KNOWN_MAX: usize = 9;

impl TopologyError {
    /// That a name is used that nothing has.
    #[must_use]
    pub fn unknown<'a>(
        place: String,
        what: &'static str,
        name: &str,
        names: impl Iterator<Item = &'a String> + Clone,
    ) -> Self {
        let known = names.clone().take(KNOWN_MAX).cloned().collect();
        Self::Unknown { place, what, name: name.to_owned(), candidate: nearest(name, names), known }
    }

    /// The same, told to be elsewhere: for descriptions in which what is a machine here is called something else.
    #[must_use]
    pub fn moved(mut self, to: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Syntax(_) => {}
            Self::Unknown { place, .. }
            | Self::Duplicate { place, .. }
            | Self::Address { place, .. }
            | Self::Subnet { place, .. }
            | Self::Missing { place, .. }
            | Self::Router { place, .. }
            | Self::Fabric { place, .. } => *place = to(place),
        }
        self
    }

    /// Where it is: names of tables and keys with dots between them, and places in lists. Nowhere if it is the language
    /// itself, whose errors say the line.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Syntax(_) => None,
            Self::Unknown { place, .. }
            | Self::Duplicate { place, .. }
            | Self::Address { place, .. }
            | Self::Subnet { place, .. }
            | Self::Missing { place, .. }
            | Self::Router { place, .. }
            | Self::Fabric { place, .. } => Some(place),
        }
    }
}

/// How long names may be for which others are suggested: comparing two takes time with the product of their lengths.
const LETTERS_MAX: usize = 64;

/// The name that is nearest to another, if it is near enough to be meant.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
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
