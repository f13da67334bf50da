//! What may be wrong with a zone, or with its text.

use hickory_proto::rr::{Name, RecordType};
use thiserror::Error;

/// A record cannot be in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ZoneError {
    /// It is somebody else's.
    #[error("{name} is not within the zone {origin}")]
    OutOfZone {
        /// The record's name.
        name: Box<Name>,
        /// The zone's.
        origin: Box<Name>,
    },
    /// A name that stands for another may say nothing else, and the origin must say something else.
    #[error("{name} cannot be an alias and hold other records too")]
    AliasWithOthers {
        /// The record's name.
        name: Name,
    },
    /// A zone begins once, at its origin.
    #[error("a SOA at {name}: a zone has one, at its origin")]
    SecondStart {
        /// The record's name.
        name: Name,
    },
    /// What a wildcard would lead to is not defined (RFC 4592, section 4.2).
    #[error("NS at {name}: a wildcard cannot lead to other servers")]
    WildcardCut {
        /// The record's name.
        name: Name,
    },
    /// Zones here hold no records of this type.
    #[error("records of type {kind} are not held: use A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT")]
    Unsupported {
        /// The record's type.
        kind: RecordType,
    },
    /// The zone holds what it may.
    #[error("the zone is full: records_max is {records_max}")]
    Full {
        /// How many records there may be.
        records_max: usize,
    },
    /// The name holds what it may.
    #[error("{name} has too many records of this type: set_records_max is {set_records_max}")]
    SetFull {
        /// The record's name.
        name: Name,
        /// How many records of one type there may be.
        set_records_max: usize,
    },
}

/// A text is not that of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ZoneTextError {
    /// In which line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub problem: ZoneTextProblem,
}

/// What is wrong with the text of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ZoneTextProblem {
    /// The text is too long.
    #[error("the text has {bytes} bytes: bytes_max is {bytes_max}")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many there may be.
        bytes_max: usize,
    },
    /// One entry has too many words.
    #[error("an entry has too many words: words_max is {words_max}")]
    TooManyWords {
        /// How many there may be.
        words_max: usize,
    },
    /// A quotation mark has no partner in its line.
    #[error("a quoted text does not end: close it with \" before the line does")]
    OpenQuote,
    /// A parenthesis has no partner.
    #[error("a parenthesis has no partner")]
    Parenthesis,
    /// A backslash is followed by nothing, or by a number above 255.
    #[error("a backslash must be followed by a character, or by three digits up to 255")]
    Escape,
    /// A directive that is not understood.
    #[error("`{word}` is not understood: use $ORIGIN or $TTL")]
    Directive {
        /// What was read.
        word: String,
    },
    /// A line begins without a name, and no name came before.
    #[error("no name: the first record must have one")]
    NoOwner,
    /// A class other than the internet's.
    #[error("class {word}: there is only IN")]
    Class {
        /// What was read.
        word: String,
    },
    /// A record of a type that is not known.
    #[error(
        "`{word}` is not a type of record that is held: use A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT"
    )]
    Kind {
        /// What was read.
        word: String,
    },
    /// The entry ends too early.
    #[error("the entry ends where {expected} should be")]
    Missing {
        /// What should come.
        expected: &'static str,
    },
    /// A word is not what should be in its place.
    #[error("`{word}` is not {expected}")]
    Value {
        /// What was read.
        word: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The entry goes on after its end.
    #[error("`{word}` follows where the entry should end")]
    Excess {
        /// What was read.
        word: String,
    },
    /// No record, and no directive, has said how long records may be remembered.
    #[error("nothing says how long the record may be remembered: begin with $TTL")]
    NoTtl,
    /// The text ends without a SOA, or another record comes before it.
    #[error("a zone must begin with a SOA at its origin {origin}")]
    NoStart {
        /// The zone's origin.
        origin: Name,
    },
    /// The record cannot be in the zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}
