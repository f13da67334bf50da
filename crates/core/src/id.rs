//! Identities as types: those unique in the world, those local to their owner, and the macros that make both.

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use crate::Rng;

/// Declares an identity that is unique in the world: a UUID in a type of its own.
///
/// ```
/// use ironloom_core::{Rng, Seed, unique_id};
///
/// unique_id! {
///     /// A disk, wherever it is attached.
///     pub struct DiskId = "disk";
/// }
///
/// let disk = DiskId::random(&mut Rng::new(Seed::new(1)));
/// assert_eq!(disk.to_string(), "disk-a521ac83"); // for people
/// let full = format!("{disk:#}"); // for machines
/// assert_eq!(full.parse(), Ok(disk));
/// ```
#[macro_export]
macro_rules! unique_id {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident = $prefix:literal;) => {
        $(#[$meta])*
        ///
        /// `{}` is short, for people; `{:#}` and `{:?}` are full, and the former can be parsed again.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name($crate::__private::Uuid);

        impl $name {
            /// A new identity; in virtual time it repeats with the seed.
            #[must_use]
            $visibility fn random(rng: &mut $crate::Rng) -> Self {
                Self($crate::__private::random_uuid(rng))
            }

            /// The identity with this UUID.
            #[must_use]
            $visibility const fn from_uuid(uuid: $crate::__private::Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            $visibility const fn uuid(self) -> $crate::__private::Uuid {
                self.0
            }
        }

        $crate::__transparent_borsh!($name);

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::__private::write_unique(f, $prefix, self.0)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::IdParseError;

            /// Reads a UUID, with the prefix or without.
            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::__private::parse_unique($prefix, text).map(Self)
            }
        }
    };
}

/// Declares an identity that is unique within its owner: an integer in a type of its own.
///
/// ```
/// use ironloom_core::local_id;
///
/// local_id! {
///     /// A port of one switch.
///     pub struct PortId(u32) = "port";
/// }
///
/// assert_eq!(PortId::new(7).to_string(), "port-7");
/// assert_eq!("port-7".parse(), Ok(PortId::new(7)));
/// assert_eq!(PortId::new(7).next(), Some(PortId::new(8)));
/// ```
#[macro_export]
macro_rules! local_id {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident($integer:ty) = $prefix:literal;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name($integer);

        impl $name {
            /// The identity with this number.
            #[must_use]
            $visibility const fn new(number: $integer) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            $visibility const fn number(self) -> $integer {
                self.0
            }

            /// The identity after this one, or `None` after the last.
            #[must_use]
            $visibility const fn next(self) -> ::core::option::Option<Self> {
                match self.0.checked_add(1) {
                    ::core::option::Option::Some(number) => ::core::option::Option::Some(Self(number)),
                    ::core::option::Option::None => ::core::option::Option::None,
                }
            }
        }

        $crate::__transparent_borsh!($name);

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(&::std::format!(concat!($prefix, "-{}"), self.0))
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::IdParseError;

            /// Reads a number, with the prefix or without.
            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                let number = text.strip_prefix(concat!($prefix, "-")).unwrap_or(text);
                let refused = || $crate::IdParseError::Number { text: text.into() };
                number.parse().map(Self).map_err(|_| refused())
            }
        }
    };
}

/// Encodes a type of one field as that field. Written out rather than derived, because a derive would have to name
/// the crate that borsh is found in, and users reach it under different names.
#[doc(hidden)]
#[macro_export]
macro_rules! __transparent_borsh {
    ($name:ident) => {
        impl $crate::borsh::BorshSerialize for $name {
            fn serialize<W: $crate::borsh::io::Write>(
                &self,
                writer: &mut W,
            ) -> $crate::borsh::io::Result<()> {
                $crate::borsh::BorshSerialize::serialize(&self.0, writer)
            }
        }

        impl $crate::borsh::BorshDeserialize for $name {
            fn deserialize_reader<R: $crate::borsh::io::Read>(
                reader: &mut R,
            ) -> $crate::borsh::io::Result<Self> {
                $crate::borsh::BorshDeserialize::deserialize_reader(reader).map(Self)
            }
        }
    };
}

unique_id! {
    /// A node: one host process that carries a part of a datacenter.
    pub struct NodeId = "node";
}

unique_id! {
    /// A machine: one virtual computer, wherever it runs.
    pub struct MachineId = "machine";
}

/// Why a text is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdParseError {
    /// The text is what `{}` prints, which many identities may share.
    #[error("`{text}` is an id cut short for people: give all 36 characters of its uuid")]
    Short {
        /// What was to be read.
        text: String,
    },
    /// The text is no UUID.
    #[error("`{text}` is not a uuid, with or without its prefix `{prefix}-`")]
    Uuid {
        /// What was to be read.
        text: String,
        /// What such an id may begin with.
        prefix: &'static str,
    },
    /// The text is no number, or one that is too large.
    #[error("`{text}` does not end in a number that such an id can have")]
    Number {
        /// What was to be read.
        text: String,
    },
}

/// Digits of a UUID shown to people.
const SHORT_DIGITS: usize = 8;

/// A UUID of random bits.
#[must_use]
pub fn random_uuid(rng: &mut Rng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.bytes()).into_uuid()
}

/// Writes an id: short for people, or full in the alternate form.
///
/// # Errors
///
/// If the formatter fails.
pub fn write_unique(f: &mut fmt::Formatter<'_>, prefix: &str, uuid: Uuid) -> fmt::Result {
    if f.alternate() {
        return write!(f, "{prefix}-{uuid}");
    }
    let mut digits = [0; uuid::fmt::Simple::LENGTH];
    let digits = uuid.simple().encode_lower(&mut digits);
    f.pad(&format!("{prefix}-{}", &digits[..SHORT_DIGITS]))
}

/// Reads an id, with its prefix or without.
///
/// # Errors
///
/// If it is not a full UUID.
pub fn parse_unique(prefix: &'static str, text: &str) -> Result<Uuid, IdParseError> {
    let bare = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).unwrap_or(text);
    let is_short = bare.len() == SHORT_DIGITS && bare.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_short {
        return Err(IdParseError::Short { text: text.to_owned() });
    }
    Uuid::try_parse(bare).map_err(|_| IdParseError::Uuid { text: text.to_owned(), prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn machine() -> MachineId {
        MachineId::random(&mut Rng::new(Seed::new(9)))
    }

    #[test]
    fn ids_repeat_with_the_seed() {
        let mut rng = Rng::new(Seed::new(9));
        assert_eq!(MachineId::random(&mut rng), machine());
        assert_ne!(MachineId::random(&mut rng), machine());
        assert_eq!(machine().uuid().get_version_num(), 4);
    }

    #[test]
    fn ids_are_short_for_people_and_full_for_machines() {
        let id = machine();
        assert_eq!(id.to_string(), format!("machine-{}", &id.uuid().simple().to_string()[..8]));
        assert_eq!(format!("{id:?}"), format!("MachineId({})", id.uuid()));
        assert_eq!(format!("{id:#}").parse(), Ok(id));
        assert_eq!(id.uuid().to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let refused = |text: &str| text.parse::<MachineId>().expect_err(text);
        assert!(matches!(refused(&machine().to_string()), IdParseError::Short { .. }));
        assert!(matches!(refused("node-00000000-0000-4000-8000-000000000000"), IdParseError::Uuid { .. }));
        assert!(matches!(refused(""), IdParseError::Uuid { .. }));
        assert!(matches!(refused("machine-"), IdParseError::Uuid { .. }));
    }

    #[test]
    fn ids_are_sixteen_bytes_on_the_wire() {
        let id = machine();
        let bytes = borsh::to_vec(&id).unwrap();
        assert_eq!(bytes, id.uuid().as_bytes());
        assert_eq!(borsh::from_slice::<MachineId>(&bytes).unwrap(), id);
    }
}
