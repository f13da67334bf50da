//! [`Program`]: bytes and where they go.

use crate::GuestAddress;

/// What is to be written to memory before it can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program<'a> {
    /// Where it begins to run.
    pub entry: GuestAddress,
    /// Its parts, in the order of their addresses: no two overlap, and all are inside of memory.
    pub segments: Vec<Segment<'a>>,
    /// The names in it, in the order of the file; empty where there are none.
    pub symbols: Vec<Symbol<'a>>,
}

/// A part of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where it goes.
    pub address: GuestAddress,
    /// What is written there.
    pub bytes: &'a [u8],
    /// How many bytes after those must be zero.
    pub zeros: u64,
}

/// A name in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The name.
    pub name: &'a str,
    /// What it stands for: as a rule a physical address, which may lie outside of memory.
    pub address: GuestAddress,
}

impl Segment<'_> {
    /// The bytes that it takes in memory.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.zeros
    }

    /// Whether it takes none, which no segment of a [`Program`] does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Program<'_> {
    /// What a name stands for: the first of that name, such as `tohost` or `begin_signature`.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<GuestAddress> {
        self.symbols.iter().find(|symbol| symbol.name == name).map(|symbol| symbol.address)
    }

    /// The address after its last byte.
    ///
    /// # Panics
    ///
    /// Never: a program has a segment, and segments lie inside of memory.
    #[must_use]
    pub fn end(&self) -> GuestAddress {
        let last = self.segments.last().expect("a program has at least one segment");
        last.address.checked_add(last.len()).expect("segments lie inside of memory")
    }
}
