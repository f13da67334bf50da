//! [`Fields`]: the fields of a head, found in the bytes that arrived.

use std::fmt;

use bytes::Bytes;

use super::config::FIELDS_MAX;

/// How many fields are found without another allocation.
const INLINE: usize = 6;

/// Where a field is in its head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) name: u16,
    pub(super) name_len: u16,
    pub(super) value: u16,
    pub(super) value_len: u16,
}

/// Where the fields of a head are.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    len: u8,
    first: [Position; INLINE],
    more: Vec<Position>,
}

const _: () = assert!(FIELDS_MAX <= u8::MAX as usize, "the number of fields is a byte");

impl Positions {
    #[inline]
    pub(super) fn push(&mut self, position: Position) {
        match self.first.get_mut(usize::from(self.len)) {
            Some(free) => *free = position,
            None => self.more.push(position),
        }
        self.len += 1;
    }

    fn at(&self, index: usize) -> Option<Position> {
        if index >= usize::from(self.len) {
            return None;
        }
        self.first.get(index).or_else(|| self.more.get(index - INLINE)).copied()
    }
}

/// The fields of a head or after a body, in the order in which they came. Names mean the same in any case.
#[derive(Clone, Default)]
pub struct Fields {
    pub(super) bytes: Bytes,
    pub(super) positions: Positions,
}

impl Fields {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.positions.len)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.len == 0
    }

    /// The value of the first field with a name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let mut named = self.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
        named.next().map(|(_, value)| value)
    }

    /// The values of all fields with a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let with_name = self.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
        with_name.map(|(_, value)| value)
    }

    /// All of them: their names, which are tokens, and their values, without the spaces around them.
    #[must_use]
    pub const fn iter(&self) -> FieldsIter<'_> {
        FieldsIter { fields: self, next: 0 }
    }

    /// A part of the head that was checked to be text when it was found.
    pub(super) fn text(&self, from: u16, len: u16) -> &str {
        let part = &self.bytes[usize::from(from)..usize::from(from) + usize::from(len)];
        str::from_utf8(part).expect("it was a string when its position was noted")
    }
}

/// The fields of a head, one after another: see [`Fields::iter`].
#[derive(Debug, Clone)]
pub struct FieldsIter<'a> {
    fields: &'a Fields,
    next: usize,
}

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let position = self.fields.positions.at(self.next)?;
        self.next += 1;
        let part = |from: u16, len: u16| &self.fields.bytes[usize::from(from)..][..usize::from(len)];
        Some((part(position.name, position.name_len), part(position.value, position.value_len)))
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

/// Fields are equal if they say the same in the same order, wherever in their heads they are.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}
